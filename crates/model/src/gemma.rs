//! Gemma 2 and Gemma 3 text models up to a target layer.
//!
//! Follows transformers' `modeling_gemma2.py` and `modeling_gemma3.py`; fields are named as in the
//! checkpoint. Layers past the target and the LM head are never loaded.

use burn::backend::Dispatch;
use burn::tensor::{Device, Tensor};
use lens_weights::config::{Attention as Reach, GemmaConfig};

use crate::attention::{AttentionOptions, attend, merge_heads, split_heads};
use crate::kernels::LensOps;
use crate::linear::Linear;
use crate::norm::RmsNorm;
use crate::rope::RotaryTable;
use crate::{Result, WeightStore};

/// The first layers of a Gemma model.
pub struct Gemma {
    config: GemmaConfig,
    layers: Vec<Layer>,
    device: Device,
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
    heads: usize,
    kv_heads: usize,
}

struct Mlp {
    gate_proj: Linear,
    up_proj: Linear,
    down_proj: Linear,
}

/// What depends only on the number of tokens: the rotations of both kinds of layer.
struct Positions {
    full: RotaryTable,
    sliding: RotaryTable,
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

    /// The residual stream after every layer of the raw embedding rows [T, d_model], handed to
    /// `after_layer` with the layer's index; returns the last one, [T, d_model].
    ///
    /// The embedding is scaled by sqrt(d_model), in f32.
    pub fn forward(&self, embedding_rows: Tensor<2>, mut after_layer: impl FnMut(usize, &Tensor<2>)) -> Tensor<2> {
        let tokens = embedding_rows.dims()[0];
        let positions = self.positions(tokens);
        let mut hidden = embedding_rows * f64::from((self.config.hidden_size as f32).sqrt());
        for (i, layer) in self.layers.iter().enumerate() {
            hidden = layer.forward(hidden, &positions);
            after_layer(i, &hidden);
        }
        hidden
    }

    fn positions(&self, tokens: usize) -> Positions {
        let c = &self.config;
        let table = |rope| RotaryTable::new(rope, c.head_dim, tokens, &self.device);
        Positions { full: table(c.rope_full), sliding: table(c.rope_sliding) }
    }
}

impl Layer {
    fn new(config: &GemmaConfig, index: usize, store: &mut WeightStore) -> Result<Self> {
        let prefix = format!("model.layers.{index}");
        let d = config.hidden_size;
        let mut norm = |name: &str| -> Result<RmsNorm> {
            Ok(RmsNorm::new(store.vector(&format!("{prefix}.{name}.weight"), d)?, config.rms_norm_eps))
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

    fn forward(&self, hidden: Tensor<2>, positions: &Positions) -> Tensor<2> {
        let rotary = match self.reach {
            Reach::Full => &positions.full,
            Reach::Sliding => &positions.sliding,
        };
        let attended = self.self_attn.forward(self.input_layernorm.forward(hidden.clone()), rotary);
        let hidden = hidden + self.post_attention_layernorm.forward(attended);
        let fed = self.mlp.forward(self.pre_feedforward_layernorm.forward(hidden.clone()));
        hidden + self.post_feedforward_layernorm.forward(fed)
    }
}

impl SelfAttention {
    fn new(config: &GemmaConfig, index: usize, store: &mut WeightStore) -> Result<Self> {
        let prefix = format!("model.layers.{index}.self_attn");
        let d = config.hidden_size;
        let q_width = config.num_attention_heads * config.head_dim;
        let kv_width = config.num_key_value_heads * config.head_dim;
        let qk_norm = if config.qk_norm {
            let mut norm = |name: &str| -> Result<RmsNorm> {
                Ok(RmsNorm::new(
                    store.vector(&format!("{prefix}.{name}.weight"), config.head_dim)?,
                    config.rms_norm_eps,
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
            },
            heads: config.num_attention_heads,
            kv_heads: config.num_key_value_heads,
        })
    }

    fn forward(&self, x: Tensor<2>, rotary: &RotaryTable) -> Tensor<2> {
        let mut q = split_heads(self.q_proj.forward(x.clone()), self.heads);
        let mut k = split_heads(self.k_proj.forward(x.clone()), self.kv_heads);
        let v = split_heads(self.v_proj.forward(x), self.kv_heads);
        if let Some((q_norm, k_norm)) = &self.qk_norm {
            q = q_norm.forward(q);
            k = k_norm.forward(k);
        }
        let output = attend(rotary.rotate(q), rotary.rotate(k), v, self.options);
        self.o_proj.forward(merge_heads(output))
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
        let gate = self.gate_proj.forward(x.clone());
        self.down_proj.forward(geglu(gate, self.up_proj.forward(x)))
    }
}

/// gelu(gate) * up, elementwise on [T, n], with the tanh approximation of GELU
/// (transformers `gelu_pytorch_tanh`).
pub fn geglu(gate: Tensor<2>, up: Tensor<2>) -> Tensor<2> {
    Tensor::from_dispatch(Dispatch::geglu(gate.into_dispatch(), up.into_dispatch()))
}
