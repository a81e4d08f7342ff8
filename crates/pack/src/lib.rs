//! Every reader of a pack, the hosting format: natively and in wasm.
//!
//! | file | what it is |
//! |---|---|
//! | [`config`] | `GemmaConfig` and `SaeConfig`, as the manifest carries them |
//! | [`block`] | the packed matrix: f32, f16, or symmetric blocks of 32 (q8, q4) |
//! | [`file_name`] | the one rule for names of files that come from elsewhere |
//! | [`manifest`] | `manifest.json`: what a pack holds and where every tensor lies |
//! | [`outline`] | the files that a manifest of any version lists |
//! | [`folder`] | the manifest of a pack in a folder on disk |
//! | [`instead`] | what lies where something else was looked for, for refusals |
//! | [`precision_plan`] | which precision each tensor of a pack gets |
//! | [`tensor_spec`] | which tensors an analysis needs, with their shapes |
//! | [`tokenizer`] | a BPE tokenizer's tables, and the compact file that a pack carries |
//! | [`unpack`] | shard bytes to packed matrices: the one reader, for disk and network alike |
//! | `magic` | what first bytes say that a file is |
//! | [`text`] | text from bytes, whatever editors and downloads made of it |
//! | [`words`] | the words that readouts are spelled with: vocabulary, rows, means |
//! | `sha256` | checksums as text |
//! | [`row_checks`] | checksums of embedding rows, a few rows at a time |
//! | [`rows`] | embedding rows: which bytes to ask a host for, and how they are cached between visits |
//! | [`fit`] | whether a pack fits a device |
//!
//! This crate knows no tensors library and no browser. What makes packs is `lens-import`.

pub mod block;
pub mod config;
mod error;
pub mod file_name;
pub mod fit;
pub mod folder;
pub mod instead;
mod magic;
pub mod manifest;
pub mod outline;
pub mod precision_plan;
pub mod row_checks;
pub mod rows;
mod sha256;
pub mod tensor_spec;
pub mod text;
pub mod tokenizer;
pub mod unpack;
pub mod words;

pub use error::{Error, Result};
