//! The SAE's operations out of burn's own, which autodiff goes back through: what training runs in the
//! place of the kernels, on any of burn's backends. Tests hold them against the kernels.

use burn::tensor::activation::{gelu_approximate, relu, softmax};
use burn::tensor::{Int, Tensor};

use crate::kernels::{AttentionOptions, Finish};

/// Hidden scores. Not -inf: of a row that is all hidden, softmax would be NaN.
const HIDDEN: f32 = -1e30;

/// Keeps the square root's slope finite where a prediction is zero; a norm is never this small.
const TINY: f32 = 1e-30;

/// [`crate::kernels::LensOps::packed_linear_with`] for a matrix `w` [rows, cols] that is not packed.
pub(crate) fn linear<const D: usize>(
    x: Tensor<2>,
    w: Tensor<2>,
    extra: Option<Tensor<D>>,
    finish: Finish,
) -> Tensor<2> {
    let sum = x.matmul(w.transpose());
    let [tokens, rows] = sum.dims();
    let add = |sum: Tensor<2>, bias: Option<Tensor<D>>| match bias {
        Some(bias) => sum + bias.reshape([1, rows]),
        None => sum,
    };
    match finish {
        Finish::Plain => sum,
        Finish::Bias => add(sum, extra),
        Finish::BiasRelu => relu(add(sum, extra)),
        Finish::Relu { factor } => relu(sum * factor),
        Finish::Gate => match extra {
            Some(up) => gelu_approximate(sum) * up.reshape([tokens, rows]),
            None => gelu_approximate(sum),
        },
    }
}

/// [`crate::kernels::LensOps::attention`].
pub(crate) fn attention(q: Tensor<2>, k: Tensor<2>, v: Tensor<2>, options: AttentionOptions) -> Tensor<2> {
    let AttentionOptions { heads, kv_heads, scale, soft_cap, window, first } = options;
    let [tokens, _] = q.dims();
    let (keys, device) = (first + tokens, q.device());
    // [rows, n * d] to [heads, rows, d]; a group of heads shares its keys and values.
    let by_head = |x: Tensor<2>, n: usize| {
        let [rows, width] = x.dims();
        let x = x.reshape([rows, n, 1, width / n]).expand([rows, n, heads / n, width / n]);
        x.reshape([rows, heads, width / n]).swap_dims(0, 1)
    };
    let q = by_head(q, heads);
    let k = by_head(k.narrow(0, 0, keys), kv_heads);
    let v = by_head(v.narrow(0, 0, keys), kv_heads);
    let mut scores = q.matmul(k.transpose()) * scale;
    if let Some(cap) = soft_cap {
        scores = (scores / cap).tanh() * cap;
    }
    let plain = device.inner();
    let position =
        Tensor::<1, Int>::arange(first as i64..keys as i64, &plain).reshape([tokens, 1]).expand([tokens, keys]);
    let key = Tensor::<1, Int>::arange(0..keys as i64, &plain).reshape([1, keys]).expand([tokens, keys]);
    let distance = position - key;
    let mut hidden = distance.clone().lower_elem(0);
    if let Some(window) = window {
        hidden = hidden.bool_or(distance.greater_equal_elem(window as i64));
    }
    let hidden = hidden.reshape([1, tokens, keys]).expand([heads, tokens, keys]);
    let weights = softmax(scores.mask_fill(hidden.autodiff(), HIDDEN), 2);
    let mixed = weights.matmul(v).swap_dims(0, 1);
    let [_, _, width] = mixed.dims();
    mixed.reshape([tokens, heads * width])
}

/// [`crate::kernels::LensOps::project`].
pub(crate) fn project(x: Tensor<2>, dz: Tensor<2>, eps: f32) -> (Tensor<2>, Tensor<2>) {
    let norm = ((dz.clone() * dz.clone()).sum_dim(1) + TINY).sqrt() + eps;
    let factor = (dz.clone() * x.clone()).sum_dim(1) / (norm.clone() * norm);
    (factor.clone(), x - dz * factor)
}

/// [`crate::kernels::LensOps::keep_top_k`]: which codes stay is the kernel's choice, and a constant.
pub(crate) fn top_k(z: Tensor<2>, k: usize) -> Tensor<2> {
    let kept = crate::temporal_sae::top_k(z.clone().inner(), k).greater_elem(0.0);
    z * kept.float().autodiff()
}
