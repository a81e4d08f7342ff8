//! Training a TemporalSAE on residual streams, with burn's autodiff through the module that the
//! viewer runs ([`lens_model::TemporalSae`]).
//!
//! | file | what it is |
//! |---|---|
//! | [`corpus`] | texts, cut into contexts |
//! | [`cache`] | their residual streams, computed once |
//! | [`recipe`] | every number of a training run; the authors' recipe and the short one |
//! | [`init`] | how parameters are initialized: from data, or as in the authors' module |
//! | [`parameters`] | the parameters by name, on the host and on a device |
//! | [`step`] | loss, gradients, AdamW |
//! | [`threads`] | work side by side on the CPU |
//! | [`run`] | a run of many steps: batches, held-out figures, checkpoints |
//! | [`figures`] | figures of an SAE on held-out texts |
//! | [`checkpoint`] | the state that a run resumes from; the SAE in the form of the authors' release |

pub mod cache;
mod checked;
pub mod checkpoint;
pub mod corpus;
mod error;
pub mod figures;
pub mod init;
pub mod parameters;
pub mod recipe;
pub mod run;
pub mod step;
pub mod threads;

pub use cache::Stream;
pub use corpus::Corpus;
pub use error::{Error, Result};
pub use parameters::Parameters;
pub use recipe::Recipe;
pub use step::Trainer;
