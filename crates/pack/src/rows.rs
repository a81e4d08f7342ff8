//! Embedding rows: which bytes to ask a host for, and how rows are cached between visits.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

use sha2::{Digest, Sha256};

use crate::manifest::EmbeddingEntry;
use crate::unpack::hex;

/// Rows that lie at most this many bytes apart are fetched by one request: the bytes between them
/// cost less than the headers of a second one.
const GAP_BYTES_MAX: u64 = 2048;

/// Bytes of the checksum that follows a cached row.
const CHECK_BYTES: usize = 8;

/// Neighboring rows of one shard, for one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The first row.
    pub first: u32,
    /// Where all of them lie in the shard's file; whole rows.
    pub bytes: Range<u64>,
}

/// The rows needed from one shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardRows {
    /// Index into [`EmbeddingEntry::shards`].
    pub shard: usize,
    /// The rows, ascending.
    pub ids: Vec<u32>,
    /// The requests that fetch them.
    pub spans: Vec<Span>,
}

/// The rows `ids` by shard, neighbors together. Ids past the vocabulary are left out.
pub fn plan(embedding: &EmbeddingEntry, ids: &BTreeSet<u32>) -> Vec<ShardRows> {
    let mut shards: BTreeMap<usize, ShardRows> = BTreeMap::new();
    for &id in ids.iter().filter(|&&id| (id as usize) < embedding.shape.0) {
        let shard = id as usize / embedding.rows_per_shard;
        let rows = shards.entry(shard).or_insert_with(|| ShardRows { shard, ids: Vec::new(), spans: Vec::new() });
        let bytes = place(embedding, id);
        match rows.spans.last_mut() {
            Some(last) if bytes.start <= last.bytes.end + GAP_BYTES_MAX => last.bytes.end = bytes.end,
            _ => rows.spans.push(Span { first: id, bytes }),
        }
        rows.ids.push(id);
    }
    shards.into_values().collect()
}

/// Where row `id` lies in its shard's file.
pub fn place(embedding: &EmbeddingEntry, id: u32) -> Range<u64> {
    let start = embedding.data_start + (id as usize % embedding.rows_per_shard) as u64 * embedding.row_bytes;
    start..start + embedding.row_bytes
}

/// The name under which rows of this embedding are cached: equal embeddings share them, wherever they
/// are hosted.
pub fn key(embedding: &EmbeddingEntry) -> String {
    let mut digest = Sha256::new();
    for shard in &embedding.shards {
        digest.update(shard.sha256.as_bytes());
    }
    hex(&digest.finalize())
}

/// A row as it is cached: its number, its bytes, and a checksum over both.
pub fn record(id: u32, row: &[u8]) -> Vec<u8> {
    let mut record = id.to_le_bytes().to_vec();
    record.extend_from_slice(row);
    let digest = Sha256::digest(&record);
    record.extend_from_slice(&digest[..CHECK_BYTES]);
    record
}

/// Bytes of a cached row of `row_bytes` bytes.
pub fn record_bytes(row_bytes: usize) -> usize {
    size_of::<u32>() + row_bytes + CHECK_BYTES
}

/// The rows in `records`. Damaged ones are left out, and so is a last one that was cut short;
/// their number is the second value.
pub fn read_records(records: &[u8], row_bytes: usize) -> (HashMap<u32, Box<[u8]>>, usize) {
    let mut rows = HashMap::new();
    let mut damaged = 0;
    let chunks = records.chunks_exact(record_bytes(row_bytes));
    damaged += usize::from(!chunks.remainder().is_empty());
    for chunk in chunks {
        let (content, check) = chunk.split_at(chunk.len() - CHECK_BYTES);
        match content.split_first_chunk() {
            Some((id, row)) if Sha256::digest(content)[..CHECK_BYTES] == *check => {
                rows.insert(u32::from_le_bytes(*id), row.into());
            }
            _ => damaged += 1,
        }
    }
    (rows, damaged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::Precision;

    /// 10 rows of 1000 bytes, 4 per shard, after a header of 100 bytes.
    fn embedding() -> EmbeddingEntry {
        EmbeddingEntry {
            shape: (10, 250),
            precision: Precision::F32,
            row_bytes: 1000,
            rows_per_shard: 4,
            data_start: 100,
            shards: Vec::new(),
        }
    }

    #[test]
    fn neighbors_share_a_request_and_shards_do_not() {
        let plan = plan(&embedding(), &[9, 0, 1, 3, 4, 7, 8, 77].into());
        let spans: Vec<_> = plan.iter().map(|s| (s.shard, s.ids.clone(), s.spans.clone())).collect();
        // Rows 4 and 7 lie 2000 bytes apart: still one request.
        let span = |first, bytes| vec![Span { first, bytes }];
        assert_eq!(
            spans,
            [
                (0, vec![0, 1, 3], span(0, 100..4100)),
                (1, vec![4, 7], span(4, 100..4100)),
                (2, vec![8, 9], span(8, 100..2100)),
            ]
        );
    }

    #[test]
    fn rows_far_apart_are_two_requests() {
        let far = EmbeddingEntry { row_bytes: 1100, ..embedding() };
        let plan = plan(&far, &[0, 3].into());
        assert_eq!(plan[0].spans, [Span { first: 0, bytes: 100..1200 }, Span { first: 3, bytes: 3400..4500 }]);
    }

    #[test]
    fn cached_rows_are_read_back_and_damaged_ones_are_not() {
        let mut file: Vec<u8> =
            [(7, [1u8; 5]), (70_000, [2; 5]), (9, [3; 5])].into_iter().flat_map(|(id, row)| record(id, &row)).collect();
        assert_eq!(file.len(), 3 * record_bytes(5));
        let (rows, damaged) = read_records(&file, 5);
        assert_eq!((rows.len(), damaged), (3, 0));
        assert_eq!(*rows[&70_000], [2; 5]);
        // A flipped bit in the second, the third cut short.
        file[record_bytes(5) + 6] ^= 1;
        file.pop();
        let (rows, damaged) = read_records(&file, 5);
        assert_eq!((rows.len(), damaged), (1, 2));
        assert_eq!(*rows[&7], [1; 5]);
    }
}
