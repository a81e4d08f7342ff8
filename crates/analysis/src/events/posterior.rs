//! How likely a boundary is at each place of a text, over all ways to cut it, and which boundaries are taken.

use super::method::{EXACT, LEAST, NEAR, SHORTEST, UNCUT, UNCUT_MOST, UNCUT_TEXT};
use super::scatter::SpanCosts;

/// Probabilities for n tokens.
pub struct Posterior {
    /// That an event begins at each token, [n]; 0 at the first one.
    boundary: Vec<f64>,
    /// That all tokens are one event.
    uncut: f64,
}

impl Posterior {
    /// Sums exp(-cost) over all ways to cut n tokens into events of at least [`SHORTEST`] tokens, exactly. An event
    /// costs what `costs` says of its span plus `by_length` [n + 1]; a boundary what `prices` [n] says.
    pub fn new(costs: &SpanCosts, prices: &[f64], by_length: &[f64]) -> Self {
        let n = prices.len();
        if n < 2 * SHORTEST {
            return Self { boundary: vec![0.0; n], uncut: 1.0 };
        }
        let span = |first: usize, end: usize| -costs.of(first, end) - by_length[end - first];
        // Logarithms of the sums over all ways to cut the tokens before each place and those from it on; a boundary
        // there is in neither.
        let mut before = vec![f64::NEG_INFINITY; n + 1];
        let mut after = vec![f64::NEG_INFINITY; n + 1];
        (before[0], after[n]) = (0.0, 0.0);
        let price = |place: usize| if place == 0 || place == n { 0.0 } else { prices[place] };
        let mut terms = Vec::with_capacity(n);
        for end in SHORTEST..=n {
            terms.clear();
            terms.extend((0..=end - SHORTEST).map(|first| before[first] - price(first) + span(first, end)));
            before[end] = log_sum(&terms);
        }
        for first in (0..=n - SHORTEST).rev() {
            terms.clear();
            terms.extend((first + SHORTEST..=n).map(|end| after[end] - price(end) + span(first, end)));
            after[first] = log_sum(&terms);
        }
        let all = before[n];
        let mut boundary: Vec<f64> =
            (0..n).map(|place| (before[place] - price(place) + after[place] - all).exp()).collect();
        boundary[0] = 0.0;
        Self { boundary, uncut: (span(0, n) - all).exp() }
    }

    /// First tokens of all events but the first: those that gain most together. Each gains its probability within
    /// [`NEAR`] tokens and [`EXACT`] times that at the place itself, less [`LEAST`]. None where the text is one event
    /// with a probability of [`uncut`] and more.
    pub fn cuts(&self) -> Vec<usize> {
        let n = self.boundary.len();
        if n < 2 * SHORTEST || self.uncut >= uncut(n) {
            return Vec::new();
        }
        let near = |place: usize| self.boundary[place - NEAR..=(place + NEAR).min(n - 1)].iter().sum::<f64>();
        // The most that boundaries up to each place gain, and the last of them; 0 for none.
        let mut most = vec![0f64; n + 1];
        let mut last = vec![0; n + 1];
        for place in SHORTEST..=n - SHORTEST {
            (most[place], last[place]) = (most[place - 1], last[place - 1]);
            let gain = near(place) + EXACT * self.boundary[place] - LEAST;
            if most[place - SHORTEST] + gain > most[place] {
                (most[place], last[place]) = (most[place - SHORTEST] + gain, place);
            }
        }
        let mut cuts = Vec::new();
        let mut place = last[n - SHORTEST];
        while place > 0 {
            cuts.push(place);
            place = last[place - SHORTEST];
        }
        cuts.reverse();
        cuts
    }
}

/// The probability from which on n tokens are left as one event.
fn uncut(n: usize) -> f64 {
    (UNCUT * (UNCUT_TEXT / n as f64).powi(2)).clamp(UNCUT, UNCUT_MOST)
}

/// Nats below the largest term at which a term is left out of a sum: a thousand of them are 4e-15 of it. Most spans of a long text are
/// as unlikely as that, and the exponential is what takes the time.
const NEGLIGIBLE: f64 = 40.0;

/// ln of the sum of exp of all terms; minus infinity of none.
fn log_sum(terms: &[f64]) -> f64 {
    let most = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if most == f64::NEG_INFINITY {
        return most;
    }
    let counted = terms.iter().map(|it| it - most).filter(|it| *it > -NEGLIGIBLE);
    most + counted.map(f64::exp).sum::<f64>().ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::SymmetricMatrix;

    /// Cost of a way to cut n tokens.
    fn cost(costs: &SpanCosts, prices: &[f64], by_length: &[f64], cuts: &[usize]) -> f64 {
        let n = prices.len();
        let ends = cuts.iter().copied().chain([n]);
        let firsts = [0].into_iter().chain(cuts.iter().copied());
        let events: f64 = firsts.zip(ends).map(|(a, b)| costs.of(a, b) + by_length[b - a]).sum();
        events + cuts.iter().map(|cut| prices[*cut]).sum::<f64>()
    }

    fn case(n: usize) -> (SpanCosts, Vec<f64>, Vec<f64>) {
        let kernel = SymmetricMatrix::from_fn(n, |i, j| {
            ((i * 7 + j * 7 + i * j) % 11) as f32 / 11.0 + f32::from(u8::from(i == j))
        });
        let mut costs = SpanCosts::new(n);
        costs.add(&kernel, &[(0.3, 1)]);
        let prices = (0..n).map(|i| 0.5 + (i % 5) as f64 / 4.0).collect();
        (costs, prices, (0..=n).map(|l| (l as f64).sqrt() / 3.0).collect())
    }

    #[test]
    fn probabilities_are_those_of_all_ways_counted_one_by_one() {
        let n = 3 * SHORTEST + 2;
        let (costs, prices, by_length) = case(n);
        let mut ways = vec![Vec::new()];
        for a in SHORTEST..=n - SHORTEST {
            ways.push(vec![a]);
            ways.extend((a + SHORTEST..=n - SHORTEST).map(|b| vec![a, b]));
        }
        let weights: Vec<f64> = ways.iter().map(|way| (-cost(&costs, &prices, &by_length, way)).exp()).collect();
        let all: f64 = weights.iter().sum();
        let found = Posterior::new(&costs, &prices, &by_length);
        assert!((found.uncut - weights[0] / all).abs() < 1e-9);
        for place in 0..n {
            let of =
                ways.iter().zip(&weights).filter(|(way, _)| way.contains(&place)).map(|(_, it)| it).sum::<f64>() / all;
            assert!((found.boundary[place] - of).abs() < 1e-9, "{place}: {} instead of {of}", found.boundary[place]);
        }
    }

    #[test]
    fn likely_places_are_taken_and_likely_whole_texts_left() {
        let mut it = Posterior { boundary: vec![0.0; 60], uncut: 0.01 };
        it.boundary[20..23].copy_from_slice(&[0.1, 0.4, 0.1]);
        // Enough near it, not enough there: 0.3 + 0.5 * 0.3 is less than LEAST.
        it.boundary[40] = 0.3;
        assert_eq!(it.cuts(), [21]);
        // Of two that are too near to each other, the likelier.
        it.boundary[20..23].fill(0.1);
        it.boundary[26] = 0.7;
        assert_eq!(it.cuts(), [26]);
        it.uncut = uncut(60);
        assert!(it.cuts().is_empty());
        assert_eq!([16, 130, 1000].map(uncut), [UNCUT_MOST, UNCUT, UNCUT]);
        assert!(uncut(60) > uncut(90) && uncut(90) > uncut(120));
    }

    #[test]
    fn costs_of_thousands_neither_overflow_nor_vanish() {
        let n = 40;
        let by_length = vec![5e3; n + 1];
        let found = Posterior::new(&SpanCosts::new(n), &vec![-5e3; n], &by_length);
        assert!(found.boundary.iter().all(|it| (0.0..=1.0 + 1e-9).contains(it)), "{:?}", found.boundary);
        assert!(found.uncut > 0.0);
    }
}
