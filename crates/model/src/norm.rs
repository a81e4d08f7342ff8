//! RMSNorm as in Gemma: the checkpoint's weight is the distance from one.

use burn::tensor::Tensor;

/// x / sqrt(mean(x²) + eps) * (1 + weight), over the last dimension
/// (transformers `Gemma2RMSNorm`, `Gemma3RMSNorm`).
#[derive(Debug, Clone)]
pub struct RmsNorm {
    one_plus_weight: Tensor<1>,
    eps: f64,
}

impl RmsNorm {
    /// From the checkpoint's `weight` [d].
    pub fn new(weight: Tensor<1>, eps: f64) -> Self {
        Self { one_plus_weight: weight + 1.0, eps }
    }

    /// [.., d] to the same shape.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let mean_square = x.clone().square().mean_dim(D - 1);
        x * (mean_square + self.eps).sqrt().recip() * self.one_plus_weight.clone().unsqueeze()
    }
}
