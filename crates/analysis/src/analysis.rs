//! [`Analysis`]: one text, seen by one model and SAE, as it is in memory. Files are written and read by
//! [`crate::document`].

use serde::{Deserialize, Serialize};

use crate::attention::Attention;
use crate::finite;
use crate::matrix::SymmetricMatrix;
use crate::nan_as_null;
use crate::shuffled::Shuffled;
use crate::source::Source;
use crate::words::{Word, Words};

/// Which model made an analysis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelInfo {
    /// e.g. "google/gemma-3-270m".
    pub name: String,
    /// sha256 of the pack's manifest.
    pub pack_hash: String,
    /// The residual stream is the output of this layer.
    pub layer: usize,
    /// Precision of the pack.
    pub precision: String,
    /// Number of features of the SAE.
    pub width: usize,
    /// Neuronpedia source of the features as "model/source", where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub neuronpedia: Option<String>,
}

/// The feature the notebook looks up: argmax of the novel codes at a token.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Selected {
    /// Token position, by default the last but one.
    pub position: usize,
    /// Feature index.
    pub feature: usize,
    /// Its novel code.
    #[serde(with = "finite")]
    pub value: f32,
}

/// What the notebook prints of the similarity matrix.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SimilarityStats {
    /// Smallest entry.
    #[serde(with = "nan_as_null")]
    pub min: f32,
    /// Largest entry.
    #[serde(with = "nan_as_null")]
    pub max: f32,
    /// Mean of all entries.
    #[serde(with = "nan_as_null")]
    pub mean: f32,
}

/// A code that is not zero.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FeatureCode {
    /// Feature index.
    pub feature: usize,
    /// Its code.
    #[serde(with = "finite")]
    pub value: f32,
}

/// A part of the text about one thing. The events of a text cover all its tokens but BOS, without gaps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Position of its first token.
    pub first: usize,
    /// Position of its last token.
    pub last: usize,
    /// Position from which the predictable part expects this event; `first` or later.
    pub expectation_from: usize,
    /// What it is about: the readout of the mean residual stream of its tokens, at most 12 words, best first; empty
    /// where words were not asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<Word>,
    /// What was expected in it: the readout of the mean predictable part of its tokens, at most 12 words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expected: Vec<Word>,
    /// Mean cosine similarity between the unembedding rows of its words, where it has words.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "finite::optional")]
    pub coherence: Option<f32>,
    /// Whether its words do not cohere, so that they are no description of it.
    #[serde(default)]
    pub unclear: bool,
}

/// A token that another one's prediction was taken from.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TokenSource {
    /// Position of the earlier token.
    pub position: usize,
    /// Its share of the SAE's attention, the mean over layers and heads.
    #[serde(with = "finite")]
    pub weight: f32,
}

/// Squared norms of each token's vectors [T]: what the reconstruction explains, and by which part.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Energy {
    /// The residual stream.
    #[serde(with = "finite::list")]
    pub residual: Vec<f32>,
    /// The reconstruction's error.
    #[serde(with = "finite::list")]
    pub error: Vec<f32>,
    /// The predictable part of the reconstruction.
    #[serde(with = "finite::list")]
    pub predictable: Vec<f32>,
    /// The novel part of the reconstruction.
    #[serde(with = "finite::list")]
    pub novel: Vec<f32>,
}

/// Centered Gram matrices [T, T] of the four sources. All views follow from them: cosine similarity in
/// every mode, distances for UMAP, PCA, effective rank, cosines of spans.
#[derive(Debug, Clone, PartialEq)]
pub struct Grams {
    /// Predictable codes.
    pub predictable: SymmetricMatrix,
    /// Novel codes.
    pub novel: SymmetricMatrix,
    /// Their sum.
    pub total: SymmetricMatrix,
    /// Residual stream.
    pub residual: SymmetricMatrix,
}

impl Grams {
    /// One matrix for each of [`Source::ALL`], in that order.
    pub fn from_sources([predictable, novel, total, residual]: [SymmetricMatrix; 4]) -> Self {
        Self { predictable, novel, total, residual }
    }

    /// The matrix of a source.
    pub fn of(&self, source: Source) -> &SymmetricMatrix {
        match source {
            Source::Predictable => &self.predictable,
            Source::Novel => &self.novel,
            Source::Total => &self.total,
            Source::Residual => &self.residual,
        }
    }
}

/// The answer: one text, seen by one model and SAE. T is the number of tokens, BOS included.
#[derive(Debug, Clone, PartialEq)]
pub struct Analysis {
    /// The text, verbatim.
    pub text: String,
    /// Which model made it.
    pub model: ModelInfo,
    /// `inf_k` where it was set: novel codes kept per token instead of the SAE's own k.
    pub inf_k: Option<usize>,
    /// Token ids [T].
    pub token_ids: Vec<u32>,
    /// Token strings [T], as the tokenizer's vocabulary spells them.
    pub tokens: Vec<String>,
    /// 1 - mean squared error / variance over all tokens but BOS, the notebook's formula.
    pub variance_explained: f32,
    /// Novel codes that are not zero, per token [T].
    pub l0_novel: Vec<usize>,
    /// Predictable codes that are not zero, per token [T].
    pub l0_pred: Vec<usize>,
    /// Total codes that are not zero, per token [T].
    pub l0_total: Vec<usize>,
    /// The selected feature; none when the novel codes are all zero there.
    pub selected: Option<Selected>,
    /// Statistics of the similarity of predictable codes, BOS included.
    pub similarity_stats: SimilarityStats,
    /// The strongest novel codes of each token, strongest first [T].
    pub novel_top: Vec<Vec<FeatureCode>>,
    /// The strongest predictable codes of each token by magnitude, with their signs [T], where they are known.
    pub pred_top: Option<Vec<Vec<FeatureCode>>>,
    /// The tokens that each token's prediction was taken from most, strongest first [T][at most 5], where they are
    /// known. BOS counts, the empty context before it does not.
    pub sources: Option<Vec<Vec<TokenSource>>>,
    /// The text's events in order, at least one, where they are known.
    pub events: Option<Vec<Event>>,
    /// Readouts in words, where they were asked for.
    pub words: Option<Words>,
    /// The model's surprise at each token, in nats, as seen from the target layer through the pack's fitted lens [T];
    /// NaN at BOS and at the token after it.
    pub surprise: Option<Vec<f32>>,
    /// Statistics next to those of shuffled orders, where they were asked for.
    pub shuffled: Option<Shuffled>,
    /// Squared norms, where they are known.
    pub energy: Option<Energy>,
    /// The SAE's attention weights, where they are known.
    pub attention: Option<Attention>,
    /// Gram matrices, where they are known.
    pub grams: Option<Grams>,
    /// Cosine similarity of predictable codes [T, T], row-major, where it does not follow from the Gram
    /// matrix: of files that have none, or say something else.
    pub saved_similarity: Option<Vec<f32>>,
}
