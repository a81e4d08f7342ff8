//! The two configurations a pack carries, in one form each, whatever form they were published in.

mod error;
mod gemma;
mod limits;
mod sae;

pub use error::ConfigError;
pub use gemma::{Attention, GemmaConfig, GemmaFamily, Rope, every_nth_full};
pub use limits::{DIMENSION_MAX, LAYERS_MAX, check_logit_cap};
pub use sae::{NovelCodes, SaeConfig};
