//! The fields of an analysis's file as they are read, before anything is checked.

use serde::{Deserialize, Serialize};

use crate::analysis::{Energy, Event, FeatureCode, ModelInfo, Selected, SimilarityStats, TokenSource};
use crate::document::triangle::{AttentionRead, GramsRead};
use crate::nan_as_null;
use crate::shuffled::Shuffled;
use crate::words::Words;

/// An entry of a matrix; null for what is not finite.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Entry(#[serde(with = "nan_as_null")] pub(super) f32);

/// The fields of a file as they were read.
#[derive(Deserialize)]
pub(super) struct AnalysisRead<'a> {
    pub(super) format: String,
    pub(super) text: String,
    pub(super) model: ModelInfo,
    #[serde(default)]
    pub(super) inf_k: Option<usize>,
    pub(super) token_ids: Vec<u32>,
    pub(super) tokens: Vec<String>,
    #[serde(with = "nan_as_null")]
    pub(super) variance_explained: f32,
    pub(super) l0_novel: Vec<usize>,
    pub(super) l0_pred: Vec<usize>,
    pub(super) l0_total: Vec<usize>,
    pub(super) selected: Option<Selected>,
    #[serde(default)]
    pub(super) similarity: Vec<Vec<Entry>>,
    pub(super) similarity_stats: SimilarityStats,
    pub(super) novel_top: Vec<Vec<FeatureCode>>,
    #[serde(default)]
    pub(super) pred_top: Option<Vec<Vec<FeatureCode>>>,
    #[serde(default)]
    pub(super) sources: Option<Vec<Vec<TokenSource>>>,
    #[serde(default)]
    pub(super) events: Option<Vec<Event>>,
    #[serde(default)]
    pub(super) words: Option<Words>,
    #[serde(default)]
    pub(super) surprise: Option<Vec<Entry>>,
    #[serde(default)]
    pub(super) shuffled: Option<Shuffled>,
    #[serde(default)]
    pub(super) energy: Option<Energy>,
    #[serde(default, borrow)]
    pub(super) attention: Option<AttentionRead<'a>>,
    #[serde(default, borrow)]
    pub(super) grams: Option<GramsRead<'a>>,
}
