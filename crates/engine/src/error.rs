//! The one error of this crate.

/// What can go wrong between a text and its analysis, as a sentence for whoever asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The pack's files are wrong.
    #[error(transparent)]
    Pack(#[from] lens_pack::Error),
    /// A checkpoint, read without packing it first, is wrong.
    #[cfg(not(target_family = "wasm"))]
    #[error(transparent)]
    Checkpoint(#[from] lens_import::Error),
    /// The networks could not be built or run.
    #[error(transparent)]
    Model(#[from] lens_model::Error),
    /// The tokenizer file is wrong, or refuses the text.
    #[error(transparent)]
    Tokenizer(#[from] lens_tokenizer::Error),
    /// No device of the kind that was asked for.
    #[error("{0}")]
    NoDevice(String),
    /// The text or an option does not fit.
    #[error("{0}")]
    Input(String),
}

/// Result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;
