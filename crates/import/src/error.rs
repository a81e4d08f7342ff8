//! Why no pack can be made: a sentence that names the file and the tensor.

use std::path::PathBuf;

/// What can be wrong with checkpoints, or with where a pack is to be written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused a file.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried: "read", "create", "replace".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system answered.
        source: std::io::Error,
    },
    /// A file of the pack cannot be written.
    #[error(transparent)]
    Write(#[from] lens_files::Error),
    /// A file is not what its name or place promises, or is cut short.
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
    /// A model family this project does not run.
    #[error("{file}: architecture {found:?} is not supported; supported are Gemma 2 and Gemma 3 text models")]
    Architecture {
        /// The file that names it.
        file: String,
        /// The name found.
        found: String,
    },
    /// The parts do not belong together (SAE for another width, another layer, ...), or something
    /// that is not a pack is in the output folder's place.
    #[error("{0}")]
    Mismatch(String),
    /// What was written is not what readers accept.
    #[error(transparent)]
    Pack(#[from] lens_pack::Error),
    /// The tokenizer cannot be packed.
    #[error(transparent)]
    Tokenizer(#[from] lens_pack::tokenizer::TokenizerError),
}

impl Error {
    /// A file that is wrong, and why.
    pub(crate) fn malformed(file: impl Into<String>, problem: impl std::fmt::Display) -> Self {
        Self::Malformed { file: file.into(), problem: problem.to_string() }
    }
}

/// Result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;
