//! Everything that makes a pack: published checkpoints in, our hosting format out. Native only.
//!
//! | file | what it is |
//! |---|---|
//! | [`checkpoint`] | a Gemma or SAE checkpoint: a configuration and named tensors |
//! | [`claims`] | files that belong together, held against each other |
//! | [`open`] | opening a Gemma checkpoint of either kind |
//! | [`hugging_face`], [`hugging_face_config`] | a folder with config.json and safetensors shards |
//! | [`gguf`], [`gguf_gemma`] | a GGUF file; names, norms and configuration of Gemma in it |
//! | [`sae_folder`], [`sae_config`] | a TemporalSAE as released (conf.yaml) or in SAELens form (cfg.json) |
//! | [`tensors`] | named tensors in files, read row by row |
//! | [`safetensors_header`] | where the tensors of a safetensors file lie |
//! | [`storage`] | f32, f16, bf16 and ggml's blocks to f32 |
//! | [`synthetic`], [`random_rows`] | random weights of true shapes |
//! | [`tokenizer_json`] | tokenizer.json to the compact tokenizer of a pack |
//! | [`words`] | a pack's words: put into a pack that is there |
//! | [`write`] | checkpoint + SAE + tokenizer to a pack on disk |

mod checkpoint;
pub mod claims;
mod error;
mod gguf;
mod gguf_gemma;
mod holes;
mod hugging_face;
mod hugging_face_config;
mod open;
mod random_rows;
mod sae_config;
mod sae_folder;
mod safetensors_header;
mod storage;
mod synthetic;
mod tensors;
mod tokenizer_json;
pub mod words;
pub mod write;

pub use checkpoint::{GemmaCheckpoint, SaeCheckpoint};
pub use error::{Error, Result};
pub use hugging_face::shards_up_to;
pub use hugging_face_config::gemma_config;
pub use open::open_gemma;
pub use sae_config::PublishedSae;
pub use sae_folder::open_sae;
pub use storage::Storage;
pub use synthetic::Synthetic;
pub use tensors::Tensors;
pub use tokenizer_json::compact_tokenizer;
