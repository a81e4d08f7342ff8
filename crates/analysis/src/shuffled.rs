//! The yardstick of shuffled orders: what of a text's statistics is left when its tokens come in another order was
//! never temporal.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::nan_as_null;

/// What is shuffled; BOS stays where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// All tokens of the text.
    Text,
    /// The tokens within each event; the events stay in order.
    Events,
}

/// Mean and range of a statistic over several orders; NaN where it is undefined in one of them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Mean.
    #[serde(with = "nan_as_null")]
    pub mean: f32,
    /// Smallest.
    #[serde(with = "nan_as_null")]
    pub min: f32,
    /// Largest.
    #[serde(with = "nan_as_null")]
    pub max: f32,
}

impl Spread {
    /// Of some values.
    pub fn of(values: &[f32]) -> Self {
        if values.is_empty() || values.iter().any(|value| value.is_nan()) {
            return Self { mean: f32::NAN, min: f32::NAN, max: f32::NAN };
        }
        let mean = values.iter().map(|value| f64::from(*value)).sum::<f64>() / values.len() as f64;
        let fold = |pick: fn(f32, f32) -> f32| values.iter().copied().reduce(pick).unwrap_or(f32::NAN);
        Self { mean: mean as f32, min: fold(f32::min), max: fold(f32::max) }
    }
}

/// A statistic of the text next to what it is in other orders of its tokens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShuffledStatistic {
    /// Its name, e.g. `within_similarity`.
    pub name: String,
    /// In the text's own order.
    #[serde(with = "nan_as_null")]
    pub own: f32,
    /// With all tokens shuffled.
    pub text: Spread,
    /// With the tokens of each event shuffled.
    pub events: Spread,
}

/// Statistics next to those of shuffled orders.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shuffled {
    /// Orders per [`Scope`].
    pub orders: usize,
    /// The statistics.
    pub statistics: Vec<ShuffledStatistic>,
}

/// An order of a text of `tokens` tokens with these `events`: position i of it has the token of position `order[i]`. The same `seed` gives
/// the same order on every machine.
pub fn order(tokens: usize, events: &[Range<usize>], scope: Scope, seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..tokens).collect();
    let mut random = SplitMix(seed);
    match scope {
        Scope::Text => shuffle(order.get_mut(1..).unwrap_or_default(), &mut random),
        Scope::Events => {
            for event in events {
                shuffle(order.get_mut(event.start.max(1)..event.end).unwrap_or_default(), &mut random);
            }
        }
    }
    order
}

/// Fisher and Yates.
fn shuffle(items: &mut [usize], random: &mut SplitMix) {
    for i in (1..items.len()).rev() {
        let j = (random.next() % (i as u64 + 1)) as usize;
        items.swap(i, j);
    }
}

/// SplitMix64 (Steele, Lea and Flood 2014).
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_permutations_that_leave_bos_and_events_where_they_are() {
        let events = [1..10, 10..30];
        for seed in 0..20 {
            let text = order(30, &events, Scope::Text, seed);
            let within = order(30, &events, Scope::Events, seed);
            for it in [&text, &within] {
                let mut sorted = it.clone();
                sorted.sort_unstable();
                assert_eq!(sorted, (0..30).collect::<Vec<_>>());
                assert_eq!(it[0], 0);
            }
            assert!(within[1..10].iter().all(|p| *p < 10) && within[10..].iter().all(|p| *p >= 10));
            assert!(text[1..10].iter().any(|p| *p >= 10));
            assert_eq!(text, order(30, &events, Scope::Text, seed));
            assert_ne!(text, order(30, &events, Scope::Text, seed + 1));
        }
        assert_eq!(order(1, &[], Scope::Text, 0), [0]);
        assert_eq!(order(0, &[], Scope::Text, 0), [0usize; 0]);
    }

    #[test]
    fn a_spread_has_mean_and_range() {
        assert_eq!(Spread::of(&[1.0, 3.0, 2.0]), Spread { mean: 2.0, min: 1.0, max: 3.0 });
        assert!(Spread::of(&[1.0, f32::NAN]).mean.is_nan() && Spread::of(&[]).max.is_nan());
    }
}
