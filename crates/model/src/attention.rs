//! Causal attention: what Gemma's layers and the SAE's layers share.

use burn::backend::Dispatch;
use burn::tensor::{Bool, Tensor, TensorData, activation};

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

/// The weights themselves, [heads, T, T], for views that show them: full causal attention, as many
/// key heads as query heads, no soft cap (the SAE's layers).
pub fn weights(q: Tensor<3>, k: Tensor<3>, scale: f32) -> Tensor<3> {
    let [heads, tokens, _] = q.dims();
    let later: Vec<bool> = (0..tokens).flat_map(|i| (0..tokens).map(move |j| j > i)).collect();
    let later = Tensor::<3, Bool>::from_data(TensorData::new(later, [1, tokens, tokens]), &q.device());
    let scores = q.matmul(k.swap_dims(1, 2)) * scale;
    // The largest negative number instead of infinity: shaders may assume there are no infinities.
    // Every query sees itself, so the weight of a hidden key underflows to zero.
    activation::softmax(scores.mask_fill(later.expand([heads, tokens, tokens]), -1e30), 2)
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
