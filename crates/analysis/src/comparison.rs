//! Two texts compared: their analyses, and the inner products of the tokens of both. What the worker
//! sends and `temporal-lens compare` writes.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::document::{Analysis, DocumentError, Grams};
use crate::similarity::{Matrix, Source};
use crate::spans;

/// Value of [`Comparison::format`].
pub const FORMAT: &str = "temporal-lens-comparison/1";

/// Two texts, or one text under two settings, seen by one model and SAE. A is the number of tokens of
/// the first, B that of the second.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// [`FORMAT`].
    pub format: String,
    /// The first text.
    pub first: Analysis,
    /// The second text.
    pub second: Analysis,
    /// Gram matrices [A + B, A + B] of all tokens, those of the first text first, centred over both
    /// texts together: whatever is compared across the texts needs one origin.
    pub grams: Grams,
}

impl Comparison {
    /// Joins two analyses; `grams` has a row-major matrix [A + B, A + B] for each [`Source`].
    pub fn new(first: Analysis, second: Analysis, grams: &[Vec<f32>; 4]) -> Self {
        let size = first.tokens.len() + second.tokens.len();
        let encode = |source: Source| Grams::encode(&grams[source as usize], size);
        let grams = Grams {
            predictable: encode(Source::Predictable),
            novel: encode(Source::Novel),
            total: encode(Source::Total),
            residual: encode(Source::Residual),
        };
        Self { format: FORMAT.to_owned(), first, second, grams }
    }

    /// The same without what follows from Gram matrices.
    pub fn compact(self) -> Self {
        Self { first: self.first.compact(), second: self.second.compact(), ..self }
    }

    /// Reads a document and checks that its fields fit each other. The text is untrusted.
    ///
    /// # Errors
    /// [`DocumentError`], as a sentence for the person who opened the file.
    pub fn from_json(text: &str) -> Result<Self, DocumentError> {
        let mut it: Self = serde_json::from_str(text)?;
        if it.format != FORMAT {
            return Err(DocumentError::Inconsistent(format!("its format is {:?}, not {FORMAT:?}", it.format)));
        }
        it.first = it.first.checked()?;
        it.second = it.second.checked()?;
        let size = it.first.tokens.len() + it.second.tokens.len();
        for gram in [&it.grams.predictable, &it.grams.novel, &it.grams.total, &it.grams.residual] {
            Grams::decode(gram, size)?;
        }
        Ok(it)
    }

    /// The Gram matrix [A + B, A + B] of a source.
    ///
    /// # Errors
    /// [`DocumentError::Inconsistent`] when it is not of this size.
    pub fn gram(&self, source: Source) -> Result<Matrix, DocumentError> {
        let size = self.first.tokens.len() + self.second.tokens.len();
        let encoded = match source {
            Source::Predictable => &self.grams.predictable,
            Source::Novel => &self.grams.novel,
            Source::Total => &self.grams.total,
            Source::Residual => &self.grams.residual,
        };
        Ok(Matrix { values: Grams::decode(encoded, size)?, size, first: 0 })
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
pub fn cosine(gram: &Matrix, tokens: usize, a: (Side, &Range<usize>), b: (Side, &Range<usize>)) -> Option<f32> {
    let place = |(side, span): (Side, &Range<usize>)| match side {
        Side::First => span.clone(),
        Side::Second => span.start + tokens..span.end + tokens,
    };
    spans::cosine_of_means(gram, &place(a), &place(b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{example, gram};

    fn comparison() -> Comparison {
        let analysis = example::analysis();
        let n = 2 * analysis.tokens.len();
        let codes: Vec<f32> = (0..n * 3).map(|i| ((i * 37 + 11) % 17) as f32).collect();
        let joint = gram::gram(&gram::centre(&codes, n, 3), n, 3);
        Comparison::new(analysis.clone(), analysis, &[(); 4].map(|()| joint.clone()))
    }

    #[test]
    fn a_comparison_survives_json_compact_or_not() {
        let it = comparison();
        let read = |it: &Comparison| Comparison::from_json(&serde_json::to_string(it).unwrap()).unwrap();
        assert_eq!(read(&it), it);
        let back = read(&it.clone().compact());
        for (a, b) in back.first.similarity.iter().flatten().zip(it.first.similarity.iter().flatten()) {
            assert!((a - b).abs() < 1e-6);
        }
    }

    #[test]
    fn a_matrix_of_another_size_is_refused() {
        let mut it = comparison();
        it.grams.novel = Grams::encode(&[0.0; 9], 3);
        let problem = Comparison::from_json(&serde_json::to_string(&it).unwrap()).unwrap_err();
        assert!(problem.to_string().contains("Gram matrix"), "{problem}");
        it.format = "other".to_owned();
        assert!(Comparison::from_json(&serde_json::to_string(&it).unwrap()).is_err());
    }

    #[test]
    fn spans_of_the_second_text_lie_after_the_first() {
        let it = comparison();
        let (a, gram) = (it.first.tokens.len(), it.gram(Source::Total).unwrap());
        let found = cosine(&gram, a, (Side::First, &(1..3)), (Side::Second, &(0..2))).unwrap();
        let expected = spans::cosine_of_means(&gram, &(1..3), &(a..a + 2)).unwrap();
        assert_eq!(found, expected);
        assert_eq!(cosine(&gram, a, (Side::First, &(0..1)), (Side::Second, &(0..a + 1))), None);
    }
}
