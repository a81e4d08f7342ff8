//! A pack's words: the vocabulary that parts of the residual stream are read out in, the rows of the unembedding for
//! it, and the means of a corpus that a readout subtracts.
//!
//! The section is optional and has shards of its own, so that a pack without it loads as it always did, and one with
//! it costs nothing before words are asked for. It is no part of the pack's hash (see
//! [`crate::manifest::pack_hash`]): codes and similarities do not depend on it.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::manifest::{FileEntry, TensorEntry};
use crate::tensor_spec::TensorSpec;
use crate::{Error, Result};

/// Unembedding rows of the vocabulary's words [words, d_model], in its order: bytes of the pack's embedding.
pub const ROWS: &str = "words.rows";
/// Mean of the predictable part of the reconstruction over the corpus [d_model], BOS left out.
pub const MEAN_PREDICTABLE: &str = "words.mean.predictable";
/// Mean of the novel part of the reconstruction [d_model].
pub const MEAN_NOVEL: &str = "words.mean.novel";
/// Mean of the residual stream [d_model].
pub const MEAN_RESIDUAL: &str = "words.mean.residual";
/// The three means.
pub const MEANS: [&str; 3] = [MEAN_PREDICTABLE, MEAN_NOVEL, MEAN_RESIDUAL];

/// Unembedding rows of the pieces that are no words but may come next [pieces, d_model] (with a fitted lens only).
pub const PIECE_ROWS: &str = "lens.piece_rows";
/// The fitted lens: final normed hidden state = (x - mean_x) M + mean_y. Its M, transposed: [d_model, d_model].
pub const LENS_MATRIX: &str = "lens.matrix";
/// mean_x: mean of the residual stream over the tokens that the lens was fitted on [d_model].
pub const LENS_MEAN_X: &str = "lens.mean_x";
/// mean_y: mean of the final normed hidden state over them [d_model].
pub const LENS_MEAN_Y: &str = "lens.mean_y";

/// Largest vocabulary file, in bytes.
pub const VOCABULARY_BYTES_MAX: u64 = 8 << 20;

/// Where a pack's words lie.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WordsEntry {
    /// The [`Vocabulary`].
    pub vocabulary: FileEntry,
    /// Its number of words.
    pub words: usize,
    /// Its number of pieces: 0 without a fitted lens.
    #[serde(default)]
    pub pieces: usize,
    /// Shards of the tensors.
    pub shards: Vec<FileEntry>,
    /// [`ROWS`] and [`MEANS`]; with a fitted lens [`PIECE_ROWS`], [`LENS_MATRIX`], [`LENS_MEAN_X`], [`LENS_MEAN_Y`].
    /// The shards that their parts name are those of this section.
    pub tensors: BTreeMap<String, TensorEntry>,
    /// Tokens of the corpus that the means were taken over, BOS not counted.
    pub corpus_tokens: u64,
    /// `cap * tanh(logit / cap)` of the model's logits (Gemma 2), with a fitted lens only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub final_logit_softcapping: Option<f64>,
}

impl WordsEntry {
    /// Bytes that asking for words fetches.
    pub fn load_bytes(&self) -> u64 {
        self.files().map(|file| file.bytes).sum()
    }

    /// Vocabulary, then shards.
    pub fn files(&self) -> impl Iterator<Item = &FileEntry> {
        std::iter::once(&self.vocabulary).chain(&self.shards)
    }

    /// Whether there is a fitted lens.
    pub fn has_lens(&self) -> bool {
        self.tensors.contains_key(LENS_MATRIX)
    }

    /// The tensors that there are to be, with their shapes.
    pub fn expected_tensors(&self, d_model: usize) -> Vec<TensorSpec> {
        let vector = |name: &str| (name.to_owned(), (1, d_model));
        let mut all = vec![(ROWS.to_owned(), (self.words, d_model))];
        all.extend(MEANS.map(vector));
        if self.has_lens() {
            all.push((PIECE_ROWS.to_owned(), (self.pieces, d_model)));
            all.push((LENS_MATRIX.to_owned(), (d_model, d_model)));
            all.extend([LENS_MEAN_X, LENS_MEAN_Y].map(vector));
        }
        all
    }
}

/// The words that readouts are spelled with: a file of the pack, JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vocabulary {
    /// Token ids and spellings without the leading space mark, by id: row i of [`ROWS`] is word i.
    pub words: Vec<(u32, String)>,
    /// The same of pieces that may come next and are no words: row i of [`PIECE_ROWS`] is piece i.
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
    /// A spelling that cannot be shown.
    #[error("token {0} has an empty spelling, or one with control characters")]
    Spelling(u32),
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
        // Pieces may be line ends.
        if let Some((id, _)) = it.words.iter().find(|(_, word)| word.is_empty() || word.chars().any(char::is_control)) {
            return Err(VocabularyError::Spelling(*id));
        }
        Ok(it)
    }
}
