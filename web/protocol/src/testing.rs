//! What only tests, benches and the page of speeds ask of a worker, and its answers: see tests/e2e, tests/bench and
//! web/speed.

use serde::{Deserialize, Serialize};

/// What a test or a bench asks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TestRequest {
    /// Lose the GPU device as a driver reset would.
    LoseDevice {
        /// Number of the request; nothing answers it but the loss.
        id: u32,
    },
    /// Analyze a text as [`crate::Request::Analyze`] does, and wait for the device between the stages, so that their times
    /// are their own. Answered by [`crate::Response::Analysis`].
    AnalyzeInStages {
        /// Number of the request.
        id: u32,
        /// Absolute URL of the pack's folder, ending in a slash.
        pack_url: String,
        /// The text, verbatim.
        text: String,
    },
    /// Run a parity fixture and return the named tensors.
    Fixture {
        /// Number of the request.
        id: u32,
        /// Absolute URL of a pack folder made from a fixture.
        pack_url: String,
        /// Token ids, BOS included.
        token_ids: Vec<u32>,
        /// Names of the tensors wanted, as `temporal-lens analyze --dump` names them.
        tensors: Vec<String>,
        /// Novel codes to keep per token.
        inf_k: Option<usize>,
    },
    /// Compare every variant of some kernels with the CPU.
    CheckKernels {
        /// Number of the request.
        id: u32,
        /// Which: "f32", "f16", "q8" or "q4" for products with such weights, "finishes" or "rows".
        part: String,
    },
    /// Time a linear layer.
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
    /// Time analyses by a pack's networks with zeros for weights: of its files the manifest alone is fetched.
    Speed {
        /// Number of the request.
        id: u32,
        /// Absolute URL of the pack's folder, ending in a slash.
        pack_url: String,
        /// Tokens of each text.
        tokens: Vec<usize>,
        /// Analyses of each text after the first, which compiles kernels.
        samples: usize,
    },
    /// Tokenize texts with the pack's tokenizer.
    Tokenize {
        /// Number of the request.
        id: u32,
        /// Absolute URL of the pack's folder, ending in a slash.
        pack_url: String,
        /// The texts, verbatim.
        texts: Vec<String>,
    },
}

impl TestRequest {
    /// The request's number.
    pub fn id(&self) -> u32 {
        match self {
            Self::LoseDevice { id }
            | Self::AnalyzeInStages { id, .. }
            | Self::Fixture { id, .. }
            | Self::Tokenize { id, .. }
            | Self::Speed { id, .. }
            | Self::CheckKernels { id, .. }
            | Self::BenchLinear { id, .. } => *id,
        }
    }
}

/// A tensor that comes as a buffer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NamedTensor {
    /// As in `--dump`.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
}

/// What the worker answers to tests and benches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TestResponse {
    /// The named tensors of a fixture. Buffers: their values as f32, one for each.
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
    /// How long the networks of a pack take.
    Speed {
        /// Number of the request.
        id: u32,
        /// Milliseconds to bring weights of this size onto the device.
        load_ms: f64,
        /// Milliseconds of each analysis, from embedding rows to what is read back; the first compiles kernels. A list for
        /// each text.
        times_ms: Vec<Vec<f64>>,
    },
    /// Token ids of texts.
    Tokens {
        /// Number of the request.
        id: u32,
        /// Ids of each text, BOS first, in the order asked for.
        ids: Vec<Vec<u32>>,
    },
}
