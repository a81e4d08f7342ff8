//! The networks, on burn: Gemma 2 and 3 up to a target layer, and the TemporalSAE.
//!
//! | file | what it is |
//! |---|---|
//! | [`gemma`] | the language model, top to bottom; stops after the target layer |
//! | [`temporal_sae`] | the authors' TemporalSAE: predictable codes by attention, novel codes by top-k |
//! | [`words`] | readouts in words: the unembedding over a vocabulary |
//! | [`linear`] | a linear layer over packed weights, in both directions |
//! | [`attention`] | causal attention with soft cap, window and shared key/value heads |
//! | [`rows`] | keys, values and codes of earlier tokens: matrices that grow in place |
//! | [`norm`], [`rope`] | RMSNorm and half-split rotary embedding |
//! | [`ops`] | the operations that burn does not have: one trait, routed by burn to the backend |
//! | `reference`, `autodiff` | the same out of burn's own operations, and with gradients (not in wasm) |
//! | [`optimizer`] | a step of AdamW (not in wasm) |
//! | [`kernels`] | the fused dequantize-and-multiply kernels (WGSL) and their CPU twins |
//! | [`buffer`] | device buffers that are filled part by part, and how much GPU memory is in use |
//! | `device` | [`ComputeDevice`]: a device, and which kernels run on it |
//! | [`store`] | packed matrices arriving part by part, and the device tensors they become |
//!
//! One source serves WebGPU, native GPU and CPU; the CPU is the oracle. Shapes in docstrings are
//! row-major, T is the number of tokens. The crate depends on neither files nor a browser.

pub mod attention;
#[cfg(not(target_family = "wasm"))]
mod autodiff;
pub mod buffer;
mod device;
mod error;
pub mod gemma;
pub mod kernels;
pub mod linear;
pub mod norm;
pub mod ops;
#[cfg(not(target_family = "wasm"))]
pub mod optimizer;
#[cfg(not(target_family = "wasm"))]
// Some of it is what a GPU has no kernels for.
#[cfg_attr(not(feature = "gpu"), allow(dead_code))]
mod reference;
pub mod rope;
pub mod rows;
pub mod store;
pub mod temporal_sae;
pub mod words;

pub use device::ComputeDevice;
pub use error::{Error, Result};
pub use gemma::Gemma;
#[cfg(not(target_family = "wasm"))]
pub use kernels::side_by_side;
pub use store::WeightStore;
pub use temporal_sae::{Codes, TemporalSae};
