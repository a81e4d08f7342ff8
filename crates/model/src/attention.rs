//! Causal attention: what Gemma's layers and the SAE's layers share.

use burn::backend::Dispatch;
use burn::tensor::{Tensor, TensorData};

use crate::kernels::LensOps;
pub use crate::kernels::{ATTENTION_TOKENS_MAX, AttentionOptions};

/// Attention of `q` [heads, T, d] over `k` [kv_heads, T, d] and `v` [kv_heads, T, dv]; consecutive
/// groups of query heads share a key head. Returns [heads, T, dv].
///
/// Query i sees keys j <= i and, with a window, only the last `window` of them, itself included
/// (transformers `sliding_window_overlay`: i - j < window).
pub fn attend(q: Tensor<3>, k: Tensor<3>, v: Tensor<3>, options: AttentionOptions) -> Tensor<3> {
    Tensor::from_dispatch(Dispatch::attention(q.into_dispatch(), k.into_dispatch(), v.into_dispatch(), options))
}

/// The weights themselves, [heads, T, T], for views that show them; as many key heads as query
/// heads. They are what attention gives for values that are unit vectors, which keeps burn's matrix
/// product, a third of the worker's code, out of the page.
pub fn weights(q: Tensor<3>, k: Tensor<3>, options: AttentionOptions) -> Tensor<3> {
    let [heads, tokens, _] = q.dims();
    let mut unit = vec![0f32; tokens * tokens];
    unit.iter_mut().step_by(tokens + 1).for_each(|v| *v = 1.0);
    let unit = Tensor::<3>::from_data(TensorData::new(unit, [1, tokens, tokens]), &q.device());
    attend(q, k, unit.expand([heads, tokens, tokens]), options)
}

/// [T, heads * d] to [heads, T, d].
pub fn split_heads(x: Tensor<2>, heads: usize) -> Tensor<3> {
    let [tokens, width] = x.dims();
    x.reshape([tokens, heads, width / heads]).swap_dims(0, 1)
}

/// [heads, T, d] to [T, heads * d].
pub fn merge_heads(x: Tensor<3>) -> Tensor<2> {
    let [heads, tokens, d] = x.dims();
    x.swap_dims(0, 1).reshape([tokens, heads * d])
}
