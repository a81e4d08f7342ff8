//! Attention weights of the SAE: where each token's prediction comes from.
//!
//! A token's predictable codes are attended from the codes of the tokens before it, and never from
//! its own: the seed shifts the context by one. Column 0 of a row is the empty context before the first
//! token, column j + 1 is token j.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::document::DocumentError;

/// A weight of 1.
const ONE: f32 = 65_535.0;

/// Weights of every layer and head, as the document carries them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attention {
    /// Attention layers of the SAE.
    pub layers: usize,
    /// Heads of each.
    pub heads: usize,
    /// One matrix [T, T] a layer and head, heads first: the lower triangle with the diagonal, row by
    /// row, as little-endian u16 in base64; 65535 is a weight of 1.
    pub weights: Vec<String>,
}

/// Weights of one head, or their mean over several. Row t has t + 1 columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    tokens: usize,
    /// The lower triangle with the diagonal, row by row.
    values: Vec<f32>,
}

impl Attention {
    /// Packs a matrix [t, t] for the document; what is above the diagonal is zero.
    pub fn encode(matrix: &[f32], t: usize) -> String {
        let mut bytes = Vec::with_capacity(t * (t + 1));
        for (i, row) in matrix.chunks_exact(t.max(1)).enumerate() {
            for weight in &row[..=i] {
                // What is no number becomes 0: a row that does not sum to 1 shows it.
                let level = (weight.clamp(0.0, 1.0) * ONE).round() as u16;
                bytes.extend_from_slice(&level.to_le_bytes());
            }
        }
        STANDARD.encode(bytes)
    }

    /// Weights of a layer and head over `t` tokens; of no head for the mean of the layer's.
    ///
    /// # Errors
    /// [`DocumentError::Inconsistent`] when there is no such head, or its matrix is not of this size.
    pub fn weights(&self, layer: usize, head: Option<usize>, t: usize) -> Result<Weights, DocumentError> {
        let heads = match head {
            Some(head) if head < self.heads => head..head + 1,
            None if self.heads > 0 => 0..self.heads,
            _ => return Err(DocumentError::Inconsistent(format!("attention has {} heads", self.heads))),
        };
        let share = 1.0 / heads.len() as f32;
        let mut values = vec![0f32; t * (t + 1) / 2];
        for head in heads {
            let packed = self
                .weights
                .get(layer * self.heads + head)
                .ok_or_else(|| DocumentError::Inconsistent(format!("attention lacks layer {layer}, head {head}")))?;
            for (value, level) in values.iter_mut().zip(levels(packed, t)?) {
                *value += f32::from(level) / ONE * share;
            }
        }
        Ok(Weights { tokens: t, values })
    }

    /// Whether every matrix is there and belongs to `t` tokens.
    pub(crate) fn check(&self, t: usize) -> Result<(), DocumentError> {
        if self.layers.checked_mul(self.heads) != Some(self.weights.len()) {
            return Err(DocumentError::Inconsistent(format!(
                "attention has {} matrices, {} layers of {} heads call for another number",
                self.weights.len(),
                self.layers,
                self.heads
            )));
        }
        self.weights.iter().try_for_each(|packed| levels(packed, t).map(drop))
    }
}

fn levels(packed: &str, t: usize) -> Result<impl Iterator<Item = u16>, DocumentError> {
    let bytes = STANDARD
        .decode(packed)
        .map_err(|e| DocumentError::Inconsistent(format!("an attention matrix is not base64: {e}")))?;
    if bytes.len() != t * (t + 1) {
        return Err(DocumentError::Inconsistent(format!(
            "an attention matrix has {} bytes, {t} tokens call for {}",
            bytes.len(),
            t * (t + 1)
        )));
    }
    Ok((0..t * (t + 1) / 2).map(move |i| u16::from_le_bytes([bytes[2 * i], bytes[2 * i + 1]])))
}

impl Weights {
    /// T.
    pub fn tokens(&self) -> usize {
        self.tokens
    }

    /// Where token t's prediction comes from: t + 1 weights, the empty context first. Empty past the last token.
    pub fn row(&self, t: usize) -> &[f32] {
        let start = t * (t + 1) / 2;
        if t < self.tokens { &self.values[start..=start + t] } else { &[] }
    }

    /// The largest weight on a token; how much goes to the empty context is another matter.
    pub fn highest(&self) -> f32 {
        (1..self.tokens).flat_map(|t| &self.row(t)[1..]).fold(0.0, |a, b| a.max(*b))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Analysis, example};

    /// Two heads over three tokens; what is above the diagonal is not kept.
    fn heads() -> [[f32; 9]; 2] {
        [[1.0, 9.0, 9.0, 0.25, 0.75, 9.0, 0.5, 0.125, 0.375], [1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0]]
    }

    fn attention() -> Attention {
        Attention { layers: 1, heads: 2, weights: heads().map(|head| Attention::encode(&head, 3)).to_vec() }
    }

    #[test]
    fn weights_come_back_within_half_a_step() {
        let found = attention().weights(0, Some(0), 3).unwrap();
        for (t, expected) in [&[1.0][..], &[0.25, 0.75], &[0.5, 0.125, 0.375]].into_iter().enumerate() {
            assert_eq!(found.row(t).len(), t + 1);
            for (a, b) in found.row(t).iter().zip(expected) {
                assert!((a - b).abs() <= 0.5 / ONE, "{a} {b}");
            }
        }
        assert!(found.row(3).is_empty());
        assert!((found.highest() - 0.75).abs() < 1e-4);
    }

    #[test]
    fn the_mean_of_the_heads_is_weights_too() {
        let mean = attention().weights(0, None, 3).unwrap();
        assert!((mean.row(2)[2] - 0.6875).abs() < 1e-4);
        for t in 0..3 {
            assert!((mean.row(t).iter().sum::<f32>() - 1.0).abs() < 1e-4);
        }
    }

    #[test]
    fn a_document_whose_attention_does_not_fit_is_refused() {
        let mut analysis = example::analysis();
        let t = analysis.tokens.len();
        let packed = Attention::encode(&vec![0.5; t * t], t);
        analysis.attention = Some(Attention { layers: 1, heads: 1, weights: vec![packed] });
        let json = serde_json::to_string(&analysis).unwrap();
        assert_eq!(Analysis::from_json(&json).unwrap().attention, analysis.attention);
        for wrong in [
            Attention { layers: 2, ..analysis.attention.clone().unwrap() },
            attention(),
            Attention { layers: 1, heads: 1, weights: vec!["?".to_owned()] },
            Attention { layers: usize::MAX, heads: 2, weights: Vec::new() },
        ] {
            analysis.attention = Some(wrong);
            let problem = Analysis::from_json(&serde_json::to_string(&analysis).unwrap()).unwrap_err();
            assert!(problem.to_string().contains("attention"), "{problem}");
        }
    }

    #[test]
    fn a_head_that_is_not_there_is_said() {
        assert!(attention().weights(1, Some(0), 3).is_err());
        assert!(attention().weights(0, Some(2), 3).is_err());
        assert!(attention().weights(0, Some(0), 4).is_err());
    }
}
