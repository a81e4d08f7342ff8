//! The two configurations a pack carries, in one form each, whatever form they were published in.

mod gemma;
mod gemma_json;
mod sae;
mod sae_published;

pub use gemma::{Attention, GemmaConfig, GemmaFamily, LAYERS_MAX, Rope, every_nth_full};
pub use sae::{NovelCodes, SaeConfig};
pub use sae_published::PublishedSae;

/// Largest dimension that a configuration may name: far above any model, and small enough that
/// products of two fit 64 bits.
pub(crate) const DIMENSION_MAX: usize = 1 << 24;

/// Checks that every named dimension lies in 1 to [`DIMENSION_MAX`].
fn check_dimensions(dimensions: &[(&str, usize)]) -> Result<(), String> {
    match dimensions.iter().find(|(_, value)| !(1..=DIMENSION_MAX).contains(value)) {
        Some((name, value)) => Err(format!("{name} is {value}; it must lie between 1 and {DIMENSION_MAX}")),
        None => Ok(()),
    }
}
