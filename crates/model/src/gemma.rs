//! Gemma 2 and Gemma 3 text models up to a target layer.
//!
//! Follows transformers' `modeling_gemma2.py` and `modeling_gemma3.py`; fields are named as in the
//! checkpoint. Layers past the target and the LM head are never loaded.

use burn::tensor::Tensor;
use lens_pack::config::{Attention as Reach, GemmaConfig};

use crate::attention::{AttentionOptions, KeysValues, attend};
use crate::kernels::config::KernelConfig;
use crate::linear::Linear;
use crate::norm::RmsNorm;
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
    q_proj: Linear,
    k_proj: Linear,
    v_proj: Linear,
    o_proj: Linear,
    /// Gemma 3: RMSNorm of each head's queries and keys.
    qk_norm: Option<(RmsNorm, RmsNorm)>,
    options: AttentionOptions,
    kernels: KernelConfig,
}

struct Mlp {
    gate_proj: Linear,
    up_proj: Linear,
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
    /// Takes layers 0..=`last_layer` out of `store`.
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
            let Projected { q, k, v } = layer.self_attn.project(normed, &positions, layer.reach);
            let seen = &mut cache.layers[i];
            seen.truncate(positions.first);
            let attended = layer.self_attn.attend(q, seen.push(k, v, cache.reserved), positions.first);
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
            mlp: Mlp::new(config, &format!("{prefix}.mlp"), store)?,
            reach: config.layer_attention[index],
        })
    }
}

/// What a layer's attention makes of new tokens.
struct Projected {
    q: Tensor<2>,
    k: Tensor<2>,
    v: Tensor<2>,
}

impl SelfAttention {
    fn new(config: &GemmaConfig, index: usize, store: &mut WeightStore) -> Result<Self> {
        let prefix = format!("model.layers.{index}.self_attn");
        let d = config.hidden_size;
        let q_width = config.num_attention_heads * config.head_dim;
        let kv_width = config.num_key_value_heads * config.head_dim;
        let kernels = store.device().kernels;
        let qk_norm = if config.qk_norm {
            let mut norm = |name: &str| -> Result<RmsNorm> {
                Ok(RmsNorm::new(
                    store.vector(&format!("{prefix}.{name}.weight"), config.head_dim)?,
                    config.rms_norm_eps,
                    kernels,
                ))
            };
            Some((norm("q_norm")?, norm("k_norm")?))
        } else {
            None
        };
        Ok(Self {
            q_proj: store.linear(&format!("{prefix}.q_proj"), q_width, d)?,
            k_proj: store.linear(&format!("{prefix}.k_proj"), kv_width, d)?,
            v_proj: store.linear(&format!("{prefix}.v_proj"), kv_width, d)?,
            o_proj: store.linear(&format!("{prefix}.o_proj"), d, q_width)?,
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

    fn project(&self, x: Tensor<2>, positions: &Positions, reach: Reach) -> Projected {
        let rotary = match reach {
            Reach::Full => &positions.full,
            Reach::Sliding => &positions.sliding,
        };
        let (q_norm, k_norm) = self.qk_norm.as_ref().map(|(q, k)| (q, k)).unzip();
        let q = rotary.rotate(self.q_proj.forward(x.clone()), q_norm, self.options.heads);
        let k = rotary.rotate(self.k_proj.forward(x.clone()), k_norm, self.options.kv_heads);
        Projected { q, k, v: self.v_proj.forward(x) }
    }

    fn attend(&self, q: Tensor<2>, [k, v]: [Tensor<2>; 2], first: usize) -> Tensor<2> {
        self.o_proj.forward(attend(q, k, v, AttentionOptions { first, ..self.options }, self.kernels))
    }
}

impl Mlp {
    fn new(config: &GemmaConfig, prefix: &str, store: &mut WeightStore) -> Result<Self> {
        let (d, f) = (config.hidden_size, config.intermediate_size);
        Ok(Self {
            gate_proj: store.linear(&format!("{prefix}.gate_proj"), f, d)?,
            up_proj: store.linear(&format!("{prefix}.up_proj"), f, d)?,
            down_proj: store.linear(&format!("{prefix}.down_proj"), d, f)?,
        })
    }

    /// GeGLU with the tanh approximation of GELU.
    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let up = self.up_proj.forward(x.clone());
        self.down_proj.forward(self.gate_proj.weight.linear_gate(x, up))
    }
}
