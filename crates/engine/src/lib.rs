//! From a text to an analysis: the one pipeline, for the command line and the page's worker.
//!
//! text -> token ids -> embedding rows -> Gemma's layers -> residual stream -> TemporalSAE -> codes
//! -> similarity and statistics -> [`lens_analysis::Analysis`].
//!
//! | file | what it is |
//! |---|---|
//! | [`device`] | which adapter there is, and opening it |
//! | [`pack`] | [`PackLoader`] takes a pack's files as they arrive; [`LoadedPack`] is a pack on a device |
//! | [`session`] | [`InferenceSession`]: one text on its way through the networks, extended token by token |
//! | `loaded_words` | a pack's words on a device |
//! | [`words`] | loading a pack's words, and a session's readouts |
//! | `gram_state` | what Gram matrices need of earlier tokens when later ones come |
//! | `analysis` | the analysis document of a session |
//! | [`orders`] | a text's tokens in other orders |
//! | [`folder`] | a pack in a folder on disk (native) |
//! | [`part_means`] | means of the parts of the residual stream over many texts (native) |
//! | [`full_model`] | a whole language model, for fitting a lens (native) |
//! | [`residuals`] | residual streams for training (native) |
//! | [`check`] | are this device's kernels right, how fast are they, and what does a precision cost? |
//! | `read_back` | device tensors to plain numbers |
//!
//! Dependencies between them: `session` -> `pack`, `analysis` -> both. Where bytes come from (disk, network)
//! and where results go is the caller's business.

mod analysis;
pub mod check;
pub mod device;
mod error;
#[cfg(not(target_family = "wasm"))]
pub mod folder;
#[cfg(not(target_family = "wasm"))]
pub mod full_model;
mod gram_state;
mod loaded_words;
pub mod orders;
pub mod pack;
#[cfg(not(target_family = "wasm"))]
pub mod part_means;
mod read_back;
#[cfg(not(target_family = "wasm"))]
pub mod residuals;
pub mod session;
pub mod words;

pub use device::{DeviceChoice, OpenedDevice, open_device};
pub use error::{DeviceError, Error, Result};
#[cfg(not(target_family = "wasm"))]
pub use folder::PackFolder;
#[cfg(not(target_family = "wasm"))]
pub use full_model::FullModel;
pub use lens_model::ComputeDevice;
pub use lens_model::words::{Part, Through};
pub use lens_pack::precision_plan::PrecisionPlan;
pub use lens_tokenizer::Tokens;
pub use loaded_words::LoadedWords;
pub use pack::{LoadedPack, PackLoader, TEXT_BYTES_MAX};
#[cfg(not(target_family = "wasm"))]
pub use part_means::PartMeans;
#[cfg(not(target_family = "wasm"))]
pub use residuals::ResidualReader;
pub use session::{InferenceSession, InferenceStage, RunOptions, RunOutput};
pub use words::{FeatureWords, WordsLoader};
