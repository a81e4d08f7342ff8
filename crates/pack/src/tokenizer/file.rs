//! The compact tokenizer's file: a zlib stream of
//!
//! | bytes | what |
//! |---|---|
//! | 8 | `"lens-bpe"` |
//! | 8 x 4 | u32: version (1), ids, bytes of lengths, bytes of text, pairs, first and end of the derived ids, bytes of JSON |
//! | | lengths: bytes of each id's piece, 0 where it has none; LEB128 |
//! | | text: the pieces in the order of their ids, UTF-8 |
//! | 8 per pair | pairs: ids of left and right, u32, most urgent first |
//! | | JSON: tokenizer.json without `vocab` and `merges` of its model |
//!
//! Numbers are little-endian. Every pair of pieces that makes a piece with a derived id is a merge too;
//! they follow in the order of that id, the longest left half first.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;

use super::CompactTokenizer;
use super::error::TokenizerError;
use super::merges::Merges;
use super::vocabulary::{PIECES_MAX, TEXT_BYTES_MAX, Vocabulary};
use crate::{Error, Result};

const MAGIC: &[u8; 8] = b"lens-bpe";
const VERSION: u32 = 1;
const HEADER_BYTES: usize = 8 + 8 * 4;
/// Most listed pairs: twice Gemma's merges, of which a thousandth are listed.
const PAIRS_MAX: usize = 1 << 20;
/// Most bytes of JSON: Gemma 3's has 0.8 million, for 6,415 added tokens.
const REST_BYTES_MAX: usize = 16 << 20;

impl CompactTokenizer {
    /// The file's bytes. Equal tokenizers give equal bytes.
    ///
    /// # Errors
    /// [`TokenizerError::Unpackable`] when it is larger than readers take.
    pub fn to_bytes(&self) -> std::result::Result<Vec<u8>, TokenizerError> {
        let mut lengths = Vec::new();
        for id in 0..self.vocabulary.ids() as u32 {
            push_leb128(&mut lengths, self.vocabulary.bytes(id).len() as u32);
        }
        let listed = self.merges.listed();
        if listed.len() > PAIRS_MAX || self.rest.len() > REST_BYTES_MAX {
            return Err(TokenizerError::Unpackable {
                pairs: listed.len(),
                pairs_max: PAIRS_MAX,
                bytes: self.rest.len(),
                bytes_max: REST_BYTES_MAX,
            });
        }
        let text = self.vocabulary.text();
        let sizes = [self.vocabulary.ids(), lengths.len(), text.len(), listed.len()].map(|size| size as u32);
        let derived = self.merges.derived();
        let mut bytes = MAGIC.to_vec();
        for number in [VERSION].into_iter().chain(sizes).chain([derived.start, derived.end, self.rest.len() as u32]) {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(lengths);
        bytes.extend(text.as_bytes());
        bytes.extend(listed.iter().flat_map(|(left, right)| [*left, *right]).flat_map(u32::to_le_bytes));
        bytes.extend(self.rest.as_bytes());
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&bytes).and_then(|()| encoder.finish()).map_err(TokenizerError::Compression)
    }

    /// Reads what [`Self::to_bytes`] wrote; `file` names it in errors. The bytes are untrusted.
    ///
    /// # Errors
    /// [`Error::Malformed`] when they are anything else, cut short, or unpack to more than a
    /// tokenizer can be.
    pub fn from_bytes(bytes: &[u8], file: &str) -> Result<Self> {
        read(bytes).map_err(|e| Error::Malformed {
            file: file.to_owned(),
            problem: format!("not a compact tokenizer: {e}; pack the model again"),
        })
    }
}

fn read(bytes: &[u8]) -> std::result::Result<CompactTokenizer, TokenizerError> {
    let mut stream = ZlibDecoder::new(bytes);
    let header = take(&mut stream, HEADER_BYTES)?;
    let (magic, numbers) = header.split_at(MAGIC.len());
    if magic != MAGIC {
        return Err(TokenizerError::Magic);
    }
    let numbers = words(numbers);
    let [version, ids, lengths_bytes, text_bytes, pairs, derived_start, derived_end, rest_bytes] = numbers[..] else {
        return Err(TokenizerError::Header);
    };
    if version != VERSION {
        return Err(TokenizerError::Version { found: version, expected: VERSION });
    }
    // Nothing is set aside before its size is known to be a tokenizer's.
    let sizes = [
        (ids, PIECES_MAX, "ids"),
        (lengths_bytes, 5 * PIECES_MAX, "bytes of lengths"),
        (text_bytes, TEXT_BYTES_MAX, "bytes of pieces"),
        (pairs, PAIRS_MAX, "merges"),
        (rest_bytes, REST_BYTES_MAX, "bytes of JSON"),
    ];
    if let Some((size, limit, what)) = sizes.into_iter().find(|(size, limit, _)| *size as usize > *limit) {
        return Err(TokenizerError::Claim { size, what, limit });
    }
    let lengths = read_lengths(&take(&mut stream, lengths_bytes as usize)?, ids as usize)?;
    let text = String::from_utf8(take(&mut stream, text_bytes as usize)?)?;
    let listed = words(&take(&mut stream, 8 * pairs as usize)?);
    let listed = listed.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
    let rest = String::from_utf8(take(&mut stream, rest_bytes as usize)?)?;
    // Reading on to the end checks the stream's checksum.
    if stream.read(&mut [0])? != 0 {
        return Err(TokenizerError::Trailing);
    }
    let vocabulary = Vocabulary::new(text, &lengths)?;
    let merges = Merges::new(&vocabulary, listed, derived_start..derived_end)?;
    Ok(CompactTokenizer { vocabulary, merges, rest })
}

/// The next `bytes` of the stream. Memory grows with what is there, not with what is claimed.
fn take(stream: &mut impl Read, bytes: usize) -> std::result::Result<Vec<u8>, TokenizerError> {
    let mut taken = Vec::new();
    stream.take(bytes as u64).read_to_end(&mut taken)?;
    if taken.len() == bytes { Ok(taken) } else { Err(TokenizerError::CutShort) }
}

fn words(bytes: &[u8]) -> Vec<u32> {
    bytes.as_chunks().0.iter().map(|word| u32::from_le_bytes(*word)).collect()
}

fn push_leb128(bytes: &mut Vec<u8>, mut number: u32) {
    while number > 0x7f {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn read_lengths(bytes: &[u8], ids: usize) -> std::result::Result<Vec<u32>, TokenizerError> {
    let mut lengths = Vec::with_capacity(ids);
    let (mut number, mut shift) = (0u64, 0);
    for byte in bytes {
        number |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            lengths.push(u32::try_from(number).map_err(|_| TokenizerError::PieceLength)?);
            (number, shift) = (0, 0);
        } else if shift > 28 {
            return Err(TokenizerError::EndlessLength);
        }
    }
    if lengths.len() == ids && shift == 0 { Ok(lengths) } else { Err(TokenizerError::LengthCount) }
}
