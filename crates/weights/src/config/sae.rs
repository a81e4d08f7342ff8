//! What a TemporalSAE needs to run, as the manifest carries it.

use serde::{Deserialize, Serialize};

/// How novel codes are chosen (`sae_diff_type` of the seed).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NovelCodes {
    /// The k largest of each token.
    TopK,
    /// All positive ones.
    Relu,
    /// None: prediction only.
    Nullify,
}

/// A TemporalSAE (Lubana, Rager et al. 2025); fields are named as in the seed's module.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SaeConfig {
    /// Width of the residual stream it reads, d_model.
    pub dimin: usize,
    /// Number of features.
    pub width: usize,
    /// Heads of each attention layer.
    pub n_heads: usize,
    /// `sae_diff_type`.
    pub sae_diff_type: NovelCodes,
    /// k of [`NovelCodes::TopK`]; may be absent for the others.
    pub kval_topk: Option<usize>,
    /// Whether the encoder is the decoder transposed.
    pub tied_weights: bool,
    /// Attention layers, one after another on what is left to predict.
    pub n_attn_layers: usize,
    /// Queries and keys have width / bottleneck_factor dimensions.
    pub bottleneck_factor: usize,
    /// Factor on the residual stream on the way in.
    pub scaling_factor: f64,
    /// Layer the SAE was trained on, where its configuration says so (`llm.target_layer`).
    pub target_layer: Option<usize>,
}
