//! A pack's words on a device.

#[cfg(not(target_family = "wasm"))]
use std::collections::HashMap;
use std::collections::HashSet;

use burn::tensor::Tensor;
use lens_analysis::words::{CANDIDATES, NextWord, TOKEN_WORDS, Word, coherence, ranked};
use lens_model::ops::TOP_MAX;
use lens_model::words::WordReadout;
use lens_pack::words::Vocabulary;

use crate::Result;
use crate::read_back::read_back;

/// What comes next after a token, of words and of pieces: pairs of exp(logit - the largest of its own) and index, and what
/// they are multiplied by to be exp(logit - `largest`).
pub(crate) struct Next<'a> {
    pub(crate) words: &'a [f32],
    pub(crate) words_factor: f32,
    pub(crate) pieces: &'a [f32],
    pub(crate) pieces_factor: f32,
    /// The largest logit of both.
    pub(crate) largest: f32,
    /// Sum of exp(logit - `largest`) over both.
    pub(crate) sum: f32,
}

/// A pack's words, loaded.
pub struct LoadedWords {
    pub(crate) vocabulary: Vocabulary,
    pub(crate) readout: WordReadout,
    /// Ids of words and pieces.
    pub(crate) listed: HashSet<u32>,
    pub(crate) weight_bytes: usize,
}

impl LoadedWords {
    /// Bytes on the device.
    pub fn weight_bytes(&self) -> usize {
        self.weight_bytes
    }

    /// Whether there is a fitted lens.
    pub fn has_lens(&self) -> bool {
        self.readout.has_lens()
    }

    /// Token ids and spellings.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// Where each word is in the vocabulary.
    #[cfg(not(target_family = "wasm"))]
    pub(crate) fn indices(&self) -> HashMap<&str, usize> {
        self.vocabulary.words.iter().enumerate().map(|(index, (_, word))| (word.as_str(), index)).collect()
    }

    pub(crate) fn spelling(&self, index: usize) -> &str {
        self.vocabulary.words.get(index).map_or("", |(_, word)| word)
    }

    /// How many to ask the device for, for a list of `count` words.
    pub(crate) fn candidates(&self, count: usize) -> usize {
        (CANDIDATES * count.div_ceil(TOKEN_WORDS)).min(self.readout.words()).min(TOP_MAX)
    }

    /// The `count` highest words of one row, near-duplicates included.
    pub(crate) fn best(&self, pairs: &[f32], count: usize) -> Vec<usize> {
        let mut best: Vec<[f32; 2]> = pairs.as_chunks::<2>().0.to_vec();
        // Stable: ties stay in the order of words.
        best.sort_by(|a, b| b[0].total_cmp(&a[0]));
        best.truncate(count);
        best.into_iter().map(|[_, word]| word as usize).collect()
    }

    /// The best `count` words of one row, pairs of score and word in the order of words.
    pub(crate) fn ranked(&self, pairs: &[f32], count: usize) -> Vec<(usize, f32)> {
        let candidates = pairs.as_chunks::<2>().0.iter().map(|[score, word]| (*word as usize, *score));
        let mut candidates: Vec<_> = candidates.collect();
        // Stable: ties stay in the order of words. A longer list may have been asked for, with more candidates.
        candidates.sort_by(|a, b| b.1.total_cmp(&a.1));
        candidates.truncate(self.candidates(count));
        ranked(candidates, |index| self.spelling(index), count)
    }

    /// The best `count` words of each of some rows, see [`WordReadout::prepared`].
    pub(crate) async fn lists(&self, rows: Vec<Tensor<2>>, count: usize) -> Result<Vec<Vec<(usize, f32)>>> {
        let (width, all) = self.read_pairs(rows, self.candidates(count)).await?;
        Ok(all.chunks_exact(width).map(|row| self.ranked(&row[..width - 2], count)).collect())
    }

    /// The width of a row and all rows of [`WordReadout::read_prepared`].
    async fn read_pairs(&self, rows: Vec<Tensor<2>>, k: usize) -> Result<(usize, Vec<f32>)> {
        let all = match self.readout.read_prepared(rows, None, k) {
            Some(scores) => read_back(scores.words).await?,
            None => Vec::new(),
        };
        Ok((2 * k + 2, all))
    }

    /// The likeliest next words.
    pub(crate) fn next_words(&self, next: &Next<'_>) -> Vec<NextWord> {
        let named = |pairs: &[f32], factor: f32, list: &[(u32, String)]| -> Vec<(f32, String)> {
            let named = |[value, index]: &[f32; 2]| Some((*value * factor, list.get(*index as usize)?.1.clone()));
            pairs.as_chunks::<2>().0.iter().filter_map(named).collect()
        };
        let mut all = named(next.words, next.words_factor, &self.vocabulary.words);
        all.extend(named(next.pieces, next.pieces_factor, &self.vocabulary.pieces));
        // Stable: of equals words go first, then in the order of ids.
        all.sort_by(|a, b| b.0.total_cmp(&a.0));
        all.truncate(TOKEN_WORDS);
        all.into_iter().map(|(value, word)| NextWord { word, probability: value / next.sum }).collect()
    }

    /// How much the words of each list have in common.
    pub(crate) async fn coherence(&self, lists: &[Vec<(usize, f32)>]) -> Result<Vec<f32>> {
        let indices = |list: &Vec<(usize, f32)>| list.iter().map(|(index, _)| *index).collect();
        self.coherence_of(&lists.iter().map(indices).collect::<Vec<_>>()).await
    }

    /// As [`Self::coherence`], of words alone.
    pub(crate) async fn coherence_of(&self, lists: &[Vec<usize>]) -> Result<Vec<f32>> {
        let indices: Vec<usize> = lists.iter().flatten().copied().collect();
        if indices.is_empty() {
            return Ok(vec![0.0; lists.len()]);
        }
        let rows: Tensor<2> = self.readout.centered_rows(&indices);
        let d = rows.dims()[1];
        let mut rest = read_back(rows).await?;
        let of_list = |list: &Vec<usize>| {
            let after = rest.split_off((list.len() * d).min(rest.len()));
            coherence(&std::mem::replace(&mut rest, after), d)
        };
        Ok(lists.iter().map(of_list).collect())
    }

    pub(crate) fn words(&self, best: &[(usize, f32)]) -> Vec<Word> {
        best.iter().map(|(index, score)| Word { word: self.spelling(*index).to_owned(), score: *score }).collect()
    }
}
