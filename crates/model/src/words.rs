//! Readouts: a part of the residual stream, through the final norm's weight and the unembedding rows of a vocabulary
//! of words.
//!
//! score(w) = ((r - mean_r) * (1 + final norm)) . (W_U[w] - mean of the vocabulary's rows). The norm's division is a
//! positive factor per token and does not change ranks, so it is left out. Scores [T, words] never leave the device:
//! the highest are found there.

use burn::tensor::{Tensor, TensorData};
use lens_pack::words::{
    LENS_MATRIX, LENS_MEAN_X, LENS_MEAN_Y, MEAN_NOVEL, MEAN_PREDICTABLE, MEAN_RESIDUAL, PIECE_ROWS, ROWS, WordsEntry,
};

use crate::kernels::config::KernelConfig;
use crate::linear::{Matrix, matmul_nt};
use crate::temporal_sae::top_entries;
use crate::{Result, WeightStore};

/// Tokens whose scores are on the device at the same time: bounds its memory for long texts.
const TOKENS_AT_ONCE: usize = 128;

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

/// A pack's words on a device.
pub struct WordReadout {
    /// Unembedding rows [words, d_model].
    rows: Matrix,
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
    pieces: Matrix,
    soft_cap: Option<f32>,
}

/// What comes next after T tokens, as seen through the fitted lens. Probabilities are exp(logit - largest) / sum, over
/// words and pieces.
pub struct NextTokens {
    /// The highest exp(logit - largest) among words, pairs of it and word in the order of words [T, 2 k].
    pub words: Tensor<2>,
    /// The same among pieces [T, 2 k].
    pub pieces: Tensor<2>,
    /// The largest logit [T, 1].
    pub largest: Tensor<2>,
    /// Sum of exp(logit - largest) over words and pieces [T, 1].
    pub sum: Tensor<2>,
    /// The logits of the tokens that did come, where their unembedding rows were given [T - 1, 1].
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
        let rows = store.matrix(ROWS, words, d_model)?;
        let mut mean = |name| Ok(store.vector(name, d_model)?.unsqueeze::<2>());
        let means = [mean(MEAN_PREDICTABLE)?, mean(MEAN_NOVEL)?, mean(MEAN_RESIDUAL)?];
        let lens = match entry.has_lens() {
            true => Some(FittedLens {
                matrix: store.matrix(LENS_MATRIX, d_model, d_model)?,
                mean_x: store.vector(LENS_MEAN_X, d_model)?.unsqueeze(),
                mean_y: store.vector(LENS_MEAN_Y, d_model)?.unsqueeze(),
                pieces: store.matrix(PIECE_ROWS, entry.pieces, d_model)?,
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
        self.rows.dims()[0]
    }

    /// Whether there is a fitted lens: whether [`Self::next`] has an answer.
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

    /// The `k` words with the highest scores for each row of `x` [T, d_model], pairs of score and word in the order
    /// of words: [T, 2 k]. Scores below 0 count as 0.
    pub fn top(&self, part: Part, x: Tensor<2>, k: usize) -> Tensor<2> {
        let rows = x.dims()[0];
        let chunks = (0..rows).step_by(TOKENS_AT_ONCE);
        let top = chunks.map(|from| {
            let scores = self.scores(part, x.clone().narrow(0, from, TOKENS_AT_ONCE.min(rows - from)));
            top_entries(scores.clamp_min(0.0), k)
        });
        let top: Vec<Tensor<2>> = top.collect();
        if top.len() == 1 { top.into_iter().next().unwrap_or(x) } else { Tensor::cat(top, 0) }
    }

    /// Scores [T, words] of every word for each row of `x` [T, d_model].
    pub fn scores(&self, part: Part, x: Tensor<2>) -> Tensor<2> {
        let x = match self.mean(part) {
            Some(mean) => x - mean.clone(),
            None => x,
        };
        let x = x * self.gain.clone();
        let common = matmul_nt(x.clone(), self.row_mean.clone(), self.kernels);
        self.rows.linear(x) - common
    }

    /// What comes next after each row of the residual stream `x` [T, d_model], the `k` likeliest words and pieces; the
    /// unembedding rows `came` [T - 1, d_model] of the tokens that did come after all rows but the last. `None` without
    /// a fitted lens.
    pub fn next(&self, x: Tensor<2>, came: Option<Tensor<2>>, k: usize) -> Option<NextTokens> {
        let lens = self.lens.as_ref()?;
        let rows = x.dims()[0];
        let mut chunks = Vec::with_capacity(rows.div_ceil(TOKENS_AT_ONCE));
        let hidden = lens.matrix.linear(x - lens.mean_x.clone()) + lens.mean_y.clone();
        for from in (0..rows).step_by(TOKENS_AT_ONCE) {
            let hidden = hidden.clone().narrow(0, from, TOKENS_AT_ONCE.min(rows - from));
            let [words, pieces] = [&self.rows, &lens.pieces].map(|rows| lens.capped(rows.linear(hidden.clone())));
            let largest = words.clone().max_dim(1).max_pair(pieces.clone().max_dim(1));
            let [words, pieces] = [words, pieces].map(|logits| (logits - largest.clone()).exp());
            let sum = words.clone().sum_dim(1) + pieces.clone().sum_dim(1);
            let k = |x: &Tensor<2>| k.min(x.dims()[1]);
            let (of_words, of_pieces) = (k(&words), k(&pieces));
            chunks.push([top_entries(words, of_words), top_entries(pieces, of_pieces), largest, sum]);
        }
        let joined = |i: usize| Tensor::cat(chunks.iter().map(|chunk| chunk[i].clone()).collect(), 0);
        let came = came.filter(|_| rows > 1).map(|came| {
            let before = hidden.narrow(0, 0, rows - 1);
            lens.capped((before * came).sum_dim(1))
        });
        Some(NextTokens { words: joined(0), pieces: joined(1), largest: joined(2), sum: joined(3), came })
    }

    /// The rows of some words [n, d_model], less the mean of all: for how much the words have in common.
    pub fn centered_rows(&self, words: &[usize]) -> Tensor<2> {
        let count = self.words();
        let mut one_each = vec![0f32; words.len() * count];
        for (row, word) in one_each.chunks_exact_mut(count.max(1)).zip(words) {
            if let Some(entry) = row.get_mut(*word) {
                *entry = 1.0;
            }
        }
        let one_each = Tensor::from_data(TensorData::new(one_each, [words.len(), count]), &self.gain.device());
        self.rows.linear_transposed(one_each) - self.row_mean.clone()
    }
}

impl FittedLens {
    /// Logits as the model caps them.
    fn capped(&self, logits: Tensor<2>) -> Tensor<2> {
        match self.soft_cap {
            Some(cap) => (logits / cap).tanh() * cap,
            None => logits,
        }
    }
}
