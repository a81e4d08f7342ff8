//! From the codes of a corpus to dashboards.

use super::label::{Firing, Words};
use super::name::{PeakWords, peak_words};
use super::{BARS, Dashboard, Excerpt, Label};

/// Excerpts of the largest codes, each from another passage.
const TOP: usize = 6;

/// Quantiles of the codes that are not zero which get an excerpt each.
const QUANTILES: [f32; 3] = [0.9, 0.5, 0.1];

/// Excerpts of the largest predictable codes.
const PREDICTABLE_TOP: usize = 3;

/// Tokens before and after the one that an excerpt is about.
const BEFORE: usize = 11;
const AFTER: usize = 5;

/// Gathers the codes of passages.
pub struct Builder {
    width: usize,
    tokens: usize,
    passages: Vec<Passage>,
    /// Of each feature.
    firings: Vec<Vec<Firing>>,
    predictable: Vec<Predictable>,
}

struct Passage {
    source: usize,
    tokens: Vec<String>,
}

#[derive(Clone, Default)]
struct Predictable {
    sum: f64,
    /// Largest first, each from another passage.
    top: Vec<Excerpt>,
}

/// Three significant digits: what a picture shows, in a third of the bytes.
pub fn rounded(value: f32) -> f32 {
    format!("{value:.2e}").parse().unwrap_or(value)
}

impl Builder {
    /// For an SAE of `width` features.
    pub fn new(width: usize) -> Self {
        Self {
            width,
            tokens: 0,
            passages: Vec::new(),
            firings: vec![Vec::new(); width],
            predictable: vec![Predictable::default(); width],
        }
    }

    /// Adds a passage from `source`: its tokens, BOS first, and the novel and predictable codes
    /// [T, width] of each.
    pub fn add(&mut self, source: usize, tokens: &[String], novel: &[f32], predictable: &[f32]) {
        let passage = self.passages.len() as u32;
        self.tokens += tokens.len().saturating_sub(1);
        for (position, codes) in novel.chunks_exact(self.width).enumerate().take(tokens.len()).skip(1) {
            for (firings, value) in self.firings.iter_mut().zip(codes).filter(|(_, value)| **value > 0.0) {
                firings.push(Firing { passage, position: position as u32, value: *value });
            }
        }
        for (feature, kept) in self.predictable.iter_mut().enumerate() {
            let of = |position: usize| predictable.get(position * self.width + feature).copied().unwrap_or(0.0);
            let Some(at) = (1..tokens.len()).max_by(|a, b| of(*a).total_cmp(&of(*b))) else { continue };
            kept.sum += (1..tokens.len()).map(|position| f64::from(of(position))).sum::<f64>();
            let least = kept.top.last().filter(|_| kept.top.len() == PREDICTABLE_TOP).map_or(0.0, |e| e.values[e.at]);
            if of(at) > least {
                let excerpt = excerpt(source, tokens, at, of);
                let place = kept.top.partition_point(|other| other.values[other.at] >= excerpt.values[excerpt.at]);
                kept.top.insert(place, excerpt);
                kept.top.truncate(PREDICTABLE_TOP);
            }
        }
        self.passages.push(Passage { source, tokens: tokens.to_vec() });
    }

    /// Tokens so far, BOS left out.
    pub fn tokens(&self) -> usize {
        self.tokens
    }

    /// Passages so far.
    pub fn passages(&self) -> usize {
        self.passages.len()
    }

    /// The labels of all features that have one.
    pub fn labels(&self) -> Vec<Label> {
        let words = Words::of(self.passages.iter().map(|passage| passage.tokens.as_slice()));
        self.firings.iter().enumerate().filter_map(|(feature, firings)| words.label(feature, firings)).collect()
    }

    /// The words at the peaks of `feature`: see [`peak_words`].
    pub fn peak_words(&self, feature: usize) -> PeakWords {
        let token = |firing: &Firing| {
            let passage = self.passages.get(firing.passage as usize)?;
            passage.tokens.get(firing.position as usize).map(String::as_str)
        };
        self.firings.get(feature).map(|firings| peak_words(firings, token)).unwrap_or_default()
    }

    /// The largest novel code of `feature`, as its dashboard has it.
    pub fn largest(&self, feature: usize) -> f32 {
        let firings = self.firings.get(feature).map(Vec::as_slice).unwrap_or_default();
        rounded(firings.iter().map(|firing| firing.value).fold(0.0, f32::max))
    }

    /// What `feature` does, without what follows from the decoder.
    pub fn dashboard(&self, feature: usize) -> Dashboard {
        let Some(firings) = self.firings.get(feature) else { return Dashboard::default() };
        let mut sorted: Vec<&Firing> = firings.iter().collect();
        sorted.sort_by(|a, b| {
            b.value.total_cmp(&a.value).then(a.passage.cmp(&b.passage)).then(a.position.cmp(&b.position))
        });
        let largest = sorted.first().map_or(0.0, |firing| firing.value);
        let mut histogram = vec![0; BARS];
        for firing in firings {
            let bar = (firing.value / largest * BARS as f32) as usize;
            histogram[bar.min(BARS - 1)] += 1;
        }
        let mut seen = Vec::new();
        for firing in &sorted {
            if seen.len() < TOP && seen.iter().all(|other: &&Firing| other.passage != firing.passage) {
                seen.push(firing);
            }
        }
        let top = seen.iter().map(|firing| self.excerpt(firings, firing)).collect();
        let mut lower = Vec::new();
        for quantile in QUANTILES {
            let rank = ((1.0 - quantile) * sorted.len() as f32) as usize;
            // Rather another passage than one that is shown already.
            let other = sorted.iter().skip(rank).find(|firing| seen.iter().all(|it| it.passage != firing.passage));
            if let Some(firing) = other {
                seen.push(firing);
                lower.push(Excerpt { quantile: Some(quantile), ..self.excerpt(firings, firing) });
            }
        }
        let predictable = &self.predictable[feature];
        let tokens = self.tokens.max(1) as f64;
        Dashboard {
            frequency: rounded((firings.len() as f64 / tokens) as f32),
            largest: rounded(largest),
            histogram,
            top,
            lower,
            predictable_mean: rounded((predictable.sum / tokens) as f32),
            predictable_top: predictable.top.clone(),
            ..Dashboard::default()
        }
    }

    /// The tokens around `firing`, with the codes of all `firings` of its feature.
    fn excerpt(&self, firings: &[Firing], firing: &Firing) -> Excerpt {
        let Some(passage) = self.passages.get(firing.passage as usize) else { return Excerpt::default() };
        // Firings are in the order of passages and positions.
        let value = |position: usize| {
            let key = (firing.passage, position as u32);
            let found = firings.binary_search_by_key(&key, |other| (other.passage, other.position));
            found.ok().map_or(0.0, |index| firings[index].value)
        };
        excerpt(passage.source, &passage.tokens, firing.position as usize, value)
    }
}

/// Tokens around `at`, BOS left out.
fn excerpt(source: usize, tokens: &[String], at: usize, value: impl Fn(usize) -> f32) -> Excerpt {
    let first = at.saturating_sub(BEFORE).max(1);
    let end = (at + AFTER + 1).min(tokens.len());
    Excerpt {
        source,
        tokens: tokens[first..end].to_vec(),
        values: (first..end).map(|position| rounded(value(position))).collect(),
        at: at - first,
        quantile: None,
    }
}

/// The largest of `values` with their indices, largest first; equal ones in index order.
pub struct Largest {
    keep: usize,
    /// Largest first.
    pub found: Vec<(usize, f32)>,
}

impl Largest {
    /// Keeps the `keep` largest.
    pub fn new(keep: usize) -> Self {
        Self { keep, found: Vec::with_capacity(keep + 1) }
    }

    /// Looks at one more.
    pub fn see(&mut self, index: usize, value: f32) {
        if self.found.len() == self.keep && self.found.last().is_some_and(|(_, least)| value <= *least) {
            return;
        }
        let place = self.found.partition_point(|(_, other)| *other >= value);
        self.found.insert(place, (index, value));
        self.found.truncate(self.keep);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn the_largest_in_order() {
        let mut largest = Largest::new(3);
        [1.0, 5.0, 5.0, -1.0, 2.0, 7.0].into_iter().enumerate().for_each(|(i, v)| largest.see(i, v));
        assert_eq!(largest.found, [(5, 7.0), (1, 5.0), (2, 5.0)]);
    }

    #[test]
    fn excerpts_come_from_different_passages_and_never_hold_bos() {
        let mut builder = Builder::new(2);
        for passage in 0..10 {
            let words = tokens("<bos> a b c");
            let value = |t: usize| if t == 0 { 9.0 } else { (passage * 3 + t) as f32 };
            let novel: Vec<f32> = (0..4).flat_map(|t| [value(t), 0.0]).collect();
            let predictable: Vec<f32> = (0..4).flat_map(|t| [0.0, -value(t)]).collect();
            builder.add(0, &words, &novel, &predictable);
        }
        let first = builder.dashboard(0);
        assert_eq!(first.frequency, 1.0);
        assert_eq!(first.largest, 30.0);
        assert_eq!(first.histogram.iter().sum::<u32>(), 30);
        let values: Vec<f32> = first.top.iter().map(|e| e.values[e.at]).collect();
        assert_eq!(values, [30.0, 27.0, 24.0, 21.0, 18.0, 15.0]);
        assert!(first.top.iter().all(|e| e.tokens == tokens("a b c")));
        assert_eq!(first.lower.len(), 3);
        assert!(first.lower.windows(2).all(|pair| pair[0].values[pair[0].at] >= pair[1].values[pair[1].at]));
        let second = builder.dashboard(1);
        assert_eq!((second.frequency, second.top.len(), second.predictable_top.len()), (0.0, 0, 0));
        assert_eq!(second.predictable_mean, -15.5);
        assert_eq!(builder.tokens(), 30);
    }

    #[test]
    fn three_digits() {
        assert_eq!([1.23456, -0.000123456, 98765.0, 0.0].map(rounded), [1.23, -0.000123, 98800.0, 0.0]);
    }
}
