//! The packs this page knows (models.json, the page's own, a link's): what they are, what is kept of them, and
//! fetching, checking and deleting that.

use std::collections::HashMap;

use lens_view::library::{FILE, Facts, File, Listed, read_list};
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::environment::{self, Pack};
use crate::state::{Phase, State};
use crate::{analyse, files, storage};

/// What is known of a pack's manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Manifest {
    /// Not asked for: another host would learn of the visit.
    Unasked,
    /// On its way.
    Pending,
    /// Here.
    Known(Facts),
    /// A phrase, to follow the pack's address.
    Failed(String),
}

/// A pack of the library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// What people read.
    pub title: String,
    /// Where it is.
    pub pack: Pack,
    /// What it is.
    pub manifest: Manifest,
}

/// The packs, and what this browser keeps.
#[derive(Clone, Copy)]
pub struct Library {
    /// The packs, the list's first.
    pub packs: RwSignal<Vec<Known>>,
    /// Bytes of kept files, by name.
    pub sizes: RwSignal<HashMap<String, u64>>,
    /// What the browser says of its storage.
    pub estimate: RwSignal<Option<(u64, u64, bool)>>,
    /// The pack that is being fetched.
    pub downloading: RwSignal<Option<String>>,
    /// What the last action came to.
    pub said: RwSignal<Option<String>>,
    /// What came of the pack that is being fetched is to be deleted once that has stopped.
    discard: StoredValue<bool>,
    asked: StoredValue<bool>,
}

impl Library {
    /// Nothing was asked yet.
    pub fn new() -> Self {
        Self {
            packs: RwSignal::new(Vec::new()),
            sizes: RwSignal::new(HashMap::new()),
            estimate: RwSignal::new(None),
            downloading: RwSignal::new(None),
            said: RwSignal::new(None),
            discard: StoredValue::new(false),
            asked: StoredValue::new(false),
        }
    }

    /// Bytes that every analysis with the pack at `url` needs; 0 when not known.
    pub fn bytes_of(self, url: &str) -> u64 {
        self.facts(url).map_or(0, |facts| facts.bytes())
    }

    fn facts(self, url: &str) -> Option<Facts> {
        self.packs.with_untracked(|packs| match &packs.iter().find(|it| it.pack.url == url)?.manifest {
            Manifest::Known(facts) => Some(facts.clone()),
            _ => None,
        })
    }

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
                Some(url) => files::fetch(&url).await,
                None => None,
            };
            let listed = listed.map_or_else(|| Ok(Vec::new()), |json| read_list(&json)).unwrap_or_else(|problem| {
                self.said.set(Some(format!("{FILE}: {problem}.")));
                Vec::new()
            });
            let mut all: Vec<(String, Pack)> = Vec::new();
            for Listed { url, title } in listed {
                all.extend(Pack::at(&url).map(|pack| (title, pack)));
            }
            let own = [environment::pack(), state.pack.get_untracked()];
            all.extend(own.into_iter().flatten().map(|pack| (String::new(), pack)));
            for (title, pack) in all {
                if self.packs.with_untracked(|packs| packs.iter().any(|it| it.pack.url == pack.url)) {
                    continue;
                }
                let is_foreign = pack.foreign_host().is_some();
                let url = pack.url.clone();
                self.packs.update(|packs| packs.push(Known { title, pack, manifest: Manifest::Unasked }));
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
            let manifest = match files::fetch(&format!("{url}manifest.json")).await {
                None => Manifest::Failed("does not answer, or does not let this page read it".to_owned()),
                Some(json) => match Facts::from_manifest(&json) {
                    Ok(facts) => Manifest::Known(facts),
                    Err(problem) => Manifest::Failed(format!("has a manifest that {problem}")),
                },
            };
            if let Manifest::Known(facts) = &manifest {
                let (bytes, embedding_bytes) = (facts.bytes(), facts.embedding_bytes());
                let is_ours = |it: &Option<Pack>| it.as_ref().is_some_and(|it| it.url == url && it.bytes == 0);
                if state.pack.with_untracked(is_ours) {
                    state.pack.set(Some(Pack { url: url.clone(), bytes, embedding_bytes }));
                }
            }
            self.set(&url, manifest);
        });
    }

    fn set(self, url: &str, manifest: Manifest) {
        self.packs.update(|packs| {
            if let Some(it) = packs.iter_mut().find(|it| it.pack.url == url) {
                it.manifest = manifest;
            }
        });
    }

    fn refresh(self) {
        spawn_local(async move { self.estimate.set(storage::estimate().await) });
    }

    /// Analyses with this pack from now on.
    pub fn choose(self, state: State, known: &Known) {
        if state.phase.get_untracked() == Phase::Loading {
            return;
        }
        let mut pack = known.pack.clone();
        if let Manifest::Known(facts) = &known.manifest {
            (pack.bytes, pack.embedding_bytes) = (facts.bytes(), facts.embedding_bytes());
        }
        // The worker may have it; only it knows.
        state.loaded.set(false);
        state.pack.set(Some(pack));
    }

    /// Fetches what is missing of a pack, to be kept.
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
            analyse::download(state, url);
        });
    }

    /// Stops fetching; what came stays.
    pub fn pause(self, state: State) {
        analyse::cancel(state);
    }

    /// Stops fetching, and deletes what came.
    pub fn cancel(self, state: State) {
        self.discard.set_value(true);
        analyse::cancel(state);
    }

    /// A request ended, in whatever way.
    pub fn ended(self, state: State) {
        self.refresh();
        let Some(url) = self.downloading.try_update(Option::take).flatten() else { return };
        if self.discard.get_value() {
            self.discard.set_value(false);
            self.delete(state, url);
        }
    }

    /// Deletes what is kept of a pack; files that are in use stay.
    pub fn delete(self, state: State, url: String) {
        let Some(facts) = self.facts(&url) else { return };
        environment::remember_loaded(&url, false);
        spawn_local(async move {
            let of = |files: &[File]| files.iter().map(|file| file.sha256.clone()).collect::<Vec<_>>();
            let mut names = of(&facts.files);
            names.extend(of(&facts.embedding));
            let rows = storage::sha256(of(&facts.embedding).concat().as_bytes()).await;
            names.extend(rows.map(|key| lens_protocol::rows_file(&key)));
            let manifest = storage::sha256(format!("{url}manifest.json").as_bytes()).await;
            names.extend(manifest.map(|key| lens_protocol::manifest_file(&key)));
            storage::remove(&names).await;
            storage::count(state);
            self.refresh();
            self.said.set(Some("What this browser kept of it is deleted.".to_owned()));
        });
    }

    /// Compares every whole file of a pack with its checksum; what is damaged is deleted.
    pub fn verify(self, state: State, url: String) {
        let Some(facts) = self.facts(&url) else { return };
        spawn_local(async move {
            let sizes = storage::sizes().await;
            let whole = |file: &&File| sizes.get(&file.sha256) == Some(&file.bytes);
            let kept: Vec<&File> = facts.files.iter().chain(&facts.embedding).filter(whole).collect();
            let (mut damaged, mut unknown) = (Vec::new(), false);
            for (done, file) in kept.iter().enumerate() {
                self.said.set(Some(format!("Checking file {} of {} …", done + 1, kept.len())));
                match storage::checksum(&file.sha256).await {
                    Some(sum) if sum == file.sha256 => {}
                    Some(_) => damaged.push(*file),
                    None => unknown = true,
                }
            }
            let names: Vec<String> = damaged.iter().map(|file| file.sha256.clone()).collect();
            storage::remove(&names).await;
            let named: Vec<&str> = damaged.iter().map(|file| file.file.as_str()).collect();
            self.said.set(Some(match (kept.len(), named.as_slice()) {
                (0, _) => "Nothing whole of it is kept here.".to_owned(),
                _ if unknown => "This browser computes no checksums here: the page needs https.".to_owned(),
                (count, []) => format!("All {count} files are as the pack says."),
                (_, named) => format!("Damaged, and deleted: {}. Download fetches them again.", named.join(", ")),
            }));
            storage::count(state);
        });
    }
}
