//! A BPE tokenizer in compact form: what a pack carries instead of tokenizer.json.
//!
//! | file | what it does |
//! |---|---|
//! | [`vocabulary`] | pieces by id and ids by piece: one text, its boundaries, one hash table |
//! | [`merges`] | which pairs merge and in which order |
//! | [`kinds`] | what may stand around the model |
//! | [`file`] | [`CompactTokenizer`] to bytes and back |
//!
//! Nearly all of a tokenizer.json is vocabulary and merges: 262,144 pieces and 514,906 pairs in
//! Gemma 3's. The pairs follow from the pieces but for some hundreds, so the file holds the pieces, those
//! pairs, and everything else as the JSON it was.

mod error;
pub mod file;
pub mod kinds;
pub mod merges;
pub mod vocabulary;

pub use error::TokenizerError;
pub use merges::Merges;
pub use vocabulary::Vocabulary;

/// A BPE tokenizer: tables for the model, JSON for the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompactTokenizer {
    /// The pieces.
    pub vocabulary: Vocabulary,
    /// The merges, over ids of `vocabulary`.
    pub merges: Merges,
    /// tokenizer.json without `vocab` and `merges` of its `model`.
    pub rest: String,
}
