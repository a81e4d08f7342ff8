//! Why a pack cannot be read: a sentence that names the file.

use std::path::PathBuf;

/// What can be wrong with a pack's files.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused a file.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried: "read", "open".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system answered.
        source: std::io::Error,
    },
    /// A file is not what its name or place promises, or is cut short.
    #[error("{file}: {problem}")]
    Malformed {
        /// The file, as the person named it.
        file: String,
        /// What is wrong and what to do.
        problem: String,
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
        /// Hexadecimal sha256 of the bytes that were read.
        found: String,
    },
}

/// Result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;
