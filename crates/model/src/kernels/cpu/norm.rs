//! Norms, row by row.

use pulp::{Simd, WithSimd};

use super::level::widest;
use super::math::sum_of;
use super::tensor::{FlexTensor, dims, result};
use super::threads::each_part;

/// Numbers that a thread takes at a time.
const PART: usize = 16 * 1024;

/// The factor of RMSNorm for one row.
#[inline(always)]
fn rms_factor(row: &[f32], eps: f32) -> f32 {
    let mean = sum_of(row, |v| v * v) / row.len() as f32;
    1.0 / (mean + eps).sqrt()
}

/// row = row / rms * weight.
#[inline(always)]
pub fn norm_row(row: &mut [f32], weight: &[f32], eps: f32) {
    let factor = rms_factor(row, eps);
    row.iter_mut().zip(weight).for_each(|(v, w)| *v *= factor * w);
}

/// As many rows of `width` numbers as a thread takes at a time, in numbers.
fn part_of(width: usize) -> usize {
    width * (PART / width.max(1)).max(1)
}

/// Norms rows in place.
struct NormRows<'a> {
    rows: &'a mut [f32],
    weight: &'a [f32],
    eps: f32,
    /// Added to the normed rows.
    hidden: Option<&'a [f32]>,
}

impl WithSimd for NormRows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let width = self.weight.len();
        for row in self.rows.chunks_exact_mut(width) {
            norm_row(row, self.weight, self.eps);
        }
        if let Some(hidden) = self.hidden {
            self.rows.iter_mut().zip(hidden).for_each(|(v, hidden)| *v += hidden);
        }
    }
}

/// The normed rows of `x` [T, d], plus those of `hidden`.
fn normed(x: &[f32], weight: &[f32], eps: f32, hidden: Option<&[f32]>) -> Vec<f32> {
    let mut out = x.to_vec();
    let length = part_of(weight.len());
    each_part(&mut out, length, |part, rows| {
        let hidden = hidden.map(|hidden| &hidden[part * length..][..rows.len()]);
        widest(NormRows { rows, weight, eps, hidden });
    });
    out
}

/// See [`crate::ops::InferenceOps::rms_norm`].
pub fn rms_norm(x: &FlexTensor, weight: &FlexTensor, eps: f32) -> FlexTensor {
    let (x, weight) = (x.to_contiguous(), weight.to_contiguous());
    result(normed(x.storage(), weight.storage(), eps, None), dims(&x))
}

/// See [`crate::ops::InferenceOps::add_norm`].
pub fn add_norm(
    hidden: &FlexTensor,
    x: &FlexTensor,
    post: &FlexTensor,
    next: &FlexTensor,
    eps: f32,
) -> (FlexTensor, FlexTensor) {
    let (hidden, x) = (hidden.to_contiguous(), x.to_contiguous());
    let (post, next) = (post.to_contiguous(), next.to_contiguous());
    let added = normed(x.storage(), post.storage(), eps, Some(hidden.storage()));
    let then = normed(&added, next.storage(), eps, None);
    (result(added, dims(&x)), result(then, dims(&x)))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub fn values(n: usize, shift: usize) -> Vec<f32> {
        (0..n).map(|i| (((i + shift) * 7919 + 13) % 1009) as f32 / 504.0 - 1.0).collect()
    }

    pub fn assert_close(what: &str, found: &[f32], wanted: &[f64]) {
        assert_eq!(found.len(), wanted.len(), "{what}");
        for (i, (a, b)) in found.iter().zip(wanted).enumerate() {
            assert!((f64::from(*a) - b).abs() <= 1e-6 * (1.0 + b.abs()), "{what}, {i}: {a} instead of {b}");
        }
    }

    /// RMSNorm as it is written in the networks' papers.
    pub fn plain(row: &[f64], weight: &[f32], eps: f64) -> Vec<f64> {
        let mean = row.iter().map(|v| v * v).sum::<f64>() / row.len() as f64;
        row.iter().zip(weight).map(|(v, w)| v / (mean + eps).sqrt() * f64::from(*w)).collect()
    }

    pub fn wide(values: &[f32]) -> Vec<f64> {
        values.iter().map(|v| f64::from(*v)).collect()
    }

    #[test]
    fn norms_are_those_of_the_plain_loop() {
        // The last has more numbers than a thread takes at a time.
        for (tokens, width) in [(0, 5), (1, 1), (3, 17), (5, 640), (70, 259)] {
            let (x, hidden) = (values(tokens * width, 0), values(tokens * width, 50));
            let (post, next) = (values(width, 7), values(width, 11));
            let tensor = |values: &[f32]| result(values.to_vec(), [tokens, width]);
            let weight = |values: &[f32]| result(values.to_vec(), [1, width]);
            let normed: Vec<f64> = x.chunks(width).flat_map(|row| plain(&wide(row), &post, 1e-6)).collect();
            let found = rms_norm(&tensor(&x), &weight(&post), 1e-6);
            assert_close("norm", found.storage(), &normed);
            let (added, then) = add_norm(&tensor(&hidden), &tensor(&x), &weight(&post), &weight(&next), 1e-6);
            let sum: Vec<f64> = normed.iter().zip(&hidden).map(|(a, b)| a + f64::from(*b)).collect();
            assert_close("sum", added.storage(), &sum);
            let wanted: Vec<f64> = sum.chunks(width).flat_map(|row| plain(row, &next, 1e-6)).collect();
            assert_close("norm of the sum", then.storage(), &wanted);
        }
    }
}
