//! Statistics of a text's tokens in any order of them, for the yardstick of [`crate::shuffled`].

use std::collections::HashSet;

use crate::similarity::{self, MissingError, Mode};
use crate::words::{TOKEN_WORDS, Word, stem};
use crate::{Analysis, Source, events, per_token, spans};

/// Tokens of each event whose words do not count: nothing can be foretold yet.
const SKIPPED: usize = 8;

/// Which event each token of the text belongs to, and the words of the events.
pub struct Truth {
    event_of: Vec<Option<usize>>,
    stems: Vec<HashSet<String>>,
}

impl Truth {
    /// What the text in its own order says.
    pub fn of(analysis: &Analysis) -> Self {
        let mut event_of = vec![None; analysis.tokens.len()];
        let mut stems = Vec::new();
        for (index, event) in analysis.events.iter().flatten().enumerate() {
            if let Some(tokens) = event_of.get_mut(event.first..=event.last) {
                tokens.fill(Some(index));
            }
            stems.push(event.words.iter().map(|it| stem(&it.word)).collect());
        }
        Self { event_of, stems }
    }

    /// The events of the tokens in another order: its position i has the token of position `order[i]`.
    pub fn in_order(&self, order: &[usize]) -> Vec<Option<usize>> {
        order.iter().map(|position| self.event_of.get(*position).copied().flatten()).collect()
    }

    /// Shares of the words of `lists` [T] that are among those of the token's own event, and of another one; NaN without lists.
    pub fn shares(&self, lists: Option<&[Vec<Word>]>, event_of: &[Option<usize>]) -> [f32; 2] {
        let mut seen = vec![0usize; self.stems.len()];
        let (mut own, mut other, mut all) = (0usize, 0usize, 0usize);
        for (words, event) in lists.unwrap_or_default().iter().zip(event_of) {
            let Some(event) = *event else { continue };
            seen[event] += 1;
            if seen[event] <= SKIPPED {
                continue;
            }
            all += TOKEN_WORDS;
            for word in words {
                let stem = stem(&word.word);
                if self.stems[event].contains(&stem) {
                    own += 1;
                } else if self.stems.iter().any(|stems| stems.contains(&stem)) {
                    other += 1;
                }
            }
        }
        [own, other].map(|count| if all == 0 { f32::NAN } else { count as f32 / all as f32 })
    }
}

/// Statistics of an order; NaN where one is undefined.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OrderFigures {
    /// Similarity of predictable codes within an event.
    pub within: f32,
    /// The same across events.
    pub across: f32,
    /// Predictable share of the reconstruction's energy.
    pub predictable_share: f32,
    /// Number of events.
    pub events: f32,
    /// Words from the past that are among those of the token's own event.
    pub own_words: f32,
    /// The same of another event.
    pub other_words: f32,
}

impl OrderFigures {
    /// Their names in a document.
    pub const NAMES: [&str; 6] =
        ["within_similarity", "across_similarity", "predictable_share", "events", "own_words", "other_words"];

    /// Of the analysis of an order, whose tokens belong to the events `event_of`.
    ///
    /// # Errors
    /// Without Gram matrices.
    pub fn of(analysis: &Analysis, event_of: &[Option<usize>], truth: &Truth) -> Result<Self, MissingError> {
        let matrix = similarity::similarity(analysis, Source::Predictable, Mode::Neuronpedia)?;
        let alike = spans::within_across_of(&matrix, event_of);
        let events = analysis.grams.as_ref().map(|grams| events::spans(grams, &analysis.tokens).len());
        let lists = analysis.words.as_ref().map(|words| words.predictable.as_slice());
        let [own_words, other_words] = truth.shares(lists, event_of);
        Ok(Self {
            within: alike.within.unwrap_or(f32::NAN),
            across: alike.across.unwrap_or(f32::NAN),
            predictable_share: per_token::energy_shares(analysis).map_or(f32::NAN, |shares| shares.predictable),
            events: events.map_or(f32::NAN, |count| count as f32),
            own_words,
            other_words,
        })
    }

    /// In the order of [`Self::NAMES`].
    pub fn values(&self) -> [f32; 6] {
        [self.within, self.across, self.predictable_share, self.events, self.own_words, self.other_words]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Event, example};

    #[test]
    fn events_follow_their_tokens_into_another_order() {
        let mut analysis = example::analysis();
        let event = |first, last| Event {
            first,
            last,
            expectation_from: first,
            words: Vec::new(),
            expected: Vec::new(),
            coherence: None,
            unclear: false,
        };
        analysis.events = Some(vec![event(0, 1), event(2, 2)]);
        let truth = Truth::of(&analysis);
        assert_eq!(truth.in_order(&[0, 2, 1]), [Some(0), Some(1), Some(0)]);
        // Events past the text, which no reader lets through, are passed over.
        analysis.events = Some(vec![event(0, 900)]);
        assert_eq!(Truth::of(&analysis).in_order(&[0, 1, 7]), [None; 3]);
    }
}
