//! The one error of this crate.

/// What can go wrong while building or running a network.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The network calls for a tensor that was not loaded.
    #[error("tensor {0} was not loaded; the pack is incomplete")]
    Missing(String),
    /// A loaded tensor has another shape than the configuration calls for.
    #[error("tensor {name} has shape {found:?}, the configuration calls for {expected:?}")]
    Shape {
        /// Name in the pack.
        name: String,
        /// [rows, cols] as loaded.
        found: (usize, usize),
        /// [rows, cols] of the configuration.
        expected: (usize, usize),
    },
    /// A value that the caller chose does not fit.
    #[error("{0}")]
    Input(String),
    /// The device failed.
    #[error("the device failed: {0}")]
    Device(String),
}

/// Result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;
