//! AdamW: a step of training; on the CPU in one pass over each parameter.
//!
//! As PyTorch computes it (`torch.optim.AdamW`): the decay is of the weight itself and not of its gradient.

use burn::backend::Dispatch;
use burn::tensor::Tensor;

pub use crate::ops::AdamW;
use crate::ops::OptimizerOps;

/// A parameter and the two moments of its gradients after a step; all have its shape. The gradient is multiplied by
/// `clip` [1] first. On the CPU tensors that nothing else holds are updated in place.
pub fn adamw<const D: usize>(
    weights: Tensor<D>,
    gradient: Tensor<D>,
    clip: Tensor<1>,
    moments: [Tensor<D>; 2],
    step: AdamW,
) -> (Tensor<D>, [Tensor<D>; 2]) {
    let [first, second] = moments.map(Tensor::into_dispatch);
    let (weights, first, second) =
        Dispatch::adamw(weights.into_dispatch(), gradient.into_dispatch(), clip.into_dispatch(), first, second, step);
    (Tensor::from_dispatch(weights), [first, second].map(Tensor::from_dispatch))
}

/// The sum of the squares of all values: [1].
pub fn sum_of_squares<const D: usize>(x: Tensor<D>) -> Tensor<1> {
    Tensor::from_dispatch(Dispatch::sum_of_squares(x.into_dispatch()))
}

/// `a` + `b`, of equal shapes; on the CPU in the place of `a` where nothing else holds it.
pub fn added<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> Tensor<D> {
    Tensor::from_dispatch(Dispatch::added(a.into_dispatch(), b.into_dispatch()))
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;

    /// Two steps of `torch.optim.AdamW` with a decay that shows, an epsilon that shows, and gradients that are halved first.
    #[test]
    fn two_steps_are_those_of_pytorch() {
        let device = Device::flex();
        let vector = |values: &[f32]| Tensor::<1>::from_data(TensorData::new(values.to_vec(), [values.len()]), &device);
        let mut weights = vector(&[1.0, -2.0, 0.5]);
        let mut moments = [vector(&[0.0; 3]), vector(&[0.0; 3])];
        for (time, gradient) in [(1, [0.4, -0.2, 6.0]), (2, [-1.0, 0.6, 2.0])] {
            let step = AdamW { lr: 0.1, betas: [0.9, 0.95], epsilon: 0.01, weight_decay: 0.2, time };
            (weights, moments) = adamw(weights, vector(&gradient), vector(&[0.5]), moments, step);
        }
        let expected = [0.909_779_8, -1.878_564_5, 0.294_925_27];
        for (found, expected) in weights.into_data().iter::<f32>().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{found} instead of {expected}");
        }
    }
}
