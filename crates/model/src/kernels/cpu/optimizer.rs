//! A step of training over whole parameters: on all threads, each value read and written once.

use super::dense::{dense, has_all, is_turned, values};
use super::level::{Work, widest};
use super::math::sum_of;
use super::tensor::{FlexTensor, vector};
use super::threads::{each_of, each_part};
use crate::ops::Factors;

/// Values that a thread takes at a time: of four arrays, they fit its second-level cache.
const PART: usize = 1 << 14;

/// See [`crate::ops::OptimizerOps::adamw`].
pub fn adamw(
    weights: FlexTensor,
    gradient: FlexTensor,
    clip: &FlexTensor,
    moments: [FlexTensor; 2],
    factors: Factors,
) -> [FlexTensor; 3] {
    let (mut weights, gradient) = (dense(weights), dense(gradient));
    let [mut first, mut second] = moments.map(dense);
    let count = weights.storage::<f32>().len();
    let others = [&gradient, &first, &second].map(|x| x.storage::<f32>().len());
    assert_eq!(others, [count; 3], "a weight, its gradient and its moments have one shape");
    let clip = clip.to_contiguous();
    let clip = clip.storage::<f32>()[clip.layout().start_offset()];
    let parts = weights
        .storage_mut::<f32>()
        .chunks_mut(PART)
        .zip(gradient.storage::<f32>().chunks(PART))
        .zip(first.storage_mut::<f32>().chunks_mut(PART))
        .zip(second.storage_mut::<f32>().chunks_mut(PART));
    each_of(parts, |(((weights, gradient), first), second)| {
        widest(Work(
            #[inline(always)]
            || step(weights, gradient, clip, [first, second], factors),
        ));
    });
    [weights, first, second]
}

#[inline(always)]
fn step(weights: &mut [f32], gradient: &[f32], clip: f32, [first, second]: [&mut [f32]; 2], factors: Factors) {
    let Factors { keep, betas: [a, b], root, epsilon, change } = factors;
    let moments = first.iter_mut().zip(second);
    for ((weight, gradient), (first, second)) in weights.iter_mut().zip(gradient).zip(moments) {
        let gradient = gradient * clip;
        *first = a * *first + (1.0 - a) * gradient;
        *second = b * *second + (1.0 - b) * gradient * gradient;
        *weight = keep * *weight - change * *first / (second.sqrt() * root + epsilon);
    }
}

/// See [`crate::ops::OptimizerOps::sum_of_squares`].
pub fn sum_of_squares(x: FlexTensor) -> FlexTensor {
    let x = if is_turned(&x) { x } else { dense(x) };
    let values = values(&x);
    let mut sums = vec![0f32; values.len().div_ceil(PART)];
    each_part(&mut sums, 1, |part, sum| {
        let values = &values[part * PART..];
        let values = &values[..values.len().min(PART)];
        sum[0] = widest(Work(
            #[inline(always)]
            || sum_of(values, |value| value * value),
        ));
    });
    // f64: millions of squares, of which many are small.
    vector(vec![sums.iter().map(|sum| f64::from(*sum)).sum::<f64>() as f32])
}

/// See [`crate::ops::OptimizerOps::added`].
pub fn added(a: FlexTensor, b: FlexTensor) -> FlexTensor {
    let are_turned = is_turned(&a) && is_turned(&b) && has_all(&a);
    let (mut a, b) = if are_turned { (a, b) } else { (dense(a), dense(b)) };
    let others = values(&b);
    assert_eq!(a.storage::<f32>().len(), others.len(), "what is added has one shape");
    each_part(a.storage_mut::<f32>(), PART, |part, values| {
        values.iter_mut().zip(&others[part * PART..]).for_each(|(value, other)| *value += other);
    });
    a
}
