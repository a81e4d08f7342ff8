//! What can go wrong in training.

use std::path::Path;

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Numbers of a recipe that do not fit each other, or a corpus that does not fit the recipe.
    #[error("{0}")]
    Recipe(String),
    /// A text or file of token ids that cannot be used.
    #[error("{path}: {problem}")]
    Corpus {
        /// The file.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The network refused its parameters or input.
    #[error(transparent)]
    Model(#[from] lens_model::Error),
    /// The language model refused a text, or its device failed.
    #[error("{0}")]
    Streams(String),
    /// A parameter that the network has is not among those given.
    #[error("parameter {0} is missing")]
    Missing(String),
    /// A checkpoint or cache that cannot be used.
    #[error("{0}")]
    File(String),
    /// What an SAE makes of a text is not a number.
    #[error("the SAE's {0} of a text are not finite: a number in its weights is not, or is too large")]
    NotFinite(&'static str),
    /// The loss is not a number any more.
    #[error("the loss is {loss} after step {step}; lower the learning rate")]
    Diverged {
        /// Steps done.
        step: usize,
        /// The loss.
        loss: f32,
    },
}

impl Error {
    pub(crate) fn corpus(path: &Path, problem: &str) -> Self {
        Self::Corpus { path: path.display().to_string(), problem: problem.to_owned() }
    }

    pub(crate) fn file(problem: impl std::fmt::Display) -> Self {
        Self::File(problem.to_string())
    }
}

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;
