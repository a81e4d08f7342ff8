//! The largest entries of each row.

use super::math::each_nonzero;
use super::tensor::{FlexTensor, dims, result};
use super::threads::each_part;

/// Of the columns `order` of `row`, those of the `k` entries of largest magnitude, the first of equal ones first.
fn largest(row: &[f32], k: usize, mut order: Vec<usize>) -> impl Iterator<Item = usize> {
    // Of equal values the first one goes first. A row has one for each word of a vocabulary: only `k` of them are sorted.
    let by_size = |a: &usize, b: &usize| row[*b].abs().total_cmp(&row[*a].abs()).then(a.cmp(b));
    if k < order.len() {
        order.select_nth_unstable_by(k, by_size);
        order.truncate(k);
    }
    order.sort_unstable_by(by_size);
    order.into_iter()
}

/// See [`crate::ops::LensOps::keep_top_k`].
pub fn keep_top_k(z: &FlexTensor, k: usize) -> FlexTensor {
    let z = z.to_contiguous();
    let [tokens, width] = dims(&z);
    let values = z.storage::<f32>();
    let mut out = vec![0f32; tokens * width];
    each_part(&mut out, width, |token, kept| {
        let row = &values[token * width..][..width];
        // Zeros are zeros, chosen or not.
        let mut nonzero = Vec::with_capacity(width);
        each_nonzero(row, |column| nonzero.push(column));
        largest(row, k, nonzero).for_each(|c| kept[c] = row[c]);
    });
    result(out, [tokens, width])
}

/// See [`crate::ops::InferenceOps::top_entries`].
pub fn top_entries(z: &FlexTensor, k: usize) -> FlexTensor {
    let z = z.to_contiguous();
    let [tokens, width] = dims(&z);
    let values = z.storage::<f32>();
    let k = k.min(width);
    let mut out = vec![0f32; tokens * 2 * k];
    each_part(&mut out, 2 * k, |token, pairs| {
        let row = &values[token * width..][..width];
        let mut columns: Vec<usize> = largest(row, k, (0..width).collect()).collect();
        columns.sort_unstable();
        for (pair, c) in pairs.as_chunks_mut::<2>().0.iter_mut().zip(columns) {
            *pair = [row[c], c as f32];
        }
    });
    result(out, [tokens, 2 * k])
}
