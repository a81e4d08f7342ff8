//! The packs this page knows (models.json, the page's own, a link's): finding out what they are, choosing one,
//! fetching one.

use lens_session::Msg;
use lens_session::library::{FILE, ModelEntry, PackSummary, read_list};
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::catalog::{Library, Manifest, PackEntry};
use crate::environment;
use crate::fetch::fetch;
use crate::state::{Pack, Phase, State};
use crate::storage;

impl Library {
    /// Brings the list and the manifests of this site's packs, once, when the visitor looks.
    pub fn open(self, state: State) {
        storage::count(state);
        self.refresh();
        if self.asked.get_value() {
            return;
        }
        self.asked.set_value(true);
        spawn_local(async move {
            let listed = match environment::address(FILE) {
                Some(url) => fetch(&url).await,
                None => None,
            };
            let listed = listed.map_or_else(|| Ok(Vec::new()), |json| read_list(&json)).unwrap_or_else(|problem| {
                self.said.set(Some(format!("{FILE}: {problem}.")));
                Vec::new()
            });
            let mut all: Vec<(String, Pack)> = Vec::new();
            for ModelEntry { url, title } in listed {
                all.extend(environment::pack_at(&url).map(|pack| (title, pack)));
            }
            let own = [environment::pack(), state.pack.get_untracked()];
            all.extend(own.into_iter().flatten().map(|pack| (String::new(), pack)));
            for (title, pack) in all {
                if self.packs.with_untracked(|packs| packs.iter().any(|it| it.pack.url == pack.url)) {
                    continue;
                }
                let is_foreign = pack.foreign_host.is_some();
                let url = pack.url.clone();
                self.packs.update(|packs| packs.push(PackEntry { title, pack, manifest: Manifest::Unasked }));
                if !is_foreign {
                    self.look(state, url);
                }
            }
        });
    }

    /// Asks for a pack's manifest.
    pub fn look(self, state: State, url: String) {
        self.set(&url, Manifest::Pending);
        spawn_local(async move {
            let manifest = match fetch(&format!("{url}manifest.json")).await {
                None => Manifest::Failed("does not answer, or does not let this page read it".to_owned()),
                Some(json) => match PackSummary::from_manifest(&json) {
                    Ok(facts) => Manifest::Known(facts),
                    Err(problem) => Manifest::Failed(format!("has a manifest that {problem}")),
                },
            };
            if let (Manifest::Known(facts), Some(pack)) = (&manifest, environment::pack_at(&url)) {
                state.tell(Msg::PackKnown(known(pack, facts)));
            }
            self.set(&url, manifest);
        });
    }

    /// Analyses with this pack from now on.
    pub fn choose(self, state: State, entry: &PackEntry) {
        let pack = entry.pack.clone();
        state.tell(Msg::PackChosen(match &entry.manifest {
            Manifest::Known(facts) => known(pack, facts),
            _ => pack,
        }));
    }

    /// Fetches and stores what is missing of a pack.
    pub fn download(self, state: State, url: String) {
        if state.phase.get_untracked() == Phase::Loading {
            return;
        }
        self.discard.set_value(false);
        self.said.set(None);
        self.downloading.set(Some(url.clone()));
        spawn_local(async move {
            // Asked while the visitor's press is fresh; the download does not depend on the answer.
            storage::persist().await;
            let bytes = self.bytes_of(&url);
            state.tell(Msg::Download(url, bytes));
        });
    }

    /// Stops fetching; what came stays.
    pub fn pause(self, state: State) {
        state.tell(Msg::Cancel);
    }

    /// Stops fetching, and deletes what came.
    pub fn cancel(self, state: State) {
        self.discard.set_value(true);
        state.tell(Msg::Cancel);
    }
}

/// A pack with what its manifest says of its size.
fn known(pack: Pack, facts: &PackSummary) -> Pack {
    let (bytes, embedding_bytes, words_bytes) = (facts.bytes(), facts.embedding_bytes(), facts.words_bytes());
    Pack { bytes, embedding_bytes, words_bytes, ..pack }
}
