//! What can be wrong with a file.

use crate::attention::AttentionError;

/// What can be wrong with a saved analysis or comparison, as a sentence.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// JSON that ends in its middle.
    #[error("the document is cut short: save or download it again")]
    CutShort,
    /// Not JSON, or not of this shape.
    #[error("not an analysis document: {0}")]
    Json(serde_json::Error),
    /// Another format or version.
    #[error("the document's format is {found:?}, this program reads {expected:?}")]
    Format {
        /// The format that it names.
        found: String,
        /// The format that was looked for.
        expected: &'static str,
    },
    /// Fields that contradict each other.
    #[error("the analysis document contradicts itself: {0}")]
    Inconsistent(String),
}

impl From<serde_json::Error> for DocumentError {
    fn from(error: serde_json::Error) -> Self {
        if error.is_eof() { Self::CutShort } else { Self::Json(error) }
    }
}

impl From<AttentionError> for DocumentError {
    fn from(error: AttentionError) -> Self {
        Self::Inconsistent(error.to_string())
    }
}
