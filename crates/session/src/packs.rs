//! The packs that the page knows, and what the browser stores of them.

use std::collections::HashMap;

use crate::library::PackSummary;
use crate::pack::Pack;

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

impl PackEntry {
    /// The pack, with what its manifest says of its size.
    pub fn sized(&self) -> Pack {
        let pack = self.pack.clone();
        match &self.manifest {
            Manifest::Known(facts) => Pack {
                bytes: facts.bytes(),
                embedding_bytes: facts.embedding_bytes(),
                words_bytes: facts.words_bytes(),
                ..pack
            },
            Manifest::Unasked | Manifest::Pending | Manifest::Failed(_) => pack,
        }
    }
}

/// What the browser says of its storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StorageEstimate {
    /// Bytes that this page's origin stores.
    pub usage_bytes: u64,
    /// The most that it may.
    pub quota_bytes: u64,
    /// Whether the browser keeps them whatever happens.
    pub is_persisted: bool,
}

/// What comparing a pack's stored files with their checksums came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verification {
    /// Whole files that were compared.
    pub complete: usize,
    /// Names of those that were damaged; they are deleted.
    pub damaged: Vec<String>,
    /// Whether the browser computes no checksums.
    pub is_unknown: bool,
    /// Whether there were embedding rows without their whole shards; they are deleted.
    pub had_rows: bool,
}

impl Verification {
    /// In a sentence.
    pub fn sentence(&self) -> String {
        let files = match (self.complete, self.damaged.as_slice()) {
            (0, _) => "No complete file of it is stored here.".to_owned(),
            _ if self.is_unknown => "This browser computes no checksums here: the page needs https.".to_owned(),
            (count, []) => format!("All {count} files match the pack’s manifest."),
            (_, damaged) => format!("Damaged, and deleted: {}. Download fetches them again.", damaged.join(", ")),
        };
        if self.had_rows {
            format!("{files} Single embedding rows are deleted; texts fetch theirs again.")
        } else {
            files
        }
    }
}

/// The packs, and what this browser stores.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Library {
    /// The packs, the list's first.
    pub packs: Vec<PackEntry>,
    /// Bytes of stored files, by name.
    pub sizes: HashMap<String, u64>,
    /// What the browser says of its storage.
    pub estimate: Option<StorageEstimate>,
    /// The pack that is being fetched.
    pub downloading: Option<String>,
    /// What the last action came to, as a sentence.
    pub notice: Option<String>,
    /// What came of the pack that is being fetched is to be deleted once that has stopped.
    pub(crate) is_discarded: bool,
    /// Whether the list was asked for.
    pub(crate) is_asked: bool,
}

impl Library {
    /// What is known of the pack at `url`.
    pub fn facts(&self, url: &str) -> Option<&PackSummary> {
        match &self.packs.iter().find(|it| it.pack.url == url)?.manifest {
            Manifest::Known(facts) => Some(facts),
            _ => None,
        }
    }
}
