//! Causal attention: what Gemma's layers and the SAE's layers share.

use burn::backend::Dispatch;
use burn::tensor::{Tensor, TensorData};

use crate::kernels::config::KernelConfig;
pub use crate::ops::{ATTENTION_TOKENS_MAX, AttentionOptions};
use crate::ops::{InferenceOps, LensOps};
use crate::rows::Rows;

/// Attention of `q` [T, heads * d] over `k` [N, kv_heads * d] and `v` [N, kv_heads * dv], of which
/// the first `options.first` + T rows are visible; returns [T, heads * dv].
///
/// Query i, at position p = first + i, sees keys j <= p and, with a window, only the last `window`
/// of them, itself included (transformers `sliding_window_overlay`: p - j < window).
pub fn attend(q: Tensor<2>, k: Tensor<2>, v: Tensor<2>, options: AttentionOptions, kernels: KernelConfig) -> Tensor<2> {
    Tensor::from_dispatch(Dispatch::attention(
        q.into_dispatch(),
        k.into_dispatch(),
        v.into_dispatch(),
        options,
        kernels,
    ))
}

/// The weights [T, T] of the head number `head`, for views that show them; `q` and `k` are
/// [T, heads * d]. They are what attention gives for values that are unit vectors, which keeps
/// burn's matrix product, a third of the worker's code, out of the page.
pub fn weights(
    q: &Tensor<2>,
    k: &Tensor<2>,
    head: usize,
    options: AttentionOptions,
    kernels: KernelConfig,
) -> Tensor<2> {
    let [tokens, width] = q.dims();
    let d = width / options.heads;
    let of_head = |x: &Tensor<2>| x.clone().narrow(1, head * d, d);
    let mut unit = vec![0f32; tokens * tokens];
    unit.iter_mut().step_by(tokens + 1).for_each(|v| *v = 1.0);
    let unit = Tensor::<2>::from_data(TensorData::new(unit, [tokens, tokens]), &q.device());
    attend(of_head(q), of_head(k), unit, AttentionOptions { heads: 1, kv_heads: 1, ..options }, kernels)
}

/// The mean of the heads' weights of the last `new` queries [new, first + new], see [`InferenceOps::mean_attention`]; `q` and `k`
/// are buffers with a row for each position so far.
pub fn mean_weights(
    q: &Tensor<2>,
    k: &Tensor<2>,
    new: usize,
    options: AttentionOptions,
    kernels: KernelConfig,
) -> Tensor<2> {
    let (q, k) = (q.clone().into_dispatch(), k.clone().into_dispatch());
    Tensor::from_dispatch(Dispatch::mean_attention(q, k, new, options, kernels))
}

/// Keys and values of the tokens seen so far, so that later tokens need not see those again.
#[derive(Debug, Clone, Default)]
pub struct KeysValues {
    /// [N, kv_heads * d]
    pub k: Rows,
    /// [N, kv_heads * dv]
    pub v: Rows,
}

impl KeysValues {
    /// Drops all but the first `rows`.
    pub fn truncate(&mut self, rows: usize) {
        self.k.truncate(rows);
        self.v.truncate(rows);
    }

    /// Appends keys and values; see [`Rows::push`]. Returns the operands of [`attend`].
    pub fn push(&mut self, k: Tensor<2>, v: Tensor<2>, reserved: usize) -> [Tensor<2>; 2] {
        [self.k.push(k, reserved), self.v.push(v, reserved)]
    }
}
