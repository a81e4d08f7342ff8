//! The highest entries of a product with a packed matrix that has a row for each word of a vocabulary. They are found
//! while rows are decoded: every row is decoded once, and the product [T, rows] is never in memory.

use super::linear::product_of;
use super::math::{LANES, exponential, highest, sum_of};
use super::panel::PackedRows;
use super::rows::Rows;
use super::tensor::{FlexTensor, bits, dims, result};
use crate::ops::{Epilogue, PackedShape, TopOptions};

/// Rows of W at a time: their scores are in memory.
const ROWS_AT_ONCE: usize = 1024;

/// See [`crate::ops::InferenceOps::packed_top`].
pub fn packed_top(
    x: &FlexTensor,
    offset: &FlexTensor,
    words: &FlexTensor,
    scales: &FlexTensor,
    shape: PackedShape,
    options: TopOptions,
) -> FlexTensor {
    let (x, offset) = (x.to_contiguous(), offset.to_contiguous());
    let [tokens, cols] = dims(&x);
    let (values, offsets) = (x.storage::<f32>(), offset.storage::<f32>());
    let k = options.k.min(shape.rows);
    let mut best: Vec<Best> = (0..tokens).map(|t| Best::new(k, t >= options.logits_from)).collect();
    let weights = PackedRows::new(bits(words), bits(scales), shape);
    for first in (0..shape.rows).step_by(ROWS_AT_ONCE) {
        let count = ROWS_AT_ONCE.min(shape.rows - first);
        let rows = Rows::of_matrix(values, tokens, cols);
        let mut scores = product_of(rows, &weights.part(first, count), Epilogue::Plain, &[]);
        let take = |(t, (best, row)): (usize, (&mut Best, &mut [f32]))| match best.is_of_logits {
            true => best.take_logits(first, row, options.soft_cap),
            false => best.take_scores(first, row, offsets[t]),
        };
        #[cfg(not(target_family = "wasm"))]
        {
            use rayon::prelude::*;
            best.par_iter_mut().zip(scores.par_chunks_exact_mut(count)).enumerate().for_each(take);
        }
        #[cfg(target_family = "wasm")]
        best.iter_mut().zip(scores.chunks_exact_mut(count)).enumerate().for_each(take);
    }
    let width = 2 * k + 2;
    let mut out = Vec::with_capacity(tokens * width);
    best.into_iter().for_each(|best| best.write(&mut out));
    result(out, [tokens, width])
}

/// The highest entries of one row so far, and of logits the sum of their exponentials.
struct Best {
    k: usize,
    is_of_logits: bool,
    /// Value and column; the `k` highest are among them.
    entries: Vec<(f32, usize)>,
    /// Only what is above it can still be among the highest.
    least: f32,
    largest: f32,
    /// Sum of exp(logit - largest).
    sum: f64,
}

impl Best {
    fn new(k: usize, is_of_logits: bool) -> Self {
        Self {
            k,
            is_of_logits,
            entries: Vec::with_capacity(4 * k + LANES),
            least: if is_of_logits { f32::NEG_INFINITY } else { 0.0 },
            largest: f32::NEG_INFINITY,
            sum: 0.0,
        }
    }

    /// Takes the scores of rows `first ..` in, less `offset`.
    fn take_scores(&mut self, first: usize, scores: &mut [f32], offset: f32) {
        scores.iter_mut().for_each(|score| *score -= offset);
        self.take(first, scores);
    }

    /// Takes the logits of rows `first ..` in.
    fn take_logits(&mut self, first: usize, logits: &mut [f32], soft_cap: Option<f32>) {
        if let Some(cap) = soft_cap {
            logits.iter_mut().for_each(|logit| *logit = cap * (*logit / cap).tanh());
        }
        self.take(first, logits);
        let highest = highest(logits).max(self.largest);
        if self.sum > 0.0 {
            self.sum *= f64::from((self.largest - highest).exp());
        }
        self.largest = highest;
        self.sum += f64::from(sum_of(logits, |logit| exponential(logit - highest)));
    }

    /// One comparison tells of several entries whether any of them is among the highest.
    fn take(&mut self, first: usize, values: &[f32]) {
        for (i, lanes) in values.chunks(LANES).enumerate() {
            if highest(lanes) <= self.least {
                continue;
            }
            for (lane, value) in lanes.iter().enumerate() {
                if *value > self.least {
                    self.entries.push((*value, first + i * LANES + lane));
                }
            }
            if self.entries.len() >= 4 * self.k {
                self.shrink();
            }
        }
    }

    /// Drops all but the `k` highest, of equal ones the first.
    fn shrink(&mut self) {
        let by_value = |a: &(f32, usize), b: &(f32, usize)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
        if let Some(last) = self.k.checked_sub(1).filter(|last| *last < self.entries.len()) {
            let (_, last, _) = self.entries.select_nth_unstable_by(last, by_value);
            self.least = last.0;
        }
        self.entries.truncate(self.k);
    }

    /// Appends the `k` pairs of value and column in column order, then largest logit and sum: zeros, where the row is
    /// not one of logits.
    fn write(mut self, out: &mut Vec<f32>) {
        self.shrink();
        self.entries.sort_unstable_by_key(|(_, column)| *column);
        let (largest, sum) = if self.is_of_logits { (self.largest, self.sum as f32) } else { (0.0, 0.0) };
        let shown = |value: f32| if self.is_of_logits { (value - largest).exp() } else { value };
        out.extend(self.entries.iter().flat_map(|(value, column)| [shown(*value), *column as f32]));
        // Fewer scores are above 0.
        out.resize(out.len() + 2 * (self.k - self.entries.len()), 0.0);
        out.extend([largest, sum]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equal_entries_are_listed_and_order_of_chunks_does_not_matter() {
        // Values 0 .. 9, each of them many times.
        let values: Vec<f32> = (0..1000).map(|i| ((i * 7919) % 10) as f32).collect();
        let mut wanted: Vec<usize> = (0..1000).collect();
        wanted.sort_by(|a, b| values[*b].total_cmp(&values[*a]).then(a.cmp(b)));
        for k in [1, 5, 130, 1000] {
            for chunk in [1, 7, 64, 1000] {
                let mut best = Best::new(k, false);
                for (i, part) in values.chunks(chunk).enumerate() {
                    best.take_scores(i * chunk, &mut part.to_vec(), 0.0);
                }
                let mut out = Vec::new();
                best.write(&mut out);
                let mut columns: Vec<usize> = wanted[..k].iter().copied().filter(|c| values[*c] > 0.0).collect();
                columns.sort_unstable();
                let mut expected: Vec<f32> = columns.iter().flat_map(|c| [values[*c], *c as f32]).collect();
                expected.resize(2 * k + 2, 0.0);
                assert_eq!(out, expected, "{k} of chunks of {chunk}");
            }
        }
    }

    #[test]
    fn sums_of_logits_do_not_depend_on_the_order_in_which_they_come() {
        let logits: Vec<f32> = (0..500).map(|i| ((i * 37) % 101) as f32 / 3.0 - 20.0).collect();
        let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let wanted: f64 = logits.iter().map(|v| f64::from(v - largest).exp()).sum();
        for backward in [false, true] {
            let mut best = Best::new(2, true);
            let mut ordered = logits.clone();
            if backward {
                ordered.reverse();
            }
            for (i, part) in ordered.chunks_mut(64).enumerate() {
                best.take_logits(i * 64, part, None);
            }
            assert_eq!(best.largest, largest);
            assert!((best.sum / wanted - 1.0).abs() < 1e-6, "{}, not {wanted}", best.sum);
        }
    }
}
