//! Attention weights of the SAE: where each token's prediction comes from.
//!
//! A token's predictable codes are attended from the codes of the tokens before it, and never from
//! its own: the authors' code shifts the context by one. Column 0 of a row is the empty context before
//! the first token, column j + 1 is token j.

/// The level of a weight of 1.
const ONE: f32 = 65_535.0;
/// Layers and heads, at most: what configurations of SAEs may have.
const LAYERS_MAX: usize = 1024;
const HEADS_MAX: usize = 4096;

/// What does not fit in attention weights, as a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AttentionError {
    /// Layers and heads call for another number of matrices.
    #[error("attention has {found} matrices, {layers} layers of {heads} heads call for another number")]
    Matrices {
        /// Matrices given.
        found: usize,
        /// Attention layers.
        layers: usize,
        /// Heads of each.
        heads: usize,
    },
    /// A matrix has another size.
    #[error("an attention matrix has {found} bytes, {tokens} tokens call for {}", 2 * entries_of(*tokens))]
    Size {
        /// Bytes given.
        found: usize,
        /// T.
        tokens: usize,
    },
    /// There is no such head.
    #[error("attention has {heads} heads")]
    Head {
        /// Heads of each layer.
        heads: usize,
    },
    /// There is no such layer.
    #[error("attention lacks layer {layer}, head {head}")]
    Layer {
        /// The layer asked for.
        layer: usize,
        /// The head asked for.
        head: usize,
    },
    /// They are over another number of tokens than the text has.
    #[error("these are weights over {weights} tokens, not {tokens}")]
    TokenCount {
        /// Tokens that the weights are over.
        weights: usize,
        /// Tokens of the text.
        tokens: usize,
    },
}

/// Weights of every layer and head over T tokens. A weight is a level: 65535 is a weight of 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attention {
    layers: usize,
    heads: usize,
    tokens: usize,
    /// One matrix [T, T] per layer and head, the heads of a layer together: the lower triangle with the
    /// diagonal, row by row.
    levels: Vec<Vec<u16>>,
}

/// Weights of one head, or their mean over several. Row t has t + 1 columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    tokens: usize,
    /// The lower triangle with the diagonal, row by row.
    values: Vec<f32>,
}

/// Entries of the triangle of `tokens` rows; `usize::MAX` where they cannot be counted.
fn entries_of(tokens: usize) -> usize {
    tokens.checked_add(1).and_then(|next| tokens.checked_mul(next)).map_or(usize::MAX, |twice| twice / 2)
}

impl Attention {
    /// Of `layers` with `heads` each over `tokens`; a matrix of levels for each, as [`Self::levels_of`]
    /// makes them, the heads of a layer together.
    ///
    /// # Errors
    /// [`AttentionError`] when number or size of the matrices is another.
    pub fn new(layers: usize, heads: usize, tokens: usize, levels: Vec<Vec<u16>>) -> Result<Self, AttentionError> {
        // Without the bounds 0 heads would do for any number of layers.
        let is_possible = layers <= LAYERS_MAX && (1..=HEADS_MAX).contains(&heads);
        if !is_possible || layers.checked_mul(heads) != Some(levels.len()) {
            return Err(AttentionError::Matrices { found: levels.len(), layers, heads });
        }
        if let Some(wrong) = levels.iter().find(|it| it.len() != entries_of(tokens)) {
            return Err(AttentionError::Size { found: 2 * wrong.len(), tokens });
        }
        Ok(Self { layers, heads, tokens, levels })
    }

    /// Levels of a head's weights [t, t], row-major: the lower triangle with the diagonal, row by row.
    pub fn levels_of(weights: &[f32], t: usize) -> Vec<u16> {
        let mut levels = Vec::with_capacity(entries_of(t));
        for (i, row) in weights.chunks_exact(t.max(1)).enumerate() {
            // What is not a number becomes 0: a row that does not sum to 1 shows it.
            levels.extend(row[..=i].iter().map(|weight| (weight.clamp(0.0, 1.0) * ONE).round() as u16));
        }
        levels
    }

    /// Attention layers of the SAE.
    pub fn layers(&self) -> usize {
        self.layers
    }

    /// Heads of each layer.
    pub fn heads(&self) -> usize {
        self.heads
    }

    /// T.
    pub fn tokens(&self) -> usize {
        self.tokens
    }

    /// A matrix of levels for each layer and head, the heads of a layer together.
    pub fn levels(&self) -> &[Vec<u16>] {
        &self.levels
    }

    /// Weights of a layer and head; of no head for the mean of the layer's.
    ///
    /// # Errors
    /// [`AttentionError`] when there is no such layer or head.
    pub fn weights(&self, layer: usize, head: Option<usize>) -> Result<Weights, AttentionError> {
        let heads = match head {
            Some(head) if head < self.heads => head..head + 1,
            None if self.heads > 0 => 0..self.heads,
            _ => return Err(AttentionError::Head { heads: self.heads }),
        };
        let share = 1.0 / heads.len() as f32;
        let mut values = vec![0f32; entries_of(self.tokens)];
        for head in heads {
            let levels = self.levels.get(layer * self.heads + head).ok_or(AttentionError::Layer { layer, head })?;
            for (value, level) in values.iter_mut().zip(levels) {
                *value += f32::from(*level) / ONE * share;
            }
        }
        Ok(Weights { tokens: self.tokens, values })
    }
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

    /// Two heads over three tokens; what is above the diagonal is not kept.
    fn heads() -> [[f32; 9]; 2] {
        [[1.0, 9.0, 9.0, 0.25, 0.75, 9.0, 0.5, 0.125, 0.375], [1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0]]
    }

    fn attention() -> Attention {
        Attention::new(1, 2, 3, heads().map(|head| Attention::levels_of(&head, 3)).to_vec()).unwrap()
    }

    #[test]
    fn weights_come_back_within_half_a_step() {
        let found = attention().weights(0, Some(0)).unwrap();
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
        let mean = attention().weights(0, None).unwrap();
        assert!((mean.row(2)[2] - 0.6875).abs() < 1e-4);
        for t in 0..3 {
            assert!((mean.row(t).iter().sum::<f32>() - 1.0).abs() < 1e-4);
        }
    }

    #[test]
    fn matrices_that_do_not_fit_are_refused() {
        let levels = || attention().levels().to_vec();
        for (layers, heads, tokens) in [(2, 2, 3), (1, 1, 3), (1, 2, 4), (usize::MAX, 2, 3), (1, 2, usize::MAX)] {
            let problem = Attention::new(layers, heads, tokens, levels()).unwrap_err();
            assert!(problem.to_string().contains("attention"), "{problem}");
        }
        assert!(Attention::new(1, 0, 3, Vec::new()).is_err() && Attention::new(usize::MAX, 0, 3, Vec::new()).is_err());
    }

    #[test]
    fn a_head_that_is_not_there_is_named() {
        assert!(attention().weights(1, Some(0)).is_err());
        assert!(attention().weights(0, Some(2)).is_err());
    }
}
