//! What weighs how much when events are looked for. The weights make the marked boundaries of 454 texts likely, none
//! of which is in the halves of `tests/fixtures/events` that the tests read. docs/events.md says how, and what they
//! reach.

use crate::source::Source;

/// Tokens of the shortest event.
pub const SHORTEST: usize = 8;
/// Tokens on either side of a place whose mutual similarity says how far the text goes on there.
pub const CONTINUITY_WINDOW: usize = 12;
/// Tokens on either side of a place whose novel energy is compared.
pub const SURPRISE_WINDOW: usize = 5;
/// Length, in tokens, from which on an event costs more the longer it is: topics drift inside of one, too.
pub const LENGTH_SCALE: f64 = 30.0;
/// What a boundary costs more where no sentence begins.
pub const NO_START: f64 = 0.57;
/// What it costs more on top of that inside of a short sentence; the longer the sentence is, the less, and nothing
/// from [`LONG_SENTENCE`] tokens on: a text without punctuation is one long sentence.
pub const MID_SENTENCE: f64 = 9.05;
/// See [`MID_SENTENCE`].
pub const LONG_SENTENCE: f64 = 80.0;
/// What a boundary costs less after a line break, where lines do not break after every sentence.
pub const LINE_BREAK: f64 = 2.52;
/// Tokens of a text from whose logarithm on every boundary costs less, or, in shorter texts, more.
pub const TEXT_SCALE: f64 = 100.0;
/// Tokens above which a longer text changes nothing any more.
pub const LONG_TEXT: f64 = 400.0;
/// Tokens that a boundary may be off and is still the same one.
pub const NEAR: usize = 3;
/// What the probability of a boundary exactly at a place counts relative to that of one near it.
pub const EXACT: f64 = 0.5;
/// What both must come to so that there is a boundary.
pub const LEAST: f64 = 0.5625;
/// A text that is one event with this probability is not cut: of [`UNCUT_TEXT`] tokens and more. A short text has little evidence for
/// any boundary, so that one event is likely for almost every one of them: there more is asked, by the square, up to [`UNCUT_MOST`].
pub const UNCUT: f64 = 0.05;
/// See [`UNCUT`].
pub const UNCUT_TEXT: f64 = 130.0;
/// See [`UNCUT`].
pub const UNCUT_MOST: f64 = 0.25;
/// Tokens by which the expectation may follow at the latest.
pub const EXPECTATION_LAG_MAX: usize = 24;

/// The part of one source.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Part {
    /// Which Gram matrix.
    pub source: Source,
    /// Of its scatter; below 0 where tokens drift inside of an event, too, and this is to be taken off.
    pub weight: f64,
    /// Tokens by which it turns late.
    pub lag: usize,
    /// What a boundary costs more by the mean similarity of the tokens before it with those after it.
    pub continuity: f64,
}

/// All that is weighed. Costs are in nats: a way to cut a text is e times less likely for each.
#[derive(Debug, Clone, PartialEq)]
pub struct Method {
    /// Sources and their weights.
    pub parts: Vec<Part>,
    /// What a boundary costs less by the rise of the novel codes' logarithmic energy.
    pub surprise: f64,
    /// What every boundary costs.
    pub price: f64,
    /// What every boundary costs less by the logarithm of the text's length: longer texts have more events.
    pub many: f64,
    /// What an event costs by the logarithm of its length.
    pub length: f64,
}

impl Method {
    /// Residual stream, novel and predictable codes together: the one that every view uses.
    pub fn together() -> Self {
        let part = |source, weight, lag, continuity| Part { source, weight, lag, continuity };
        Self {
            parts: vec![
                part(Source::Residual, 0.4, 1, 2.5),
                part(Source::Residual, 0.37, 3, 0.0),
                part(Source::Residual, 0.45, 6, 0.0),
                part(Source::Novel, 2.92, 1, 37.5),
                part(Source::Predictable, -0.12, 2, 0.0),
                part(Source::Predictable, -0.05, 10, 0.0),
            ],
            surprise: 1.03,
            price: 7.3,
            many: -0.4,
            length: 6.15,
        }
    }

    /// One source alone, for comparison: its weights were fitted for itself on the same texts.
    pub fn alone(source: Source) -> Self {
        let part = |weight, lag, continuity| vec![Part { source, weight, lag, continuity }];
        match source {
            Source::Predictable => {
                Self { parts: part(0.163, 10, 0.0), surprise: 0.0, price: 4.3, many: -0.28, length: -4.83 }
            }
            Source::Novel => {
                Self { parts: part(4.43, 1, 114.0), surprise: 0.59, price: 9.9, many: 0.37, length: -2.42 }
            }
            Source::Total | Source::Residual => {
                Self { parts: part(1.51, 3, 0.0), surprise: 0.0, price: 6.46, many: 0.2, length: 5.91 }
            }
        }
    }
}
