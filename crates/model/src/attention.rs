//! Causal attention: what Gemma's layers and the SAE's layers share.

use burn::tensor::{Bool, Device, Tensor, TensorData, activation};

/// What distinguishes one attention from another.
#[derive(Debug, Clone, Copy)]
pub struct AttentionOptions {
    /// Factor on the scores.
    pub scale: f64,
    /// `cap * tanh(score / cap)`, before masking (Gemma 2).
    pub soft_cap: Option<f64>,
}

/// Which keys each query must not see: [T, T], true where hidden.
///
/// Query i sees keys j <= i and, with a window, only the last `window` of them, itself included
/// (transformers `sliding_window_overlay`: i - j < window).
pub fn causal_mask(tokens: usize, window: Option<usize>, device: &Device) -> Tensor<2, Bool> {
    let window = window.unwrap_or(usize::MAX);
    let hidden: Vec<bool> =
        (0..tokens).flat_map(|i| (0..tokens).map(move |j| j > i || i - j >= window)).collect();
    Tensor::from_data(TensorData::new(hidden, [tokens, tokens]), device)
}

/// Attention of `q` [heads, T, d] over `k` [kv_heads, T, d] and `v` [kv_heads, T, dv]; query heads
/// share key and value heads in consecutive groups. Returns the output [heads, T, dv] and the
/// weights [heads, T, T].
pub fn attend(
    q: Tensor<3>,
    k: Tensor<3>,
    v: Tensor<3>,
    mask: &Tensor<2, Bool>,
    options: AttentionOptions,
) -> (Tensor<3>, Tensor<3>) {
    let [heads, tokens, d] = q.dims();
    let [kv_heads, _, dv] = v.dims();
    let group = heads / kv_heads;
    // The queries of a group are rows of one product with their shared keys.
    let scores = q.reshape([kv_heads, group * tokens, d]).matmul(k.swap_dims(1, 2)) * options.scale;
    let scores = match options.soft_cap {
        Some(cap) => (scores / cap).tanh() * cap,
        None => scores,
    };
    let scores = scores.reshape([heads, tokens, tokens]);
    let mask = mask.clone().unsqueeze::<3>().expand([heads, tokens, tokens]);
    // The largest negative number instead of infinity: shaders may assume there are no infinities.
    // Every query sees itself, so the weight of a hidden key underflows to zero.
    let weights = activation::softmax(scores.mask_fill(mask, -1e30), 2);
    let output = weights.clone().reshape([kv_heads, group * tokens, tokens]).matmul(v);
    (output.reshape([heads, tokens, dv]), weights)
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
