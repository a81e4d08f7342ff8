//! Two texts compared: their analyses, and the inner products of the tokens of both, as they are in memory.
//! Files are written and read by [`crate::document`].

use std::ops::Range;

use crate::analysis::{Analysis, Grams};
use crate::matrix::SymmetricMatrix;
use crate::source::Source;
use crate::spans;

/// Two texts, or one text under two settings, seen by one model and SAE. A is the number of tokens of
/// the first, B that of the second.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The first text.
    pub first: Analysis,
    /// The second text.
    pub second: Analysis,
    /// Gram matrices [A + B, A + B] of all tokens, those of the first text first, centered over both
    /// texts together: whatever is compared across the texts needs one origin.
    pub grams: Grams,
}

impl Comparison {
    /// The Gram matrix [A + B, A + B] of a source.
    pub fn gram(&self, source: Source) -> &SymmetricMatrix {
        self.grams.of(source)
    }
}

/// Which of the two texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The first.
    First,
    /// The second.
    Second,
}

/// Cosine between the mean codes of two spans of a comparison's `gram`; `tokens` is A. None for an
/// empty span or a mean of length 0.
pub fn cosine(
    gram: &SymmetricMatrix,
    tokens: usize,
    a: (Side, &Range<usize>),
    b: (Side, &Range<usize>),
) -> Option<f32> {
    let place = |(side, span): (Side, &Range<usize>)| match side {
        Side::First => span.clone(),
        Side::Second => span.start + tokens..span.end + tokens,
    };
    spans::cosine_of_means(gram, &place(a), &place(b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example;

    #[test]
    fn spans_of_the_second_text_lie_after_the_first() {
        let it = example::comparison();
        let (a, gram) = (it.first.tokens.len(), it.gram(Source::Total));
        let found = cosine(gram, a, (Side::First, &(1..3)), (Side::Second, &(0..2))).unwrap();
        let expected = spans::cosine_of_means(gram, &(1..3), &(a..a + 2)).unwrap();
        assert_eq!(found, expected);
        assert_eq!(cosine(gram, a, (Side::First, &(0..1)), (Side::Second, &(0..a + 1))), None);
    }
}
