//! Why bytes did not come.

/// Why bytes did not come.
#[derive(Debug)]
pub enum Error {
    /// The visitor stopped it.
    Stopped,
    /// The network or the host, as a sentence.
    Network(String),
    /// The host's bytes are not what the manifest says.
    Content(lens_pack::Error),
    /// A token id outside the vocabulary.
    Vocabulary(u32),
    /// These tokens' rows are not kept, and the host was not to be asked for them.
    RowsMissing(Vec<u32>),
    /// These tokens' rows are not kept, and the host did not give them: a sentence about that.
    RowsUnreachable(Vec<u32>, String),
    /// The browser's storage cannot do what was asked, as a sentence.
    Storage(String),
}

impl From<lens_pack::Error> for Error {
    fn from(error: lens_pack::Error) -> Self {
        Self::Content(error)
    }
}
