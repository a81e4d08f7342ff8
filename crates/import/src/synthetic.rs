//! Checkpoints of true shapes and random weights: what loading and computing cost at full size,
//! measured where the real weights cannot be had. Their results mean nothing.
//!
//! Values are made row by row when they are read, from the tensor's name and the row's number
//! alone: nothing is held in memory, and the same pack comes out on every machine.

use std::collections::BTreeMap;
use std::path::Path;

use lens_pack::config::{GemmaConfig, GemmaFamily, NovelCodes, Rope, SaeConfig, every_nth_full};
use lens_pack::tensor_spec::{EMBEDDING, ENCODER, TensorSpec, gemma_tensors, sae_tensors};

use crate::checkpoint::{GemmaCheckpoint, SaeCheckpoint};
use crate::random_rows::RandomRows;
use crate::sae_config::PublishedSae;
use crate::storage::Storage;
use crate::tensors::{Backing, Located, Tensors};

/// Models whose shapes can be made up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Synthetic {
    /// Gemma-2-2B, and the SAE released for the output of its layer 12.
    Gemma2_2b,
    /// Gemma 3 270M, and an SAE of the bundled one's shape.
    Gemma3_270m,
    /// A Gemma 2 that is packed and run in no time, for tests.
    Tiny,
}

impl Synthetic {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Gemma2_2b, Self::Gemma3_270m, Self::Tiny];

    /// The name of the model whose shape it has.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gemma2_2b => "gemma-2-2b",
            Self::Gemma3_270m => "gemma-3-270m",
            Self::Tiny => "tiny",
        }
    }

    /// The layer whose output the SAE reads.
    pub const fn layer(self) -> usize {
        match self {
            Self::Gemma2_2b | Self::Gemma3_270m => 12,
            Self::Tiny => 2,
        }
    }

    /// The language model's configuration: the published one of the model it is named after.
    pub fn gemma(self) -> GemmaConfig {
        let rope = |theta| Rope { theta, factor: 1.0 };
        let gemma2 = GemmaConfig {
            family: GemmaFamily::Gemma2,
            vocab_size: 256_000,
            hidden_size: 2304,
            intermediate_size: 9216,
            num_hidden_layers: 26,
            num_attention_heads: 8,
            num_key_value_heads: 4,
            head_dim: 256,
            rms_norm_eps: 1e-6,
            query_pre_attn_scalar: 256.0,
            attn_logit_softcapping: Some(50.0),
            sliding_window: 4096,
            layer_attention: every_nth_full(26, 2),
            rope_full: rope(10_000.0),
            rope_sliding: rope(10_000.0),
            qk_norm: false,
            bos_token_id: 2,
        };
        match self {
            Self::Gemma2_2b => gemma2,
            Self::Gemma3_270m => GemmaConfig {
                family: GemmaFamily::Gemma3,
                vocab_size: 262_144,
                hidden_size: 640,
                intermediate_size: 2048,
                num_hidden_layers: 18,
                num_attention_heads: 4,
                num_key_value_heads: 1,
                attn_logit_softcapping: None,
                sliding_window: 512,
                layer_attention: every_nth_full(18, 6),
                rope_full: rope(1_000_000.0),
                qk_norm: true,
                ..gemma2
            },
            Self::Tiny => GemmaConfig {
                vocab_size: 512,
                hidden_size: 64,
                intermediate_size: 160,
                num_hidden_layers: 4,
                num_attention_heads: 4,
                num_key_value_heads: 2,
                head_dim: 16,
                query_pre_attn_scalar: 16.0,
                sliding_window: 8,
                layer_attention: every_nth_full(4, 2),
                ..gemma2
            },
        }
    }

    /// The SAE's configuration.
    pub fn sae(self) -> SaeConfig {
        let released = SaeConfig {
            dimin: 2304,
            width: 9216,
            n_heads: 4,
            sae_diff_type: NovelCodes::TopK,
            kval_topk: Some(192),
            tied_weights: true,
            n_attn_layers: 1,
            bottleneck_factor: 1,
            scaling_factor: 0.006_666_666_67,
            target_layer: Some(self.layer()),
        };
        match self {
            Self::Gemma2_2b => released,
            Self::Gemma3_270m => SaeConfig {
                dimin: 640,
                width: 1920,
                kval_topk: Some(64),
                bottleneck_factor: 4,
                scaling_factor: 0.01,
                ..released
            },
            Self::Tiny => SaeConfig { dimin: 64, width: 192, kval_topk: Some(16), scaling_factor: 0.05, ..released },
        }
    }

    /// Language model and SAE of random weights. `seed` chooses among them.
    pub fn open(self, seed: u64) -> (GemmaCheckpoint, SaeCheckpoint) {
        let (gemma, sae) = (self.gemma(), self.sae());
        let mut shapes = gemma_tensors(&gemma, self.layer());
        shapes.push((EMBEDDING.to_owned(), (gemma.vocab_size, gemma.hidden_size)));
        let gemma_values = self.tensors(seed, shapes, gemma_spread);
        let shapes = sae_tensors(&sae)
            .into_iter()
            // Checkpoints hold the encoder as [d_model, width].
            .map(|(name, (rows, cols))| if name == ENCODER { (name, (cols, rows)) } else { (name, (rows, cols)) })
            .collect();
        let sae_values = self.tensors(seed, shapes, |name, _| sae_spread(&sae, name));
        (
            GemmaCheckpoint {
                config: gemma,
                final_logit_softcapping: None,
                name: Some(self.model_name()),
                claims_tied: Some(true),
                token_list: None,
                tensors: gemma_values,
            },
            SaeCheckpoint {
                published: PublishedSae { config: sae, model_name: Some(self.model_name()), neuronpedia: None },
                tensors: sae_values,
            },
        )
    }

    /// What a pack of it calls its model, so that its results are not taken for the real model's.
    pub fn model_name(self) -> String {
        format!("synthetic {} (random weights)", self.name())
    }

    fn tensors(self, seed: u64, shapes: Vec<TensorSpec>, spread: impl Fn(&str, usize) -> f32) -> Tensors {
        let mut tensors = Tensors::new(Path::new(&self.model_name()));
        let mut spreads = BTreeMap::new();
        for (name, (rows, cols)) in shapes {
            spreads.insert(name.clone(), spread(&name, cols));
            let shape = if rows == 1 { vec![cols] } else { vec![rows, cols] };
            tensors.located.insert(name, Located { file: 0, offset: 0, shape, storage: Ok(Storage::F32), shift: 0.0 });
        }
        tensors.files.push(Backing::Random(RandomRows { seed, spreads }));
        tensors
    }
}

/// Standard deviation of a tensor of Gemma: matrices keep the variance of what they are multiplied
/// with (0.02 at a width of 2304, about what the real ones have), norms are near 1.
fn gemma_spread(name: &str, cols: usize) -> f32 {
    if name.ends_with("norm.weight") { 0.05 } else { 1.0 / (cols as f32).sqrt() }
}

/// Standard deviation of a tensor of the SAE.
///
/// Its codes are of the size of lam = 1 / (4 d_model). Queries and keys make up for it, so that
/// attention scores spread by about 1; biases of values stay below them, so that predictions
/// differ from token to token.
fn sae_spread(config: &SaeConfig, name: &str) -> f32 {
    let width = config.width as f32;
    // Norm of the codes of an input of norm 1 to rows of D of standard deviation 1.
    let codes_norm = (width / 2.0).sqrt() / (4.0 * config.dimin as f32);
    match name.rsplit_once('.') {
        Some((part, "weight")) if part.ends_with("k_ctx") || part.ends_with("q_target") => 1.0 / codes_norm,
        Some((_, "weight")) => 1.0 / width.sqrt(),
        Some((_, "bias")) => 0.1 * codes_norm / width.sqrt(),
        Some((_, "b")) => 0.1 / (config.dimin as f32).sqrt(),
        _ => 1.0,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_the_published_ones() {
        for model in Synthetic::ALL {
            model.gemma().check().unwrap();
            model.sae().check().unwrap();
            assert_eq!(model.gemma().hidden_size, model.sae().dimin);
        }
        let values = |list: Vec<TensorSpec>| list.iter().map(|(_, (r, c))| r * c).sum::<usize>();
        // The released SAE has 361,011,456 parameters.
        assert_eq!(values(sae_tensors(&Synthetic::Gemma2_2b.sae())), 361_011_456);
        // 13 layers of 4 norms, 14.2 M of attention and 63.7 M of feed-forward each, and the final norm.
        let layer = 4 * 2304 + 2304 * 256 * (8 + 4 + 4 + 8) + 3 * 2304 * 9216;
        assert_eq!(values(gemma_tensors(&Synthetic::Gemma2_2b.gemma(), 12)), 13 * layer + 2304);
    }

    #[test]
    fn values_depend_on_seed_name_and_row_alone_and_are_spread_as_documented() {
        let (gemma, sae) = Synthetic::Tiny.open(1);
        let name = "model.layers.1.mlp.up_proj.weight";
        let whole = gemma.tensors.read(name, (160, 64)).unwrap();
        assert_eq!(gemma.tensors.read_rows(name, 7..9).unwrap(), whole[7 * 64..9 * 64]);
        assert_ne!(Synthetic::Tiny.open(2).0.tensors.read(name, (160, 64)).unwrap(), whole);
        assert_ne!(gemma.tensors.read("model.layers.2.mlp.up_proj.weight", (160, 64)).unwrap(), whole);
        let moments = |values: &[f32]| {
            let n = values.len() as f32;
            let mean = values.iter().sum::<f32>() / n;
            (mean, (values.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / n).sqrt())
        };
        let (mean, spread) = moments(&whole);
        assert!(mean.abs() < 0.005 && (spread - 0.125).abs() < 0.004, "{mean} {spread}");
        let (mean, spread) = moments(&sae.tensors.read("sae.D", (192, 64)).unwrap());
        assert!(mean.abs() < 0.03 && (spread - 1.0).abs() < 0.03, "{mean} {spread}");
    }

    #[test]
    fn rows_past_the_end_are_refused() {
        let (gemma, _) = Synthetic::Tiny.open(1);
        assert!(gemma.tensors.read_rows(EMBEDDING, 511..513).is_err());
        assert!(gemma.tensors.read("model.layers.3.mlp.up_proj.weight", (160, 64)).is_err());
    }
}
