//! What a text's analysis is made of, growing token by token.
//!
//! Everything in an [`crate::Analysis`] follows from per-token figures and the inner products of each
//! pair of tokens, so that a later token adds rows and an edit takes some away; nothing of the width of
//! the SAE stays.

use crate::analysis::{Energy, FeatureCode, Grams, TokenSource};
use crate::gram::{Means, Norms};
use crate::matrix::SymmetricMatrix;
use crate::source::Source;

/// What is known of one token.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenFigures {
    /// Novel codes that are not zero.
    pub l0_novel: usize,
    /// Predictable codes that are not zero.
    pub l0_pred: usize,
    /// Total codes that are not zero.
    pub l0_total: usize,
    /// Sum of the residual stream's entries.
    pub residual_sum: f32,
    /// Squared norm of the residual stream.
    pub residual: f32,
    /// Squared norm of its reconstruction's error.
    pub error: f32,
    /// Squared norm of the predictable part of the reconstruction.
    pub predictable: f32,
    /// Squared norm of the novel part of the reconstruction.
    pub novel: f32,
    /// The strongest novel codes, strongest first.
    pub novel_top: Vec<FeatureCode>,
    /// The strongest predictable codes by magnitude, with their signs, strongest first.
    pub pred_top: Vec<FeatureCode>,
    /// The tokens that its prediction was taken from most, strongest first.
    pub sources: Vec<TokenSource>,
}

/// Figures of each token and products of each pair.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Summary {
    /// Width of the residual stream.
    pub d_model: usize,
    /// A token each.
    pub tokens: Vec<TokenFigures>,
    /// For each [`Source`], row i: inner products of token i with tokens 0 ..= i, all less one
    /// vector that is the same for the whole text (centering removes it).
    products: [Vec<Vec<f32>>; 4],
}

impl Summary {
    /// Nothing seen yet.
    pub fn new(d_model: usize) -> Self {
        Self { d_model, ..Self::default() }
    }

    /// Number of tokens.
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// Forgets all but the first `tokens`.
    pub fn truncate(&mut self, tokens: usize) {
        self.tokens.truncate(tokens);
        for rows in &mut self.products {
            rows.truncate(tokens);
        }
    }

    /// Adds tokens: their figures, and for each source their products [new, all] with every token
    /// so far, themselves included. Products that are too short leave their rows short, which
    /// reads as NaN.
    pub fn extend(&mut self, figures: Vec<TokenFigures>, products: [Vec<f32>; 4]) {
        let (before, all) = (self.len(), self.len() + figures.len());
        for (rows, new) in self.products.iter_mut().zip(&products) {
            rows.truncate(before);
            rows.extend(
                new.chunks(all.max(1)).enumerate().map(|(i, row)| row.iter().take(before + i + 1).copied().collect()),
            );
        }
        self.tokens.extend(figures);
    }

    /// The centered Gram matrix [T, T] of a source, BOS included as in the notebook.
    pub fn centered_gram(&self, source: Source) -> CenteredGram<'_> {
        CenteredGram::of(self.len(), &self.products[source as usize])
    }

    /// The centered Gram matrices of all sources.
    pub fn grams(&self) -> Grams {
        Grams::from_sources(Source::ALL.map(|source| self.centered_gram(source).to_matrix()))
    }

    /// One list for each figure.
    pub fn energy(&self) -> Energy {
        let list = |figure: fn(&TokenFigures) -> f32| self.tokens.iter().map(figure).collect();
        Energy {
            residual: list(|t| t.residual),
            error: list(|t| t.error),
            predictable: list(|t| t.predictable),
            novel: list(|t| t.novel),
        }
    }

    /// 1 - mean((recons - x)²) / var(x) over all tokens but the first, with torch's unbiased
    /// variance over all entries (the notebook's formula); NaN for texts of BOS alone.
    pub fn variance_explained(&self) -> f32 {
        let tokens = self.tokens.get(1..).unwrap_or_default();
        let total = |figure: fn(&TokenFigures) -> f32| tokens.iter().map(|t| f64::from(figure(t))).sum::<f64>();
        let n = (tokens.len() * self.d_model) as f64;
        let mean = total(|t| t.residual_sum) / n;
        let variance = (total(|t| t.residual) - n * mean * mean) / (n - 1.0);
        (1.0 - total(|t| t.error) / n / variance) as f32
    }
}

/// A source's centered Gram matrix [T, T], computed entry by entry from the products: it takes no memory of
/// that size.
pub struct CenteredGram<'a> {
    t: usize,
    products: &'a [Vec<f32>],
    means: Means,
}

impl<'a> CenteredGram<'a> {
    fn of(t: usize, products: &'a [Vec<f32>]) -> Self {
        let row = |i| (0..=i).map(move |j| product(products, i, j));
        Self { t, products, means: Means::of(t, (0..t).map(|i| (0, row(i)))) }
    }

    /// T.
    pub fn size(&self) -> usize {
        self.t
    }

    /// The entry at row i, column j of the upper triangle, i <= j; NaN outside.
    fn entry(&self, i: usize, j: usize) -> f32 {
        self.means.centered(i, j, product(self.products, j, i))
    }

    /// Hands on the upper triangle with the diagonal, row by row: row i has columns i to T - 1.
    pub fn rows(&self, mut take: impl FnMut(&[f32])) {
        let mut row = Vec::with_capacity(self.t);
        for i in 0..self.t {
            row.clear();
            row.extend((i..self.t).map(|j| self.entry(i, j)));
            take(&row);
        }
    }

    /// All of it.
    pub fn to_matrix(&self) -> SymmetricMatrix {
        SymmetricMatrix::from_fn(self.t, |i, j| self.entry(i, j))
    }

    /// Every cosine between two tokens, row by row, T² of them.
    pub fn cosines(&self) -> impl Iterator<Item = f32> + '_ {
        let norms = Norms::of((0..self.t).map(|i| self.entry(i, i)));
        (0..self.t)
            .flat_map(|i| (0..self.t).map(move |j| (i, j)))
            .map(move |(i, j)| norms.cosine(i, j, self.entry(i.min(j), i.max(j))))
    }
}

/// The product of tokens i and j, j <= i; NaN where it was not read back.
fn product(products: &[Vec<f32>], i: usize, j: usize) -> f32 {
    products.get(i).and_then(|row| row.get(j)).copied().unwrap_or(f32::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{gram, stats};

    fn figures(x: &[f32], recons: &[f32]) -> TokenFigures {
        let error: f32 = x.iter().zip(recons).map(|(a, b)| (a - b).powi(2)).sum();
        TokenFigures {
            l0_novel: 0,
            l0_pred: 0,
            l0_total: 0,
            residual_sum: x.iter().sum(),
            residual: x.iter().map(|v| v * v).sum(),
            error,
            predictable: 0.0,
            novel: 0.0,
            novel_top: Vec::new(),
            pred_top: Vec::new(),
            sources: Vec::new(),
        }
    }

    fn values(n: usize) -> Vec<f32> {
        (0..n).map(|i| ((i * 7919 + 13) % 1009) as f32 / 100.0).collect()
    }

    #[test]
    fn variance_explained_is_the_notebooks() {
        let (d, t) = (5, 4);
        let x = values(d * t);
        let recons: Vec<f32> = x.iter().map(|v| v * 0.9 + 0.1).collect();
        let mut summary = Summary::new(d);
        let tokens = x.chunks(d).zip(recons.chunks(d)).map(|(x, r)| figures(x, r)).collect();
        summary.extend(tokens, Default::default());
        let expected = stats::variance_explained(&x, &recons, d);
        assert!((summary.variance_explained() - expected).abs() < 1e-5);
    }

    #[test]
    fn grown_truncated_and_grown_again_it_is_the_gram_matrix_of_all() {
        let (d, t) = (6, 5);
        let x = values(d * t);
        let shifted: Vec<f32> = x.iter().map(|v| v - 3.0).collect();
        let products = |from: usize, to: usize| -> Vec<f32> {
            let dot = |i: usize, j: usize| (0..d).map(|c| shifted[i * d + c] * shifted[j * d + c]).sum::<f32>();
            (from..to).flat_map(|i| (0..to).map(move |j| (i, j))).map(|(i, j)| dot(i, j)).collect()
        };
        let tokens = |n: usize| vec![figures(&x[..d], &x[..d]); n];
        let mut summary = Summary::new(d);
        summary.extend(tokens(3), [(); 4].map(|()| products(0, 3)));
        summary.truncate(2);
        summary.extend(tokens(3), [(); 4].map(|()| products(2, 5)));
        let expected = gram::centered_gram(&x, t, d);
        let found = summary.centered_gram(Source::Novel);
        for (a, b) in found.to_matrix().upper().iter().zip(expected.upper()) {
            assert!((a - b).abs() < 1e-3, "{a} {b}");
        }
        let mut rows = Vec::new();
        found.rows(|row| rows.extend_from_slice(row));
        assert_eq!(SymmetricMatrix::new(found.size(), rows).unwrap(), found.to_matrix());
        assert_eq!(summary.grams().novel, found.to_matrix());
        let cosines: Vec<f32> = gram::cosine_rows(&found.to_matrix()).flatten().collect();
        assert_eq!(found.cosines().collect::<Vec<_>>(), cosines);
    }

    #[test]
    fn no_tokens_add_nothing() {
        let mut summary = Summary::new(2);
        summary.extend(Vec::new(), Default::default());
        assert_eq!(summary, Summary::new(2));
    }

    #[test]
    fn products_that_were_not_read_back_are_nan() {
        let mut summary = Summary::new(2);
        summary.extend(vec![figures(&[1.0, 2.0], &[1.0, 2.0]); 2], [(); 4].map(|()| vec![1.0]));
        assert!(summary.centered_gram(Source::Total).to_matrix().upper().iter().all(|v| v.is_nan()));
    }
}
