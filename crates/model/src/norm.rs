//! RMSNorm as in Gemma: the checkpoint's weight is the distance from one.

use burn::backend::Dispatch;
use burn::tensor::Tensor;

use crate::kernels::config::KernelConfig;
use crate::ops::InferenceOps;

/// x / sqrt(mean(x²) + eps) * (1 + weight), over the last dimension
/// (transformers `Gemma2RMSNorm`, `Gemma3RMSNorm`).
#[derive(Debug, Clone)]
pub struct RmsNorm {
    pub(crate) one_plus_weight: Tensor<1>,
    pub(crate) eps: f32,
    kernels: KernelConfig,
}

impl RmsNorm {
    /// From the checkpoint's `weight` [d].
    pub fn new(weight: Tensor<1>, eps: f64, kernels: KernelConfig) -> Self {
        Self { one_plus_weight: weight + 1.0, eps: eps as f32, kernels }
    }

    /// [T, d] to the same shape.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        Tensor::from_dispatch(Dispatch::rms_norm(
            x.into_dispatch(),
            self.one_plus_weight.clone().into_dispatch(),
            self.eps,
            self.kernels,
        ))
    }

    /// hidden' = hidden + this(x), and next(hidden'): how one half of a Gemma layer ends and the
    /// next begins. All [T, d]; the two norms share their eps.
    pub fn add_then(&self, hidden: Tensor<2>, x: Tensor<2>, next: &Self) -> (Tensor<2>, Tensor<2>) {
        let (hidden, normed) = Dispatch::add_norm(
            hidden.into_dispatch(),
            x.into_dispatch(),
            self.one_plus_weight.clone().into_dispatch(),
            next.one_plus_weight.clone().into_dispatch(),
            self.eps,
            self.kernels,
        );
        (Tensor::from_dispatch(hidden), Tensor::from_dispatch(normed))
    }
}
