//! Where one event of a text ends and the next begins, from Gram matrices.
//!
//! | file | what it is |
//! |---|---|
//! | [`agreement`] | how well found boundaries agree with marked ones |
//! | `mod.rs` | events, boundaries, and what they cost |
//! | [`method`] | what weighs how much |
//! | [`posterior`] | how likely a boundary is at each place, and which ones are taken |
//! | [`scatter`] | scatter of spans, continuity and surprise at a place, from kernels |
//! | [`sentences`] | what sentences and lines say: weak evidence |
//!
//! Method: kernel change-point detection (Harchaoui & Cappé 2007) as a semi-Markov random field (Sarawagi & Cohen
//! 2004). BOS is left out, the rest centered again, and the cosine of each source taken as kernel. The scatter of a
//! span, the sum of squared distances of its tokens from their mean, follows from the kernel alone. A way to cut a
//! text has a cost, and is exp(-cost) times as likely as one that costs nothing:
//!
//! - each event costs 1.22 times its scatter in the residual stream, plus 2.92 times that in the novel codes, less
//!   0.17 times that in the predictable codes, which drift inside of one event, too; and 6.15 ln(1 + its length / 30);
//! - each boundary costs 7.3 + 0.4 ln(n / 100) in a text of n tokens (400 where n is more), and
//!   - more, the more alike the 12 tokens before and after are (residual stream and novel codes): the text goes on;
//!   - less, the more the energy of the novel codes rises there: the past foretold less of it;
//!   - 0.57 more where no sentence begins, 9.05 (1 - n / 80) more inside of a sentence of n < 80 tokens, and up to
//!     2.52 less after a line break, where lines do not break after every sentence.
//!
//! Sources turn late, the novel codes by about 1 token, the residual stream by 1 to 6, the predictable codes by 2 to 10:
//! scatter is that of the span moved by this lag. Sums over all ways to cut the text (exact, by dynamic programming)
//! give the probability of a boundary at each place. A text of 130 tokens and more that is one event with a probability
//! of 0.05 is left whole, a shorter one of n tokens from 0.05 (130 / n)², at most 0.25. Else those boundaries are taken
//! together that gain most, where each gains its probability within 3 tokens plus half of that exactly there, less
//! 0.5625. Between two events of the same words, whatever their order, there is no boundary: the state at a repeated word drifts,
//! and nothing changes.
//!
//! `expectation_from` is where the predictable codes follow: the cut of them alone, at or within 24 tokens after
//! the boundary, that leaves least scatter.
//!
//! Figures and failures: docs/events.md.

pub mod agreement;
pub mod method;
mod posterior;
mod scatter;
mod sentences;

use std::collections::HashSet;

use crate::analysis::{Analysis, Event, Grams};
use crate::gram;
use crate::matrix::SymmetricMatrix;
use crate::order::largest_first;
use crate::similarity::{self, MissingError, Source};

pub use method::Method;
use method::{EXPECTATION_LAG_MAX, LENGTH_SCALE, LONG_TEXT, Part, SHORTEST, TEXT_SCALE};
use posterior::Posterior;
use scatter::SpanCosts;
pub use sentences::{ends_sentence, has_letters, starts as sentence_starts};

/// The beginning of an event.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Boundary {
    /// Position of its first token in the text.
    pub position: usize,
    /// From which position on the predictable codes follow.
    pub expectation_from: usize,
    /// Weighted scatter it saves, in nats.
    pub gain: f64,
}

/// An event: what the text is about from one boundary to the next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EventSpan {
    /// Position of its first token in the text.
    pub first: usize,
    /// Position of its last token, inclusive.
    pub last: usize,
    /// From which position on the predictable codes follow the change; `first` or later, and at most `last`.
    pub expectation_from: usize,
    /// Weighted scatter that the boundary before it saves, in nats; 0 for the text's first event.
    pub gain: f64,
}

/// The events of a text in its order: they cover every token but BOS, and there is always at least one.
/// `tokens` [T] are the text's, BOS first; a text of BOS alone has one event, BOS.
pub fn spans(grams: &Grams, tokens: &[String]) -> Vec<EventSpan> {
    spans_by(&Method::together(), |source| grams.of(source).clone(), tokens)
}

/// [`spans`] by another method, to compare, or of Gram matrices that are made when they are asked for: each once, and one at a time.
pub fn spans_by(method: &Method, gram_of: impl Fn(Source) -> SymmetricMatrix, tokens: &[String]) -> Vec<EventSpan> {
    let n = tokens.len().saturating_sub(1);
    if n < 2 * SHORTEST {
        return vec![whole(tokens.len())];
    }
    let mut costs = SpanCosts::new(n);
    let price = method.price - method.many * ((n as f64).min(LONG_TEXT) / TEXT_SCALE).ln();
    let mut prices: Vec<f64> = sentences::costs(&tokens[1..=n]).iter().map(|cost| price + cost).collect();
    let (mut kernel, mut energies) = (SymmetricMatrix::default(), Vec::new());
    // The predictable codes come last: where they follow a boundary is looked up once the boundaries are known.
    for source in [Source::Residual, Source::Total, Source::Novel, Source::Predictable] {
        let parts: Vec<&Part> = method.parts.iter().filter(|part| part.source == source).collect();
        let has_surprise = source == Source::Novel && method.surprise > 0.0;
        if parts.is_empty() && !has_surprise && source != Source::Predictable {
            continue;
        }
        let centered = similarity::centered_without_bos(&gram_of(source)).entries;
        if centered.size() != n {
            return vec![whole(tokens.len())];
        }
        if has_surprise {
            energies = centered.diagonal().map(f64::from).collect();
        }
        kernel = gram::cosine(centered);
        let shares = parts.iter().filter(|part| part.weight != 0.0).map(|part| (part.weight, part.lag));
        costs.add(&kernel, &shares.collect::<Vec<_>>());
        for part in parts.iter().filter(|part| part.continuity > 0.0) {
            for (price, alike) in prices.iter_mut().zip(scatter::continuity(&kernel)) {
                *price += part.continuity * alike;
            }
        }
    }
    for (price, rise) in prices.iter_mut().zip(scatter::surprise(&energies)) {
        *price -= method.surprise * rise;
    }
    let by_length: Vec<f64> = (0..=n).map(|l| method.length * (1.0 + l as f64 / LENGTH_SCALE).ln()).collect();
    let mut cuts = Posterior::new(&costs, &prices, &by_length).cuts();
    keep_changes(&mut cuts, &tokens[1..=n]);
    located(&costs, &kernel, &cuts, n)
}

/// A text of so many tokens as one event.
fn whole(tokens: usize) -> EventSpan {
    let (first, last) = (usize::from(tokens > 1), tokens.saturating_sub(1));
    EventSpan { first, last, expectation_from: first, gain: 0.0 }
}

/// Leaves those cuts of `tokens` alone after which another word or number comes than since the cut before, or one comes no more.
fn keep_changes(cuts: &mut Vec<usize>, tokens: &[String]) {
    let of = |from: usize, to: usize| -> HashSet<String> {
        let words = tokens[from..to].iter().filter(|token| has_letters(token));
        words.map(|token| token.trim_matches('▁').to_lowercase()).collect()
    };
    let all = std::mem::take(cuts);
    for (index, cut) in all.iter().copied().enumerate() {
        let from = cuts.last().copied().unwrap_or(0);
        let to = all.get(index + 1).copied().unwrap_or(tokens.len());
        if of(from, cut) != of(cut, to) {
            cuts.push(cut);
        }
    }
}

/// The events between cuts of the n tokens after BOS, with what each boundary saves and where the kernel
/// of the predictable codes follows it.
fn located(costs: &SpanCosts, predictable: &SymmetricMatrix, cuts: &[usize], n: usize) -> Vec<EventSpan> {
    let end_of = |index: usize| cuts.get(index + 1).copied().unwrap_or(n);
    let mut spans =
        vec![EventSpan { first: 1, last: cuts.first().copied().unwrap_or(n), expectation_from: 1, gain: 0.0 }];
    let (mut before, mut expected) = (0, 0);
    for (index, cut) in cuts.iter().copied().enumerate() {
        let end = end_of(index);
        let to = (cut + EXPECTATION_LAG_MAX).min(end - 1);
        expected = scatter::best_cut(predictable, expected, cut, to, end);
        spans.push(EventSpan {
            first: cut + 1,
            last: end,
            expectation_from: expected + 1,
            gain: costs.of(before, end) - costs.of(before, cut) - costs.of(cut, end),
        });
        before = cut;
    }
    spans
}

/// The events of a text in order, without words: see [`spans`].
pub fn of_text(grams: &Grams, tokens: &[String]) -> Vec<Event> {
    without_words(spans(grams, tokens))
}

/// [`of_text`] for a text whose Gram matrices are not in memory: see [`spans_by`].
pub fn of_text_by(gram_of: impl Fn(Source) -> SymmetricMatrix, tokens: &[String]) -> Vec<Event> {
    without_words(spans_by(&Method::together(), gram_of, tokens))
}

fn without_words(spans: Vec<EventSpan>) -> Vec<Event> {
    let event = |span: EventSpan| Event {
        first: span.first,
        last: span.last,
        expectation_from: span.expectation_from,
        words: Vec::new(),
        expected: Vec::new(),
        coherence: None,
        unclear: false,
    };
    spans.into_iter().map(event).collect()
}

/// Tokens of the shortest text that can have two events, BOS included.
pub const TWO_EVENTS_FROM: usize = 2 * SHORTEST + 1;

/// First positions of a text's events but the first, in order: of those that came with it, else of the [`spans`].
///
/// # Errors
/// As for [`boundaries`], where no events came with it.
pub fn starts(analysis: &Analysis) -> Result<Vec<usize>, MissingError> {
    let Some(events) = &analysis.events else {
        let mut starts: Vec<usize> = boundaries(analysis)?.iter().map(|it| it.position).collect();
        starts.sort_unstable();
        return Ok(starts);
    };
    if analysis.tokens.len() < TWO_EVENTS_FROM {
        Err(MissingError::Tokens)
    } else {
        Ok(events.iter().skip(1).map(|it| it.first).collect())
    }
}

/// Boundaries of a text, strongest first: where the [`spans`] but the first begin.
///
/// # Errors
/// [`MissingError::Grams`] when the result was saved without Gram matrices, [`MissingError::Tokens`] for texts
/// too short to hold two events.
pub fn boundaries(analysis: &Analysis) -> Result<Vec<Boundary>, MissingError> {
    if analysis.tokens.len() < TWO_EVENTS_FROM {
        return Err(MissingError::Tokens);
    }
    let grams = analysis.grams.as_ref().ok_or(MissingError::Grams)?;
    let found: Vec<Boundary> = spans(grams, &analysis.tokens)
        .iter()
        .skip(1)
        .map(|span| Boundary { position: span.first, expectation_from: span.expectation_from, gain: span.gain })
        .collect();
    Ok(largest_first(found, |it| it.gain))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(lengths: &[usize], lag: usize) -> Grams {
        faint_blocks(lengths, lag, 1.0)
    }

    /// Gram matrices of BOS and blocks of tokens that share a direction of squared length `shared` and have one
    /// of their own of length 1. The predictable codes turn `lag` tokens late.
    fn faint_blocks(lengths: &[usize], lag: usize, shared: f32) -> Grams {
        let n: usize = lengths.iter().sum();
        let block: Vec<usize> = lengths.iter().enumerate().flat_map(|(k, l)| vec![k; *l]).collect();
        let of = |late: usize| {
            SymmetricMatrix::from_fn(n + 1, |i, j| {
                if i == 0 || j == 0 {
                    return if i == j { 1e6 } else { 0.0 };
                }
                let [a, b] = [i, j].map(|it| block[(it - 1).saturating_sub(late)]);
                shared * f32::from(u8::from(a == b)) + f32::from(u8::from(i == j))
            })
        };
        Grams::from_sources([of(lag), of(0), of(0), of(0)])
    }

    fn words(n: usize, full_stops: &[usize]) -> Vec<String> {
        (0..n).map(|i| if full_stops.contains(&i) { ".".to_owned() } else { format!("▁word{i}") }).collect()
    }

    fn ends(spans: &[EventSpan]) -> Vec<(usize, usize)> {
        spans.iter().map(|span| (span.first, span.last)).collect()
    }

    #[test]
    fn blocks_are_found_and_a_lone_one_is_not_cut() {
        let found = spans(&blocks(&[30, 40, 35], 0), &words(106, &[30, 70]));
        assert_eq!(ends(&found), [(1, 30), (31, 70), (71, 105)]);
        let one = [EventSpan { first: 1, last: 60, expectation_from: 1, gain: 0.0 }];
        assert_eq!(spans(&blocks(&[60], 0), &words(61, &[20, 40])), one);
        assert_eq!(spans(&blocks(&[200], 0), &words(201, &[])).len(), 1);
    }

    #[test]
    fn repeated_words_are_one_event_whatever_drifts() {
        let grams = blocks(&[30, 40, 35], 0);
        let text_of = |word: fn(usize) -> &'static str| -> Vec<String> {
            let of = |(i, token): (usize, String)| if token == "." { token } else { word(i).to_owned() };
            words(106, &[30, 70]).into_iter().enumerate().map(of).collect()
        };
        assert_eq!(spans(&grams, &text_of(|_| "▁river")).len(), 1);
        assert_eq!(spans(&grams, &text_of(|i| ["▁the", "▁cat", "▁sat"][i % 3])).len(), 1);
        assert_eq!(spans(&grams, &text_of(|i| if i > 103 { "<0x0A>" } else { "▁river" })).len(), 1);
        // What comes back after something else is another event.
        let back = text_of(|i| if (31..71).contains(&i) { "▁stone" } else { "▁river" });
        assert_eq!(ends(&spans(&grams, &back)), [(1, 30), (31, 70), (71, 105)]);
    }

    #[test]
    fn short_and_empty_texts_are_one_event() {
        assert_eq!(ends(&spans(&blocks(&[2], 0), &words(3, &[]))), [(1, 2)]);
        assert_eq!(ends(&spans(&blocks(&[15], 0), &words(16, &[]))), [(1, 15)]);
        let bos = [EventSpan { first: 0, last: 0, expectation_from: 0, gain: 0.0 }];
        assert_eq!(spans(&blocks(&[], 0), &words(1, &[])), bos);
        assert_eq!(spans(&blocks(&[], 0), &[]), bos);
    }

    #[test]
    fn the_expectation_follows_by_its_lag() {
        for lag in [0, 6, 13] {
            let found = spans(&blocks(&[40, 50, 40], lag), &words(131, &[40, 90]));
            let follows: Vec<usize> = found.iter().map(|span| span.expectation_from).collect();
            assert_eq!(follows, [1, 41 + lag, 91 + lag]);
        }
    }

    #[test]
    fn a_full_stop_alone_makes_no_boundary_but_places_one() {
        // The residual stream and the novel codes turn inside of a sentence of 8 tokens.
        let found = spans(&faint_blocks(&[42, 40], 0, 0.12), &words(83, &[30, 38, 46]));
        assert_eq!(found.len(), 2);
        assert_eq!(found[1].first, 39);
        assert_eq!(spans(&blocks(&[82], 0), &words(83, &[30, 38, 46])).len(), 1);
    }

    #[test]
    fn values_that_are_no_numbers_do_no_harm() {
        let broken = SymmetricMatrix::from_fn(60, |i, j| if i == j { f32::NAN } else { 1.0 });
        let found = spans(&Grams::from_sources([(); 4].map(|()| broken.clone())), &words(60, &[]));
        assert_eq!((found[0].first, found.last().map(|span| span.last)), (1, Some(59)));
        let zero = SymmetricMatrix::from_fn(60, |_, _| 0.0);
        assert_eq!(spans(&Grams::from_sources([(); 4].map(|()| zero.clone())), &words(60, &[])).len(), 1);
    }

    #[test]
    fn boundaries_are_the_beginnings_strongest_first() {
        let mut analysis = crate::example::analysis();
        assert_eq!(boundaries(&analysis), Err(MissingError::Tokens));
        assert_eq!(starts(&analysis), Err(MissingError::Tokens));
        analysis.tokens = words(131, &[40, 90]);
        analysis.grams = Some(blocks(&[40, 50, 40], 6));
        let found = boundaries(&analysis).unwrap();
        assert!(found.len() == 2 && found[0].gain >= found[1].gain && found[1].gain > 0.0, "{found:?}");
        let mut positions: Vec<usize> = found.iter().map(|b| b.position).collect();
        positions.sort_unstable();
        assert_eq!(positions, [41, 91]);
        assert_eq!(starts(&analysis), Ok(vec![41, 91]));
        analysis.events = analysis.grams.as_ref().map(|grams| of_text(grams, &analysis.tokens));
        analysis.grams = None;
        assert_eq!(boundaries(&analysis), Err(MissingError::Grams));
        assert_eq!(starts(&analysis), Ok(vec![41, 91]));
        analysis.events = None;
        assert_eq!(starts(&analysis), Err(MissingError::Grams));
    }
}
