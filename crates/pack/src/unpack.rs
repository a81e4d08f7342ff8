//! Shard bytes to packed matrices: the one reader, for disk and network alike.

use std::collections::BTreeMap;

use half::f16;
use sha2::{Digest, Sha256};

use crate::block::{PackedMatrix, Precision, TensorPart, blocks_per_row, unpack_words, words_per_row};
use crate::manifest::{EmbeddingEntry, FileEntry, Manifest, Part, TensorEntry};
pub use crate::sha256::{hex, sha256_hex, sha256_hex_of};
use crate::text::{HEAD_BYTES, not_the_file};
use crate::{Error, Result};

/// Length and checksum of a file's content as it streams.
#[derive(Clone, Default)]
pub struct Checksum {
    digest: Sha256,
    bytes: u64,
    /// The first bytes, which tell what another file is.
    head: Vec<u8>,
}

impl Checksum {
    /// Takes the bytes that come next.
    pub fn update(&mut self, bytes: &[u8]) {
        self.digest.update(bytes);
        self.bytes += bytes.len() as u64;
        self.keep_head(bytes);
    }

    fn keep_head(&mut self, bytes: &[u8]) {
        let missing = HEAD_BYTES.saturating_sub(self.head.len());
        self.head.extend_from_slice(&bytes[..bytes.len().min(missing)]);
    }

    /// Bytes taken so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Compares what was taken with a file's entry.
    ///
    /// # Errors
    /// [`Error::Malformed`] for another length, [`Error::Checksum`] for other content.
    pub fn check(self, entry: &FileEntry) -> Result<()> {
        if let Some(other) = not_the_file(&self.head) {
            return Err(Error::Malformed { file: entry.file.clone(), problem: other.to_string() });
        }
        if self.bytes != entry.bytes {
            return Err(Error::Malformed {
                file: entry.file.clone(),
                problem: format!(
                    "{} bytes long, the manifest says {}: it is cut short or another file",
                    self.bytes, entry.bytes
                ),
            });
        }
        let found = hex(&self.digest.finalize());
        if found != entry.sha256 {
            return Err(Error::Checksum { file: entry.file.clone(), expected: entry.sha256.clone(), found });
        }
        Ok(())
    }
}

/// Compares length and checksum of a file's content with its entry.
///
/// # Errors
/// [`Error::Malformed`] for another length, [`Error::Checksum`] for other content.
pub fn check_file(entry: &FileEntry, bytes: &[u8]) -> Result<()> {
    // A wrong length needs no checksum.
    let mut sum = Checksum { bytes: bytes.len() as u64, ..Checksum::default() };
    sum.keep_head(bytes);
    if sum.bytes == entry.bytes {
        sum.digest.update(bytes);
    }
    sum.check(entry)
}

/// The tensor parts that lie in shard number `shard`, one after another, so that at most one is in
/// memory besides the shard. Its content `bytes` passed [`check_file`].
///
/// # Errors
/// [`Error::Malformed`] when a part lies outside the bytes.
pub fn shard_parts<'a>(
    manifest: &'a Manifest,
    shard: usize,
    bytes: &'a [u8],
) -> impl Iterator<Item = Result<TensorPart>> + 'a {
    parts_in(&manifest.tensors, &manifest.shards, shard, bytes)
}

/// As [`shard_parts`], of a section with tensors and shards of its own.
///
/// # Errors
/// [`Error::Malformed`] when a part lies outside the bytes or holds a number that is not finite: of such a weight the
/// networks would make zeros as well as numbers that are not finite.
pub fn parts_in<'a>(
    tensors: &'a BTreeMap<String, TensorEntry>,
    shards: &'a [FileEntry],
    shard: usize,
    bytes: &'a [u8],
) -> impl Iterator<Item = Result<TensorPart>> + 'a {
    tensors.iter().flat_map(move |(name, tensor)| {
        tensor.parts.iter().filter(move |part| part.shard == shard).map(move |part| {
            let malformed = |problem: &str| Error::Malformed {
                file: shards.get(shard).map(|it| it.file.clone()).unwrap_or_default(),
                problem: format!("tensor {name} {problem}"),
            };
            let matrix = read_part(tensor, part, bytes).ok_or_else(|| malformed("lies past the end of the file"))?;
            if !matrix.is_finite() {
                return Err(malformed("holds a number that is not finite; make the pack again, or its words"));
            }
            Ok(TensorPart { name: name.clone(), row_start: part.row_start, rows_total: tensor.shape.0, matrix })
        })
    })
}

fn slice(bytes: &[u8], (start, end): (u64, u64)) -> Option<&[u8]> {
    bytes.get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
}

fn read_part(tensor: &TensorEntry, part: &Part, bytes: &[u8]) -> Option<PackedMatrix> {
    let cols = tensor.shape.1;
    let data = slice(bytes, part.data)?;
    let scales = match part.scales {
        Some(range) => bytes_to_words(slice(bytes, range)?),
        None => Vec::new(),
    };
    let words = match tensor.precision {
        // Tight in the file, padded to whole blocks in memory.
        Precision::F32 | Precision::F16 => pad_rows(data, part.rows, cols, tensor.precision),
        Precision::Q8 | Precision::Q4 => bytes_to_words(data),
    };
    Some(PackedMatrix { rows: part.rows, cols, precision: tensor.precision, words, scales })
}

/// Little-endian bytes to words, the last one filled up with zeros.
fn bytes_to_words(bytes: &[u8]) -> Vec<u32> {
    let mut words = vec![0u32; bytes.len().div_ceil(4)];
    bytemuck::cast_slice_mut::<u32, u8>(&mut words)[..bytes.len()].copy_from_slice(bytes);
    words
}

fn pad_rows(data: &[u8], rows: usize, cols: usize, precision: Precision) -> Vec<u32> {
    let row_words = words_per_row(cols, precision);
    let row_bytes = cols * 4 / precision.values_per_word();
    let mut words = vec![0u32; rows * row_words];
    let padded = bytemuck::cast_slice_mut::<u32, u8>(&mut words);
    for (to, from) in padded.chunks_exact_mut((4 * row_words).max(1)).zip(data.chunks_exact(row_bytes.max(1))) {
        to[..row_bytes].copy_from_slice(from);
    }
    words
}

/// One embedding row as f32 [d_model] from its `row_bytes` bytes; `None` if there are fewer.
pub fn embedding_row(entry: &EmbeddingEntry, bytes: &[u8]) -> Option<Vec<f32>> {
    if bytes.len() as u64 != entry.row_bytes {
        return None;
    }
    let cols = entry.shape.1;
    let mut row = vec![0f32; cols];
    let value_bytes = match entry.precision {
        Precision::F32 => 4 * cols,
        Precision::F16 => 2 * cols,
        quantized => 4 * words_per_row(cols, quantized),
    };
    let (values, scales) = bytes.split_at_checked(value_bytes)?;
    let scale = |b: usize| f16::from_le_bytes([scales[2 * b], scales[2 * b + 1]]).to_f32();
    if entry.precision.is_quantized() && scales.len() < 2 * blocks_per_row(cols) {
        return None;
    }
    unpack_words(&bytes_to_words(values), scale, entry.precision, &mut row);
    Some(row)
}
