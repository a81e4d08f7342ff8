//! What can be wrong with a tokenizer's tables or their file.

/// Why tables or bytes are not a compact tokenizer, as a sentence without the file's name.
#[derive(Debug, thiserror::Error)]
pub enum TokenizerError {
    /// A part that no Gemma tokenizer has.
    #[error("its {part} is of kind {kind:?}, which no Gemma tokenizer has")]
    Kind {
        /// The field of tokenizer.json.
        part: &'static str,
        /// The kind found.
        kind: String,
    },
    /// A known part with impossible settings.
    #[error("its {part} is wrong: {problem}")]
    Part {
        /// The field of tokenizer.json.
        part: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// A larger vocabulary than any tokenizer's.
    #[error("the vocabulary has {ids} ids and {bytes} bytes, at most {ids_max} and {bytes_max} are read")]
    TooLarge {
        /// Number of ids.
        ids: usize,
        /// The most allowed.
        ids_max: usize,
        /// Bytes of all pieces.
        bytes: usize,
        /// The most allowed.
        bytes_max: usize,
    },
    /// The lengths of pieces do not cut the text at characters.
    #[error("piece {0} ends outside the text or inside a character")]
    Boundary(usize),
    /// The lengths do not add up to the text.
    #[error("the pieces have {pieces} bytes, their text has {text}")]
    Length {
        /// Sum of the lengths, in bytes.
        pieces: usize,
        /// Bytes of the text.
        text: usize,
    },
    /// A piece appears twice.
    #[error("ids {0} and {1} have the same piece")]
    SamePiece(u32, u32),
    /// A vocabulary made to be slow to look up.
    #[error("piece {0} collides with too many others; the vocabulary cannot be a real one")]
    Collisions(u32),
    /// A listed pair that makes no piece outside the derived ids.
    #[error("the merge of {left} and {right} makes no piece outside {derived:?}")]
    ListedMerge {
        /// Id of the left half.
        left: u32,
        /// Id of the right half.
        right: u32,
        /// Ids whose merges follow from the vocabulary.
        derived: std::ops::Range<u32>,
    },
    /// A pair that is listed twice.
    #[error("the merge of {0} and {1} is there twice")]
    SameMerge(u32, u32),
    /// A pair that makes no piece at all.
    #[error("the merge of {left} and {right} makes no piece: {left_piece:?} + {right_piece:?}")]
    Merge {
        /// Id of the left half.
        left: u32,
        /// Id of the right half.
        right: u32,
        /// The left half.
        left_piece: String,
        /// The right half.
        right_piece: String,
    },
    /// More listed pairs or JSON than readers take.
    #[error(
        "the tokenizer has {pairs} merges of its own order and {bytes} bytes besides vocabulary and merges; at most \
         {pairs_max} and {bytes_max} can be packed"
    )]
    Unpackable {
        /// Listed pairs.
        pairs: usize,
        /// The most allowed.
        pairs_max: usize,
        /// Bytes of JSON.
        bytes: usize,
        /// The most allowed.
        bytes_max: usize,
    },
    /// The compressor failed.
    #[error("the tokenizer cannot be compressed: {0}")]
    Compression(#[source] std::io::Error),
    /// The file starts as something else.
    #[error("it does not begin as one")]
    Magic,
    /// The header is shorter than it should be.
    #[error("its header is cut short")]
    Header,
    /// A file of another version.
    #[error("version {found}, this program reads {expected}")]
    Version {
        /// Of the file.
        found: u32,
        /// That this program reads.
        expected: u32,
    },
    /// A section larger than any tokenizer's.
    #[error("it claims {size} {what}, more than {limit}")]
    Claim {
        /// The size in the header.
        size: u32,
        /// Of what.
        what: &'static str,
        /// The most allowed.
        limit: usize,
    },
    /// The stream ends before its sections do.
    #[error("it is cut short")]
    CutShort,
    /// The stream goes on after its sections.
    #[error("there is more in it than its header says")]
    Trailing,
    /// The compressed stream is damaged.
    #[error(transparent)]
    Stream(#[from] std::io::Error),
    /// A section is not text.
    #[error(transparent)]
    Utf8(#[from] std::string::FromUtf8Error),
    /// A length of more than 32 bits.
    #[error("a piece is too long")]
    PieceLength,
    /// A length of more than five bytes.
    #[error("a length has no end")]
    EndlessLength,
    /// More or fewer lengths than ids.
    #[error("ids and lengths differ in number")]
    LengthCount,
}
