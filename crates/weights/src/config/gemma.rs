//! What a Gemma 2 or Gemma 3 text model needs to run, as the manifest carries it.

use serde::{Deserialize, Serialize};

/// Which of the two families.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GemmaFamily {
    /// Soft-capped attention scores.
    Gemma2,
    /// RMSNorm on queries and keys; two rope bases.
    Gemma3,
}

/// What a layer's tokens may look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Attention {
    /// Every earlier token.
    Full,
    /// The last `sliding_window` tokens, the current one included.
    Sliding,
}

/// Rotary position embedding of one kind of layer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rope {
    /// Base of the geometric series of wavelengths.
    pub theta: f64,
    /// Linear scaling: positions are divided by this (1 without `rope_scaling`).
    pub factor: f64,
}

/// A Gemma text model; fields are named as in `config.json` where they mean the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GemmaConfig {
    /// Gemma 2 or Gemma 3.
    pub family: GemmaFamily,
    /// Rows of the embedding.
    pub vocab_size: usize,
    /// Width of the residual stream, d_model.
    pub hidden_size: usize,
    /// Width of the feed-forward layer.
    pub intermediate_size: usize,
    /// Layers of the published model; a pack holds the first `layer + 1`.
    pub num_hidden_layers: usize,
    /// Query heads.
    pub num_attention_heads: usize,
    /// Key and value heads, shared by groups of query heads.
    pub num_key_value_heads: usize,
    /// Width of one head.
    pub head_dim: usize,
    /// Added to the mean square in every RMSNorm.
    pub rms_norm_eps: f64,
    /// Attention scores are multiplied by this to the power of -1/2.
    pub query_pre_attn_scalar: f64,
    /// tanh cap on attention scores (Gemma 2: 50).
    pub attn_logit_softcapping: Option<f64>,
    /// Window of [`Attention::Sliding`] layers, in tokens.
    pub sliding_window: usize,
    /// One entry a layer of the published model.
    pub layer_attention: Vec<Attention>,
    /// Rotary embedding of full layers.
    pub rope_full: Rope,
    /// Rotary embedding of sliding layers (Gemma 2: the same).
    pub rope_sliding: Rope,
    /// RMSNorm on queries and keys a head.
    pub qk_norm: bool,
    /// Token that starts every text.
    pub bos_token_id: u32,
}
