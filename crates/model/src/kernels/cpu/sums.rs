//! Sums over each row.

use super::tensor::{FlexTensor, dims, result};
use super::threads::each_part;

/// Entries of `row` that are not zero, their sum, and the sum of their squares.
fn row_sums(row: impl Iterator<Item = f32>) -> [f32; 3] {
    // f64: these sums feed the printed statistics.
    let (mut count, mut sum, mut squares) = (0usize, 0f64, 0f64);
    for value in row {
        count += usize::from(value != 0.0);
        sum += f64::from(value);
        squares += f64::from(value).powi(2);
    }
    [count as f32, sum as f32, squares as f32]
}

/// See [`crate::ops::InferenceOps::pair_sums`].
pub fn pair_sums(a: &FlexTensor, b: &FlexTensor, factor: f32) -> FlexTensor {
    let (a, b) = (a.to_contiguous(), b.to_contiguous());
    let [tokens, width] = dims(&a);
    let mut out = vec![0f32; tokens * 9];
    each_part(&mut out, 9, |token, sums| {
        let [a, b] = [&a, &b].map(|x| &x.storage::<f32>()[token * width..][..width]);
        let together = a.iter().zip(b).map(|(a, b)| a + factor * b);
        let all = [row_sums(a.iter().copied()), row_sums(b.iter().copied()), row_sums(together)];
        sums.copy_from_slice(all.as_flattened());
    });
    result(out, [tokens, 9])
}

/// See [`crate::ops::LensOps::project`].
pub fn project(x: &FlexTensor, dz: &FlexTensor, eps: f32) -> (FlexTensor, FlexTensor) {
    let (x, dz) = (x.to_contiguous(), dz.to_contiguous());
    let shape = dims(&x);
    let mut left = x.storage::<f32>().to_vec();
    let mut factors = Vec::with_capacity(shape[0]);
    for (row, dz) in left.chunks_exact_mut(shape[1]).zip(dz.storage::<f32>().chunks_exact(shape[1])) {
        let norm = dz.iter().map(|v| v * v).sum::<f32>().sqrt() + eps;
        let factor = dz.iter().zip(row.iter()).map(|(a, b)| a * b).sum::<f32>() / (norm * norm);
        row.iter_mut().zip(dz).for_each(|(v, d)| *v -= factor * d);
        factors.push(factor);
    }
    (result(factors, [shape[0], 1]), result(left, shape))
}
