//! Where a model's files are.

/// Where the model's files are and what loading them once costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pack {
    /// Absolute address of the folder, ending in a slash.
    pub url: String,
    /// Its host, where it is not the page's own.
    pub foreign_host: Option<String>,
    /// Bytes; 0 when not known.
    pub bytes: u64,
    /// Bytes of the whole embedding; 0 when not known.
    pub embedding_bytes: u64,
    /// Bytes of its words; 0 when it has none, or when not known.
    pub words_bytes: u64,
}
