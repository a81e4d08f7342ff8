//! The library of packs: listing, choosing, downloading, checking, deleting.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use std::collections::HashMap;

use common::{MODELS, OTHER, OWN, Page, other_pack, own_pack};
use lens_protocol::{Request, Response};
use lens_session::packs::{Manifest, StorageEstimate, Verification};
use lens_session::{Effect, Fetch, Msg, OutsideError, Pack, Phase};

/// Does what the browser does with the list of packs.
fn locate(page: &mut Page) {
    let listed = page.asked.iter().find_map(|effect| match effect {
        Effect::LocatePacks(listed) => Some(listed.clone()),
        _ => None,
    });
    let located = listed.unwrap().into_iter().map(|(title, url)| {
        let pack = if url == OTHER { other_pack() } else { own_pack() };
        (title, pack)
    });
    page.tell(Msg::PacksListed(located.collect()));
}

/// The library of a page, opened, with the manifests of this site's packs.
fn opened() -> Page {
    let mut page = Page::new();
    page.asked.clear();
    page.tell(Msg::LibraryOpened);
    page.serve();
    locate(&mut page);
    page.serve();
    page
}

fn manifest_of<'a>(page: &'a Page, url: &str) -> &'a Manifest {
    &page.model.library.packs.iter().find(|it| it.pack.url == url).unwrap().manifest
}

#[test]
fn nothing_is_listed_before_the_visitor_looks() {
    let page = Page::new();
    assert!(page.model.library.packs.is_empty());
    assert!(!page.fetched.contains(&Fetch::Models));
}

#[test]
fn the_list_is_fetched_once_and_foreign_hosts_hear_of_nothing() {
    let mut page = opened();
    assert_eq!(page.model.library.packs.len(), 2);
    assert_eq!(page.model.library.packs[0].title, "Default");
    assert!(matches!(manifest_of(&page, OWN), Manifest::Known(_)));
    assert_eq!(manifest_of(&page, OTHER), &Manifest::Unasked);
    assert!(!page.fetched.contains(&Fetch::Manifest(OTHER.to_owned())));
    page.asked.clear();
    page.tell(Msg::LibraryOpened);
    assert_eq!(page.asked, [Effect::CountStorage, Effect::EstimateStorage]);
}

#[test]
fn a_site_without_a_list_has_its_own_pack() {
    let mut page = Page::new();
    page.asked.clear();
    page.tell(Msg::LibraryOpened);
    let (what, turn) = page.take_fetch().unwrap();
    page.tell(Msg::Fetched(what, turn, Err(OutsideError::Status(404))));
    locate(&mut page);
    assert_eq!(page.model.library.packs.len(), 1);
    assert!(page.model.library.notice.is_none());
}

#[test]
fn a_wrong_list_is_reported() {
    let mut page = Page::new();
    page.asked.clear();
    page.tell(Msg::LibraryOpened);
    let (what, turn) = page.take_fetch().unwrap();
    page.tell(Msg::Fetched(what, turn, Ok(MODELS.replace("models/1", "models/9"))));
    assert!(page.model.library.notice.as_deref().unwrap().starts_with("models.json: its format is"));
    locate(&mut page);
    assert_eq!(page.model.library.packs.len(), 1);
}

#[test]
fn a_pack_says_what_it_is_once_it_is_asked() {
    let mut page = opened();
    page.tell(Msg::LookAtPack(OTHER.to_owned()));
    assert_eq!(manifest_of(&page, OTHER), &Manifest::Pending);
    page.serve();
    assert_eq!(page.model.library.facts(OTHER).unwrap().bytes(), 10_000);
}

#[test]
fn a_pack_that_does_not_answer_is_reported() {
    for (url, expected) in [
        ("https://silent.example/", "does not answer, or does not let this page read it"),
        ("https://broken.example/", "has a manifest that cannot be read"),
    ] {
        let mut page = Page::new();
        page.tell(Msg::PacksListed(vec![(String::new(), Pack { url: url.to_owned(), ..other_pack() })]));
        page.tell(Msg::LookAtPack(url.to_owned()));
        page.serve();
        match manifest_of(&page, url) {
            Manifest::Failed(problem) => assert!(problem.starts_with(expected), "{problem}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_pack_that_is_chosen_is_used_with_its_size() {
    let mut page = opened();
    page.tell(Msg::LookAtPack(OTHER.to_owned()));
    page.serve();
    let entry = page.model.library.packs[1].clone();
    page.tell(Msg::PackChosen(entry.sized()));
    let used = page.model.pack.clone().unwrap();
    assert_eq!((used.url.as_str(), used.bytes, used.embedding_bytes), (OTHER, 10_000, 5000));
}

#[test]
fn the_size_of_a_links_pack_is_known_once_it_is_asked() {
    let mut page = Page::at(&format!("model={OTHER}&text=one"));
    assert_eq!(page.model.pack.as_ref().unwrap().bytes, 0);
    page.tell(Msg::PacksListed(Vec::new()));
    assert_eq!(page.model.library.packs.len(), 2, "the page's own and the one in use");
    page.tell(Msg::LookAtPack(OTHER.to_owned()));
    page.serve();
    assert_eq!(page.model.pack.as_ref().unwrap().bytes, 10_000);
    // What the page's own tag says stays.
    assert_eq!(page.model.start.pack.as_ref().unwrap().bytes, 90_000_000);
}

/// A download under way.
fn downloading() -> (Page, Request) {
    let mut page = opened();
    page.asked.clear();
    page.tell(Msg::DownloadPack(OWN.to_owned()));
    assert_eq!(page.asked, [Effect::PersistStorage(OWN.to_owned())]);
    page.tell(Msg::Persisted(OWN.to_owned()));
    let request = page.sent();
    assert!(matches!(request, Request::Download { .. }));
    (page, request)
}

#[test]
fn a_download_that_is_paused_keeps_what_came() {
    let (mut page, request) = downloading();
    assert_eq!(page.model.library.downloading.as_deref(), Some(OWN));
    page.tell(Msg::Cancel);
    page.asked.clear();
    page.worker(Response::Canceled { id: request.id() });
    assert!(page.model.library.downloading.is_none());
    assert!(!page.asked.iter().any(|effect| matches!(effect, Effect::DeletePack(..))));
    assert_eq!(page.model.phase, Phase::Idle);
}

#[test]
fn a_download_that_is_discarded_is_deleted_once_it_has_stopped() {
    let (mut page, request) = downloading();
    page.tell(Msg::DiscardDownload);
    assert_eq!(page.sent(), Request::Cancel { id: request.id() });
    assert!(!page.asked.iter().any(|effect| matches!(effect, Effect::DeletePack(..))));
    page.worker(Response::Canceled { id: request.id() });
    assert!(page.asked.iter().any(|effect| matches!(effect, Effect::DeletePack(url, _) if url == OWN)));
    assert!(page.asked.contains(&Effect::RememberLoaded(OWN.to_owned(), false)));
    page.tell(Msg::PackDeleted);
    assert_eq!(page.model.library.notice.as_deref(), Some("Its files are deleted from this browser."));
    // The next one is not.
    page.asked.clear();
    page.tell(Msg::DownloadPack(OWN.to_owned()));
    page.tell(Msg::Persisted(OWN.to_owned()));
    let request = page.sent();
    page.worker(Response::Downloaded { id: request.id(), bytes: 10_000 });
    assert!(!page.asked.iter().any(|effect| matches!(effect, Effect::DeletePack(..))));
}

#[test]
fn a_download_that_is_given_up_before_it_begins_does_not_begin() {
    for (msg, is_deleted) in [(Msg::Cancel, false), (Msg::DiscardDownload, true)] {
        let mut page = opened();
        page.tell(Msg::DownloadPack(OWN.to_owned()));
        page.asked.clear();
        page.tell(msg);
        assert!(page.model.library.downloading.is_none());
        assert_eq!(page.asked.iter().any(|effect| matches!(effect, Effect::DeletePack(..))), is_deleted);
        page.tell(Msg::Persisted(OWN.to_owned()));
        assert!(page.take_sent().is_empty());
        assert_eq!(page.model.phase, Phase::Idle);
    }
}

#[test]
fn of_two_downloads_the_later_one_is_made() {
    let mut page = opened();
    page.tell(Msg::DownloadPack(OTHER.to_owned()));
    page.tell(Msg::DownloadPack(OWN.to_owned()));
    page.tell(Msg::Persisted(OTHER.to_owned()));
    assert!(page.take_sent().is_empty());
    page.tell(Msg::Persisted(OWN.to_owned()));
    let request = page.sent();
    assert!(matches!(&request, Request::Download { pack_url, .. } if pack_url == OWN));
    page.worker(Response::Downloaded { id: request.id(), bytes: 10_000 });
    // The same one, pressed twice.
    page.tell(Msg::Persisted(OWN.to_owned()));
    assert!(page.take_sent().is_empty());
}

#[test]
fn a_download_that_has_not_begun_gives_way_to_an_analysis() {
    let mut page = opened();
    page.tell(Msg::DownloadPack(OWN.to_owned()));
    page.tell(Msg::Submit);
    assert!(page.model.library.downloading.is_none());
    let request = page.sent();
    page.tell(Msg::DiscardDownload);
    page.worker(Response::Canceled { id: request.id() });
    assert!(!page.asked.iter().any(|effect| matches!(effect, Effect::DeletePack(..))));
}

#[test]
fn nothing_is_downloaded_over_a_request() {
    let mut page = opened();
    page.tell(Msg::Submit);
    page.asked.clear();
    page.tell(Msg::DownloadPack(OWN.to_owned()));
    assert!(page.asked.is_empty() && page.model.library.downloading.is_none());
}

#[test]
fn the_outcome_of_a_check_is_reported() {
    let mut page = opened();
    page.asked.clear();
    page.tell(Msg::VerifyPack(OWN.to_owned()));
    assert!(matches!(page.asked.front(), Some(Effect::VerifyPack(facts)) if facts.bytes() == 10_000));
    page.tell(Msg::Verifying(1, 2));
    assert_eq!(page.model.library.notice.as_deref(), Some("Checking file 1 of 2 …"));
    for (found, expected) in [
        (Verification::default(), "No complete file of it is stored here."),
        (Verification { complete: 2, ..Default::default() }, "All 2 files match the pack’s manifest."),
        (
            Verification { complete: 2, is_unknown: true, ..Default::default() },
            "This browser computes no checksums here: the page needs https.",
        ),
        (
            Verification { complete: 2, damaged: vec!["a.bin".to_owned()], ..Default::default() },
            "Damaged, and deleted: a.bin. Download fetches them again.",
        ),
        (
            Verification { complete: 2, had_rows: true, ..Default::default() },
            "All 2 files match the pack’s manifest. Single embedding rows are deleted; texts fetch theirs again.",
        ),
    ] {
        page.tell(Msg::Verified(found));
        assert_eq!(page.model.library.notice.as_deref(), Some(expected));
    }
    page.asked.clear();
    page.tell(Msg::VerifyPack("https://unknown.example/".to_owned()));
    assert!(page.asked.is_empty());
}

#[test]
fn what_is_stored_is_counted_and_deleted() {
    let mut page = Page::new();
    page.tell(Msg::Counted(HashMap::from([("a".to_owned(), 3), ("b".to_owned(), 4)])));
    assert_eq!(page.model.stored_bytes, Some(7));
    let estimate = StorageEstimate { usage_bytes: 7, quota_bytes: 9, is_persisted: true };
    page.tell(Msg::Estimated(Some(estimate)));
    assert_eq!(page.model.library.estimate, Some(estimate));
    page.asked.clear();
    page.tell(Msg::DeleteStored);
    assert_eq!(page.asked, [Effect::RememberLoaded(OWN.to_owned(), false), Effect::DeleteStored]);
}
