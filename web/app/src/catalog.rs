//! The packs this page knows, and what this browser stores of them.

use std::collections::HashMap;

use lens_session::Pack;
use lens_session::library::PackSummary;
use leptos::prelude::*;

/// What is known of a pack's manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Manifest {
    /// Not asked for: another host would learn of the visit.
    Unasked,
    /// On its way.
    Pending,
    /// Here.
    Known(PackSummary),
    /// A phrase, to follow the pack's address.
    Failed(String),
}

/// A pack of the library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackEntry {
    /// What people read.
    pub title: String,
    /// Where it is.
    pub pack: Pack,
    /// What it is.
    pub manifest: Manifest,
}

/// The packs, and what this browser stores.
#[derive(Clone, Copy)]
pub struct Library {
    /// The packs, the list's first.
    pub packs: RwSignal<Vec<PackEntry>>,
    /// Bytes of stored files, by name.
    pub sizes: RwSignal<HashMap<String, u64>>,
    /// What the browser says of its storage.
    pub estimate: RwSignal<Option<(u64, u64, bool)>>,
    /// The pack that is being fetched.
    pub downloading: RwSignal<Option<String>>,
    /// What the last action came to.
    pub said: RwSignal<Option<String>>,
    /// What came of the pack that is being fetched is to be deleted once that has stopped.
    pub discard: StoredValue<bool>,
    /// Whether the list was asked for.
    pub asked: StoredValue<bool>,
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

    /// What is known of the pack at `url`.
    pub fn facts(self, url: &str) -> Option<PackSummary> {
        self.packs.with_untracked(|packs| match &packs.iter().find(|it| it.pack.url == url)?.manifest {
            Manifest::Known(facts) => Some(facts.clone()),
            _ => None,
        })
    }

    /// Sets what is known of the pack at `url`.
    pub fn set(self, url: &str, manifest: Manifest) {
        self.packs.update(|packs| {
            if let Some(it) = packs.iter_mut().find(|it| it.pack.url == url) {
                it.manifest = manifest;
            }
        });
    }
}
