//! Spans of the text: similarity within and across them, and how alike two of them are.

use std::ops::Range;

use crate::matrix::SymmetricMatrix;
use crate::similarity::Matrix;

/// Mean similarity between tokens of the same span and of different ones.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WithinAcross {
    /// Pairs inside a span, a token with itself left out.
    pub within: Option<f32>,
    /// Pairs across spans.
    pub across: Option<f32>,
}

/// Means over the pairs of tokens in `spans` (positions in the text, not overlapping). Positions
/// that are not in the matrix and values that are not finite do not count.
pub fn within_across(similarity: &Matrix, spans: &[Range<usize>]) -> WithinAcross {
    let mut span_of: Vec<Option<usize>> = vec![None; similarity.first + similarity.size()];
    for (index, span) in spans.iter().enumerate() {
        for position in span.clone() {
            if let Some(slot) = span_of.get_mut(position) {
                *slot = Some(index);
            }
        }
    }
    within_across_of(similarity, &span_of)
}

/// As [`within_across`], for groups of tokens that need not be together: `group_of` [T] has the group of each position
/// of the text.
pub fn within_across_of(similarity: &Matrix, group_of: &[Option<usize>]) -> WithinAcross {
    let group_of = group_of.get(similarity.first..).unwrap_or_default();
    let mut sums = [(0f64, 0usize); 2];
    for (i, a) in group_of.iter().enumerate() {
        let Some(a) = a else { continue };
        for (j, b) in group_of.iter().enumerate().skip(i + 1) {
            let Some(b) = b else { continue };
            let value = similarity.entries.get(i, j).unwrap_or(f32::NAN);
            if value.is_finite() {
                let sum = &mut sums[usize::from(a != b)];
                sum.0 += f64::from(value);
                sum.1 += 1;
            }
        }
    }
    let [within, across] = sums.map(|(sum, pairs)| (pairs > 0).then(|| (sum / pairs as f64) as f32));
    WithinAcross { within, across }
}

/// Cosine between the mean codes of two spans, from the Gram matrix of the (centered) codes: the mean
/// of a block of it is the inner product of two mean codes. None for an empty span or a mean of
/// length 0.
pub fn cosine_of_means(gram: &SymmetricMatrix, a: &Range<usize>, b: &Range<usize>) -> Option<f32> {
    let ab = block_mean(gram, a, b)?;
    let (aa, bb) = (block_mean(gram, a, a)?, block_mean(gram, b, b)?);
    let norms = (aa.max(0.0) * bb.max(0.0)).sqrt();
    (norms > 0.0).then(|| (ab / norms) as f32)
}

fn block_mean(matrix: &SymmetricMatrix, rows: &Range<usize>, columns: &Range<usize>) -> Option<f64> {
    let mut sum = 0f64;
    for row in rows.clone() {
        for column in columns.clone() {
            sum += f64::from(matrix.get(row, column)?);
        }
    }
    let pairs = rows.len() * columns.len();
    (pairs > 0).then(|| sum / pairs as f64)
}

/// The spans that boundaries (first positions of new events) cut `whole` into.
pub fn between(whole: Range<usize>, boundaries: &[usize]) -> Vec<Range<usize>> {
    let mut spans = Vec::new();
    let mut start = whole.start;
    for boundary in boundaries.iter().copied().filter(|b| *b < whole.end) {
        if boundary > start {
            spans.push(start..boundary);
            start = boundary;
        }
    }
    if start < whole.end {
        spans.push(start..whole.end);
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gram;

    #[test]
    fn blocks_are_alike_within_and_not_across() {
        let mut values = vec![0.2f32; 25];
        for (i, j) in [(1, 2), (3, 4)] {
            values[i * 5 + j] = 0.8;
            values[j * 5 + i] = 0.8;
        }
        for i in 0..5 {
            values[i * 5 + i] = 1.0;
        }
        values[5 + 3] = f32::NAN;
        let matrix = Matrix { entries: SymmetricMatrix::from_dense(5, &values).unwrap(), first: 0 };
        let it = within_across(&matrix, &[1..3, 3..5]);
        assert_eq!(it, WithinAcross { within: Some(0.8), across: Some(0.2) });
        assert_eq!(within_across(&matrix, std::slice::from_ref(&(1..3))).across, None);
    }

    #[test]
    fn the_cosine_of_two_spans_is_that_of_their_mean_codes() {
        let codes = [0.0, 0.0, 1.0, 0.5, 3.0, -1.0, -2.0, 2.0, 0.0, 4.0];
        let matrix = gram::gram(&codes, 5, 2);
        // Means (2, -0.25) and (-1, 3).
        let expected = (-2.0 - 0.75) / (2f32.hypot(-0.25) * (-1f32).hypot(3.0));
        let found = cosine_of_means(&matrix, &(1..3), &(3..5)).unwrap();
        assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        assert_eq!(cosine_of_means(&matrix, &(0..1), &(3..5)), None);
        assert_eq!(cosine_of_means(&matrix, &(2..2), &(3..5)), None);
        assert_eq!(cosine_of_means(&matrix, &(2..3), &(3..9)), None);
    }

    #[test]
    fn boundaries_cut_a_text_into_spans() {
        assert_eq!(between(1..9, &[4, 7]), [1..4, 4..7, 7..9]);
        assert_eq!(between(1..9, &[1, 4, 4, 12]), [1..4, 4..9]);
        assert!(between(3..3, &[]).is_empty());
    }
}
