//! Cosine similarity between tokens: four sources, and the two ways the field draws the matrix.

use crate::document::{Analysis, Grams, SimilarityStats};
use crate::{gram, stats};

/// What a saved result does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// It was written without Gram matrices.
    #[error("this result was saved without Gram matrices: analyse the text again to see it")]
    Grams,
    /// It was written before energies were part of a result.
    #[error("this result was saved without energies: analyse the text again to see it")]
    Energy,
    /// It was written without attention weights.
    #[error("this result was saved without attention weights: analyse the text again to see them")]
    Attention,
    /// There are too few tokens.
    #[error("the text is too short for it")]
    Tokens,
}

/// What is compared between two tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Source {
    /// Predictable codes: what the past foretells.
    #[default]
    Predictable,
    /// Novel codes: what is new at the token.
    Novel,
    /// Predictable and novel codes together.
    Total,
    /// The raw residual stream.
    Residual,
}

impl Source {
    /// All of them, in the order of a menu.
    pub const ALL: [Self; 4] = [Self::Predictable, Self::Novel, Self::Total, Self::Residual];
}

/// How the matrix is made. Both centre over all tokens, BOS included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Mode {
    /// The authors' notebook: BOS keeps its row and column.
    #[default]
    Notebook,
    /// Neuronpedia: BOS is left out after centring.
    Neuronpedia,
}

/// A symmetric matrix [n, n] of the tokens from position `first` on.
#[derive(Debug, Clone, PartialEq)]
pub struct Matrix {
    /// Row by row.
    pub values: Vec<f32>,
    /// Number of tokens in it, n.
    pub size: usize,
    /// Position in the text of its first token: 1 where BOS is left out.
    pub first: usize,
}

impl Matrix {
    /// The entry at two positions of the text; none where either is not in the matrix.
    pub fn at(&self, row: usize, column: usize) -> Option<f32> {
        let (i, j) = (row.checked_sub(self.first)?, column.checked_sub(self.first)?);
        (i < self.size && j < self.size).then(|| self.values.get(i * self.size + j).copied())?
    }

    /// The matrix of all but its first token (BOS).
    fn without_first(self) -> Self {
        if self.size == 0 {
            return self;
        }
        let n = self.size - 1;
        let values = (0..n).flat_map(|i| {
            let start = (i + 1) * self.size + 1;
            self.values[start..start + n].iter().copied()
        });
        Self { values: values.collect(), size: n, first: self.first + 1 }
    }

    /// Smallest, largest and mean entry.
    pub fn stats(&self) -> SimilarityStats {
        stats::similarity_stats(&self.values)
    }
}

/// The centred Gram matrix [T, T] of a source.
///
/// # Errors
/// [`Missing::Grams`] when the result was saved without.
pub fn gram_of(analysis: &Analysis, source: Source) -> Result<Matrix, Missing> {
    let size = analysis.tokens.len();
    let grams = analysis.grams.as_ref().ok_or(Missing::Grams)?;
    let encoded = match source {
        Source::Predictable => &grams.predictable,
        Source::Novel => &grams.novel,
        Source::Total => &grams.total,
        Source::Residual => &grams.residual,
    };
    // A document was checked when it was read; one made here decodes what was encoded.
    let values = Grams::decode(encoded, size).map_err(|_| Missing::Grams)?;
    Ok(Matrix { values, size, first: 0 })
}

/// Cosine similarity of a source between all tokens of a mode. The predictable codes' is part of
/// every document, the others follow from the Gram matrices.
///
/// # Errors
/// [`Missing::Grams`] when the result was saved without and the source calls for them.
pub fn similarity(analysis: &Analysis, source: Source, mode: Mode) -> Result<Matrix, Missing> {
    let all = match source {
        Source::Predictable => {
            let values = analysis.similarity.iter().flatten().copied().collect();
            Matrix { values, size: analysis.similarity.len(), first: 0 }
        }
        _ => {
            let it = gram_of(analysis, source)?;
            Matrix { values: gram::cosine(&it.values, it.size), ..it }
        }
    };
    Ok(match mode {
        Mode::Notebook => all,
        Mode::Neuronpedia => all.without_first(),
    })
}

/// The Gram matrix of the tokens after BOS, centred over those alone.
///
/// Gram matrices can be centred anew without the codes: rows, columns and the whole lose their
/// means.
pub fn recentred_without_bos(gram: Matrix) -> Matrix {
    let mut it = gram.without_first();
    let n = it.size;
    if n == 0 {
        return it;
    }
    let means: Vec<f64> =
        it.values.chunks_exact(n).map(|row| row.iter().map(|v| f64::from(*v)).sum::<f64>() / n as f64).collect();
    let mean = means.iter().sum::<f64>() / n as f64;
    for (i, row) in it.values.chunks_exact_mut(n).enumerate() {
        for (value, column_mean) in row.iter_mut().zip(&means) {
            *value = (f64::from(*value) - means[i] - column_mean + mean) as f32;
        }
    }
    it
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
        assert_eq!((rest.size, rest.first), (all.size - 1, 1));
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
        for (a, b) in gram::cosine(&gram.values, gram.size).iter().zip(&own.values) {
            assert!((a - b).abs() < 1e-6);
        }
        analysis.grams = None;
        assert_eq!(similarity(&analysis, Source::Predictable, Mode::Notebook).unwrap(), own);
        assert_eq!(similarity(&analysis, Source::Total, Mode::Notebook), Err(Missing::Grams));
    }

    #[test]
    fn centring_anew_is_centring_the_codes_without_bos() {
        let codes = [9.0, -3.0, 1.0, 2.0, 4.0, 0.5, -1.0, 2.5];
        let gram_all = gram::gram(&gram::centre(&codes, 4, 2), 4, 2);
        let expected = gram::gram(&gram::centre(&codes[2..], 3, 2), 3, 2);
        let found = recentred_without_bos(Matrix { values: gram_all, size: 4, first: 0 });
        assert_eq!((found.size, found.first), (3, 1));
        for (a, b) in found.values.iter().zip(&expected) {
            assert!((a - b).abs() < 1e-4, "{a} {b}");
        }
    }

    #[test]
    fn statistics_are_of_the_shown_matrix() {
        let matrix = Matrix { values: vec![1.0, -0.5, -0.5, 1.0], size: 2, first: 0 };
        let it = matrix.stats();
        assert_eq!((it.min, it.max, it.mean), (-0.5, 1.0, 0.25));
    }
}
