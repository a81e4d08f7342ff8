//! RMSNorm as in Gemma: the checkpoint's weight is the distance from one.

use burn::backend::Dispatch;
use burn::tensor::{Device, Tensor};

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

/// The RMSNorms of each head's queries and keys, which share their eps; none in Gemma 2.
#[derive(Debug, Clone)]
pub struct HeadNorms {
    /// One plus the weights of the queries' and of the keys' [2, d]; ones where there are no norms.
    pub(crate) weights: Tensor<2>,
    /// None where there are no norms.
    pub(crate) eps: Option<f32>,
}

impl HeadNorms {
    /// From the checkpoint's weights [d].
    pub fn new(queries: Tensor<1>, keys: Tensor<1>, eps: f64) -> Self {
        let weights = Tensor::cat(vec![queries.unsqueeze::<2>(), keys.unsqueeze()], 0) + 1.0;
        Self { weights, eps: Some(eps as f32) }
    }

    /// No norms, of heads of width `d`.
    pub fn none(d: usize, device: &Device) -> Self {
        Self { weights: Tensor::ones([2, d], device), eps: None }
    }
}
