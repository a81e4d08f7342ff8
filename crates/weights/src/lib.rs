//! Bytes to tensors: checkpoints in, our hosting format out and in again.
//!
//! | file | what it is |
//! |---|---|
//! | [`config`] | `GemmaConfig` and `SaeConfig`, read from every form they are published in |
//! | [`block`] | the packed matrix: f32, f16, or symmetric blocks of 32 (q8, q4) |
//! | [`checkpoint`] | Hugging Face folders, GGUF files, SAE folders, as one list of named f32 tensors |
//! | [`manifest`] | `manifest.json`: what a pack holds and where every tensor lies |
//! | [`mix`] | which precision each tensor of a pack gets |
//! | [`needed`] | which tensors an analysis needs, with their shapes |
//! | [`tokenizer`] | a BPE tokenizer's tables, and the compact file that a pack carries |
//! | [`pack`] | checkpoint + SAE + tokenizer to a pack on disk |
//! | [`unpack`] | shard bytes to packed matrices: the one reader, for disk and network alike |
//! | [`rows`] | embedding rows: which bytes to ask a host for, how they are kept between visits |
//! | [`fit`] | whether a pack fits a device |
//!
//! This crate knows no tensors library and no browser.

pub mod block;
pub mod checkpoint;
pub mod config;
mod error;
pub mod fit;
pub mod manifest;
pub mod mix;
pub mod needed;
pub mod pack;
pub mod rows;
pub mod tokenizer;
pub mod unpack;

pub use error::{Error, Result};
