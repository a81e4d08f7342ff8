//! Cosine similarity between tokens: four sources, and the two ways the field draws the matrix.

use crate::analysis::{Analysis, SimilarityStats};
use crate::matrix::SymmetricMatrix;
use crate::{gram, stats};

pub use crate::source::Source;

/// What a saved result does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MissingError {
    /// It was written without Gram matrices.
    #[error("this result was saved without Gram matrices: analyze the text again to see it")]
    Grams,
    /// It was written before energies were part of a result.
    #[error("this result was saved without energies: analyze the text again to see it")]
    Energy,
    /// It was written without attention weights.
    #[error("this result was saved without attention weights: analyze the text again to see them")]
    Attention,
    /// There are too few tokens.
    #[error("the text is too short for it")]
    Tokens,
}

/// How the matrix is made. Both center over all tokens, BOS included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Mode {
    /// The authors' notebook: BOS keeps its row and column.
    #[default]
    Notebook,
    /// Neuronpedia: BOS is left out after centering.
    Neuronpedia,
}

/// A symmetric matrix [n, n] of the tokens from position `first` on.
#[derive(Debug, Clone, PartialEq)]
pub struct Matrix {
    /// An entry for each two tokens.
    pub entries: SymmetricMatrix,
    /// Position in the text of its first token: 1 where BOS is left out.
    pub first: usize,
}

impl Matrix {
    /// Number of tokens in it, n.
    pub fn size(&self) -> usize {
        self.entries.size()
    }

    /// The entry at two positions of the text; none where either is not in the matrix.
    pub fn at(&self, row: usize, column: usize) -> Option<f32> {
        self.entries.get(row.checked_sub(self.first)?, column.checked_sub(self.first)?)
    }

    /// Smallest, largest and mean entry.
    pub fn stats(&self) -> SimilarityStats {
        stats::similarity_stats((0..self.size()).flat_map(|i| self.entries.row(i)))
    }
}

/// The centered Gram matrix [T, T] of a source.
///
/// # Errors
/// [`MissingError::Grams`] when the result was saved without.
pub fn gram_of(analysis: &Analysis, source: Source) -> Result<&SymmetricMatrix, MissingError> {
    analysis.grams.as_ref().map(|grams| grams.of(source)).ok_or(MissingError::Grams)
}

/// Cosine similarity of a source between all tokens of a mode. It follows from the Gram matrices; that of
/// the predictable codes may also have been saved instead.
///
/// # Errors
/// [`MissingError::Grams`] when the result was saved without what it follows from.
pub fn similarity(analysis: &Analysis, source: Source, mode: Mode) -> Result<Matrix, MissingError> {
    let all = match &analysis.saved_similarity {
        Some(saved) if source == Source::Predictable => {
            SymmetricMatrix::from_dense(analysis.tokens.len(), saved).map_err(|_| MissingError::Grams)?
        }
        _ => gram::cosine(gram_of(analysis, source)?.clone()),
    };
    Ok(match mode {
        Mode::Notebook => Matrix { entries: all, first: 0 },
        Mode::Neuronpedia => without_first(&all),
    })
}

/// The rows of the similarity of predictable codes, BOS included, one after another, each [T], as documents
/// and dumps have them; none where the result was saved without what they follow from.
pub fn document_rows(analysis: &Analysis) -> impl Iterator<Item = Vec<f32>> + '_ {
    let t = analysis.tokens.len();
    let saved = analysis.saved_similarity.as_deref();
    let derived = analysis.grams.as_ref().filter(|_| saved.is_none());
    let saved = saved.into_iter().flat_map(move |values| values.chunks(t.max(1)).map(<[f32]>::to_vec));
    saved.chain(derived.into_iter().flat_map(|grams| gram::cosine_rows(&grams.predictable)))
}

/// The matrix of all but its first token (BOS).
fn without_first(all: &SymmetricMatrix) -> Matrix {
    Matrix { entries: all.without_first(), first: usize::from(all.size() > 0) }
}

/// The Gram matrix of the tokens after BOS, centered over those alone: that takes no codes.
pub fn centered_without_bos(gram: &SymmetricMatrix) -> Matrix {
    let it = without_first(gram);
    Matrix { entries: gram::center(it.entries), ..it }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example;

    #[test]
    fn neuronpedia_leaves_bos_out_and_keeps_positions() {
        let analysis = example::analysis();
        let all = similarity(&analysis, Source::Novel, Mode::Notebook).unwrap();
        let rest = similarity(&analysis, Source::Novel, Mode::Neuronpedia).unwrap();
        assert_eq!((rest.size(), rest.first), (all.size() - 1, 1));
        assert_eq!(rest.at(0, 1), None);
        for (row, column) in [(1, 1), (1, 3), (4, 2)] {
            assert_eq!(rest.at(row, column), all.at(row, column));
        }
        assert_eq!(rest.at(5, 1), None);
    }

    #[test]
    fn the_documents_own_similarity_is_that_of_its_gram_matrix() {
        let mut analysis = example::analysis();
        let gram = gram_of(&analysis, Source::Predictable).unwrap();
        let own = similarity(&analysis, Source::Predictable, Mode::Notebook).unwrap();
        assert_eq!(gram::cosine(gram.clone()), own.entries);
        analysis.saved_similarity = Some(document_rows(&analysis).flatten().collect());
        analysis.grams = None;
        assert_eq!(similarity(&analysis, Source::Predictable, Mode::Notebook).unwrap(), own);
        assert_eq!(similarity(&analysis, Source::Total, Mode::Notebook), Err(MissingError::Grams));
    }

    #[test]
    fn centering_again_is_centering_the_codes_without_bos() {
        let codes = [9.0, -3.0, 1.0, 2.0, 4.0, 0.5, -1.0, 2.5];
        let found = centered_without_bos(&gram::centered_gram(&codes, 4, 2));
        let expected = gram::centered_gram(&codes[2..], 3, 2);
        assert_eq!((found.size(), found.first), (3, 1));
        for (a, b) in found.entries.upper().iter().zip(expected.upper()) {
            assert!((a - b).abs() < 1e-4, "{a} {b}");
        }
    }

    #[test]
    fn statistics_are_of_the_shown_matrix() {
        let matrix = Matrix { entries: SymmetricMatrix::new(2, vec![1.0, -0.5, 1.0]).unwrap(), first: 0 };
        let it = matrix.stats();
        assert_eq!((it.min, it.max, it.mean), (-0.5, 1.0, 0.25));
    }
}
