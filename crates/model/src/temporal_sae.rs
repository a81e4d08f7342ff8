//! The TemporalSAE (Lubana, Rager et al. 2025, arXiv 2511.01836), as in the seed's notebook.
//!
//! A token's codes are a predictable part, attended from the codes of earlier tokens, and a novel
//! part, found in what the prediction leaves over.

use burn::backend::Dispatch;
use burn::tensor::{Device, Tensor, activation};
use lens_weights::config::{NovelCodes, SaeConfig};

use crate::attention::{AttentionOptions, attend, merge_heads, split_heads, weights};
use crate::kernels::LensOps;
use crate::linear::{Linear, PackedTensor};
use crate::{Error, Result, WeightStore};

/// Added to the norm of a prediction before dividing by its square (seed: `self.eps`).
const EPS: f64 = 1e-6;

/// A TemporalSAE; tensors are named as in the seed's state dict.
pub struct TemporalSae {
    config: SaeConfig,
    /// Decoder [width, d_model]; tied encoders are its transpose.
    d: PackedTensor,
    /// Untied encoder, stored transposed [width, d_model].
    e: Option<PackedTensor>,
    /// [d_model]
    b: Tensor<1>,
    attn_layers: Vec<ManualAttention>,
    /// Factor a dimension of the residual stream [d_model]: `scaling_factor`, times our optional
    /// `scaling` tensor.
    factor: Tensor<1>,
    device: Device,
}

/// The SAE's attention: codes predict codes, without positions.
struct ManualAttention {
    k_ctx: Linear,
    q_target: Linear,
    v_ctx: Linear,
    c_proj: Linear,
    n_heads: usize,
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
    /// Attention weights of each layer, [heads, T, T]; empty unless asked for.
    pub attn_graphs: Vec<Tensor<3>>,
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
        let device = store.device().clone();
        let factor = if store.contains("sae.scaling") {
            store.vector("sae.scaling", d_model)? * config.scaling_factor
        } else {
            Tensor::full([d_model], config.scaling_factor, &device)
        };
        Ok(Self { config: config.clone(), d, e, b, attn_layers, factor, device })
    }

    /// The configuration.
    pub fn config(&self) -> &SaeConfig {
        &self.config
    }

    /// Encodes the residual stream `x` [T, d_model].
    ///
    /// `inf_k` keeps another number of novel codes a token than the configuration says (topk only;
    /// ignored otherwise, as in the seed). `attn_graphs` asks for the attention weights.
    ///
    /// # Errors
    /// [`Error::Input`] when k is missing or larger than the width.
    pub fn forward(&self, x: Tensor<2>, inf_k: Option<usize>, attn_graphs: bool) -> Result<Codes> {
        let [tokens, _] = x.dims();
        let width = self.config.width;
        let factor = self.factor.clone().unsqueeze::<2>();
        let mut x = x * factor.clone() - self.b.clone().unsqueeze();

        let mut pred_codes = Tensor::<2>::zeros([tokens, width], &self.device);
        let mut predicted = Tensor::<2>::zeros([tokens, self.config.dimin], &self.device);
        let mut graphs = Vec::new();
        for attention in &self.attn_layers {
            let z_input = self.encode(x.clone());
            let z_ctx = token_before(z_input.clone());
            let (z_pred, graph) = attention.forward(z_ctx, z_input, attn_graphs);
            graphs.extend(graph);
            let z_pred = activation::relu(z_pred);
            let dz_pred = self.d.linear_transposed(z_pred.clone());
            // The prediction is scaled to its projection on what is left of the input.
            let norm = dz_pred.clone().square().sum_dim(1).sqrt() + EPS;
            let proj_scale = (dz_pred.clone() * x.clone()).sum_dim(1) / norm.square();
            let projection = dz_pred * proj_scale.clone();
            pred_codes = pred_codes + z_pred * proj_scale;
            predicted = predicted + projection.clone();
            x = x - projection;
        }

        let novel_codes = match self.config.sae_diff_type {
            NovelCodes::Relu => self.encode(x),
            NovelCodes::TopK => top_k(self.encode(x), self.k(inf_k)?),
            NovelCodes::Nullify => Tensor::zeros([tokens, width], &self.device),
        };
        let novel = self.d.linear_transposed(novel_codes.clone());
        // Decoding is linear: the total is the sum of the parts, which are at hand.
        let recons = (predicted.clone() + novel.clone() + self.b.clone().unsqueeze()) / factor.clone();
        Ok(Codes {
            recons,
            novel_codes,
            novel_recons: novel / factor.clone(),
            pred_codes,
            pred_recons: predicted / factor,
            attn_graphs: graphs,
        })
    }

    /// relu(x lam E), [T, d_model] to [T, width], with lam = 1 / (4 d_model).
    fn encode(&self, x: Tensor<2>) -> Tensor<2> {
        let lam = 1.0 / (4.0 * self.config.dimin as f64);
        activation::relu(self.e.as_ref().unwrap_or(&self.d).linear(x * lam))
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

/// Row t becomes row t - 1 of `z` [T, width]; the first token has no context, its row is zeros.
fn token_before(z: Tensor<2>) -> Tensor<2> {
    let [tokens, width] = z.dims();
    let first = Tensor::zeros([1, width], &z.device());
    if tokens == 1 { first } else { Tensor::cat(vec![first, z.narrow(0, 0, tokens - 1)], 0) }
}

/// Keeps the `k` largest entries of each row of `z` [T, width], none of them negative; zeros
/// elsewhere.
pub fn top_k(z: Tensor<2>, k: usize) -> Tensor<2> {
    Tensor::from_dispatch(Dispatch::keep_top_k(z.into_dispatch(), k))
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
        })
    }

    /// Context and target codes [T, width] to predicted codes [T, width], and the weights
    /// [heads, T, T] where asked for.
    fn forward(&self, z_ctx: Tensor<2>, z_target: Tensor<2>, graph: bool) -> (Tensor<2>, Option<Tensor<3>>) {
        let k = split_heads(self.k_ctx.forward(z_ctx.clone()), self.n_heads);
        let v = split_heads(self.v_ctx.forward(z_ctx), self.n_heads);
        let q = split_heads(self.q_target.forward(z_target), self.n_heads);
        let scale = (q.dims()[2] as f32).powf(-0.5);
        let options = AttentionOptions { scale, soft_cap: None, window: None };
        let graph = graph.then(|| weights(q.clone(), k.clone(), options));
        let output = attend(q, k, v, options);
        (self.c_proj.forward(merge_heads(output)), graph)
    }
}
