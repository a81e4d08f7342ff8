//! What an untrusted configuration may ask for at most.

use std::ops::RangeInclusive;

use super::error::ConfigError;

/// Largest dimension that a configuration may name: far above any model, and small enough that
/// products of two fit 64 bits.
pub const DIMENSION_MAX: usize = 1 << 24;

/// More layers than any model has; bounds what an untrusted configuration may allocate.
pub const LAYERS_MAX: usize = 1024;

/// Added to mean squares: published models have 1e-6.
pub(super) const RMS_NORM_EPS: RangeInclusive<f64> = 1e-12..=0.01;
/// By whose root scores are divided: published models have 144 to 256.
pub(super) const QUERY_SCALAR: RangeInclusive<f64> = 1.0..=65_536.0;
/// Bounds of tanh caps: published models have 50 on scores and 30 on logits.
pub(super) const SOFT_CAP: RangeInclusive<f64> = 1.0..=10_000.0;
/// Bases of rotary embeddings: published models have 1e4 and 1e6.
pub(super) const ROPE_THETA: RangeInclusive<f64> = 100.0..=1e9;
/// What positions are divided by: published models have 1 and 8.
pub(super) const ROPE_FACTOR: RangeInclusive<f64> = 0.01..=1000.0;

/// Checks that every named number lies in its range, which NaN does not.
///
/// # Errors
/// [`ConfigError::OutOfRange`] for the first one outside.
pub(super) fn check_ranges(numbers: &[(&'static str, f64, RangeInclusive<f64>)]) -> Result<(), ConfigError> {
    match numbers.iter().find(|(_, value, range)| !range.contains(value)) {
        Some((name, value, range)) => {
            Err(ConfigError::OutOfRange { name, value: *value, least: *range.start(), largest: *range.end() })
        }
        None => Ok(()),
    }
}

/// Checks a tanh cap on logits against [`SOFT_CAP`].
///
/// # Errors
/// [`ConfigError::OutOfRange`].
pub fn check_logit_cap(cap: Option<f64>) -> Result<(), ConfigError> {
    check_ranges(&[("final_logit_softcapping", cap.unwrap_or(*SOFT_CAP.start()), SOFT_CAP)])
}

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
