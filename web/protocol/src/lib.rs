//! Messages between the page and its workers, over `postMessage`: a header as JSON, and matrices as typed arrays
//! that are transferred.
//!
//! | file | what it is |
//! |---|---|
//! | [`messages`] | headers: what the page asks, and what the worker answers |
//! | [`layouts`] | headers of the worker that lays out trajectories |
//! | [`testing`] | headers of what only tests and benches ask |
//! | [`buffers`] | matrices of an answer |
//! | `port` | messages as JavaScript values (in wasm only) |
//! | [`text`] | headers as text |
//! | [`storage`] | where worker and page store a model's files |
//!
//! The page numbers its requests; every answer carries the number of the request it belongs to.
//! A request ends with exactly one of `Analysis`, `Attention`, `Shuffled`, `Comparison`, `Downloaded`,
//! `EmbeddingStored`, `Diagnostics`, `Canceled` or `Failed`, or one of [`testing::TestResponse`].

pub mod buffers;
pub mod layouts;
pub mod messages;
#[cfg(target_family = "wasm")]
pub mod port;
pub mod storage;
pub mod testing;
pub mod text;

pub use messages::{DeviceInfo, DeviceWish, FailureKind, Request, RequestStage, Response, RowSource, StageTimes};
pub use storage::{GPU_LOCK, STORAGE_FOLDER, manifest_file, rows_file};
pub use text::{decode, encode};

/// Tokens of the longest text that the worker analyzes, the start of the text included.
pub const TOKENS_MAX: usize = 2048;
