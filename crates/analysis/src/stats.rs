//! What the authors' notebook prints, by its formulas.

use crate::analysis::{FeatureCode, Selected, SimilarityStats};

/// 1 - mean((recons - x)^2) / var(x) over all tokens but the first, with torch's unbiased variance
/// over all entries. `x` and `recons` are [t, d]; NaN for texts of BOS alone.
pub fn variance_explained(x: &[f32], recons: &[f32], d: usize) -> f32 {
    let (x, recons) = (x.get(d..).unwrap_or_default(), recons.get(d..).unwrap_or_default());
    let n = x.len() as f64;
    let mean = x.iter().map(|v| f64::from(*v)).sum::<f64>() / n;
    let variance = x.iter().map(|v| (f64::from(*v) - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let error = x.iter().zip(recons).map(|(a, b)| (f64::from(*b) - f64::from(*a)).powi(2)).sum::<f64>() / n;
    (1.0 - error / variance) as f32
}

/// Entries that are not zero, in each row of `codes` [t, width].
pub fn l0(codes: &[f32], width: usize) -> Vec<usize> {
    codes.chunks_exact(width.max(1)).map(|row| row.iter().filter(|v| **v != 0.0).count()).collect()
}

/// The k largest positive entries of each row, largest first; equal values in index order.
pub fn top_features(codes: &[f32], width: usize, k: usize) -> Vec<Vec<FeatureCode>> {
    codes.chunks_exact(width.max(1)).map(|row| largest_positive(row.iter().copied().enumerate(), k)).collect()
}

/// The k largest positive codes among pairs of feature and code, largest first; equal ones in feature order.
pub fn largest_positive(codes: impl Iterator<Item = (usize, f32)>, k: usize) -> Vec<FeatureCode> {
    let mut features: Vec<FeatureCode> =
        codes.filter(|(_, value)| *value > 0.0).map(|(feature, value)| FeatureCode { feature, value }).collect();
    features.sort_by(|a, b| b.value.total_cmp(&a.value).then(a.feature.cmp(&b.feature)));
    features.truncate(k);
    features
}

/// The strongest novel feature at the last token but one (at the only token of a one-token text).
pub fn select(novel_top: &[Vec<FeatureCode>]) -> Option<Selected> {
    let position = novel_top.len().saturating_sub(2);
    novel_top.get(position)?.first().map(|f| Selected { position, feature: f.feature, value: f.value })
}

/// Minimum, maximum and mean of a similarity matrix's entries, row by row.
pub fn similarity_stats(similarity: impl Iterator<Item = f32>) -> SimilarityStats {
    let (mut min, mut max, mut sum, mut count) = (f32::INFINITY, f32::NEG_INFINITY, 0f64, 0usize);
    for value in similarity {
        (min, max) = (min.min(value), max.max(value));
        sum += f64::from(value);
        count += 1;
    }
    SimilarityStats { min, max, mean: (sum / count as f64) as f32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_perfect_reconstruction_explains_everything_and_bos_does_not_count() {
        let x = [1e6, 1e6, 1.0, 2.0, 3.0, 5.0];
        let recons = [0.0, 0.0, 1.0, 2.0, 3.0, 5.0];
        assert_eq!(variance_explained(&x, &recons, 2), 1.0);
    }

    #[test]
    fn variance_is_unbiased_as_in_torch() {
        // x = [0, 2], recons = [0, 0]: mse 2, unbiased variance 2.
        assert_eq!(variance_explained(&[9.0, 0.0, 2.0], &[0.0, 0.0, 0.0], 1), 0.0);
    }

    #[test]
    fn the_selected_feature_is_the_strongest_at_the_last_token_but_one() {
        let top = top_features(&[0.0, 1.0, 3.0, 2.0, 5.0, 0.0], 2, 2);
        assert_eq!(select(&top), Some(Selected { position: 1, feature: 0, value: 3.0 }));
        assert_eq!(top[2].len(), 1);
    }
}
