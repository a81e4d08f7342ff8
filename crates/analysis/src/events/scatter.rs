//! Scatter of spans of tokens: the sum of squared distances from their mean, from a kernel alone.

use super::method::{CONTINUITY_WINDOW, SURPRISE_WINDOW};
use crate::matrix::SymmetricMatrix;

/// Tokens on a side below which nothing is compared.
const FEWEST: usize = 3;

/// Weighted scatter of every span of n tokens, up to a constant that no choice of boundaries changes.
pub struct SpanCosts {
    /// For each end e, the spans that begin at 0..e: entry e (e - 1) / 2 + s.
    costs: Vec<f32>,
}

impl SpanCosts {
    /// All 0.
    pub fn new(n: usize) -> Self {
        Self { costs: vec![0.0; n * (n + 1) / 2] }
    }

    /// Costs of the spans that end before `end`, [end], by their first token.
    pub fn ending_at(&self, end: usize) -> &[f32] {
        &self.costs[end * (end - 1) / 2..end * (end + 1) / 2]
    }

    /// Of the tokens first..end.
    pub fn of(&self, first: usize, end: usize) -> f64 {
        f64::from(self.ending_at(end)[first])
    }

    /// Adds a source's scatter, for each of `shares` times its weight and by its lag, of which later ones are longer. The source turns
    /// `lag` tokens late: a span has the tokens from `lag` after its first one (or from the text's first) to `lag` after its end (or to
    /// the text's).
    pub fn add(&mut self, kernel: &SymmetricMatrix, shares: &[(f64, usize)]) {
        let n = kernel.size();
        // Sum of the kernel over the tokens from each first one to `end`.
        let mut blocks = vec![0f64; n];
        let mut row = Vec::with_capacity(n);
        for end in 1..=n {
            row.clear();
            row.extend(kernel.row(end - 1).take(end).map(finite));
            grow_blocks(&mut blocks, &row);
            for (weight, lag) in shares.iter().copied() {
                // The last token ends the spans that end less than `lag` before it, too.
                let from = if end == n { n.saturating_sub(lag).max(1) } else { end.saturating_sub(lag) };
                let to = if end == n { n } else { from };
                for span_end in (from..=to).filter(|it| *it > 0) {
                    let costs = &mut self.costs[span_end * (span_end - 1) / 2..span_end * (span_end + 1) / 2];
                    let Some((whole, rest)) = costs.split_first_mut() else { continue };
                    *whole -= (weight * blocks[0] / end as f64) as f32;
                    for (k, (cost, block)) in rest.iter_mut().zip(blocks[..end].iter().skip(1 + lag)).enumerate() {
                        *cost -= (weight * block / (end - 1 - lag - k) as f64) as f32;
                    }
                }
            }
        }
    }
}

/// From the sums over the tokens first..end - 1 for each first one to those over first..end; `row` [end] is the kernel's at the last one.
fn grow_blocks(blocks: &mut [f64], row: &[f64]) {
    let own = row.last().copied().unwrap_or_default();
    let mut sum = 0.0;
    for (block, value) in blocks.iter_mut().zip(row).rev() {
        sum += value;
        *block += 2.0 * sum - own;
    }
}

/// Entries of row i at columns from..to.
fn part_of_row(kernel: &SymmetricMatrix, i: usize, columns: std::ops::Range<usize>) -> impl Iterator<Item = f64> {
    columns.map(move |j| kernel.get(i, j).map_or(0.0, finite))
}

fn finite(value: f32) -> f64 {
    if value.is_finite() { f64::from(value) } else { 0.0 }
}

/// Mean similarity of the tokens before each place with those from it on, [n]; 0 near the ends.
pub fn continuity(kernel: &SymmetricMatrix) -> Vec<f64> {
    let n = kernel.size();
    let mut sums = vec![0f64; n];
    for i in 0..n {
        // Token i follows the places from CONTINUITY_WINDOW - 1 before it to itself.
        let first = (i + 1).saturating_sub(CONTINUITY_WINDOW);
        for (place, sum) in (first..).zip(&mut sums[first..=i]) {
            *sum += part_of_row(kernel, i, place.saturating_sub(CONTINUITY_WINDOW)..place).sum::<f64>();
        }
    }
    for (place, sum) in sums.iter_mut().enumerate() {
        let (before, after) = (place.min(CONTINUITY_WINDOW), (n - place).min(CONTINUITY_WINDOW));
        *sum = if before < FEWEST || after < FEWEST { 0.0 } else { *sum / (before * after) as f64 };
    }
    sums
}

/// How far the logarithm of the energies [n] rises at each place, the token there left out; 0 near the ends.
pub fn surprise(energies: &[f64]) -> Vec<f64> {
    let n = energies.len();
    let floor = 1e-3 * energies.iter().copied().filter(|e| e.is_finite()).sum::<f64>() / n.max(1) as f64;
    if floor <= 0.0 {
        return vec![0.0; n];
    }
    let logs: Vec<f64> = energies.iter().map(|e| if e.is_finite() { e.max(floor).ln() } else { floor.ln() }).collect();
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    (0..n)
        .map(|place| {
            let before = &logs[place.saturating_sub(SURPRISE_WINDOW)..place];
            let after = &logs[place + 1..(place + 1 + SURPRISE_WINDOW).min(n)];
            if before.len() < FEWEST || after.len() < FEWEST { 0.0 } else { mean(after) - mean(before) }
        })
        .collect()
}

/// Where to cut the tokens first..end so that both parts scatter least, of the places from..=to (inside of
/// them); the earliest of equals.
pub fn best_cut(kernel: &SymmetricMatrix, first: usize, from: usize, to: usize, end: usize) -> usize {
    let own = |i: usize| kernel.get(i, i).map_or(0.0, finite);
    // Sum of the kernel over place..end for each place, from the last one on.
    let mut right = vec![0f64; end + 1];
    for place in (from..end).rev() {
        right[place] = right[place + 1] + 2.0 * part_of_row(kernel, place, place..end).sum::<f64>() - own(place);
    }
    let mut left = 0f64;
    let mut best = (f64::NEG_INFINITY, from);
    for (place, after) in right.iter().enumerate().take(to + 1).skip(first) {
        if place >= from && place > first && place < end {
            let compact = left / (place - first) as f64 + after / (end - place) as f64;
            if compact > best.0 {
                best = (compact, place);
            }
        }
        left += 2.0 * part_of_row(kernel, place, first..place + 1).sum::<f64>() - own(place);
    }
    best.1
}
