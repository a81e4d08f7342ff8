//! What a TemporalSAE needs to run, as the manifest carries it.

use serde::{Deserialize, Serialize};

use super::limits::{LAYERS_MAX, check_dimensions};

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

impl SaeConfig {
    /// Checks that the numbers are possible and fit each other.
    ///
    /// # Errors
    /// A sentence without the file's name.
    pub fn check(&self) -> Result<(), String> {
        check_dimensions(&[
            ("dimin", self.dimin),
            ("width", self.width),
            ("n_heads", self.n_heads),
            ("bottleneck_factor", self.bottleneck_factor),
        ])?;
        if self.n_attn_layers > LAYERS_MAX {
            return Err(format!("n_attn_layers is {}, more than {}", self.n_attn_layers, LAYERS_MAX));
        }
        if !self.width.is_multiple_of(self.bottleneck_factor * self.n_heads) {
            return Err(format!(
                "the width {} is no multiple of bottleneck_factor * n_heads = {} * {}",
                self.width, self.bottleneck_factor, self.n_heads
            ));
        }
        match (self.sae_diff_type, self.kval_topk) {
            (NovelCodes::TopK, None) => return Err("sae_diff_type is topk, but kval_topk is missing".to_owned()),
            (NovelCodes::TopK, Some(k)) if k == 0 || k > self.width => {
                return Err(format!("kval_topk is {k}; it must lie between 1 and the width {}", self.width));
            }
            _ => {}
        }
        if !(self.scaling_factor.is_finite() && self.scaling_factor != 0.0) {
            return Err(format!("scaling_factor is {}; it must be a number other than 0", self.scaling_factor));
        }
        Ok(())
    }
}
