//! Rows of a pack's embedding, in the bytes that the pack has.

use std::path::Path;

use lens_pack::manifest::{EmbeddingEntry, row_data_bytes};
use lens_pack::unpack::check_file;

use crate::error::{Error, Result};
use crate::write::encode::Encoded;

/// The rows of `ids`, in ascending order, of the pack in `folder`. Each shard is read once and compared with its
/// checksum.
///
/// # Errors
/// [`Error::Io`] and [`Error::Pack`] naming the shard that is missing, cut short or altered; [`Error::Mismatch`] for an
/// id past the embedding.
pub fn read(folder: &Path, embedding: &EmbeddingEntry, ids: &[u32]) -> Result<Encoded> {
    let (rows, cols) = embedding.shape;
    let data_bytes = row_data_bytes(cols, embedding.precision) as usize;
    let (data_start, row_bytes) = (embedding.data_start as usize, embedding.row_bytes as usize);
    let mut all = Encoded::default();
    let mut open: Option<(usize, Vec<u8>)> = None;
    for id in ids {
        let (shard, row) = (*id as usize / embedding.rows_per_shard, *id as usize % embedding.rows_per_shard);
        let past = || Error::Mismatch(format!("token {id} lies past the {rows} rows of the embedding"));
        if open.as_ref().is_none_or(|(number, _)| *number != shard) {
            let entry = embedding.shards.get(shard).ok_or_else(past)?;
            let path = folder.join(&entry.file);
            let bytes = std::fs::read(&path).map_err(|source| Error::Io { action: "read", path, source })?;
            check_file(entry, &bytes)?;
            open = Some((shard, bytes));
        }
        let start = data_start + row * row_bytes;
        let bytes = open.as_ref().and_then(|(_, bytes)| bytes.get(start..start + row_bytes)).ok_or_else(past)?;
        let (data, scales) = bytes.split_at(data_bytes);
        all.data.extend_from_slice(data);
        all.scales.extend_from_slice(scales);
    }
    Ok(all)
}
