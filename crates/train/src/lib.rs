//! Training a TemporalSAE on residual streams, with burn's autodiff through the module that the
//! viewer runs ([`lens_model::TemporalSae`]).
//!
//! | file | what it is |
//! |---|---|
//! | [`corpus`] | texts, cut into contexts |
//! | [`cache`] | their residual streams, computed once |
//! | [`recipe`] | every number of a training run; the authors' recipe and the short one |
//! | [`start`] | where parameters start: from data, or as the authors' module does |
//! | [`parameters`] | the parameters by name, on the host and on a device |
//! | [`step`] | loss, gradients, AdamW |
//! | [`run`] | a run of many steps: batches, held-out figures, checkpoints |
//! | [`figures`] | what an SAE does to held-out texts |
//! | [`checkpoint`] | the state that a run goes on from; the SAE as its authors release theirs |

pub mod cache;
pub mod checkpoint;
pub mod corpus;
mod error;
pub mod figures;
pub mod parameters;
pub mod recipe;
pub mod run;
pub mod start;
pub mod step;

pub use corpus::Corpus;
pub use error::{Error, Result};
pub use parameters::Parameters;
pub use recipe::Recipe;
pub use step::Trainer;

/// Residual streams of one context, BOS first: [T, d_model] row-major.
pub type Stream = Vec<f32>;
