//! Cards of features: what is fetched for them, and when.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use common::{Page, dashboard_index, result_json, start};
use lens_session::dashboards::{ChunkError, Lookup};
use lens_session::{Carried, Fetch, Msg, OutsideError, Start};

fn lookup(page: &Page, feature: usize) -> Lookup {
    page.model.dashboards.lookup(&dashboard_index().pack_hash, feature)
}

fn asked(page: &mut Page) -> Option<Fetch> {
    page.take_fetch().map(|(what, _)| what)
}

#[test]
fn nothing_is_fetched_before_a_card_or_a_name_is_wanted() {
    let mut page = Page::analyzed("one two");
    assert_eq!((asked(&mut page), lookup(&page, 7)), (None, Lookup::None));
    assert!(!page.fetched.contains(&Fetch::DashboardIndex));
}

#[test]
fn an_open_card_fetches_the_index_and_its_file_once() {
    let mut page = Page::new();
    page.choose(|view| view.feature = Some(7));
    let (what, turn) = page.take_fetch().unwrap();
    assert_eq!(what, Fetch::DashboardIndex);
    page.answer(what, turn);
    let (what, turn) = page.take_fetch().unwrap();
    assert_eq!(what, Fetch::Dashboard(dashboard_index().file_of(7).unwrap()));
    assert_eq!(lookup(&page, 7), Lookup::Pending);
    page.choose(|view| view.has_events = false);
    assert_eq!(asked(&mut page), None);
    page.answer(what, turn);
    assert!(matches!(lookup(&page, 7), Lookup::Ready(_, chunk) if chunk.get(7).is_some()));
    page.choose(|view| view.feature = Some(8));
    assert_eq!(asked(&mut page), None, "it is in the same file");
}

#[test]
fn names_want_the_index_alone() {
    let mut page = Page::new();
    page.tell(Msg::WantFeatureNames);
    page.tell(Msg::WantFeatureNames);
    page.serve();
    assert_eq!(page.fetched.iter().filter(|what| **what == Fetch::DashboardIndex).count(), 1);
    assert!(!page.fetched.iter().any(|what| matches!(what, Fetch::Dashboard(_))));
    assert!(page.model.dashboards.index_of(&dashboard_index().pack_hash).is_some());
    assert!(page.model.dashboards.index_of("another pack").is_none());
}

#[test]
fn a_missing_file_is_reported_and_requested_again() {
    let mut page = Page::new();
    page.choose(|view| view.feature = Some(7));
    let (what, turn) = page.take_fetch().unwrap();
    page.answer(what, turn);
    let (what, turn) = page.take_fetch().unwrap();
    page.tell(Msg::Fetched(what, turn, Err(OutsideError::FetchFailed)));
    assert_eq!(lookup(&page, 7), Lookup::Failed(ChunkError::FetchFailed));
    assert_eq!(ChunkError::FetchFailed.to_string(), "the dashboard could not be fetched");
    assert_eq!(asked(&mut page), None, "not by itself");
    page.tell(Msg::RetryDashboards);
    page.serve();
    assert!(matches!(lookup(&page, 7), Lookup::Ready(..)));
}

#[test]
fn a_damaged_file_is_reported() {
    let mut page = Page::new();
    page.choose(|view| view.feature = Some(7));
    let (what, turn) = page.take_fetch().unwrap();
    page.answer(what, turn);
    let (what, turn) = page.take_fetch().unwrap();
    page.tell(Msg::Fetched(what, turn, Ok("{}".to_owned())));
    assert!(matches!(lookup(&page, 7), Lookup::Failed(ChunkError::Unreadable(_))));
}

#[test]
fn without_an_index_the_page_is_whole() {
    for answer in [Err(OutsideError::FetchFailed), Ok("[]".to_owned())] {
        let mut page = Page::new();
        page.choose(|view| view.feature = Some(7));
        let (what, turn) = page.take_fetch().unwrap();
        page.tell(Msg::Fetched(what, turn, answer));
        assert_eq!((asked(&mut page), lookup(&page, 7)), (None, Lookup::None));
        page.analyze("one two");
        assert!(page.model.problem.is_none());
    }
}

#[test]
fn a_card_of_a_link_is_fetched_once_its_text_is_shown() {
    let mut page = Page::closed(start());
    page.visit("example=poem&feature=7");
    page.serve();
    assert!(matches!(lookup(&page, 7), Lookup::Ready(..)));
}

#[test]
fn a_feature_that_the_model_lacks_has_no_file() {
    let mut page = Page::new();
    page.choose(|view| view.feature = Some(16_000_000));
    page.serve();
    assert_eq!(lookup(&page, 16_000_000), Lookup::None);
}

#[test]
fn a_card_in_a_frame_is_fetched_too() {
    let mut page = Page::closed(Start { is_embedded: true, ..start() });
    page.visit("embed=true&embedfeatures=true&example=poem");
    page.serve();
    page.tell(Msg::WantFeatureNames);
    page.choose(|view| view.feature = Some(7));
    page.serve();
    assert!(matches!(lookup(&page, 7), Lookup::Ready(..)));
}

#[test]
fn another_example_or_file_puts_the_card_away_and_a_links_card_stays() {
    let mut page = Page::closed(start());
    page.visit("example=poem&feature=7");
    page.serve();
    assert_eq!(page.model.view.feature, Some(7));
    page.tell(Msg::Example("two-events".to_owned()));
    page.serve();
    assert_eq!(page.model.view.feature, None);
    page.choose(|view| view.feature = Some(7));
    page.tell(Msg::FileOpened("mine.json".to_owned(), Ok(result_json("one two"))));
    assert_eq!((page.shown(), page.model.view.feature), (Some("one two"), None));
}

#[test]
fn a_single_file_has_names_and_asks_for_no_dashboard() {
    let carried = Some(Carried { has_comparison: false });
    let mut page = Page::closed(Start { carried, pack: None, ..start() });
    page.visit("");
    page.serve();
    page.tell(Msg::WantFeatureNames);
    page.choose(|view| view.feature = Some(7));
    page.serve();
    assert_eq!(page.fetched, [Fetch::Carried, Fetch::DashboardIndex]);
    let index = page.model.dashboards.index_of(&dashboard_index().pack_hash).unwrap();
    assert_eq!(*index, *dashboard_index());
}
