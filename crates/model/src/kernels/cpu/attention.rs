//! Causal attention, a few queries at a time: their scores are in memory, and never those of all.

use pulp::{Simd, WithSimd};

use super::level::widest;
use super::math::{exponential, highest, sum_of};
use super::panel::{DenseColumns, DenseRows};
use super::product::{Scratch, Sink, multiply_alone};
use super::rows::Rows;
use super::tensor::{FlexTensor, dims, result};
use super::threads::each_part;
use crate::ops::AttentionOptions;

/// Rows of scores at a time, a few queries of every head that shares its keys.
pub const ROWS_AT_ONCE: usize = 48;

/// Rows of a result in a matrix, placed as those of [`Rows`].
pub struct Placed<'a> {
    pub values: &'a mut [f32],
    pub count: usize,
    pub width: usize,
    pub stride: usize,
}

impl Sink for Placed<'_> {
    #[inline(always)]
    fn take(&mut self, row: usize, first: usize, sums: &mut [f32]) {
        let start = (row / self.count) * self.width + (row % self.count) * self.stride + first;
        self.values[start..start + sums.len()].copy_from_slice(sums);
    }
}

/// See [`crate::ops::LensOps::attention`].
pub fn attention(q: &FlexTensor, k: &FlexTensor, v: &FlexTensor, options: AttentionOptions) -> FlexTensor {
    let (q, k, v) = (q.to_contiguous(), k.to_contiguous(), v.to_contiguous());
    let AttentionOptions { heads, kv_heads, first, window, .. } = options;
    let [tokens, width] = dims(&q);
    let group = heads / kv_heads;
    let d = width / heads;
    let dv = dims(&v)[1] / kv_heads;
    let mut out = vec![0f32; tokens * heads * dv];
    let at_once = (ROWS_AT_ONCE / group).max(1);
    each_part(&mut out, at_once * heads * dv, |part, out| {
        let from = part * at_once;
        let queries = out.len() / (heads * dv);
        // Keys that some of these queries sees.
        let low = window.map_or(0, |window| (first + from + 1).saturating_sub(window));
        let keys = first + from + queries - low;
        let rows = queries * group;
        let mut scores = vec![0f32; rows * keys];
        let mut scratch = Scratch::default();
        for kv_head in 0..kv_heads {
            let of_head = &k.storage::<f32>()[low * kv_heads * d + kv_head * d..];
            let heads_of_queries = &q.storage::<f32>()[from * width + kv_head * group * d..];
            multiply_alone(
                Rows { values: heads_of_queries, count: queries, groups: group, width: d, stride: width, across: 1 },
                &DenseRows { values: of_head, rows: keys, columns: d, stride: kv_heads * d },
                &mut Placed { values: &mut scores, count: rows, width: keys, stride: keys },
                &mut scratch,
            );
            widest(Softmax { scores: &mut scores, keys, queries, first: first + from, low, options });
            multiply_alone(
                Rows::of_matrix(&scores, rows, keys),
                &DenseColumns {
                    values: &v.storage::<f32>()[low * kv_heads * dv + kv_head * dv..],
                    rows: keys,
                    columns: dv,
                    stride: kv_heads * dv,
                },
                &mut Placed { values: &mut out[kv_head * group * dv..], count: queries, width: dv, stride: heads * dv },
                &mut scratch,
            );
        }
    });
    result(out, [tokens, heads * dv])
}

/// See [`crate::ops::InferenceOps::mean_attention`].
pub fn mean_attention(q: &FlexTensor, k: &FlexTensor, tokens: usize, options: AttentionOptions) -> FlexTensor {
    let (q, k) = (q.to_contiguous(), k.to_contiguous());
    let AttentionOptions { heads, first, .. } = options;
    let width = dims(&q)[1];
    let (d, all) = (width / heads, first + tokens);
    let mut out = vec![0f32; tokens * all];
    each_part(&mut out, ROWS_AT_ONCE * all, |part, out| {
        let queries = out.len() / all;
        let from = first + part * ROWS_AT_ONCE;
        // Keys that some of these queries sees.
        let keys = from + queries;
        let mut scores = vec![0f32; queries * keys];
        let mut scratch = Scratch::default();
        for head in 0..heads {
            let of_head = &q.storage::<f32>()[from * width + head * d..];
            multiply_alone(
                Rows { values: of_head, count: queries, groups: 1, width: d, stride: width, across: 1 },
                &DenseRows { values: &k.storage::<f32>()[head * d..], rows: keys, columns: d, stride: width },
                &mut Placed { values: &mut scores, count: queries, width: keys, stride: keys },
                &mut scratch,
            );
            widest(Softmax { scores: &mut scores, keys, queries, first: from, low: 0, options });
            for (means, weights) in out.chunks_exact_mut(all).zip(scores.chunks_exact(keys)) {
                means.iter_mut().zip(weights).for_each(|(mean, weight)| *mean += weight / heads as f32);
            }
        }
    });
    result(out, [tokens, all])
}

/// Scores of some queries to weights, in place: zero where a key is not visible.
pub struct Softmax<'a> {
    pub scores: &'a mut [f32],
    pub keys: usize,
    pub queries: usize,
    /// Position of the first query.
    pub first: usize,
    /// Position of the first key.
    pub low: usize,
    pub options: AttentionOptions,
}

impl WithSimd for Softmax<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let Self { scores, keys, queries, first, low, options } = self;
        for (row, scores) in scores.chunks_exact_mut(keys).enumerate() {
            let position = first + row % queries;
            let from = options.window.map_or(0, |window| (position + 1).saturating_sub(window));
            let (hidden, rest) = scores.split_at_mut(from.saturating_sub(low));
            let (visible, later) = rest.split_at_mut(position + 1 - from.max(low));
            hidden.fill(0.0);
            later.fill(0.0);
            visible.iter_mut().for_each(|score| *score *= options.scale);
            if let Some(cap) = options.soft_cap {
                visible.iter_mut().for_each(|score| *score = cap * (*score / cap).tanh());
            }
            let highest = highest(visible);
            visible.iter_mut().for_each(|score| *score = exponential(*score - highest));
            let total = sum_of(visible, |weight| weight);
            visible.iter_mut().for_each(|weight| *weight /= total);
        }
    }
}
