//! The two configurations a pack carries, in one form each, whatever form they were published in.
//!
//! | file | what it is |
//! |---|---|
//! | `gemma` | what a Gemma 2 or Gemma 3 text model needs to run |
//! | `sae` | what a TemporalSAE needs to run |
//! | `limits` | what an untrusted configuration may ask for at most |
//! | `error` | what can be wrong with its numbers |

mod error;
mod gemma;
mod limits;
mod sae;

pub use error::ConfigError;
pub use gemma::{Attention, GemmaConfig, GemmaFamily, Rope, every_nth_full};
pub use limits::{DIMENSION_MAX, LAYERS_MAX, check_logit_cap};
pub use sae::{NovelCodes, SaeConfig};
