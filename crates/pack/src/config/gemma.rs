//! What a Gemma 2 or Gemma 3 text model needs to run, as the manifest carries it.

use serde::{Deserialize, Serialize};

use super::error::ConfigError;
use super::limits::{
    QUERY_SCALAR, RMS_NORM_EPS, ROPE_FACTOR, ROPE_THETA, SOFT_CAP, check_dimensions, check_layers, check_ranges,
};

/// Which of the two families.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GemmaFamily {
    /// Soft-capped attention scores.
    Gemma2,
    /// RMSNorm on queries and keys; two rope bases.
    Gemma3,
}

/// Which tokens a layer's attention reaches.
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
#[serde(deny_unknown_fields)]
pub struct Rope {
    /// Base of the geometric series of wavelengths.
    pub theta: f64,
    /// Linear scaling: positions are divided by this (1 without `rope_scaling`).
    pub factor: f64,
}

/// A Gemma text model; fields are named as in `config.json` where they mean the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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
    /// One entry per layer of the published model.
    pub layer_attention: Vec<Attention>,
    /// Rotary embedding of full layers.
    pub rope_full: Rope,
    /// Rotary embedding of sliding layers (Gemma 2: the same).
    pub rope_sliding: Rope,
    /// RMSNorm on the queries and keys of each head.
    pub qk_norm: bool,
    /// Token that starts every text.
    pub bos_token_id: u32,
}

/// The published pattern: every `period`th layer is full, the others slide.
pub fn every_nth_full(layers: usize, period: usize) -> Vec<Attention> {
    // A period of 0 (an untrusted file) means no full layer.
    let full = |i: usize| period > 0 && (i + 1).is_multiple_of(period);
    (0..layers).map(|i| if full(i) { Attention::Full } else { Attention::Sliding }).collect()
}

impl GemmaConfig {
    /// Divides positions by `factor`: Gemma 3's of full layers only, as in its checkpoints.
    pub fn set_rope_factor(&mut self, factor: f64) {
        self.rope_full.factor = factor;
        if self.family == GemmaFamily::Gemma2 {
            self.rope_sliding.factor = factor;
        }
    }

    /// Checks that the numbers are possible and fit each other.
    ///
    /// # Errors
    /// The first [`ConfigError`] found.
    pub fn check(&self) -> Result<(), ConfigError> {
        check_dimensions(&[
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("num_key_value_heads", self.num_key_value_heads),
            ("head_dim", self.head_dim),
            ("sliding_window", self.sliding_window),
            ("num_attention_heads * head_dim", self.num_attention_heads.saturating_mul(self.head_dim)),
        ])?;
        check_layers("num_hidden_layers", self.num_hidden_layers)?;
        if self.layer_attention.len() != self.num_hidden_layers {
            return Err(ConfigError::LayerTypes { types: self.layer_attention.len(), layers: self.num_hidden_layers });
        }
        if !self.num_attention_heads.is_multiple_of(self.num_key_value_heads) {
            return Err(ConfigError::HeadGroups {
                heads: self.num_attention_heads,
                key_value_heads: self.num_key_value_heads,
            });
        }
        if !self.head_dim.is_multiple_of(2) {
            return Err(ConfigError::OddHead(self.head_dim));
        }
        check_ranges(&[
            ("rms_norm_eps", self.rms_norm_eps, RMS_NORM_EPS),
            ("query_pre_attn_scalar", self.query_pre_attn_scalar, QUERY_SCALAR),
            ("attn_logit_softcapping", self.attn_logit_softcapping.unwrap_or(*SOFT_CAP.start()), SOFT_CAP),
            ("rope_theta of full layers", self.rope_full.theta, ROPE_THETA),
            ("rope factor of full layers", self.rope_full.factor, ROPE_FACTOR),
            ("rope_theta of sliding layers", self.rope_sliding.theta, ROPE_THETA),
            ("rope factor of sliding layers", self.rope_sliding.factor, ROPE_FACTOR),
        ])
    }
}
