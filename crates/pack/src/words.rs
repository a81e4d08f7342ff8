//! A pack's words: the vocabulary that parts of the residual stream are read out in, the rows of the unembedding for
//! it, and the means of a corpus that a readout subtracts.
//!
//! The section is optional and has shards of its own, so that a pack without it loads as it always did, and one with
//! it costs nothing before words are asked for. It is no part of the pack's hash (see
//! [`crate::manifest::pack_hash`]): codes and similarities do not depend on it.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

pub use crate::manifest::{VOCABULARY_BYTES_MAX, WordsEntry};
pub use crate::tensor_spec::{
    LENS_MATRIX, LENS_MEAN_X, LENS_MEAN_Y, MEAN_NOVEL, MEAN_PREDICTABLE, MEAN_RESIDUAL, MEANS, PIECE_ROWS, ROWS,
};
use crate::{Error, Result};

/// The words that readouts are spelled with: a file of the pack, JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vocabulary {
    /// Token ids and spellings without the leading space mark, by id: row i of [`ROWS`] is word i.
    pub words: Vec<(u32, String)>,
    /// The same of pieces that may come next and are not words: row i of [`PIECE_ROWS`] is piece i.
    #[serde(default)]
    pub pieces: Vec<(u32, String)>,
}

/// Why a text is not the vocabulary of a pack, as a sentence without the file's name.
#[derive(Debug, thiserror::Error)]
pub enum VocabularyError {
    /// Not JSON, or a field is missing or of another type.
    #[error("not a vocabulary: {0}")]
    Json(#[from] serde_json::Error),
    /// Not as many as the manifest says.
    #[error("it has {found} {what}, the manifest says {expected}")]
    Count {
        /// "words" or "pieces".
        what: &'static str,
        /// Entries in the file.
        found: usize,
        /// Entries by the manifest.
        expected: usize,
    },
    /// An id past the model's vocabulary.
    #[error("token {id} ({word:?}) lies past the model's {vocab_size} tokens")]
    Id {
        /// The token.
        id: u32,
        /// Its spelling here.
        word: String,
        /// Tokens of the model.
        vocab_size: usize,
    },
    /// The same token twice.
    #[error("token {0} is there twice")]
    Twice(u32),
    /// Not by id, as the rows are.
    #[error("token {after} comes after token {before}; rows are by id")]
    Order {
        /// The token that comes first here.
        before: u32,
        /// The one after it, with a lower id.
        after: u32,
    },
    /// A spelling that cannot be shown.
    #[error("token {0} has an empty spelling, or one with control characters")]
    Spelling(u32),
    /// A spelling that is not the tokenizer's.
    #[error("token {id} of the model is {expected:?}, not {found:?}")]
    Other {
        /// The token.
        id: u32,
        /// Its spelling here.
        found: String,
        /// The tokenizer's.
        expected: String,
    },
}

/// The sign for a space in a tokenizer's pieces.
pub const SPACE: char = '▁';

/// How a vocabulary spells a piece of the tokenizer: without the sign for a space before it.
pub fn spelling(piece: &str) -> &str {
    piece.strip_prefix(SPACE).unwrap_or(piece)
}

impl Vocabulary {
    /// Reads and checks the vocabulary of `entry` for a model of `vocab_size` tokens. The bytes are untrusted.
    ///
    /// # Errors
    /// [`Error::Malformed`] with a [`VocabularyError`]'s sentence.
    pub fn from_bytes(bytes: &[u8], entry: &WordsEntry, vocab_size: usize) -> Result<Self> {
        Self::parse(bytes, entry, vocab_size)
            .map_err(|e| Error::Malformed { file: entry.vocabulary.file.clone(), problem: e.to_string() })
    }

    fn parse(bytes: &[u8], entry: &WordsEntry, vocab_size: usize) -> std::result::Result<Self, VocabularyError> {
        let it: Self = serde_json::from_slice(bytes)?;
        for (what, found, expected) in
            [("words", it.words.len(), entry.words), ("pieces", it.pieces.len(), entry.pieces)]
        {
            if found != expected {
                return Err(VocabularyError::Count { what, found, expected });
            }
        }
        let mut seen = HashSet::new();
        for (id, word) in it.words.iter().chain(&it.pieces) {
            if *id as usize >= vocab_size {
                return Err(VocabularyError::Id { id: *id, word: word.clone(), vocab_size });
            }
            if !seen.insert(*id) {
                return Err(VocabularyError::Twice(*id));
            }
        }
        for list in [&it.words, &it.pieces] {
            if let Some([(before, _), (after, _)]) = list.array_windows().find(|[a, b]| a.0 > b.0) {
                return Err(VocabularyError::Order { before: *before, after: *after });
            }
        }
        // Pieces may be line ends.
        if let Some((id, _)) = it.words.iter().find(|(_, word)| word.is_empty() || word.chars().any(char::is_control)) {
            return Err(VocabularyError::Spelling(*id));
        }
        Ok(it)
    }

    /// Compares every spelling with the one of the tokenizer that `entry`'s pack has; `piece` answers with the piece of an id.
    ///
    /// # Errors
    /// [`Error::Malformed`] with the first that is another.
    pub fn check_spellings(&self, entry: &WordsEntry, mut piece: impl FnMut(u32) -> String) -> Result<()> {
        for (id, found) in self.words.iter().chain(&self.pieces) {
            let piece = piece(*id);
            let expected = spelling(&piece);
            if expected != found {
                let other = VocabularyError::Other { id: *id, found: found.clone(), expected: expected.to_owned() };
                return Err(Error::Malformed { file: entry.vocabulary.file.clone(), problem: other.to_string() });
            }
        }
        Ok(())
    }
}
