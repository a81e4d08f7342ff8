//! AdamW: a step of training; on the CPU in one pass over each parameter.
//!
//! As PyTorch computes it (`torch.optim.AdamW`): the decay is of the weight itself and not of its gradient.

use burn::backend::Dispatch;
use burn::tensor::Tensor;

use crate::ops::OptimizerOps;

/// The numbers of one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamW {
    /// Learning rate.
    pub lr: f64,
    /// Decay of the two moments.
    pub betas: [f32; 2],
    /// Added to the root of the second moment.
    pub epsilon: f32,
    /// Times `lr`, the share of itself that each weight loses.
    pub weight_decay: f32,
    /// Number of steps, this one included.
    pub time: usize,
}

/// [`AdamW`] as factors: of the weight, of the two moments before, of the root of the second; what is added to that; and the factor of
/// the change.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Factors {
    pub keep: f32,
    pub betas: [f32; 2],
    pub root: f32,
    pub epsilon: f32,
    pub change: f32,
}

impl AdamW {
    /// Moments are divided by 1 - beta^time, since they begin with zero.
    pub(crate) fn factors(&self) -> Factors {
        let steps = i32::try_from(self.time).unwrap_or(i32::MAX);
        let sizes = self.betas.map(|beta| 1.0 - f64::from(beta).powi(steps));
        Factors {
            keep: (1.0 - self.lr * f64::from(self.weight_decay)) as f32,
            betas: self.betas,
            root: sizes[1].sqrt().recip() as f32,
            epsilon: self.epsilon,
            change: (self.lr / sizes[0]) as f32,
        }
    }
}

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
