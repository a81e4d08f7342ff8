//! Features' dashboards: their index and their files, fetched when a feature is opened.

use std::collections::HashMap;
use std::sync::Arc;

use lens_analysis::dashboard::{Chunk, INDEX_FILE, Index};
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::environment;
use crate::fetch::fetch;

/// Where those of the default pack lie beside the page.
const FOLDER: &str = "dashboards";

/// A file: none while it is under way, or why it is not here.
type Fetched = Option<Result<Arc<Chunk>, String>>;

/// What there is to show of features, and which one is open.
#[derive(Clone, Copy)]
pub struct Dashboards {
    /// The feature whose card is open.
    pub open: RwSignal<Option<usize>>,
    /// The index; none before it was asked for, and where there is none.
    pub index: RwSignal<Option<Arc<Index>>>,
    /// Whether the index was asked for.
    asked: StoredValue<bool>,
    /// Files by name.
    chunks: RwSignal<HashMap<String, Fetched>>,
}

/// What is known of a feature's dashboard.
#[derive(Clone)]
pub enum Lookup {
    /// There are none for this model.
    None,
    /// It is being fetched.
    Pending,
    /// It could not be fetched or read; a sentence.
    Failed(String),
    /// The file that it is in.
    Ready(Arc<Index>, Arc<Chunk>),
}

impl Dashboards {
    /// Nothing is open, and nothing was asked for.
    pub fn new() -> Self {
        Self {
            open: RwSignal::new(None),
            index: RwSignal::new(None),
            asked: StoredValue::new(false),
            chunks: RwSignal::new(HashMap::new()),
        }
    }

    /// Fetches the index, once.
    pub fn want_index(self) {
        if self.asked.get_value() {
            return;
        }
        self.asked.set_value(true);
        spawn_local(async move {
            let Some(json) = fetch_file(INDEX_FILE).await else { return };
            match Index::from_json(&json) {
                Ok(index) => self.index.set(Some(Arc::new(index))),
                Err(problem) => leptos::logging::warn!("{FOLDER}/{INDEX_FILE}: {problem}"),
            }
        });
    }

    /// Opens the card of `feature`.
    pub fn show(self, feature: usize) {
        self.want_index();
        self.open.set(Some(feature));
    }

    /// The index, where it is of the pack with this hash.
    pub fn index_of(self, pack_hash: &str) -> Option<Arc<Index>> {
        self.index.get().filter(|index| index.pack_hash == pack_hash)
    }

    /// The dashboard of `feature` of the pack with this hash; what is not here is fetched.
    pub fn lookup(self, pack_hash: &str, feature: usize) -> Lookup {
        let Some(index) = self.index_of(pack_hash) else { return Lookup::None };
        let Some(file) = index.file_of(feature) else { return Lookup::None };
        match self.chunks.with(|chunks| chunks.get(&file).cloned()) {
            Some(Some(Ok(chunk))) => Lookup::Ready(index, chunk),
            Some(Some(Err(problem))) => Lookup::Failed(problem),
            Some(None) => Lookup::Pending,
            None => {
                self.fetch_chunk(index, file);
                Lookup::Pending
            }
        }
    }

    /// Forgets that a file could not be fetched.
    pub fn again(self) {
        self.chunks.update(|chunks| chunks.retain(|_, chunk| !matches!(chunk, Some(Err(_)))));
    }

    fn fetch_chunk(self, index: Arc<Index>, file: String) {
        // Nobody waits for this change.
        self.chunks.update_untracked(|chunks| {
            chunks.insert(file.clone(), None);
        });
        spawn_local(async move {
            let chunk = match fetch_file(&file).await {
                Some(json) => Chunk::from_json(&json, &index).map(Arc::new).map_err(|e| e.to_string()),
                None => Err("the dashboard could not be fetched".to_owned()),
            };
            self.chunks.update(|chunks| {
                chunks.insert(file, Some(chunk));
            });
        });
    }
}

async fn fetch_file(name: &str) -> Option<String> {
    fetch(&environment::address(&format!("{FOLDER}/{name}"))?).await
}
