//! Every number of a training run.

use serde::{Deserialize, Serialize};

use lens_pack::config::{NovelCodes, SaeConfig};

use crate::{Error, Result};

/// What is trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Predictable and novel codes.
    Temporal,
    /// Novel codes only: a plain TopK SAE of the same width and k.
    TopK,
    /// Predictable codes only.
    Predictive,
}

/// Where parameters start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Start {
    /// As the authors' module: D and biases as PyTorch draws them.
    Random,
    /// From a sample of residual streams, see [`crate::start`].
    Data,
}

/// A training run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// What is trained.
    pub kind: Kind,
    /// Features a dimension of the residual stream.
    pub width_factor: usize,
    /// Novel codes a token.
    pub k: usize,
    /// Attention heads.
    pub heads: usize,
    /// Queries and keys have width / bottleneck dimensions.
    pub bottleneck: usize,
    /// Tokens that are presented in all.
    pub tokens: usize,
    /// Tokens a step.
    pub batch: usize,
    /// Tokens that the networks see together, BOS included.
    pub context: usize,
    /// Learning rate at its highest.
    pub rate: f64,
    /// Learning rate at the end, as a share of the highest.
    pub rate_end: f64,
    /// Steps over which the learning rate rises.
    pub warm_up: usize,
    /// Factor on the learning rate of D.
    pub rate_d: f64,
    /// Factor on the learning rate of v_ctx, c_proj and b.
    pub rate_attention: f64,
    /// Factor on the learning rate of q_target and k_ctx, which with [`Start::Data`] is in
    /// proportion to the size that they start with; 0 keeps them as they start.
    pub rate_scores: f64,
    /// AdamW's decay of both moments.
    pub betas: [f32; 2],
    /// AdamW's weight decay.
    pub weight_decay: f32,
    /// Longest gradient of all parameters together.
    pub clip: f32,
    /// Factor on the predictable part's own squared error.
    pub auxiliary: f32,
    /// Where parameters start.
    pub start: Start,
    /// About the score that a code starts with against itself.
    pub spread: f32,
    /// Seed of every random number.
    pub seed: u64,
}

impl Recipe {
    /// The authors' (arXiv 2511.01836): randn, one learning rate, no auxiliary loss.
    pub fn authors(kind: Kind, tokens: usize) -> Self {
        Self {
            rate_end: 0.9,
            warm_up: 200,
            rate_d: 1.0,
            rate_attention: 1.0,
            rate_scores: 1.0,
            auxiliary: 0.0,
            start: Start::Random,
            ..Self::short(kind, tokens)
        }
    }

    /// For millions of tokens, not billions: what is predicted is set by the start, and learned slowly.
    pub fn short(kind: Kind, tokens: usize) -> Self {
        Self {
            kind,
            width_factor: 3,
            k: 64,
            heads: 4,
            bottleneck: 4,
            tokens,
            batch: 1000,
            context: 500,
            rate: 1e-3,
            rate_end: 0.05,
            warm_up: 30,
            rate_d: 10.0,
            rate_attention: 0.05,
            rate_scores: 0.0,
            betas: [0.9, 0.95],
            weight_decay: 1e-4,
            clip: 1.0,
            auxiliary: 0.1,
            start: Start::Data,
            spread: 6.0,
            seed: 0,
        }
    }

    /// The configuration of the SAE that comes of it, for residual streams of width `d_model`.
    ///
    /// # Errors
    /// [`Error::Recipe`] when the numbers do not fit each other.
    pub fn config(&self, d_model: usize, scaling_factor: f64) -> Result<SaeConfig> {
        let config = SaeConfig {
            dimin: d_model,
            width: d_model * self.width_factor,
            n_heads: self.heads,
            sae_diff_type: if self.kind == Kind::Predictive { NovelCodes::Nullify } else { NovelCodes::TopK },
            kval_topk: (self.kind != Kind::Predictive).then_some(self.k),
            tied_weights: true,
            n_attn_layers: usize::from(self.kind != Kind::TopK),
            bottleneck_factor: self.bottleneck,
            scaling_factor,
            target_layer: None,
        };
        config.check().map_err(|e| Error::Recipe(e.to_string()))?;
        if self.batch == 0 || self.tokens == 0 {
            return Err(Error::Recipe("tokens and batch must be at least 1".to_owned()));
        }
        Ok(config)
    }

    /// Steps in all.
    pub fn steps(&self) -> usize {
        self.tokens.div_ceil(self.batch)
    }

    /// Learning rate of step `step`, counted from 0, before the factors of the groups: a straight
    /// rise, then half a cosine.
    pub fn rate_at(&self, step: usize) -> f64 {
        if step < self.warm_up {
            return self.rate * (step + 1) as f64 / self.warm_up as f64;
        }
        let span = self.steps().saturating_sub(self.warm_up).max(1);
        let done = ((step - self.warm_up) as f64 / span as f64).min(1.0);
        let low = self.rate * self.rate_end;
        low + (self.rate - low) * 0.5 * (1.0 + (std::f64::consts::PI * done).cos())
    }

    /// Factor on the learning rate of the parameter `name`.
    pub fn rate_of(&self, name: &str) -> f64 {
        if name == "D" {
            self.rate_d
        } else if name.contains("q_target") || name.contains("k_ctx") {
            self.rate_scores
        } else {
            self.rate_attention
        }
    }
}
