//! The one error of this crate.

/// What can be wrong with a tokenizer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file is not a compact tokenizer.
    #[error(transparent)]
    File(#[from] lens_pack::Error),
    /// The tokenizers library does not know the parts around the model.
    #[error("the tokenizer's parts cannot be used: {0}; pack the model with its original tokenizer.json")]
    Parts(String),
    /// The tokenizer refuses the text.
    #[error("the text cannot be tokenized: {0}")]
    Text(String),
}

/// Result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;
