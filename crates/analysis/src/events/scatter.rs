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

    /// Adds a source's scatter times `weight`. It turns `lag` tokens late: a span has the tokens from `lag` after
    /// its first one (or from the text's first) to `lag` after its end (or to the text's).
    pub fn add(&mut self, kernel: &SymmetricMatrix, weight: f64, lag: usize) {
        let n = kernel.size();
        // Sum of the kernel over the tokens from each first one to `end`.
        let mut blocks = vec![0f64; n];
        for end in 1..=n {
            grow_blocks(&mut blocks, kernel, end);
            let ends =
                if end == n { n.saturating_sub(lag).max(1)..=n } else { end.saturating_sub(lag)..=end - lag.min(end) };
            for span_end in ends.filter(|it| *it > 0) {
                let costs = &mut self.costs[span_end * (span_end - 1) / 2..span_end * (span_end + 1) / 2];
                for (first, cost) in costs.iter_mut().enumerate() {
                    let from = if first == 0 { 0 } else { first + lag };
                    if from < end {
                        *cost -= (weight * blocks[from] / (end - from) as f64) as f32;
                    }
                }
            }
        }
    }
}

/// From the sums over the tokens first..end - 1 for each first one to those over first..end.
fn grow_blocks(blocks: &mut [f64], kernel: &SymmetricMatrix, end: usize) {
    let row: Vec<f64> = kernel.row(end - 1).take(end).map(finite).collect();
    let own = row.last().copied().unwrap_or_default();
    let mut sum = 0.0;
    for (block, value) in blocks.iter_mut().zip(&row).rev() {
        sum += value;
        *block += 2.0 * sum - own;
    }
}

fn finite(value: f32) -> f64 {
    if value.is_finite() { f64::from(value) } else { 0.0 }
}

/// Mean similarity of the tokens before each place with those from it on, [n]; 0 near the ends.
pub fn continuity(kernel: &SymmetricMatrix) -> Vec<f64> {
    let n = kernel.size();
    let mut sums = vec![0f64; n];
    for (i, row) in (0..n).map(|i| (i, kernel.row(i).map(finite).collect::<Vec<f64>>())) {
        // Token i follows the places from CONTINUITY_WINDOW - 1 before it to itself.
        for place in (i + 1).saturating_sub(CONTINUITY_WINDOW)..=i {
            sums[place] += row[place.saturating_sub(CONTINUITY_WINDOW)..place].iter().sum::<f64>();
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
    let row = |i: usize| kernel.row(i).map(finite).collect::<Vec<f64>>();
    // Sum of the kernel over place..end for each place, from the last one on.
    let mut right = vec![0f64; end + 1];
    for place in (from..end).rev() {
        let row = row(place);
        right[place] = right[place + 1] + 2.0 * row[place..end].iter().sum::<f64>() - row[place];
    }
    let mut left = 0f64;
    let mut best = (f64::NEG_INFINITY, from);
    for place in first..=to {
        if place >= from && place > first && place < end {
            let compact = left / (place - first) as f64 + right[place] / (end - place) as f64;
            if compact > best.0 {
                best = (compact, place);
            }
        }
        let row = row(place);
        left += 2.0 * row[first..=place].iter().sum::<f64>() - row[place];
    }
    best.1
}
