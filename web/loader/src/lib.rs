//! A pack's files, from the network or from this browser's storage, checked as they stream.
//!
//! | file | what it is |
//! |---|---|
//! | `abort.rs` | [`Abort`]: stopping requests |
//! | `address.rs` | which hosts are asked at all |
//! | `fetch/` | bytes from a URL: ranges, chunks; a file's download with resume and retries |
//! | `cache/` | files by content hash in the origin's private file system; locks between tabs |
//! | `files.rs` | [`PackFiles`]: the files of one pack, whole |
//! | `rows.rs` | [`Rows`]: embedding rows as texts need them, or all of them at once |
//!
//! Whole files lie outside wasm's memory (in the browser's storage, or as its arrays where there is
//! none); this module's memory holds one of them at a time. Runs in a worker: only there are files
//! read and written without waiting. Knows no tensors library.

// Off the browser there is nothing to run; the workspace's native tools still parse this crate.
#![cfg_attr(not(target_family = "wasm"), allow(dead_code, unused_imports))]

mod abort;
mod address;
mod browser;
mod cache;
mod error;
mod fetch;
mod files;
mod rows;

pub use abort::Abort;
pub use cache::Cache;
pub use error::{Error, NoStorage};
pub use files::{Counts, PackFiles, Prepared};
pub use rows::{RowSource, Rows};
