//! What an untrusted configuration may ask for at most.

use super::error::ConfigError;

/// Largest dimension that a configuration may name: far above any model, and small enough that
/// products of two fit 64 bits.
pub const DIMENSION_MAX: usize = 1 << 24;

/// More layers than any model has; bounds what an untrusted configuration may allocate.
pub const LAYERS_MAX: usize = 1024;

/// Checks that every named dimension lies in 1 to [`DIMENSION_MAX`].
///
/// # Errors
/// [`ConfigError::Dimension`] for the first one outside.
pub(super) fn check_dimensions(dimensions: &[(&'static str, usize)]) -> Result<(), ConfigError> {
    match dimensions.iter().find(|(_, value)| !(1..=DIMENSION_MAX).contains(value)) {
        Some((name, value)) => Err(ConfigError::Dimension { name, value: *value, max: DIMENSION_MAX }),
        None => Ok(()),
    }
}

/// Checks a number of layers against [`LAYERS_MAX`].
///
/// # Errors
/// [`ConfigError::Layers`].
pub(super) fn check_layers(name: &'static str, value: usize) -> Result<(), ConfigError> {
    if value > LAYERS_MAX { Err(ConfigError::Layers { name, value, max: LAYERS_MAX }) } else { Ok(()) }
}
