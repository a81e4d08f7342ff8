//! What a TemporalSAE needs to run, as the manifest carries it.

use serde::{Deserialize, Serialize};

use super::error::ConfigError;
use super::limits::{check_dimensions, check_layers};

/// How novel codes are chosen (`sae_diff_type` of the authors' module).
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

/// A TemporalSAE (Lubana, Rager et al. 2025); fields are named as in the authors' module.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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
    /// The first [`ConfigError`] found.
    pub fn check(&self) -> Result<(), ConfigError> {
        check_dimensions(&[
            ("dimin", self.dimin),
            ("width", self.width),
            ("n_heads", self.n_heads),
            ("bottleneck_factor", self.bottleneck_factor),
        ])?;
        check_layers("n_attn_layers", self.n_attn_layers)?;
        let (width, bottleneck_factor, n_heads) = (self.width, self.bottleneck_factor, self.n_heads);
        if !width.is_multiple_of(bottleneck_factor * n_heads) {
            return Err(ConfigError::Width { width, bottleneck_factor, n_heads });
        }
        match (self.sae_diff_type, self.kval_topk) {
            (NovelCodes::TopK, None) => return Err(ConfigError::MissingK),
            (NovelCodes::TopK, Some(k)) if k == 0 || k > width => return Err(ConfigError::K { k, width }),
            _ => {}
        }
        if !(self.scaling_factor.is_finite() && self.scaling_factor != 0.0) {
            return Err(ConfigError::ScalingFactor(self.scaling_factor));
        }
        Ok(())
    }
}
