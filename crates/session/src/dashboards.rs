//! Features' dashboards: their index and their files.

use std::collections::BTreeMap;
use std::sync::Arc;

use lens_analysis::dashboard::{Chunk, DashboardError, Index};

/// Why a file of dashboards is not here, as a phrase.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ChunkError {
    /// It could not be fetched.
    #[error("the dashboard could not be fetched")]
    FetchFailed,
    /// It came, and is not a file of dashboards that this page reads.
    #[error("{0}")]
    Unreadable(Arc<DashboardError>),
}

impl PartialEq for ChunkError {
    /// By their phrases: errors of the JSON parser have no equality of their own.
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

/// A file: none while it is under way, or why it is not here.
type Fetched = Option<Result<Arc<Chunk>, ChunkError>>;

/// What there is to show of features.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Dashboards {
    /// The index; none before it was asked for, and where there is none.
    pub(crate) index: Option<Arc<Index>>,
    /// Whether the index was asked for.
    pub(crate) is_asked: bool,
    /// Whether the index came, or will not come.
    pub(crate) is_answered: bool,
    /// Files by name.
    pub(crate) chunks: BTreeMap<String, Fetched>,
}

/// What is known of a feature's dashboard.
#[derive(Debug, Clone, PartialEq)]
pub enum Lookup {
    /// There are none for this model.
    None,
    /// It is being fetched.
    Pending,
    /// It could not be fetched or read.
    Failed(ChunkError),
    /// The file that it is in.
    Ready(Arc<Index>, Arc<Chunk>),
}

impl Dashboards {
    /// Whether the names of features are here, or none will come.
    pub fn is_settled(&self) -> bool {
        self.is_answered || self.index.is_some()
    }

    /// The index, where it is of the pack with this hash.
    pub fn index_of(&self, pack_hash: &str) -> Option<Arc<Index>> {
        self.index.clone().filter(|index| index.pack_hash == pack_hash)
    }

    /// The dashboard of `feature` of the pack with this hash.
    pub fn lookup(&self, pack_hash: &str, feature: usize) -> Lookup {
        let Some(index) = self.index_of(pack_hash) else { return Lookup::None };
        let Some(file) = index.file_of(feature) else { return Lookup::None };
        match self.chunks.get(&file) {
            Some(Some(Ok(chunk))) => Lookup::Ready(index, chunk.clone()),
            Some(Some(Err(problem))) => Lookup::Failed(problem.clone()),
            Some(None) | None => Lookup::Pending,
        }
    }
}
