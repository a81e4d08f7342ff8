//! Sums over each row.

use super::tensor::{FlexTensor, dims, result};
use super::threads::each_part;

/// See [`crate::ops::InferenceOps::row_sums`].
pub fn row_sums(x: &FlexTensor) -> FlexTensor {
    let x = x.to_contiguous();
    let [tokens, width] = dims(&x);
    let values = x.storage::<f32>();
    let mut out = vec![0f32; tokens * 3];
    each_part(&mut out, 3, |token, sums| {
        let row = &values[token * width..][..width];
        let count = row.iter().filter(|v| **v != 0.0).count();
        // f64: these sums feed the printed statistics.
        let sum: f64 = row.iter().map(|v| f64::from(*v)).sum();
        let squares: f64 = row.iter().map(|v| f64::from(*v).powi(2)).sum();
        sums.copy_from_slice(&[count as f32, sum as f32, squares as f32]);
    });
    result(out, [tokens, 3])
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
