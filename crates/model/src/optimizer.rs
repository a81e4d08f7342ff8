//! AdamW: a step of training, in one pass over each parameter.
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
    /// Share of `lr` that each weight loses.
    pub weight_decay: f32,
    /// Steps with this one.
    pub time: usize,
}

/// [`AdamW`] as factors: of the weight, of the two moments before, of the root of the second, and of the change.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Factors {
    pub keep: f32,
    pub betas: [f32; 2],
    pub root: f32,
    pub epsilon: f32,
    pub change: f32,
}

impl AdamW {
    /// The moments begin with zero, and are divided by what they are of their full size after `time` steps.
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
/// `clip` [1] first. What is held by nothing else is written in its place.
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

/// `a` + `b`, of equal shapes; in the place of `a` where nothing else holds it.
pub fn added<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> Tensor<D> {
    Tensor::from_dispatch(Dispatch::added(a.into_dispatch(), b.into_dispatch()))
}
