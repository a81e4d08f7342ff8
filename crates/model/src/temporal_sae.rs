//! The TemporalSAE (Lubana, Rager et al. 2025, arXiv 2511.01836), as in the authors' notebook.
//!
//! A token's codes are a predictable part, attended from the codes of earlier tokens, and a novel
//! part, found in what the prediction leaves over.

use burn::backend::Dispatch;
use burn::tensor::{Tensor, TensorData};
use lens_pack::config::{NovelCodes, SaeConfig};

use crate::attention::{AttentionOptions, KeysValues, attend, mean_weights, weights};
use crate::kernels::config::KernelConfig;
use crate::linear::{Linear, Matrix};
use crate::ops::{InferenceOps, LensOps};
use crate::rows::Rows;
use crate::{Error, Result, WeightStore};

/// Added to the norm of a prediction before dividing by its square (notebook: `self.eps`).
const EPS: f32 = 1e-6;

/// A TemporalSAE; tensors are named as in the authors' state dict.
pub struct TemporalSae {
    config: SaeConfig,
    /// Decoder [width, d_model]; tied encoders are its transpose.
    d: Matrix,
    /// Untied encoder, stored transposed [width, d_model].
    e: Option<Matrix>,
    /// [d_model]
    b: Tensor<1>,
    attn_layers: Vec<ManualAttention>,
    /// Factor per dimension of the residual stream [d_model]: `scaling_factor`, times our optional
    /// `scaling` tensor.
    factor: Tensor<1>,
    /// `b` in the residual stream's own units [d_model].
    offset: Tensor<1>,
    kernels: KernelConfig,
}

/// The SAE's attention: codes predict codes, without positions.
struct ManualAttention {
    k_ctx: Linear,
    q_target: Linear,
    v_ctx: Linear,
    c_proj: Linear,
    n_heads: usize,
    kernels: KernelConfig,
}

/// What later tokens need of earlier ones: each attention layer's keys and values. Slot 0 stands for
/// the empty context before the first token, slot t + 1 for token t.
#[derive(Debug, Clone, Default)]
pub struct SaeCache {
    layers: Vec<LayerCache>,
    tokens: usize,
    reserved: usize,
}

#[derive(Debug, Clone, Default)]
struct LayerCache {
    keys_values: KeysValues,
    /// Queries [T, n_embds]: [`TemporalSae::attention`] is computed from them on request.
    q: Rows,
}

impl SaeCache {
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

/// What a forward pass gives; T tokens.
#[derive(Debug, Clone)]
pub struct Codes {
    /// Reconstruction of the residual stream [T, d_model].
    pub recons: Tensor<2>,
    /// Codes of what is new at each token [T, width].
    pub novel_codes: Tensor<2>,
    /// Their share of the reconstruction [T, d_model].
    pub novel_recons: Tensor<2>,
    /// Codes predicted from earlier tokens [T, width]; they can be negative.
    pub pred_codes: Tensor<2>,
    /// Their share of the reconstruction [T, d_model].
    pub pred_recons: Tensor<2>,
}

impl TemporalSae {
    /// Takes the tensors under `sae.` out of `store`.
    ///
    /// # Errors
    /// A missing tensor, or one whose shape does not fit `config`.
    pub fn new(config: &SaeConfig, store: &mut WeightStore) -> Result<Self> {
        let (d_model, width) = (config.dimin, config.width);
        let attn_layers =
            (0..config.n_attn_layers).map(|i| ManualAttention::new(config, i, store)).collect::<Result<_>>()?;
        let d = store.matrix("sae.D", width, d_model)?;
        let e = if config.tied_weights { None } else { Some(store.matrix("sae.E", width, d_model)?) };
        let b = store.vector("sae.b", d_model)?;
        let factor = if store.contains("sae.scaling") {
            store.vector("sae.scaling", d_model)? * config.scaling_factor
        } else {
            Tensor::full([d_model], config.scaling_factor, &store.device().burn)
        };
        let offset = b.clone() / factor.clone();
        Ok(Self { config: config.clone(), d, e, b, attn_layers, factor, offset, kernels: store.device().kernels })
    }

    /// The configuration.
    pub fn config(&self) -> &SaeConfig {
        &self.config
    }

    /// Factor per dimension of the residual stream on the way in [d_model].
    pub fn factor(&self) -> &Tensor<1> {
        &self.factor
    }

    /// Bias [d_model], in scaled units.
    pub fn b(&self) -> &Tensor<1> {
        &self.b
    }

    /// Rows `first..first + rows` of the decoder in the residual stream's own units [rows, d_model].
    pub fn decoder(&self, first: usize, rows: usize) -> Tensor<2> {
        let (width, device) = (self.config.width, self.b.device());
        let mut one_each = vec![0f32; rows * width];
        for (row, codes) in one_each.chunks_exact_mut(width.max(1)).enumerate() {
            if let Some(code) = codes.get_mut(first + row) {
                *code = 1.0;
            }
        }
        let codes = Tensor::from_data(TensorData::new(one_each, [rows, width]), &device);
        self.decode(codes)
    }

    /// Encodes the residual stream `x` [T, d_model] of the tokens that follow those in `cache`.
    ///
    /// `inf_k` keeps another number of novel codes per token than the configuration (topk only;
    /// ignored otherwise, as in the notebook).
    ///
    /// # Errors
    /// [`Error::Input`] when k is missing or larger than the width.
    pub fn extend(&self, x: Tensor<2>, cache: &mut SaeCache, inf_k: Option<usize>) -> Result<Codes> {
        let [tokens, _] = x.dims();
        let (width, device) = (self.config.width, x.device());
        let factor = self.factor.clone().unsqueeze::<2>();
        let mut x = x * factor.clone() - self.b.clone().unsqueeze();

        cache.layers.resize_with(self.attn_layers.len(), LayerCache::default);
        let mut codes_so_far = None;
        let mut predicted_so_far = None;
        for (i, attention) in self.attn_layers.iter().enumerate() {
            let z_input = self.encode(x.clone());
            let layer = &mut cache.layers[i];
            let keys_values = attention.slots(z_input.clone(), &mut layer.keys_values, cache.tokens, cache.reserved);
            let q = attention.q_target.forward(z_input);
            layer.q.truncate(cache.tokens);
            layer.q.push(q.clone(), cache.reserved);
            let z_pred = attention.predict(q, keys_values, cache.tokens);
            // The prediction is scaled to its projection on what is left of the input.
            let dz_pred = self.d.linear_transposed(z_pred.clone());
            let (proj_scale, left) = project(x, dz_pred.clone(), self.kernels);
            add_to(&mut codes_so_far, z_pred * proj_scale.clone());
            add_to(&mut predicted_so_far, dz_pred * proj_scale);
            x = left;
        }
        cache.tokens += tokens;
        let pred_codes = codes_so_far.unwrap_or_else(|| Tensor::zeros([tokens, width], &device));
        let predicted = predicted_so_far.unwrap_or_else(|| Tensor::zeros([tokens, self.config.dimin], &device));

        let novel_codes = match self.config.sae_diff_type {
            NovelCodes::Relu => self.encode(x),
            NovelCodes::TopK => top_k(self.encode(x), self.k(inf_k)?),
            NovelCodes::Nullify => Tensor::zeros([tokens, width], &device),
        };
        let novel = self.d.decode(novel_codes.clone());
        let (novel_recons, pred_recons) = (novel / factor.clone(), predicted / factor);
        // Decoding is linear: the total is the sum of the parts.
        let recons = pred_recons.clone() + novel_recons.clone() + self.offset.clone().unsqueeze();
        Ok(Codes { recons, novel_codes, novel_recons, pred_codes, pred_recons })
    }

    /// Attention weights [T, T] of a layer and head over the tokens in `cache` (notebook: `attn_graphs`):
    /// row t is the sources of token t's prediction. Column 0 is the empty context, column j + 1
    /// token j.
    ///
    /// # Errors
    /// [`Error::Input`] for a layer or head that does not exist, or an empty cache.
    pub fn attention(&self, cache: &SaeCache, layer: usize, head: usize) -> Result<Tensor<2>> {
        let tokens = cache.tokens;
        let first = |rows: &Rows| rows.tensor().filter(|_| tokens > 0).map(|x| x.narrow(0, 0, tokens));
        let seen = cache.layers.get(layer).map(|it| (first(&it.q), first(&it.keys_values.k)));
        match (self.attn_layers.get(layer), seen) {
            (Some(attention), Some((Some(q), Some(k)))) if head < attention.n_heads => {
                Ok(weights(&q, &k, head, attention.options(&q, 0), self.kernels))
            }
            _ => Err(Error::Input(format!("there is no attention of layer {layer}, head {head}, on {tokens} tokens"))),
        }
    }

    /// What codes [T, width] add to the residual stream, in its own units [T, d_model].
    fn decode(&self, codes: Tensor<2>) -> Tensor<2> {
        self.d.linear_transposed(codes) / self.factor.clone().unsqueeze()
    }

    /// Attention weights of the last `new` tokens in `cache` over all, the mean of layers and heads [new, T]; columns
    /// as in [`Self::attention`].
    ///
    /// # Errors
    /// [`Error::Input`] for an empty cache, or one with fewer than `new` tokens.
    pub fn mean_attention(&self, cache: &SaeCache, new: usize) -> Result<Tensor<2>> {
        let total = cache.tokens;
        let missing = || Error::Input(format!("there is no attention of {new} tokens on {total}"));
        let first = total.checked_sub(new).filter(|_| new > 0).ok_or_else(missing)?;
        let mut sum = None;
        for (attention, layer) in self.attn_layers.iter().zip(&cache.layers) {
            let (Some(q), Some(k)) = (layer.q.buffer(), layer.keys_values.k.buffer()) else { return Err(missing()) };
            add_to(&mut sum, mean_weights(q, k, new, attention.options(q, first), self.kernels));
        }
        // An SAE without attention predicts from nothing.
        let sum = sum.unwrap_or_else(|| Tensor::zeros([new, total], &self.b.device()));
        Ok(if self.attn_layers.len() > 1 { sum / self.attn_layers.len() as f32 } else { sum })
    }

    /// relu(x lam E), [T, d_model] to [T, width], with lam = 1 / (4 d_model).
    fn encode(&self, x: Tensor<2>) -> Tensor<2> {
        let lam = 1.0 / (4.0 * self.config.dimin as f64);
        self.e.as_ref().unwrap_or(&self.d).linear_relu(x, lam as f32)
    }

    fn k(&self, inf_k: Option<usize>) -> Result<usize> {
        let k = inf_k
            .or(self.config.kval_topk)
            .ok_or_else(|| Error::Input("the SAE's configuration sets no kval_topk; set inf_k".to_owned()))?;
        if k > self.config.width {
            return Err(Error::Input(format!("inf_k is {k}, the SAE has {} features", self.config.width)));
        }
        Ok(k)
    }
}

fn add_to(sum: &mut Option<Tensor<2>>, more: Tensor<2>) {
    *sum = Some(match sum.take() {
        Some(partial) => partial + more,
        None => more,
    });
}

/// `dz` [T, d] scaled to its projection on `x` [T, d]: the factor [T, 1], and what is left of x.
pub fn project(x: Tensor<2>, dz: Tensor<2>, kernels: KernelConfig) -> (Tensor<2>, Tensor<2>) {
    let (factor, left) = Dispatch::project(x.into_dispatch(), dz.into_dispatch(), EPS, kernels);
    (Tensor::from_dispatch(factor), Tensor::from_dispatch(left))
}

/// Keeps the `k` largest entries of each row of `z` [T, width], none of them negative; zeros
/// elsewhere.
pub fn top_k(z: Tensor<2>, k: usize) -> Tensor<2> {
    Tensor::from_dispatch(Dispatch::keep_top_k(z.into_dispatch(), k))
}

/// The `k` entries of largest magnitude of each row of `z` [T, width], as pairs of value and column in column order:
/// [T, 2 k].
pub fn top_entries(z: Tensor<2>, k: usize) -> Tensor<2> {
    Tensor::from_dispatch(Dispatch::top_entries(z.into_dispatch(), k))
}

/// Of each row of `a`, of `b` and of a + factor * b, all [T, width]: number of entries that are not zero, sum, and sum of
/// squares [T, 9].
pub fn pair_sums(a: Tensor<2>, b: Tensor<2>, factor: f32, kernels: KernelConfig) -> Tensor<2> {
    Tensor::from_dispatch(Dispatch::pair_sums(a.into_dispatch(), b.into_dispatch(), factor, kernels))
}

impl ManualAttention {
    fn new(config: &SaeConfig, index: usize, store: &mut WeightStore) -> Result<Self> {
        let prefix = format!("sae.attn_layers.{index}");
        let width = config.width;
        let n_embds = width / config.bottleneck_factor;
        Ok(Self {
            k_ctx: store.linear_with_bias(&format!("{prefix}.k_ctx"), n_embds, width)?,
            q_target: store.linear_with_bias(&format!("{prefix}.q_target"), n_embds, width)?,
            v_ctx: store.linear_with_bias(&format!("{prefix}.v_ctx"), width, width)?,
            c_proj: store.linear_with_bias(&format!("{prefix}.c_proj"), width, width)?,
            n_heads: config.n_heads,
            kernels: store.device().kernels,
        })
    }

    fn options(&self, q: &Tensor<2>, first: usize) -> AttentionOptions {
        let scale = ((q.dims()[1] / self.n_heads) as f32).powf(-0.5);
        AttentionOptions { heads: self.n_heads, kv_heads: self.n_heads, scale, soft_cap: None, window: None, first }
    }

    /// Appends keys and values of new codes `z` [T, width] to those of the `seen` tokens before, with capacity for
    /// `reserved` tokens; returns the operands of [`attend`].
    ///
    /// A token's context are the codes of earlier tokens (the notebook shifts them by one; the first
    /// token's context is zeros, of which the biases remain), so its own go one slot further.
    fn slots(&self, z: Tensor<2>, before: &mut KeysValues, seen: usize, reserved: usize) -> [Tensor<2>; 2] {
        let reserved = reserved.max(seen + z.dims()[0]) + 1;
        let (k, v) = (self.k_ctx.forward(z.clone()), self.v_ctx.forward(z));
        if before.k.is_empty() {
            let row = |layer: &Linear, like: &Tensor<2>| match &layer.bias {
                Some(bias) => bias.clone().unsqueeze(),
                None => Tensor::zeros([1, like.dims()[1]], &like.device()),
            };
            before.push(row(&self.k_ctx, &k), row(&self.v_ctx, &v), reserved);
        }
        before.truncate(seen + 1);
        before.push(k, v, reserved)
    }

    /// Queries [T, n_embds] to predicted codes [T, width].
    fn predict(&self, q: Tensor<2>, [k, v]: [Tensor<2>; 2], first: usize) -> Tensor<2> {
        let options = self.options(&q, first);
        self.c_proj.forward_relu(attend(q, k, v, options, self.kernels))
    }
}
