//! Byte pair encoding (Sennrich et al. 2016, arXiv 1508.07909) with the tokenizers library's rules for
//! what the vocabulary lacks.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::path::{Path, PathBuf};

use lens_pack::tokenizer::{Merges, Vocabulary};
use serde::Deserialize;
use tokenizers::{Model, Token, Trainer};

use crate::{Error, Result};

/// The fields of the model in tokenizer.json besides vocabulary and merges.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Options {
    /// Piece for characters that the vocabulary lacks; without one they vanish.
    #[serde(default)]
    pub unk_token: Option<String>,
    /// Whether neighboring unknown characters become one token.
    #[serde(default)]
    pub fuse_unk: bool,
    /// Whether unknown characters become their UTF-8 bytes, pieces `<0x00>` to `<0xFF>`.
    #[serde(default)]
    pub byte_fallback: bool,
    /// Whether a word that is a piece becomes that piece, regardless of merges.
    #[serde(default)]
    pub ignore_merges: bool,
    /// What the last character of a word has appended.
    #[serde(default)]
    pub end_of_word_suffix: Option<String>,
}

/// The model of a tokenizer.
#[derive(Debug, Clone)]
pub struct CompactBpe {
    vocabulary: Vocabulary,
    merges: Merges,
    options: Options,
    unknown: Option<u32>,
    /// Ids of `<0x00>` to `<0xFF>`.
    byte_pieces: Vec<Option<u32>>,
}

/// A part of a word being merged: a piece, and the bytes of the word that it stands for.
#[derive(Debug, Clone, Copy)]
struct Symbol {
    id: u32,
    bytes: usize,
    /// The remaining neighbors; a symbol that was merged into its left neighbor is `gone`.
    previous: Option<usize>,
    next: Option<usize>,
    gone: bool,
}

/// A merge that may be done, in the order in which merges are: rank, then place of its left half. The
/// merged id and those of the two halves follow.
type Candidate = Reverse<(u64, usize, u32, (u32, u32))>;

impl CompactBpe {
    /// Puts tables and options together.
    ///
    /// # Errors
    /// [`Error::Parts`] when the piece for unknown characters is not in the vocabulary.
    pub fn new(vocabulary: Vocabulary, merges: Merges, options: Options) -> Result<Self> {
        let unknown = match &options.unk_token {
            Some(token) => Some(
                vocabulary
                    .id(token)
                    .ok_or_else(|| Error::Parts(format!("unk_token {token:?} is not in the vocabulary")))?,
            ),
            None => None,
        };
        let byte_pieces = (0..=255u8).map(|byte| vocabulary.id(&format!("<0x{byte:02X}>"))).collect();
        Ok(Self { vocabulary, merges, options, unknown, byte_pieces })
    }

    /// The characters of a word as symbols.
    fn symbols(&self, word: &str) -> Vec<Symbol> {
        let mut parts: Vec<(u32, usize)> = Vec::with_capacity(word.len());
        // Bytes of unknown characters that are not written yet. A character written as bytes does not
        // end such a run, and comes before it: so does the tokenizers library.
        let mut pending: Option<(u32, usize)> = None;
        let mut piece = String::new();
        for (at, character) in word.char_indices() {
            let bytes = character.len_utf8();
            piece.clear();
            piece.push(character);
            if at + bytes == word.len() {
                piece.push_str(self.options.end_of_word_suffix.as_deref().unwrap_or_default());
            }
            if let Some(id) = self.vocabulary.id(&piece) {
                parts.extend(pending.take());
                parts.push((id, bytes));
                continue;
            }
            if self.options.byte_fallback {
                let ids: Option<Vec<u32>> = piece.bytes().map(|byte| self.byte_pieces[usize::from(byte)]).collect();
                if let Some(ids) = ids {
                    parts.extend(ids.into_iter().map(|id| (id, 1)));
                    continue;
                }
            }
            if let Some(unknown) = self.unknown {
                pending = match pending {
                    Some((id, run)) if self.options.fuse_unk => Some((id, run + bytes)),
                    before => {
                        parts.extend(before);
                        Some((unknown, bytes))
                    }
                };
            }
        }
        parts.extend(pending);
        let last = parts.len().saturating_sub(1);
        let symbol = |(at, (id, bytes)): (usize, (u32, usize))| Symbol {
            id,
            bytes,
            previous: at.checked_sub(1),
            next: (at < last).then_some(at + 1),
            gone: false,
        };
        parts.into_iter().enumerate().map(symbol).collect()
    }

    fn candidate(&self, symbols: &[Symbol], at: usize, next: usize) -> Option<Candidate> {
        let pair = (symbols[at].id, symbols[next].id);
        let merge = self.merges.get(&self.vocabulary, pair.0, pair.1)?;
        Some(Reverse((merge.rank, at, merge.id, pair)))
    }

    /// Applies all merges, the smallest rank first, of equal ones the leftmost: O(n log n), since Gemma
    /// takes a whole text as one word.
    fn merge(&self, symbols: &mut [Symbol]) {
        let mut queue: BinaryHeap<Candidate> =
            (1..symbols.len()).filter_map(|next| self.candidate(symbols, next - 1, next)).collect();
        while let Some(Reverse((_, at, id, pair))) = queue.pop() {
            let Some(next) = symbols[at].next else { continue };
            if symbols[at].gone {
                continue;
            }
            // Neighbors may have changed since; what counts is that they still make this piece.
            let now = (symbols[at].id, symbols[next].id);
            let still = || self.merges.get(&self.vocabulary, now.0, now.1).is_some_and(|merge| merge.id == id);
            if now != pair && !still() {
                continue;
            }
            let right = symbols[next];
            symbols[next].gone = true;
            let left = &mut symbols[at];
            left.id = id;
            left.bytes += right.bytes;
            left.next = right.next;
            let previous = left.previous;
            if let Some(after) = right.next {
                symbols[after].previous = Some(at);
                queue.extend(self.candidate(symbols, at, after));
            }
            if let Some(before) = previous {
                queue.extend(self.candidate(symbols, before, at));
            }
        }
    }
}

impl Model for CompactBpe {
    type Trainer = NotTrained;

    fn tokenize(&self, word: &str) -> tokenizers::Result<Vec<Token>> {
        if self.options.ignore_merges
            && let Some(id) = self.vocabulary.id(word)
        {
            return Ok(vec![Token::new(id, word.to_owned(), (0, word.len()))]);
        }
        let mut symbols = self.symbols(word);
        self.merge(&mut symbols);
        let mut end = 0;
        let tokens = symbols.iter().filter(|symbol| !symbol.gone).map(|symbol| {
            let start = end;
            end += symbol.bytes;
            Token::new(symbol.id, self.vocabulary.piece(symbol.id).unwrap_or_default().to_owned(), (start, end))
        });
        Ok(tokens.collect())
    }

    fn token_to_id(&self, token: &str) -> Option<u32> {
        self.vocabulary.id(token)
    }

    fn id_to_token(&self, id: u32) -> Option<String> {
        self.vocabulary.piece(id).map(str::to_owned)
    }

    fn get_vocab(&self) -> HashMap<String, u32> {
        let piece = |id| Some((self.vocabulary.piece(id)?.to_owned(), id));
        (0..self.vocabulary.ids() as u32).filter_map(piece).collect()
    }

    fn get_vocab_size(&self) -> usize {
        self.vocabulary.pieces()
    }

    fn save(&self, _: &Path, _: Option<&str>) -> tokenizers::Result<Vec<PathBuf>> {
        Err("a pack's tokenizer is not saved as tokenizer.json; the original is".into())
    }

    fn get_trainer(&self) -> NotTrained {
        NotTrained
    }
}

/// The library's interface wants a trainer; a pack's tokenizer is trained already.
pub struct NotTrained;

impl Trainer for NotTrained {
    type Model = CompactBpe;

    fn should_show_progress(&self) -> bool {
        false
    }

    fn train(&self, _: &mut CompactBpe) -> tokenizers::Result<Vec<tokenizers::AddedToken>> {
        Err("a pack's tokenizer is not trained".into())
    }

    fn feed<I, S, F>(&mut self, _: I, _: F) -> tokenizers::Result<()>
    where
        I: Iterator<Item = S> + Send,
        S: AsRef<str> + Send,
        F: Fn(&str) -> tokenizers::Result<Vec<String>> + Sync,
    {
        Err("a pack's tokenizer is not trained".into())
    }
}
