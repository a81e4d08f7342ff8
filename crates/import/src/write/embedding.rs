//! The token embedding into shards of at most [`EMBEDDING_SHARD_BYTES_MAX`], a row's scales behind
//! its values, so that one byte range is one token; and checksums of a few rows each.

use std::path::Path;

use lens_pack::block::Precision;
use lens_pack::manifest::{
    EMBEDDING_SHARD_BYTES_MAX, EmbeddingEntry, ROW_CHECK_BYTES, RowChecksEntry, embedding_row_bytes,
};
use lens_pack::row_checks;
use lens_pack::tensor_spec::EMBEDDING;

use super::encode::encode_interleaved;
use super::file::{self, Entry};
use super::progress::Counter;
use crate::error::{Error, Result};
use crate::tensors::Tensors;

/// Shards encoded at once: enough rows for every core.
const SHARDS_AT_ONCE: usize = 16;
/// The checksums' file.
const ROW_CHECKS_FILE: &str = "row-checks.bin";

/// Writes the embedding [vocab_size, d_model] and returns where it and its rows' checksums lie.
///
/// # Errors
/// [`Error`] when it cannot be read, encoded or written.
pub fn write(
    tensors: &Tensors,
    shape: (usize, usize),
    precision: Precision,
    folder: &Path,
    counter: &mut Counter<'_>,
) -> Result<(EmbeddingEntry, RowChecksEntry)> {
    let (rows, cols) = shape;
    let row_bytes = embedding_row_bytes(cols, precision);
    let header_of = |rows: usize, least: usize| {
        let (dtype, cols) = match precision {
            Precision::F32 => ("F32", cols),
            Precision::F16 => ("F16", cols),
            // Values and scales of a row together are of no dtype.
            Precision::Q8 | Precision::Q4 => ("U8", row_bytes as usize),
        };
        let bytes = rows * row_bytes as usize;
        file::header(&[Entry { name: EMBEDDING.to_owned(), dtype, shape: [rows, cols], bytes }], least)
    };
    // The header of a shard with all rows is the longest; the last shard's is filled up to it, so
    // that rows start at the same byte everywhere.
    let data_start = header_of(EMBEDDING_SHARD_BYTES_MAX, 0).len();
    let rows_per_shard = (EMBEDDING_SHARD_BYTES_MAX - data_start) / row_bytes as usize;
    if rows_per_shard == 0 {
        return Err(Error::Mismatch(format!("a row of {EMBEDDING} is larger than an embedding shard may be")));
    }
    let rows_per_block = row_checks::rows_per_block(row_bytes).min(rows_per_shard);
    let mut scan = tensors.hole_scan(EMBEDDING, shape)?;
    let mut checks = Vec::new();
    let mut shards = Vec::new();
    for start in (0..rows).step_by(SHARDS_AT_ONCE * rows_per_shard) {
        let end = rows.min(start + SHARDS_AT_ONCE * rows_per_shard);
        let values = tensors.read_rows(EMBEDDING, start..end)?;
        scan.add(&values);
        let bytes = encode_interleaved(&values, cols, precision, tensors.origin(), EMBEDDING)?;
        for piece in bytes.chunks(rows_per_shard * row_bytes as usize) {
            let name = format!("embedding-{:04}.safetensors", shards.len());
            for block in piece.chunks(rows_per_block * row_bytes as usize) {
                let number = checks.len() / ROW_CHECK_BYTES;
                checks.extend(row_checks::checksum(number as u32, block));
            }
            let header = header_of(piece.len() / row_bytes as usize, data_start);
            shards.push(file::write_pieces(folder, &name, [header.as_slice(), piece])?);
        }
        counter.add(EMBEDDING, values.len());
    }
    tensors.finish_scan(scan)?;
    let list = file::write_pieces(folder, ROW_CHECKS_FILE, [checks.as_slice()])?;
    Ok((
        EmbeddingEntry { shape, precision, row_bytes, rows_per_shard, data_start: data_start as u64, shards },
        RowChecksEntry { rows: rows_per_block, list },
    ))
}
