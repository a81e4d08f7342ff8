//! The two configurations a pack carries, in one form each, whatever form they were published in.

mod gemma;
mod sae;

pub use gemma::{Attention, GemmaConfig, GemmaFamily, Rope};
pub use sae::{NovelCodes, SaeConfig};
