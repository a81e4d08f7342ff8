//! Messages between the page and its worker, as JSON strings over `postMessage`.
//!
//! The page numbers its requests; every answer carries the number of the request it belongs to.
//! A request ends with exactly one of `Analysis`, `Attention`, `Comparison`, `Downloaded`, `EmbeddingKept`, `Diagnostics`, `Fixture`,
//! `Tokens`, `Kernels`, `Bench`, `Cancelled` or `Failed`.

mod text;

use serde::{Deserialize, Serialize};

pub use text::{decode, encode, encode_f32, to_json};

/// The folder of the origin's private file system in which worker and page keep a model's files.
pub const STORAGE_FOLDER: &str = "temporal-lens";

/// The name under which rows of an embedding are kept; `key` stands for its shards.
pub fn rows_file(key: &str) -> String {
    format!("rows-{key}")
}

/// The name under which a manifest is kept; `key` stands for its address.
pub fn manifest_file(key: &str) -> String {
    format!("manifest-{key}")
}

/// Whose turn it is on the GPU, among the tabs and frames of an origin.
pub const GPU_LOCK: &str = "gpu";

/// Where embedding rows may come from that are not here yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowSource {
    /// The pack's host, which learns from the request which tokens the text has.
    #[default]
    Host,
    /// Nowhere: a text with rows that this browser does not keep fails as [`FailureKind::RowsMissing`].
    KeptOnly,
}

/// What the page asks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Request {
    /// Load the pack at `pack_url` if it is not loaded, then analyse `text`.
    Analyze {
        /// Number of the request.
        id: u32,
        /// Absolute URL of the pack's folder, ending in a slash.
        pack_url: String,
        /// The text, verbatim.
        text: String,
        /// Novel codes to keep a token, instead of the SAE's own k.
        inf_k: Option<usize>,
        /// Where missing embedding rows may come from.
        #[serde(default)]
        rows: RowSource,
        /// Wait for the device between the stages, so that their times are their own (benches only).
        #[serde(default)]
        apart: bool,
    },
    /// The SAE's attention weights over a text: at once for the one that was analysed last.
    Attention {
        /// Number of the request.
        id: u32,
        /// Absolute URL of the pack's folder, ending in a slash.
        pack_url: String,
        /// The text, verbatim.
        text: String,
        /// Novel codes kept a token, as in the analysis; the weights do not depend on it.
        inf_k: Option<usize>,
    },
    /// Load the pack at `pack_url` if it is not loaded, then analyse two texts and compare them.
    Compare {
        /// Number of the request.
        id: u32,
        /// Absolute URL of the pack's folder, ending in a slash.
        pack_url: String,
        /// The texts with their `inf_k`.
        texts: [(String, Option<usize>); 2],
    },
    /// Fetch tokenizer and weights of the pack at `pack_url`, to be kept; nothing is computed.
    Download {
        /// Number of the request.
        id: u32,
        /// Absolute URL of the pack's folder, ending in a slash.
        pack_url: String,
    },
    /// Keep the whole embedding of the pack at `pack_url`, so that no text asks its host for rows.
    KeepEmbedding {
        /// Number of the request.
        id: u32,
        /// Absolute URL of the pack's folder, ending in a slash.
        pack_url: String,
    },
    /// Tell what this worker runs on and how much memory it uses.
    Diagnostics {
        /// Number of the request.
        id: u32,
    },
    /// Lose the GPU device as a driver reset would (tests only).
    LoseDevice {
        /// Number of the request; nothing answers it but the loss.
        id: u32,
    },
    /// Run a parity fixture and return the named tensors (tests only; see tests/e2e).
    Fixture {
        /// Number of the request.
        id: u32,
        /// Absolute URL of a pack folder made from a fixture.
        pack_url: String,
        /// Token ids, BOS included.
        token_ids: Vec<u32>,
        /// Names of the tensors wanted, as `temporal-lens analyze --dump` names them.
        tensors: Vec<String>,
        /// Novel codes to keep a token.
        inf_k: Option<usize>,
    },
    /// Compare every variant of some kernels with the CPU (tests only).
    CheckKernels {
        /// Number of the request.
        id: u32,
        /// Which: "f32", "f16", "q8" or "q4" for products with such weights, "finishes" or "rows".
        part: String,
    },
    /// Time a linear layer (benches only).
    BenchLinear {
        /// Number of the request.
        id: u32,
        /// Tokens.
        tokens: usize,
        /// Output dimension.
        rows: usize,
        /// Input dimension.
        cols: usize,
        /// Precision of the weight: "f32", "f16", "q8" or "q4".
        precision: String,
        /// Multiplications in a row before the result is waited for.
        repeats: usize,
        /// Measurements to take.
        samples: usize,
    },
    /// Tokenize texts with the pack's tokenizer (tests only; see tests/e2e).
    Tokenize {
        /// Number of the request.
        id: u32,
        /// Absolute URL of the pack's folder, ending in a slash.
        pack_url: String,
        /// The texts, verbatim.
        texts: Vec<String>,
    },
    /// Stop the request with this number; what was fetched stays.
    Cancel {
        /// Number of the request to stop.
        id: u32,
    },
}

/// What is going on, for the progress bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Opening the GPU and checking the kernels.
    Device,
    /// Fetching the tokenizer and the weights; bytes count.
    Weights,
    /// Reading the tokenizer.
    Tokenizer,
    /// Fetching embedding rows; bytes count.
    Embedding,
    /// Gemma's layers; steps count.
    Model,
    /// The TemporalSAE.
    Sae,
    /// Similarity and statistics.
    Analysis,
}

/// Milliseconds by stage of an analysis. The device works while the next stage is being prepared, so that
/// the last one waits for all, unless [`Request::Analyze`] asked for stages apart.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct StageTimes {
    /// Embedding rows: from memory, storage or host.
    pub embedding_ms: f64,
    /// Gemma's layers.
    pub gemma_ms: f64,
    /// The TemporalSAE.
    pub sae_ms: f64,
    /// Sums and products over the codes, and reading them back.
    pub read_back_ms: f64,
    /// Similarity, statistics and the document.
    pub analysis_ms: f64,
}

/// What the worker runs on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceInfo {
    /// Whether it is WebGPU (else the CPU, in wasm).
    pub webgpu: bool,
    /// The adapter's name, or what the CPU path is.
    pub name: String,
    /// Why it is not WebGPU, or what else the visitor should know.
    pub note: Option<String>,
}

/// Why a request failed, so that the page can offer the right way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The text is empty, too long, or `inf_k` does not fit: change the input.
    Input,
    /// The network or host: retry.
    Network,
    /// The pack's files are wrong: tell who hosts it.
    Pack,
    /// The device failed or was lost: a fresh worker may do better.
    Device,
    /// The model does not fit, or memory ran out: another pack, or fewer other tabs.
    Capacity,
    /// Embedding rows are missing, and the host was not to be asked: ask it, or change the text.
    RowsMissing,
}

/// A tensor that crosses to the page (parity tests).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NamedTensor {
    /// As in `--dump`.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Little-endian f32 in base64.
    pub data: String,
}

/// What the worker answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Response {
    /// The worker is up and has a device.
    Ready {
        /// What it runs on.
        device: DeviceInfo,
        /// Why this browser keeps no files for the page, where it does not.
        storage_note: Option<String>,
    },
    /// Something to know while requests go on: a broken connection, full storage.
    Note {
        /// A sentence.
        text: String,
    },
    /// A step forward.
    Progress {
        /// Number of the request.
        id: u32,
        /// What is going on.
        stage: Stage,
        /// Bytes or steps done.
        done: u64,
        /// Bytes or steps in all.
        total: u64,
    },
    /// The answer: an analysis document as JSON.
    Analysis {
        /// Number of the request.
        id: u32,
        /// The document, compact.
        json: String,
        /// Bytes fetched for this request.
        fetched_bytes: u64,
        /// Milliseconds from the request to the answer, loading included.
        elapsed_ms: f64,
        /// Milliseconds of the model, SAE and analysis alone.
        compute_ms: f64,
        /// Milliseconds by stage.
        stages: StageTimes,
        /// Tokens at the beginning that the text before it had too: Gemma did not compute them again, nor
        /// did the SAE where `inf_k` is the same.
        reused_tokens: usize,
    },
    /// The SAE's attention weights: that part of an analysis document as JSON.
    Attention {
        /// Number of the request.
        id: u32,
        /// The part.
        json: String,
    },
    /// Two texts compared: a comparison document as JSON, as it is exported.
    Comparison {
        /// Number of the request.
        id: u32,
        /// The document.
        json: String,
        /// Milliseconds of model, SAE and analysis of both texts.
        compute_ms: f64,
    },
    /// Tokenizer and weights are kept.
    Downloaded {
        /// Number of the request.
        id: u32,
        /// Their bytes.
        bytes: u64,
    },
    /// The whole embedding is kept.
    EmbeddingKept {
        /// Number of the request.
        id: u32,
        /// Its bytes.
        bytes: u64,
    },
    /// What this worker runs on.
    Diagnostics {
        /// Number of the request.
        id: u32,
        /// A JSON object for people who look into a failure.
        json: String,
    },
    /// The named tensors of a fixture.
    Fixture {
        /// Number of the request.
        id: u32,
        /// In the order asked for.
        tensors: Vec<NamedTensor>,
    },
    /// Every variant of some kernels against the CPU.
    Kernels {
        /// Number of the request.
        id: u32,
        /// Largest relative RMS difference that counts as rounding.
        tolerance: f64,
        /// Kernel, variant and size; relative RMS difference, none where it is not a number.
        checked: Vec<(String, Option<f64>)>,
    },
    /// How long one multiplication took.
    Bench {
        /// Number of the request.
        id: u32,
        /// Milliseconds, one for each sample.
        times_ms: Vec<f64>,
    },
    /// Token ids of texts.
    Tokens {
        /// Number of the request.
        id: u32,
        /// Ids of each text, BOS first, in the order asked for.
        ids: Vec<Vec<u32>>,
    },
    /// The request was stopped as asked.
    Cancelled {
        /// Number of the request.
        id: u32,
    },
    /// The request failed; nothing is lost.
    Failed {
        /// Number of the request; 0 when no request was under way.
        id: u32,
        /// Which way out to offer.
        failure: FailureKind,
        /// A sentence that says what is wrong, where, and what to do.
        message: String,
    },
}

impl Request {
    /// The request's number.
    pub fn id(&self) -> u32 {
        match self {
            Self::Analyze { id, .. }
            | Self::Attention { id, .. }
            | Self::Compare { id, .. }
            | Self::Download { id, .. }
            | Self::KeepEmbedding { id, .. }
            | Self::Diagnostics { id }
            | Self::LoseDevice { id }
            | Self::Fixture { id, .. }
            | Self::Tokenize { id, .. }
            | Self::CheckKernels { id, .. }
            | Self::BenchLinear { id, .. }
            | Self::Cancel { id } => *id,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_survive_the_trip() {
        let request = Request::Analyze {
            id: 3,
            pack_url: "http://x/p/".into(),
            text: "a\u{0}\n".into(),
            inf_k: Some(5),
            rows: RowSource::KeptOnly,
            apart: false,
        };
        assert_eq!(decode::<Request>(&encode(&request)).unwrap(), request);
        assert!(decode::<Response>("{\"kind\":\"no such\"}").is_err());
    }
}
