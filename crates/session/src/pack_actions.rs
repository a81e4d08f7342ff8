//! What the visitor does with packs: finding out what they are, choosing one, fetching one, checking and deleting what is
//! stored.

use crate::library::{FILE, ModelEntry, PackSummary, read_list};
use crate::message::{Effect, Fetch};
use crate::model::Model;
use crate::outside::OutsideError;
use crate::pack::Pack;
use crate::packs::{Manifest, PackEntry};

impl Model {
    /// Brings the list and the manifests of this site's packs, once, when the visitor looks.
    pub(crate) fn open_library(&mut self) {
        self.ask(Effect::CountStorage);
        self.ask(Effect::EstimateStorage);
        if !self.library.is_asked {
            self.library.is_asked = true;
            self.ask(Effect::Fetch(Fetch::Models, self.turn));
        }
    }

    /// The list came; a site need not have one.
    pub(crate) fn models_came(&mut self, found: Result<String, OutsideError>) {
        let listed = match found.ok().map(|json| read_list(&json)) {
            Some(Ok(listed)) => listed,
            Some(Err(problem)) => {
                self.library.notice = Some(format!("{FILE}: {problem}."));
                Vec::new()
            }
            None => Vec::new(),
        };
        self.ask(Effect::LocatePacks(listed.into_iter().map(|ModelEntry { url, title }| (title, url)).collect()));
    }

    /// The listed packs have addresses; the page's own and the one in use follow.
    pub(crate) fn packs_listed(&mut self, listed: Vec<(String, Pack)>) {
        let own = [self.start.pack.clone(), self.pack.clone()];
        for (title, pack) in listed.into_iter().chain(own.into_iter().flatten().map(|pack| (String::new(), pack))) {
            if self.library.packs.iter().any(|it| it.pack.url == pack.url) {
                continue;
            }
            let (url, is_foreign) = (pack.url.clone(), pack.foreign_host.is_some());
            self.library.packs.push(PackEntry { title, pack, manifest: Manifest::Unasked });
            if !is_foreign {
                self.look_at_pack(url);
            }
        }
    }

    /// Asks for a pack's manifest.
    pub(crate) fn look_at_pack(&mut self, url: String) {
        self.set_manifest(&url, Manifest::Pending);
        self.ask(Effect::Fetch(Fetch::Manifest(url), self.turn));
    }

    pub(crate) fn manifest_came(&mut self, url: &str, found: Result<String, OutsideError>) {
        let manifest = match found.map(|json| PackSummary::from_manifest(&json)) {
            Ok(Ok(facts)) => Manifest::Known(facts),
            Ok(Err(problem)) => Manifest::Failed(format!("has a manifest that {problem}")),
            Err(_) => Manifest::Failed("does not answer, or does not let this page read it".to_owned()),
        };
        self.set_manifest(url, manifest);
        // The button of a pack in use says what it costs once that is known.
        if let (Some(used), Some(entry)) = (&self.pack, self.library.packs.iter().find(|it| it.pack.url == url))
            && used.url == url
            && used.bytes == 0
        {
            self.pack = Some(entry.sized());
        }
    }

    fn set_manifest(&mut self, url: &str, manifest: Manifest) {
        if let Some(it) = self.library.packs.iter_mut().find(|it| it.pack.url == url) {
            it.manifest = manifest;
        }
    }

    /// Analyzes with this pack from now on.
    pub(crate) fn use_pack(&mut self, pack: Pack) {
        if !self.is_loading() {
            // The worker may have it; only it knows.
            self.is_loaded = false;
            self.pack = Some(pack);
        }
    }

    /// Fetches and stores what is missing of a pack.
    pub(crate) fn download_pack(&mut self, url: String) {
        if self.is_loading() {
            return;
        }
        self.library.is_discarded = false;
        self.library.notice = None;
        self.library.downloading = Some(url.clone());
        // Asked while the visitor's press is fresh; the download does not depend on the answer.
        self.ask(Effect::PersistStorage(url));
    }

    /// Stops fetching a pack, and deletes what came.
    pub(crate) fn discard_download(&mut self) {
        if self.is_loading() {
            self.library.is_discarded = self.library.downloading.is_some();
            self.cancel();
        } else if let Some(url) = self.library.downloading.take() {
            // It has not begun.
            self.delete_pack(&url);
        }
    }

    /// A request ended, in whatever way.
    pub(crate) fn download_ended(&mut self) {
        self.ask(Effect::EstimateStorage);
        if let Some(url) = self.library.downloading.take()
            && std::mem::take(&mut self.library.is_discarded)
        {
            self.delete_pack(&url);
        }
    }

    /// Deletes what is stored of a pack; files that are in use stay.
    pub(crate) fn delete_pack(&mut self, url: &str) {
        if let Some(facts) = self.library.facts(url).cloned() {
            self.ask(Effect::RememberLoaded(url.to_owned(), false));
            self.ask(Effect::DeletePack(url.to_owned(), Box::new(facts)));
        }
    }

    pub(crate) fn pack_deleted(&mut self) {
        self.ask(Effect::CountStorage);
        self.ask(Effect::EstimateStorage);
        self.library.notice = Some("Its files are deleted from this browser.".to_owned());
    }

    /// Compares every whole file of a pack with its checksum; what is damaged is deleted.
    pub(crate) fn verify_pack(&mut self, url: &str) {
        if let Some(facts) = self.library.facts(url).cloned() {
            self.ask(Effect::VerifyPack(Box::new(facts)));
        }
    }

    /// Deletes everything that is stored; files that are in use stay.
    pub(crate) fn delete_stored(&mut self) {
        if let Some(pack) = &self.pack {
            self.effects.push(Effect::RememberLoaded(pack.url.clone(), false));
        }
        self.ask(Effect::DeleteStored);
    }
}
