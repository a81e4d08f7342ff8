//! A pack's words on a device.

use std::collections::HashSet;
use std::sync::OnceLock;

use burn::tensor::Tensor;
use lens_analysis::words::{NextWord, TOKEN_WORDS, Word, coherence, ranked};
use lens_model::words::{Part, WordReadout};
use lens_pack::words::Vocabulary;

use crate::read_back::read_back;
use crate::{Error, Result};

/// One word in so many is among those of the opposite of the mean: a hundred of 15,000.
const OPPOSITE_SHARE: usize = 150;

/// A pack's words, loaded.
pub struct LoadedWords {
    pub(crate) vocabulary: Vocabulary,
    pub(crate) readout: WordReadout,
    /// Ids of words and pieces.
    pub(crate) listed: HashSet<u32>,
    /// See [`Self::opposite`].
    pub(crate) opposite: OnceLock<HashSet<usize>>,
    pub(crate) weight_bytes: usize,
}

impl LoadedWords {
    /// Bytes on the device.
    pub fn weight_bytes(&self) -> usize {
        self.weight_bytes
    }

    /// Token ids and spellings.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// The words that the opposite of the predictable part's mean reads as: a predictable part near 0 less that mean is
    /// that, whatever the text.
    pub(crate) async fn opposite(&self) -> Result<&HashSet<usize>> {
        if self.opposite.get().is_none() {
            let k = self.readout.words() / OPPOSITE_SHARE;
            let words = match self.readout.mean(Part::Predictable).filter(|_| k > 0) {
                Some(mean) => {
                    let pairs = read_back(self.readout.top(Part::Direction, -mean.clone(), k)).await?;
                    pairs.as_chunks::<2>().0.iter().map(|[_, word]| *word as usize).collect()
                }
                None => HashSet::new(),
            };
            // Of two that compute it at the same time the first stays: they are equal.
            let _ = self.opposite.set(words);
        }
        self.opposite.get().ok_or_else(|| Error::Input("the words of the pack were not read".to_owned()))
    }

    pub(crate) fn spelling(&self, index: usize) -> &str {
        self.vocabulary.words.get(index).map_or("", |(_, word)| word)
    }

    /// The best `count` words of one row of [`WordReadout::top`], pairs of score and word.
    pub(crate) fn ranked(&self, pairs: &[f32], count: usize) -> Vec<(usize, f32)> {
        let candidates = pairs.as_chunks::<2>().0.iter().map(|[score, word]| (*word as usize, *score));
        ranked(candidates, |index| self.spelling(index), count)
    }

    /// The likeliest next words of words and pieces, pairs of exp(logit - largest) and index; `sum` is that of all.
    pub(crate) fn next_words(&self, of_words: &[[f32; 2]], of_pieces: &[[f32; 2]], sum: f32) -> Vec<NextWord> {
        let named = |pairs: &[[f32; 2]], list: &[(u32, String)]| -> Vec<(f32, String)> {
            let named = |[value, index]: &[f32; 2]| Some((*value, list.get(*index as usize)?.1.clone()));
            pairs.iter().filter_map(named).collect()
        };
        let mut all = named(of_words, &self.vocabulary.words);
        all.extend(named(of_pieces, &self.vocabulary.pieces));
        // Stable: of equals words go first, then in the order of ids.
        all.sort_by(|a, b| b.0.total_cmp(&a.0));
        all.truncate(TOKEN_WORDS);
        all.into_iter().map(|(value, word)| NextWord { word, probability: value / sum }).collect()
    }

    /// How much the words of a list have in common.
    pub(crate) async fn coherence(&self, best: &[(usize, f32)]) -> Result<f32> {
        if best.is_empty() {
            return Ok(0.0);
        }
        let indices: Vec<usize> = best.iter().map(|(index, _)| *index).collect();
        let rows: Tensor<2> = self.readout.centered_rows(&indices);
        let d = rows.dims()[1];
        Ok(coherence(&read_back(rows).await?, d))
    }

    pub(crate) fn words(&self, best: &[(usize, f32)]) -> Vec<Word> {
        best.iter().map(|(index, score)| Word { word: self.spelling(*index).to_owned(), score: *score }).collect()
    }
}
