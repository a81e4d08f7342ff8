//! What weighs how much when events are looked for. The numbers were fitted on texts that are not among those
//! of the held-out half in `tests/fixtures/events`; docs/events.md says how, and what they reach.

use crate::source::Source;

/// Tokens of the shortest event.
pub const SHORTEST: usize = 8;
/// Tokens on either side of a place whose mutual similarity says how far the text goes on there.
pub const CONTINUITY_WINDOW: usize = 12;
/// Tokens on either side of a place whose novel energy is compared.
pub const SURPRISE_WINDOW: usize = 5;
/// Length, in tokens, from which on an event costs more the longer it is: topics drift inside of one, too.
pub const LENGTH_SCALE: f64 = 30.0;
/// What a boundary costs more inside of a sentence; the longer the sentence is, the less, and nothing from
/// [`LONG_SENTENCE`] tokens on: a text without punctuation is one long sentence.
pub const MID_SENTENCE: f64 = 9.0;
/// See [`MID_SENTENCE`].
pub const LONG_SENTENCE: f64 = 80.0;
/// What a boundary costs less after a line break, where lines do not break after every sentence.
pub const LINE_BREAK: f64 = 2.0;
/// Tokens by which the expectation may follow at the latest.
pub const EXPECTATION_LAG_MAX: usize = 24;

/// The part of one source.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Part {
    /// Which Gram matrix.
    pub source: Source,
    /// Of its scatter.
    pub weight: f64,
    /// Tokens by which it turns late.
    pub lag: usize,
    /// What a boundary costs more by the mean similarity of the tokens before it with those after it.
    pub continuity: f64,
}

/// All that is weighed. Costs are in tokens of weighted scatter.
#[derive(Debug, Clone, PartialEq)]
pub struct Method {
    /// Sources and their weights.
    pub parts: Vec<Part>,
    /// What a boundary costs less by the rise of the novel codes' logarithmic energy.
    pub surprise: f64,
    /// What every boundary costs.
    pub price: f64,
    /// What an event costs by the logarithm of its length.
    pub length: f64,
}

impl Method {
    /// Residual stream, novel and predictable codes together: the one that every view uses.
    pub fn together() -> Self {
        let part = |source, weight, lag, continuity| Part { source, weight, lag, continuity };
        Self {
            parts: vec![
                part(Source::Residual, 1.0, 5, 0.0),
                part(Source::Novel, 4.0, 1, 140.0),
                part(Source::Predictable, 0.0, 12, 1.0),
            ],
            surprise: 1.0,
            price: 12.0,
            length: 5.0,
        }
    }

    /// One source alone, for comparison: its weights were fitted for itself on the same texts.
    pub fn alone(source: Source) -> Self {
        let part = |weight, lag, continuity| vec![Part { source, weight, lag, continuity }];
        match source {
            Source::Predictable => Self { parts: part(1.0, 12, 3.0), surprise: 0.0, price: 5.3, length: 1.0 },
            Source::Novel => Self { parts: part(6.0, 1, 140.0), surprise: 1.0, price: 11.0, length: 0.0 },
            Source::Total | Source::Residual => {
                Self { parts: part(0.5, 5, 2.0), surprise: 0.0, price: 2.8, length: 1.0 }
            }
        }
    }
}
