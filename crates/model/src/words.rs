//! Readouts: a part of the residual stream, through the final norm's weight and the unembedding rows of a vocabulary
//! of words.
//!
//! score(w) = ((r - mean_r) * (1 + final norm)) . (W_U[w] - mean of the vocabulary's rows). The norm's division is a
//! positive factor per token and does not change ranks, so it is left out. Scores [T, words] never leave the device:
//! the highest are found there. All that is read out of a text goes through the rows together, since on the CPU
//! unpacking them costs as much as a product with some tens of tokens.

use burn::tensor::Tensor;
use lens_pack::words::{
    LENS_MATRIX, LENS_MEAN_X, LENS_MEAN_Y, MEAN_NOVEL, MEAN_PREDICTABLE, MEAN_RESIDUAL, PIECE_ROWS, ROWS, WordsEntry,
};

use crate::kernels::config::KernelConfig;
use crate::linear::{Matrix, PackedTensor, matmul_nt};
use crate::ops::TopOptions;
use crate::{Result, WeightStore};

/// What is read out: it determines the mean that is subtracted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// The predictable part of the reconstruction.
    Predictable,
    /// The novel part of the reconstruction.
    Novel,
    /// The residual stream.
    Residual,
    /// A direction that is added to it, as a feature's decoder row: nothing is subtracted.
    Direction,
}

/// What lies between a part of the residual stream and the unembedding.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Through {
    /// The final norm's weight, 1 + norm: every readout of a text.
    #[default]
    Gain,
    /// Nothing: the rows as they are. For comparison.
    Nothing,
    /// The matrix of the fitted lens. For comparison: better at what comes next, worse at what a text is about.
    Lens,
}

/// A pack's words on a device.
pub struct WordReadout {
    /// Unembedding rows [words, d_model].
    rows: PackedTensor,
    /// Their mean [1, d_model].
    row_mean: Tensor<2>,
    /// 1 + weight of the final norm [1, d_model].
    gain: Tensor<2>,
    /// Corpus means of the predictable part, the novel part and the residual stream, [1, d_model] each.
    means: [Tensor<2>; 3],
    lens: Option<FittedLens>,
    kernels: KernelConfig,
}

/// From the residual stream x to the model's final normed hidden state y = (x - mean_x) M + mean_y, and on to logits.
struct FittedLens {
    /// M, transposed [d_model, d_model].
    matrix: Matrix,
    /// [1, d_model]
    mean_x: Tensor<2>,
    /// [1, d_model]
    mean_y: Tensor<2>,
    /// Unembedding rows of what may come next and is no word [pieces, d_model].
    pieces: PackedTensor,
    soft_cap: Option<f32>,
}

/// The tokens of a text from which to say what comes next.
pub struct NextInput {
    /// Their residual stream [N, d_model].
    pub residual: Tensor<2>,
    /// The unembedding rows of the tokens that did come after all of them but the last [N - 1, d_model].
    pub came: Option<Tensor<2>>,
}

/// What was read out; lists of k entries are pairs of value and word in the order of words, and two more columns that
/// are 0 where they are not mentioned.
pub struct WordScores {
    /// The highest scores of each row, [R, 2 k + 2], then of what comes next the highest exp(logit - largest) among words,
    /// the largest logit and the sum of exp(logit - largest) over words [N, 2 k + 2].
    pub words: Tensor<2>,
    /// Of what comes next.
    pub next: Option<NextScores>,
}

/// What comes next after N tokens, as seen through the fitted lens, in addition to what is in [`WordScores::words`].
pub struct NextScores {
    /// The highest exp(logit - largest) among pieces, pairs of it and piece, then the largest logit and the sum of
    /// exp(logit - largest), both over pieces alone [N, 2 k + 2].
    pub pieces: Tensor<2>,
    /// The logits of the tokens that did come, where their unembedding rows were given [N - 1, 1].
    pub came: Option<Tensor<2>>,
}

impl WordReadout {
    /// Takes the tensors of `entry` out of `store`; `final_norm` [d_model] is the weight as the checkpoint has it, a
    /// factor less 1.
    ///
    /// # Errors
    /// A missing tensor, or one of another shape.
    pub fn new(store: &mut WeightStore, entry: &WordsEntry, final_norm: Tensor<1>) -> Result<Self> {
        let words = entry.words;
        let [d_model] = final_norm.dims();
        let rows = store.packed(ROWS, words, d_model)?;
        let mut mean = |name| Ok(store.vector(name, d_model)?.unsqueeze::<2>());
        let means = [mean(MEAN_PREDICTABLE)?, mean(MEAN_NOVEL)?, mean(MEAN_RESIDUAL)?];
        let lens = match entry.has_lens() {
            true => Some(FittedLens {
                matrix: store.matrix(LENS_MATRIX, d_model, d_model)?,
                mean_x: store.vector(LENS_MEAN_X, d_model)?.unsqueeze(),
                mean_y: store.vector(LENS_MEAN_Y, d_model)?.unsqueeze(),
                pieces: store.packed(PIECE_ROWS, entry.pieces, d_model)?,
                soft_cap: entry.final_logit_softcapping.map(|cap| cap as f32),
            }),
            false => None,
        };
        let device = store.device();
        let shares = Tensor::full([1, words], 1.0 / words as f64, &device.burn);
        let row_mean = rows.linear_transposed(shares);
        Ok(Self { rows, row_mean, gain: (final_norm + 1.0).unsqueeze(), means, lens, kernels: device.kernels })
    }

    /// Number of words.
    pub fn words(&self) -> usize {
        self.rows.shape().rows
    }

    /// Whether there is a fitted lens: whether what comes next can be read out.
    pub fn has_lens(&self) -> bool {
        self.lens.is_some()
    }

    /// The corpus mean of a part [1, d_model]; none of a direction.
    pub fn mean(&self, part: Part) -> Option<&Tensor<2>> {
        let [predictable, novel, residual] = &self.means;
        match part {
            Part::Predictable => Some(predictable),
            Part::Novel => Some(novel),
            Part::Residual => Some(residual),
            Part::Direction => None,
        }
    }

    /// `x` [T, d_model] less the mean of `part`, on its way to the unembedding; `None` through a lens that is not there.
    pub fn prepared(&self, part: Part, through: Through, x: Tensor<2>) -> Option<Tensor<2>> {
        let x = match self.mean(part) {
            Some(mean) => x - mean.clone(),
            None => x,
        };
        match through {
            Through::Gain => Some(x * self.gain.clone()),
            Through::Nothing => Some(x),
            Through::Lens => self.lens.as_ref().map(|lens| lens.matrix.linear(x)),
        }
    }

    /// The `k` words with the highest scores for each row of `parts`, R rows in all of [.., d_model] each, and what comes
    /// next after the tokens of `next`. Scores of 0 and below are left out. Without a fitted lens what needs one is left out; of
    /// nothing there is no result.
    pub fn read(&self, parts: Vec<(Part, Tensor<2>)>, next: Option<NextInput>, k: usize) -> Option<WordScores> {
        let prepared = parts.into_iter().filter_map(|(part, x)| self.prepared(part, Through::Gain, x));
        self.read_prepared(prepared.collect(), next, k)
    }

    /// [`Self::read`] of what is [`Self::prepared`].
    pub fn read_prepared(&self, rows: Vec<Tensor<2>>, next: Option<NextInput>, k: usize) -> Option<WordScores> {
        let scored = joined(rows);
        // What the mean of the rows adds to every score.
        let common = scored.clone().map(|x| matmul_nt(x, self.row_mean.clone(), self.kernels));
        let logits_from = scored.as_ref().map_or(0, |x| x.dims()[0]);
        let next = self.lens.as_ref().zip(next).map(|(lens, next)| (lens, lens.hidden(next.residual), next.came));
        let hidden = next.as_ref().map(|(_, hidden, _)| hidden.clone());
        let none = hidden.as_ref().map(|hidden| Tensor::zeros([hidden.dims()[0], 1], &hidden.device()));
        let x = joined(scored.into_iter().chain(hidden).collect()).filter(|x| x.dims()[0] > 0)?;
        let offset = joined(common.into_iter().chain(none).collect())?;
        let soft_cap = self.lens.as_ref().and_then(|lens| lens.soft_cap);
        let words = self.rows.top(x, offset, TopOptions { k, logits_from, soft_cap });
        let next = next.map(|(lens, hidden, came)| {
            let [tokens, _] = hidden.dims();
            let none = Tensor::zeros([tokens, 1], &hidden.device());
            let pieces = lens.pieces.top(hidden.clone(), none, TopOptions { k, logits_from: 0, soft_cap });
            let before = |came: Tensor<2>| lens.capped((hidden.narrow(0, 0, tokens - 1) * came).sum_dim(1));
            NextScores { pieces, came: came.filter(|_| tokens > 1).map(before) }
        });
        Some(WordScores { words, next })
    }

    /// The rows of some words [n, d_model], less the mean of all: for how much the words have in common.
    pub fn centered_rows(&self, words: &[usize]) -> Tensor<2> {
        self.rows.unpacked_rows(words) - self.row_mean.clone()
    }
}

/// One below the other; `None` of none.
fn joined(mut all: Vec<Tensor<2>>) -> Option<Tensor<2>> {
    if all.len() > 1 { Some(Tensor::cat(all, 0)) } else { all.pop() }
}

impl FittedLens {
    /// The model's final normed hidden state, of its residual stream `x` [T, d_model].
    fn hidden(&self, x: Tensor<2>) -> Tensor<2> {
        self.matrix.linear(x - self.mean_x.clone()) + self.mean_y.clone()
    }

    /// Logits as the model caps them.
    fn capped(&self, logits: Tensor<2>) -> Tensor<2> {
        match self.soft_cap {
            Some(cap) => (logits / cap).tanh() * cap,
            None => logits,
        }
    }
}
