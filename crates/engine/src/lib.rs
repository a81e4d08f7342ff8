//! From a text to an analysis: the one pipeline, for the command line and the page's worker.
//!
//! text -> token ids -> embedding rows -> Gemma's layers -> residual stream -> TemporalSAE -> codes
//! -> similarity and statistics -> [`lens_analysis::Analysis`].
//!
//! | file | what it is |
//! |---|---|
//! | [`bench`] | how long the kernels take |
//! | [`device`] | which adapter there is, and opening it |
//! | [`lens`] | [`LensBuilder`] takes a pack's files as they arrive; [`Lens`] runs it |
//! | [`reading`] | a text on its way through the networks, extended token by token |
//! | [`fidelity`] | what a precision does to the answer |
//! | [`folder`] | a pack in a folder on disk (native) |
//! | [`stream`] | residual streams for training (native) |
//! | [`self_check`] | are this device's kernels right? a small case against the CPU |
//!
//! Where bytes come from (disk, network) and where results go is the caller's business.

pub mod bench;
pub mod device;
mod error;
pub mod fidelity;
#[cfg(not(target_family = "wasm"))]
pub mod folder;
pub mod lens;
pub mod reading;
pub mod self_check;
#[cfg(not(target_family = "wasm"))]
pub mod stream;

pub use device::{DeviceChoice, OpenedDevice, open_device};
pub use error::{Error, Result};
#[cfg(not(target_family = "wasm"))]
pub use folder::PackFolder;
pub use lens::{Lens, LensBuilder};
pub use lens_pack::precision_plan::PrecisionPlan;
pub use lens_tokenizer::Tokens;
pub use reading::{Continue, Reading, Run, RunOptions, Stage};
#[cfg(not(target_family = "wasm"))]
pub use stream::StreamReader;
