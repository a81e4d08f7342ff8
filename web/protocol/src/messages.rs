//! What the page asks, and what its worker answers. In JSON a message is an object of one field, whose name is its kind: a
//! field "kind" among the others would have serde compile the reader of every type twice.

use lens_analysis::Analysis;
use lens_analysis::shuffled::Shuffled;
use serde::{Deserialize, Serialize};

/// Where embedding rows may come from that are not here yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowSource {
    /// The pack's host, which learns from the request which tokens the text has.
    #[default]
    Host,
    /// Nowhere: a text with rows that this browser does not store fails as [`FailureKind::RowsMissing`].
    StoredOnly,
}

/// What the page asks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Load the pack at `pack_url` if it is not loaded, then analyze `text`.
    Analyze {
        /// Number of the request.
        id: u32,
        /// Absolute URL of the pack's folder, ending in a slash.
        pack_url: String,
        /// The text, verbatim.
        text: String,
        /// Novel codes to keep per token, instead of the SAE's own k.
        inf_k: Option<usize>,
        /// Where missing embedding rows may come from.
        #[serde(default)]
        rows: RowSource,
        /// Answer in words, too, where the pack has any: fetched when they are first asked for.
        #[serde(default)]
        words: bool,
    },
    /// The SAE's attention weights over a text: at once for the one that was analyzed last.
    Attention {
        /// Number of the request.
        id: u32,
        /// Absolute URL of the pack's folder, ending in a slash.
        pack_url: String,
        /// The text, verbatim.
        text: String,
        /// Novel codes kept per token, as in the analysis; the weights do not depend on it.
        inf_k: Option<usize>,
    },
    /// The text's statistics next to those of its tokens in other orders.
    Shuffled {
        /// Number of the request.
        id: u32,
        /// Absolute URL of the pack's folder, ending in a slash.
        pack_url: String,
        /// The text, verbatim.
        text: String,
        /// Novel codes kept per token, as in the analysis.
        inf_k: Option<usize>,
        /// Whether the analysis is in words: orders are read in words, too.
        words: bool,
        /// Orders of the whole text, and as many within each event.
        orders: u16,
    },
    /// Load the pack at `pack_url` if it is not loaded, then analyze two texts and compare them.
    Compare {
        /// Number of the request.
        id: u32,
        /// Absolute URL of the pack's folder, ending in a slash.
        pack_url: String,
        /// The texts with their `inf_k`.
        texts: [(String, Option<usize>); 2],
    },
    /// Fetch and store tokenizer and weights of the pack at `pack_url`; nothing is computed.
    Download {
        /// Number of the request.
        id: u32,
        /// Absolute URL of the pack's folder, ending in a slash.
        pack_url: String,
        /// Also what readouts in words are spelled with, where the pack has it.
        words: bool,
    },
    /// Store the whole embedding of the pack at `pack_url`, so that no text asks its host for rows.
    StoreEmbedding {
        /// Number of the request.
        id: u32,
        /// Absolute URL of the pack's folder, ending in a slash.
        pack_url: String,
    },
    /// What this worker runs on and how much memory it uses.
    Diagnostics {
        /// Number of the request.
        id: u32,
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
pub enum RequestStage {
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
    /// Fetching the pack's words; bytes count.
    Words,
    /// Reading the tokens in other orders; orders count.
    Orders,
}

/// Milliseconds by stage of an analysis. The device works while the next stage is being prepared, so that
/// the last one waits for all, unless [`Request::Analyze`] asked to wait between the stages.
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
    /// Statistics, and writing the answer.
    pub analysis_ms: f64,
}

/// What a worker is asked to run on: its name when it is started. Without one the faster device is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeviceWish {
    /// WebGPU, on whatever adapter there is.
    Webgpu,
    /// The CPU, in wasm.
    Cpu,
}

impl DeviceWish {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Webgpu, Self::Cpu];

    /// Its name.
    pub fn key(self) -> &'static str {
        match self {
            Self::Webgpu => "webgpu",
            Self::Cpu => "cpu",
        }
    }

    /// The one of this name.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|wish| wish.key() == key)
    }
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
    /// Whether it is the CPU because that answers sooner than the adapter that there is.
    pub was_preferred: bool,
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

/// What the worker answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Response {
    /// The worker is up and has a device.
    Ready {
        /// What it runs on.
        device: DeviceInfo,
        /// Why this browser stores no files for the page, where it does not.
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
        stage: RequestStage,
        /// Bytes or steps done.
        done: u64,
        /// Bytes or steps in all.
        total: u64,
    },
    /// The answer. Buffers: [`crate::buffers::analysis`].
    Analysis {
        /// Number of the request.
        id: u32,
        /// All but its matrices.
        #[serde(with = "lens_analysis::document::header")]
        analysis: Box<Analysis>,
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
    /// The SAE's attention weights. Buffers: [`crate::buffers::attention`].
    Attention {
        /// Number of the request.
        id: u32,
        /// Attention layers of the SAE.
        layers: usize,
        /// Heads of each.
        heads: usize,
        /// Tokens of the text, T.
        tokens: usize,
    },
    /// The text's statistics next to those of other orders.
    Shuffled {
        /// Number of the request.
        id: u32,
        /// The statistics.
        shuffled: Shuffled,
    },
    /// Two texts compared. Buffers: [`crate::buffers::comparison`].
    Comparison {
        /// Number of the request.
        id: u32,
        /// The first text, all but its matrices.
        #[serde(with = "lens_analysis::document::header")]
        first: Box<Analysis>,
        /// The second text, all but its matrices.
        #[serde(with = "lens_analysis::document::header")]
        second: Box<Analysis>,
        /// Milliseconds of model, SAE and analysis of both texts.
        compute_ms: f64,
    },
    /// Tokenizer and weights are stored.
    Downloaded {
        /// Number of the request.
        id: u32,
        /// Their bytes.
        bytes: u64,
    },
    /// The whole embedding is stored.
    EmbeddingStored {
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
        facts: serde_json::Value,
    },
    /// The request was stopped as asked.
    Canceled {
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
            | Self::Shuffled { id, .. }
            | Self::Compare { id, .. }
            | Self::Download { id, .. }
            | Self::StoreEmbedding { id, .. }
            | Self::Diagnostics { id }
            | Self::Cancel { id } => *id,
        }
    }
}
