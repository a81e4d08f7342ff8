//! The one error of this crate: a sentence that names the file and the tensor.

use std::path::PathBuf;

/// What can be wrong with weights, as a sentence for the person who supplied them.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused a file.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried: "read", "write", "create".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file is not what its name or place says, or is cut short.
    #[error("{file}: {problem}")]
    Malformed {
        /// The file, as the person named it.
        file: String,
        /// What is wrong and what to do.
        problem: String,
    },
    /// A tensor that the configuration calls for is not in the checkpoint.
    #[error("{file}: tensor {tensor} is missing")]
    MissingTensor {
        /// The file or folder searched.
        file: String,
        /// The tensor's name in the checkpoint.
        tensor: String,
    },
    /// A tensor's shape does not fit the configuration.
    #[error("{file}: tensor {tensor} has shape {found:?}, the configuration calls for {expected:?}")]
    Shape {
        /// The file that holds the tensor.
        file: String,
        /// The tensor's name.
        tensor: String,
        /// The shape in the file.
        found: Vec<usize>,
        /// The shape the configuration calls for.
        expected: Vec<usize>,
    },
    /// The parts do not belong together (SAE for another width, another layer, ...).
    #[error("{0}")]
    Mismatch(String),
    /// A model family this project does not run.
    #[error("{file}: architecture {found:?} is not supported; supported are Gemma 2 and Gemma 3 text models")]
    Architecture {
        /// The file that names it.
        file: String,
        /// The name found.
        found: String,
    },
    /// Bytes differ from the checksum in the manifest.
    #[error(
        "{file}: checksum differs from the manifest (expected sha256 {expected}, found {found}); fetch or pack it again"
    )]
    Checksum {
        /// The shard.
        file: String,
        /// Hexadecimal sha256 in the manifest.
        expected: String,
        /// Hexadecimal sha256 of the bytes at hand.
        found: String,
    },
}

/// Result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;
