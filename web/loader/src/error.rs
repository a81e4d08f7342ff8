//! Why bytes did not come.

/// Why bytes did not come, as a sentence for the visitor.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The visitor stopped it.
    #[error("stopped")]
    Stopped,
    /// The network or the host, as a sentence.
    #[error("{0}")]
    Network(String),
    /// The host's bytes do not match the manifest.
    #[error(transparent)]
    Content(#[from] lens_pack::Error),
    /// An address that the page's policy would refuse, too.
    #[error(
        "{0} is not asked: a model comes from this page’s own host or over https. Whoever hosts it there has to serve it \
         over https."
    )]
    Address(String),
    /// A token id outside the vocabulary.
    #[error("token id {0} lies outside the model's vocabulary")]
    Vocabulary(u32),
    /// These tokens' rows are not stored, and the host was not to be asked for them.
    #[error("embedding rows are not stored in this browser: {0:?}")]
    RowsMissing(Vec<u32>),
    /// These tokens' rows are not stored, and the host did not give them: a sentence about that.
    #[error("{1}")]
    RowsUnreachable(Vec<u32>, String),
    /// The browser's storage cannot do what was asked, as a sentence.
    #[error("{0}")]
    Storage(String),
}

/// Why this browser stores no files for the page.
#[derive(Debug, thiserror::Error)]
#[error(
    "This browser stores no files for this page ({0}): the model stays for this visit only, and is fetched again on \
     the next."
)]
pub struct NoStorage(pub(crate) String);
