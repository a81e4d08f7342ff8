//! Every number of a training run.

use serde::{Deserialize, Serialize};

use lens_pack::config::{ConfigError, NovelCodes, SaeConfig};

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

/// How parameters are initialized.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Init {
    /// As in the authors' module: D and biases as PyTorch draws them.
    Random,
    /// From a sample of residual streams, see [`crate::init`].
    Data,
}

/// A training run. Its serialized names are those of checkpoints, which stay readable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// What is trained.
    pub kind: Kind,
    /// Features per dimension of the residual stream.
    pub width_factor: usize,
    /// Novel codes per token.
    pub k: usize,
    /// Attention heads.
    pub heads: usize,
    /// Queries and keys have width / bottleneck dimensions.
    pub bottleneck: usize,
    /// Tokens to train on in all.
    pub tokens: usize,
    /// Tokens per step.
    #[serde(rename = "batch")]
    pub batch_tokens: usize,
    /// Tokens per context, BOS included.
    pub context: usize,
    /// Peak learning rate.
    #[serde(rename = "rate")]
    pub lr: f64,
    /// Learning rate of the last step, as a share of the peak.
    #[serde(rename = "rate_end")]
    pub lr_final: f64,
    /// Steps over which the learning rate rises.
    #[serde(rename = "warm_up")]
    pub warmup_steps: usize,
    /// Factor on the learning rate of D.
    #[serde(rename = "rate_d")]
    pub lr_mult_decoder: f64,
    /// Factor on the learning rate of v_ctx, c_proj and b.
    #[serde(rename = "rate_attention")]
    pub lr_mult_attention: f64,
    /// Factor on the learning rate of q_target and k_ctx, which with [`Init::Data`] is in
    /// proportion to their initial size; 0 freezes them.
    #[serde(rename = "rate_scores")]
    pub lr_mult_scores: f64,
    /// AdamW's decay of both moments.
    pub betas: [f32; 2],
    /// AdamW's weight decay.
    pub weight_decay: f32,
    /// Largest norm of the gradient of all parameters together.
    #[serde(rename = "clip")]
    pub max_grad_norm: f32,
    /// Weight of the predictable part's own squared error in the loss.
    #[serde(rename = "auxiliary")]
    pub aux_loss_weight: f32,
    /// How parameters are initialized.
    #[serde(rename = "start")]
    pub init: Init,
    /// About the attention score of a code with itself after initialization: one number for all heads, or several, of
    /// which the first belongs to the first heads, and so on, in equal numbers.
    #[serde(rename = "spread", with = "one_or_several")]
    pub init_scores: Vec<f32>,
    /// Share of contexts that change their text in the middle: see [`crate::corpus::joined`].
    #[serde(default)]
    pub joined: f32,
    /// Seed of every random number.
    pub seed: u64,
}

/// Tokens of a step of both recipes.
const BATCH_TOKENS: usize = 1000;

impl Recipe {
    /// The authors' (arXiv 2511.01836): randn, one learning rate, no auxiliary loss.
    pub fn authors(kind: Kind, tokens: usize) -> Self {
        Self {
            lr_final: 0.9,
            warmup_steps: 200,
            lr_mult_decoder: 1.0,
            lr_mult_attention: 1.0,
            lr_mult_scores: 1.0,
            aux_loss_weight: 0.0,
            init: Init::Random,
            ..Self::short(kind, tokens)
        }
    }

    /// For millions of tokens, not billions: predictions come from the initialization and are trained slowly.
    pub fn short(kind: Kind, tokens: usize) -> Self {
        Self {
            kind,
            width_factor: 3,
            k: 64,
            heads: 4,
            bottleneck: 4,
            tokens,
            batch_tokens: BATCH_TOKENS,
            context: 500,
            lr: 1e-3,
            lr_final: 0.05,
            warmup_steps: 30,
            lr_mult_decoder: 10.0,
            lr_mult_attention: 0.05,
            lr_mult_scores: 0.0,
            betas: [0.9, 0.95],
            weight_decay: 1e-4,
            max_grad_norm: 1.0,
            aux_loss_weight: 0.1,
            init: Init::Data,
            init_scores: vec![6.0],
            joined: 0.0,
            seed: 0,
        }
    }

    /// The configuration of the SAE that comes of it, for residual streams of width `d_model`.
    ///
    /// # Errors
    /// [`Error::Recipe`] when the numbers do not fit each other, by the flags of `temporal-lens train`.
    pub fn config(&self, d_model: usize, scaling_factor: f64) -> Result<SaeConfig> {
        let config = SaeConfig {
            dimin: d_model,
            width: d_model.saturating_mul(self.width_factor),
            n_heads: self.heads,
            sae_diff_type: if self.kind == Kind::Predictive { NovelCodes::Nullify } else { NovelCodes::TopK },
            kval_topk: (self.kind != Kind::Predictive).then_some(self.k),
            tied_weights: true,
            n_attn_layers: usize::from(self.kind != Kind::TopK),
            bottleneck_factor: self.bottleneck,
            scaling_factor,
            target_layer: None,
        };
        config.check().map_err(|e| Error::Recipe(by_flags(&e)))?;
        let scores = self.init_scores.len();
        if scores == 0
            || !self.heads.is_multiple_of(scores)
            || self.init_scores.iter().any(|score| !score.is_finite() || *score <= 0.0)
        {
            return Err(Error::Recipe(format!(
                "--init-score takes one positive number, or so many that {} heads divide evenly among them",
                self.heads
            )));
        }
        if !(0.0..=1.0).contains(&self.joined) {
            return Err(Error::Recipe(format!(
                "--joined is a share of contexts, from 0 to 1, and not {}",
                self.joined
            )));
        }
        let numbers = [
            ("--lr", self.lr),
            ("--lr-final", self.lr_final),
            ("--lr-mult-decoder", self.lr_mult_decoder),
            ("--lr-mult-attention", self.lr_mult_attention),
            ("--lr-mult-scores", self.lr_mult_scores),
            ("--beta-1", f64::from(self.betas[0])),
            ("--beta-2", f64::from(self.betas[1])),
            ("--weight-decay", f64::from(self.weight_decay)),
            ("--max-grad-norm", f64::from(self.max_grad_norm)),
            ("--aux-loss-weight", f64::from(self.aux_loss_weight)),
        ];
        if let Some((name, value)) = numbers.iter().find(|(_, value)| !value.is_finite() || *value < 0.0) {
            return Err(Error::Recipe(format!("{name} is {value}; it must be a number, 0 or above")));
        }
        if self.max_grad_norm == 0.0 {
            return Err(Error::Recipe(
                "--max-grad-norm is 0, which makes every gradient 0; a large number leaves gradients as they are"
                    .to_owned(),
            ));
        }
        if self.betas.iter().any(|beta| *beta >= 1.0) {
            return Err(Error::Recipe("--beta-1 and --beta-2 must lie below 1".to_owned()));
        }
        if self.batch_tokens == 0 || self.tokens == 0 {
            return Err(Error::Recipe("--tokens and --batch-tokens must be at least 1".to_owned()));
        }
        // A run of fewer tokens than a step usually has is one step.
        if self.batch_tokens > self.tokens.max(BATCH_TOKENS) {
            let (batch, tokens) = (self.batch_tokens, self.tokens);
            return Err(Error::Recipe(format!("--batch-tokens is {batch}, more than the {tokens} tokens of the run")));
        }
        Ok(config)
    }

    /// Steps in all.
    pub fn steps(&self) -> usize {
        self.tokens.div_ceil(self.batch_tokens)
    }

    /// Learning rate of step `step`, counted from 0, before the factors of the groups: a straight
    /// rise, then half a cosine.
    pub fn lr_at(&self, step: usize) -> f64 {
        if step < self.warmup_steps {
            return self.lr * (step + 1) as f64 / self.warmup_steps as f64;
        }
        let span = self.steps().saturating_sub(self.warmup_steps).max(1);
        let done = ((step - self.warmup_steps) as f64 / span as f64).min(1.0);
        let low = self.lr * self.lr_final;
        low + (self.lr - low) * 0.5 * (1.0 + (std::f64::consts::PI * done).cos())
    }

    /// Factor on the learning rate of the parameter `name`.
    pub fn lr_mult(&self, name: &str) -> f64 {
        if name == "D" {
            self.lr_mult_decoder
        } else if name.contains("q_target") || name.contains("k_ctx") {
            self.lr_mult_scores
        } else {
            self.lr_mult_attention
        }
    }
}

/// What is wrong with a configuration, by the flags that its numbers come from.
fn by_flags(error: &ConfigError) -> String {
    match error {
        ConfigError::Dimension { name, value, max } => {
            let flag = match *name {
                "width" => "the width (--width-factor times the residual stream's dimensions)",
                "n_heads" => "--heads",
                "bottleneck_factor" => "--bottleneck",
                other => other,
            };
            format!("{flag} is {value}; it must lie between 1 and {max}")
        }
        ConfigError::Width { width, bottleneck_factor, n_heads } => {
            format!(
                "the width {width} is not a multiple of --bottleneck times --heads, {bottleneck_factor} * {n_heads}"
            )
        }
        ConfigError::K { k, width } => format!("--k is {k}; it must lie between 1 and the width {width}"),
        other => other.to_string(),
    }
}

/// A list whose lists of one number are written as that number: the form that checkpoints had when there was only one.
mod one_or_several {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrSeveral {
        One(f32),
        Several(Vec<f32>),
    }

    pub(super) fn serialize<S: Serializer>(values: &[f32], serializer: S) -> Result<S::Ok, S::Error> {
        match values {
            [one] => one.serialize(serializer),
            several => several.serialize(serializer),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f32>, D::Error> {
        Ok(match OneOrSeveral::deserialize(deserializer)? {
            OneOrSeveral::One(one) => vec![one],
            OneOrSeveral::Several(several) => several,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_of_one_score_stays_readable_and_several_come_back() -> serde_json::Result<()> {
        let recipe = Recipe::short(Kind::Temporal, 1000);
        let mut written = serde_json::to_value(&recipe)?;
        assert_eq!(written["spread"], 6.0, "as before there were several");
        if let Some(fields) = written.as_object_mut() {
            fields.remove("joined");
        }
        assert_eq!(serde_json::from_value::<Recipe>(written)?, recipe);
        let two = Recipe { init_scores: vec![1.0, 12.0], joined: 0.5, ..recipe };
        assert_eq!(serde_json::from_str::<Recipe>(&serde_json::to_string(&two)?)?, two);
        Ok(())
    }

    #[test]
    fn numbers_that_fit_no_heads_are_refused() {
        let recipe = |init_scores: &[f32], joined| Recipe {
            init_scores: init_scores.to_vec(),
            joined,
            ..Recipe::short(Kind::Temporal, 1000)
        };
        assert!(recipe(&[1.0, 12.0], 0.5).config(64, 1.0).is_ok());
        for (scores, joined) in
            [(&[][..], 0.0), (&[1.0, 2.0, 3.0], 0.0), (&[0.0], 0.0), (&[f32::NAN, 1.0], 0.0), (&[f32::INFINITY], 0.0)]
        {
            assert!(recipe(scores, joined).config(64, 1.0).is_err(), "{scores:?}");
        }
        for lr in [-1e-3, f64::NAN, f64::INFINITY] {
            let refused = Recipe { lr, ..recipe(&[6.0], 0.0) }.config(64, 1.0);
            assert!(refused.is_err_and(|e| e.to_string().starts_with("--lr is")), "{lr}");
        }
        for (wrong, flag) in [
            (Recipe { k: 0, ..recipe(&[6.0], 0.0) }, "--k is 0"),
            (Recipe { k: 193, ..recipe(&[6.0], 0.0) }, "--k is 193"),
            (Recipe { heads: 0, ..recipe(&[6.0], 0.0) }, "--heads is 0"),
            (Recipe { bottleneck: 7, ..recipe(&[6.0], 0.0) }, "--bottleneck times --heads, 7 * 4"),
            (Recipe { bottleneck: 0, ..recipe(&[6.0], 0.0) }, "--bottleneck is 0"),
            (Recipe { width_factor: 0, ..recipe(&[6.0], 0.0) }, "--width-factor"),
            (Recipe { width_factor: usize::MAX, ..recipe(&[6.0], 0.0) }, "--width-factor"),
            (Recipe { lr_mult_decoder: f64::NAN, ..recipe(&[6.0], 0.0) }, "--lr-mult-decoder is NaN"),
            (Recipe { betas: [0.9, 1.5], ..recipe(&[6.0], 0.0) }, "--beta-2"),
            (Recipe { max_grad_norm: 0.0, ..recipe(&[6.0], 0.0) }, "--max-grad-norm is 0"),
            (Recipe { tokens: 0, ..recipe(&[6.0], 0.0) }, "--tokens and --batch-tokens"),
        ] {
            let problem = wrong.config(64, 1.0).unwrap_err().to_string();
            assert!(problem.contains(flag) && !problem.contains('_'), "{flag}: {problem}");
        }
        for joined in [-0.1, 1.1, f32::NAN] {
            assert!(recipe(&[6.0], joined).config(64, 1.0).is_err(), "{joined}");
        }
    }
}
