//! Gemma 2 and Gemma 3 text models up to a target layer.
//!
//! Follows transformers' `modeling_gemma2.py` and `modeling_gemma3.py`; fields are named as in the
//! checkpoint. Layers past the target and the LM head are never loaded.

use burn::tensor::Tensor;
use lens_pack::config::{Attention as Reach, GemmaConfig};
use lens_pack::tensor_spec::{GATE_UP, QKV, gemma_joined, qkv_rows};

use crate::attention::{AttentionOptions, KeysValues, attend};
use crate::kernels::config::KernelConfig;
use crate::linear::Linear;
use crate::norm::{HeadNorms, RmsNorm};
use crate::rope::RotaryTable;
use crate::{ComputeDevice, Result, WeightStore};

/// The first layers of a Gemma model.
pub struct Gemma {
    config: GemmaConfig,
    layers: Vec<Layer>,
    device: ComputeDevice,
}

struct Layer {
    input_layernorm: RmsNorm,
    self_attn: SelfAttention,
    post_attention_layernorm: RmsNorm,
    pre_feedforward_layernorm: RmsNorm,
    mlp: Mlp,
    post_feedforward_layernorm: RmsNorm,
    reach: Reach,
}

struct SelfAttention {
    /// Queries, keys and values as one product.
    qkv_proj: Linear,
    o_proj: Linear,
    /// RMSNorm of each head's queries and keys, where the model has them (Gemma 3).
    qk_norm: HeadNorms,
    options: AttentionOptions,
    kernels: KernelConfig,
}

struct Mlp {
    /// The gate's rows, then up's.
    gate_up_proj: Linear,
    down_proj: Linear,
}

/// What depends only on the tokens' positions: the rotations of both kinds of layer.
struct Positions {
    first: usize,
    full: RotaryTable,
    sliding: RotaryTable,
}

/// Keys and values of every layer for the tokens seen so far. Gemma is causal: they do not change
/// when later tokens do.
#[derive(Debug, Clone, Default)]
pub struct GemmaCache {
    layers: Vec<KeysValues>,
    tokens: usize,
    reserved: usize,
}

impl GemmaCache {
    /// Tokens seen so far.
    pub fn tokens(&self) -> usize {
        self.tokens
    }

    /// Drops all but the first `tokens`.
    pub fn truncate(&mut self, tokens: usize) {
        self.tokens = self.tokens.min(tokens);
    }

    /// Makes capacity for `tokens` in all, once, with the next ones that come.
    pub fn reserve(&mut self, tokens: usize) {
        self.reserved = tokens;
    }
}

impl Gemma {
    /// An empty store that joins the tensors of layers 0..=`last_layer` as [`Self::new`] takes them.
    pub fn store(config: &GemmaConfig, last_layer: usize, device: impl Into<ComputeDevice>) -> WeightStore {
        WeightStore::joining(device, gemma_joined(config, last_layer))
    }

    /// Takes layers 0..=`last_layer` out of `store`, made by [`Self::store`].
    ///
    /// # Errors
    /// A missing tensor, or one whose shape does not fit `config`.
    pub fn new(config: &GemmaConfig, last_layer: usize, store: &mut WeightStore) -> Result<Self> {
        let layers = (0..=last_layer).map(|i| Layer::new(config, i, store)).collect::<Result<_>>()?;
        Ok(Self { config: config.clone(), layers, device: store.device().clone() })
    }

    /// Number of layers that run.
    pub fn num_layers(&self) -> usize {
        self.layers.len()
    }

    /// The residual stream of the tokens that follow those in `cache`, from their raw embedding
    /// rows [T, d_model]: after every layer handed to `after_layer` with the layer's index, the last
    /// one returned, [T, d_model].
    ///
    /// The embedding is scaled by sqrt(d_model), in f32.
    pub fn extend(
        &self,
        embedding_rows: Tensor<2>,
        cache: &mut GemmaCache,
        mut after_layer: impl FnMut(usize, &Tensor<2>),
    ) -> Tensor<2> {
        let tokens = embedding_rows.dims()[0];
        let positions = self.positions(cache.tokens, tokens);
        cache.layers.resize_with(self.layers.len(), KeysValues::default);
        let mut hidden = embedding_rows * f64::from((self.config.hidden_size as f32).sqrt());
        let mut normed = self.layers[0].input_layernorm.forward(hidden.clone());
        for (i, layer) in self.layers.iter().enumerate() {
            let seen = &mut cache.layers[i];
            seen.truncate(positions.first);
            let attended = layer.self_attn.forward(normed, &positions, layer.reach, seen, cache.reserved);
            let (after, before_mlp) =
                layer.post_attention_layernorm.add_then(hidden, attended, &layer.pre_feedforward_layernorm);
            let fed = layer.mlp.forward(before_mlp);
            // After the last layer nothing follows: any norm will do.
            let next = &self.layers.get(i + 1).unwrap_or(layer).input_layernorm;
            (hidden, normed) = layer.post_feedforward_layernorm.add_then(after, fed, next);
            after_layer(i, &hidden);
        }
        cache.tokens = positions.first + tokens;
        hidden
    }

    fn positions(&self, first: usize, tokens: usize) -> Positions {
        let c = &self.config;
        let table = |rope| RotaryTable::new(rope, c.head_dim, first, tokens, &self.device);
        Positions { first, full: table(c.rope_full), sliding: table(c.rope_sliding) }
    }
}

impl Layer {
    fn new(config: &GemmaConfig, index: usize, store: &mut WeightStore) -> Result<Self> {
        let prefix = format!("model.layers.{index}");
        let d = config.hidden_size;
        let kernels = store.device().kernels;
        let mut norm = |name: &str| -> Result<RmsNorm> {
            Ok(RmsNorm::new(store.vector(&format!("{prefix}.{name}.weight"), d)?, config.rms_norm_eps, kernels))
        };
        Ok(Self {
            input_layernorm: norm("input_layernorm")?,
            post_attention_layernorm: norm("post_attention_layernorm")?,
            pre_feedforward_layernorm: norm("pre_feedforward_layernorm")?,
            post_feedforward_layernorm: norm("post_feedforward_layernorm")?,
            self_attn: SelfAttention::new(config, index, store)?,
            mlp: Mlp::new(config, &prefix, store)?,
            reach: config.layer_attention[index],
        })
    }
}

impl SelfAttention {
    fn new(config: &GemmaConfig, index: usize, store: &mut WeightStore) -> Result<Self> {
        let prefix = format!("model.layers.{index}");
        let d = config.hidden_size;
        let [q_width, k_width, v_width] = qkv_rows(config);
        let kernels = store.device().kernels;
        let qk_norm = if config.qk_norm {
            let mut weight = |name: &str| store.vector(&format!("{prefix}.self_attn.{name}.weight"), config.head_dim);
            HeadNorms::new(weight("q_norm")?, weight("k_norm")?, config.rms_norm_eps)
        } else {
            HeadNorms::none(config.head_dim, &store.device().burn)
        };
        Ok(Self {
            qkv_proj: store.linear(&format!("{prefix}.{}", QKV), q_width + k_width + v_width, d)?,
            o_proj: store.linear(&format!("{prefix}.self_attn.o_proj"), d, q_width)?,
            qk_norm,
            options: AttentionOptions {
                scale: config.query_pre_attn_scalar.powf(-0.5) as f32,
                soft_cap: config.attn_logit_softcapping.map(|cap| cap as f32),
                window: (config.layer_attention[index] == Reach::Sliding).then_some(config.sliding_window),
                heads: config.num_attention_heads,
                kv_heads: config.num_key_value_heads,
                first: 0,
            },
            kernels,
        })
    }

    /// Of the normed tokens `x` [T, d_model] that follow those of `seen`, which gets their keys and values.
    fn forward(
        &self,
        x: Tensor<2>,
        positions: &Positions,
        reach: Reach,
        seen: &mut KeysValues,
        reserved: usize,
    ) -> Tensor<2> {
        let rotary = match reach {
            Reach::Full => &positions.full,
            Reach::Sliding => &positions.sliding,
        };
        let options = AttentionOptions { first: positions.first, ..self.options };
        let qkv = self.qkv_proj.forward(x);
        let (q, [k, v]) = rotary.rotate_append(qkv, &self.qk_norm, [options.heads, options.kv_heads], seen, reserved);
        self.o_proj.forward(attend(q, k, v, options, self.kernels))
    }
}

impl Mlp {
    fn new(config: &GemmaConfig, prefix: &str, store: &mut WeightStore) -> Result<Self> {
        let (d, f) = (config.hidden_size, config.intermediate_size);
        Ok(Self {
            gate_up_proj: store.linear(&format!("{prefix}.{}", GATE_UP), 2 * f, d)?,
            down_proj: store.linear(&format!("{prefix}.mlp.down_proj"), d, f)?,
        })
    }

    /// GeGLU with the tanh approximation of GELU.
    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        self.down_proj.forward(self.gate_up_proj.weight.linear_gate(x))
    }
}
