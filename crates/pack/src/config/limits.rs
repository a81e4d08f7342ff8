//! What an untrusted configuration may ask for at most.

/// Largest dimension that a configuration may name: far above any model, and small enough that
/// products of two fit 64 bits.
pub const DIMENSION_MAX: usize = 1 << 24;

/// More layers than any model has; bounds what an untrusted configuration may allocate.
pub const LAYERS_MAX: usize = 1024;

/// Checks that every named dimension lies in 1 to [`DIMENSION_MAX`].
///
/// # Errors
/// A sentence that names the first dimension outside.
pub(super) fn check_dimensions(dimensions: &[(&str, usize)]) -> Result<(), String> {
    match dimensions.iter().find(|(_, value)| !(1..=DIMENSION_MAX).contains(value)) {
        Some((name, value)) => Err(format!("{name} is {value}; it must lie between 1 and {DIMENSION_MAX}")),
        None => Ok(()),
    }
}
