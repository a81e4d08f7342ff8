//! Which pairs of pieces merge, and which of two merges goes first.
//!
//! Gemma's merges were made from its SentencePiece vocabulary: every split of a piece into two pieces
//! is one, in the order of the pieces' ids, and of one piece's splits the one with the longest left
//! half goes first. A thousand at the head (runs of spaces, tabs and newlines) are in another order. So
//! the head of a list is stored as it is, and what follows is given by the range of ids in which the
//! rule holds. A tokenizer that follows no such rule stores its whole list.

use std::collections::HashSet;
use std::ops::Range;

use super::error::TokenizerError;
use super::vocabulary::Vocabulary;

/// The merges of a vocabulary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merges {
    /// Pairs that are listed, most urgent first.
    listed: Vec<(u32, u32)>,
    /// Pairs of `listed` and their places in it, sorted by pair.
    places: Vec<(u32, u32, u32)>,
    /// Every split of a piece with one of these ids is a merge.
    derived: Range<u32>,
}

/// A merge that can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Merge {
    /// Of two merges the one with the smaller rank goes first.
    pub rank: u64,
    /// Id of the merged piece.
    pub id: u32,
}

impl Merges {
    /// Takes a head of listed pairs and the ids whose merges follow from the vocabulary.
    ///
    /// # Errors
    /// [`TokenizerError`] when a pair is listed twice, or makes no piece with an id outside `derived`.
    pub fn new(vocabulary: &Vocabulary, listed: Vec<(u32, u32)>, derived: Range<u32>) -> Result<Self, TokenizerError> {
        let mut places: Vec<_> = listed.iter().zip(0..).map(|((left, right), place)| (*left, *right, place)).collect();
        places.sort_unstable();
        for (left, right) in &listed {
            let known = vocabulary.piece(*left).is_some() && vocabulary.piece(*right).is_some();
            if !known || vocabulary.joined(*left, *right).is_none_or(|id| derived.contains(&id)) {
                return Err(TokenizerError::ListedMerge { left: *left, right: *right, derived });
            }
        }
        if let Some(twice) = places.windows(2).find(|two| (two[0].0, two[0].1) == (two[1].0, two[1].1)) {
            return Err(TokenizerError::SameMerge(twice[0].0, twice[0].1));
        }
        Ok(Self { listed, places, derived })
    }

    /// Lists only those of `pairs` (most urgent first) that do not follow from the vocabulary.
    ///
    /// # Errors
    /// [`TokenizerError::Merge`] when a pair makes no piece of the vocabulary.
    pub fn from_list(vocabulary: &Vocabulary, mut pairs: Vec<(u32, u32)>) -> Result<Self, TokenizerError> {
        // The original uses the last place of a pair that is there twice.
        let mut seen = HashSet::with_capacity(pairs.len());
        pairs.reverse();
        pairs.retain(|pair| seen.insert(*pair));
        pairs.reverse();

        let mut keys = Vec::with_capacity(pairs.len());
        for (left, right) in &pairs {
            let piece = |id: u32| vocabulary.piece(id).unwrap_or_default().to_owned();
            let id = vocabulary.joined(*left, *right).ok_or_else(|| TokenizerError::Merge {
                left: *left,
                right: *right,
                left_piece: piece(*left),
                right_piece: piece(*right),
            })?;
            keys.push(derived_rank(vocabulary, *left, id));
        }
        // The longest tail in the rule's order.
        let tail = (1..keys.len()).rev().find(|i| keys[i - 1] >= keys[*i]).unwrap_or(0);
        let mut counts = vec![0u32; vocabulary.ids()];
        for key in &keys[tail..] {
            counts[id_of(*key) as usize] += 1;
        }
        // From which id on, up to its last, it has every split. Pairs are different and each is a
        // split, so that none of those pieces' can be outside the tail.
        let end = keys.last().map_or(0, |key| id_of(*key) + 1);
        let lacking = (0..end).rev().find(|id| splits(vocabulary, *id) != counts[*id as usize]);
        let start = lacking.map_or(0, |id| id + 1);
        pairs.truncate(tail + keys[tail..].partition_point(|key| id_of(*key) < start));
        Self::new(vocabulary, pairs, start..end)
    }

    /// The merge of two ids, if they have one.
    pub fn get(&self, vocabulary: &Vocabulary, left: u32, right: u32) -> Option<Merge> {
        let id = vocabulary.joined(left, right)?;
        if self.derived.contains(&id) {
            // After everything that is listed.
            return Some(Merge { rank: derived_rank(vocabulary, left, id) | 1 << 63, id });
        }
        let at = self.places.partition_point(|(l, r, _)| (*l, *r) < (left, right));
        let (l, r, place) = self.places.get(at)?;
        ((*l, *r) == (left, right)).then_some(Merge { rank: u64::from(*place), id })
    }

    /// The listed head, most urgent first.
    pub fn listed(&self) -> &[(u32, u32)] {
        &self.listed
    }

    /// Every split of a piece with one of these ids is a merge.
    pub fn derived(&self) -> Range<u32> {
        self.derived.clone()
    }
}

/// By the merged piece's id (fewer than 2^31), then the longest left half first.
fn derived_rank(vocabulary: &Vocabulary, left: u32, id: u32) -> u64 {
    u64::from(id) << 32 | u64::from(u32::MAX - vocabulary.bytes(left).len() as u32)
}

fn id_of(derived_rank: u64) -> u32 {
    (derived_rank >> 32) as u32
}

/// Into how many pairs of pieces an id's piece can be split.
fn splits(vocabulary: &Vocabulary, id: u32) -> u32 {
    let Some(piece) = vocabulary.piece(id) else { return 0 };
    let is_split = |at: usize| vocabulary.id(&piece[..at]).is_some() && vocabulary.id(&piece[at..]).is_some();
    piece.char_indices().skip(1).filter(|(at, _)| is_split(*at)).count() as u32
}
