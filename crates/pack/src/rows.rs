//! Embedding rows: which bytes to ask a host for, and how they are cached between visits.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

use sha2::{Digest, Sha256};

use crate::manifest::EmbeddingEntry;
use crate::row_checks::{Blocks, RowChecks};
use crate::unpack::hex;

/// Blocks that lie at most this many bytes apart are fetched by one request: the bytes between them
/// cost less than the headers of a second one.
const GAP_BYTES_MAX: u64 = 2048;

/// Neighboring blocks of one shard, for one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Index into [`EmbeddingEntry::shards`].
    pub shard: usize,
    /// The first block and the one after the last; whole ones.
    pub blocks: Range<u32>,
    /// Where all of them lie in the shard's file.
    pub bytes: Range<u64>,
}

/// The requests that fetch `wanted`, by shard and place. Blocks past the embedding are left out.
pub fn plan(blocks: Blocks<'_>, wanted: &BTreeSet<u32>) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    for &block in wanted.iter().filter(|&&block| (block as usize) < blocks.count()) {
        let (shard, bytes) = (blocks.shard(block), blocks.bytes(block));
        match spans.last_mut() {
            Some(last) if last.shard == shard && bytes.start <= last.bytes.end + GAP_BYTES_MAX => {
                last.blocks.end = block + 1;
                last.bytes.end = bytes.end;
            }
            _ => spans.push(Span { shard, blocks: block..block + 1, bytes }),
        }
    }
    spans
}

/// `wanted` by the shards that hold them.
pub fn by_shard(blocks: Blocks<'_>, wanted: &BTreeSet<u32>) -> BTreeMap<usize, BTreeSet<u32>> {
    let mut shards: BTreeMap<usize, BTreeSet<u32>> = BTreeMap::new();
    for &block in wanted {
        shards.entry(blocks.shard(block)).or_default().insert(block);
    }
    shards
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

/// A block as it is cached: its number and its bytes, filled up to the length of a whole block.
pub fn record(blocks: Blocks<'_>, block: u32, bytes: &[u8]) -> Vec<u8> {
    let mut record = block.to_le_bytes().to_vec();
    record.extend_from_slice(bytes);
    record.resize(record_bytes(blocks), 0);
    record
}

/// Bytes of a cached block.
pub fn record_bytes(blocks: Blocks<'_>) -> usize {
    size_of::<u32>() + blocks.block_bytes()
}

/// The blocks in `records`, each compared with its checksum. What differs is left out, and so is a last record that was cut
/// short; their number is the second value.
pub fn read_records(records: &[u8], blocks: Blocks<'_>, checks: &RowChecks) -> (HashMap<u32, Box<[u8]>>, usize) {
    let mut found = HashMap::new();
    let chunks = records.chunks_exact(record_bytes(blocks));
    let mut damaged = usize::from(!chunks.remainder().is_empty());
    for chunk in chunks {
        let right = chunk.split_first_chunk().and_then(|(number, content)| {
            let block = u32::from_le_bytes(*number);
            if block as usize >= blocks.count() {
                return None;
            }
            let place = blocks.bytes(block);
            let content = content.get(..(place.end - place.start) as usize)?;
            checks.is_right(block, content).then_some((block, content))
        });
        match right {
            Some((block, content)) => {
                found.insert(block, content.into());
            }
            None => damaged += 1,
        }
    }
    (found, damaged)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::block::Precision;
    use crate::manifest::{FileEntry, RowChecksEntry};
    use crate::row_checks::checksum;
    use crate::unpack::sha256_hex;

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

    fn span(shard: usize, blocks: Range<u32>, bytes: Range<u64>) -> Span {
        Span { shard, blocks, bytes }
    }

    #[test]
    fn neighbors_share_a_request_and_shards_do_not() {
        let embedding = embedding();
        let single = plan(Blocks::new(&embedding, 1), &[9, 0, 1, 3, 4, 7, 8, 77].into());
        // Rows 4 and 7 lie 2000 bytes apart: still one request.
        assert_eq!(single, [span(0, 0..4, 100..4100), span(1, 4..8, 100..4100), span(2, 8..10, 100..2100)]);
        // Blocks of 3 rows, 1 row; 3, 1; 2.
        let blocks = Blocks::new(&embedding, 3);
        assert_eq!(plan(blocks, &[1, 4].into()), [span(0, 1..2, 3100..4100), span(2, 4..5, 100..2100)]);
        let shards = by_shard(blocks, &[0, 1, 4].into());
        assert_eq!(shards, [(0, [0, 1].into()), (2, [4].into())].into());
    }

    #[test]
    fn rows_far_apart_are_two_requests() {
        let far = EmbeddingEntry { row_bytes: 1100, ..embedding() };
        let plan = plan(Blocks::new(&far, 1), &[0, 3].into());
        assert_eq!(plan, [span(0, 0..1, 100..1200), span(0, 3..4, 3400..4500)]);
    }

    #[test]
    fn cached_blocks_are_read_back_and_wrong_ones_are_not() {
        let small = EmbeddingEntry { shape: (10, 5), row_bytes: 5, ..embedding() };
        let blocks = Blocks::new(&small, 3);
        let content = |block: u32| vec![block as u8 + 1; [15, 5, 15, 5, 10][block as usize]];
        let list: Vec<u8> = (0..5).flat_map(|block| checksum(block, &content(block))).collect();
        let file = FileEntry { file: "list".into(), bytes: list.len() as u64, sha256: sha256_hex(&list) };
        let checks = RowChecks::from_bytes(&RowChecksEntry { rows: 3, list: file }, &list).unwrap();
        let stored = |numbers: &[u32]| -> Vec<u8> {
            numbers.iter().flat_map(|&block| record(blocks, block, &content(block))).collect()
        };
        let mut file = stored(&[2, 4, 1]);
        assert_eq!(file.len(), 3 * record_bytes(blocks));
        let (found, damaged) = read_records(&file, blocks, &checks);
        assert_eq!((found.len(), damaged), (3, 0));
        assert_eq!(*found[&4], [5; 10]);
        // A flipped bit in the second, the third cut short.
        file[record_bytes(blocks) + 6] ^= 1;
        file.pop();
        let (found, damaged) = read_records(&file, blocks, &checks);
        assert_eq!((found.len(), damaged), (1, 2));
        assert_eq!(*found[&2], [3; 15]);
        // Content of another embedding, or of another place; a number past the end.
        let other: Vec<u8> = [record(blocks, 0, &content(2)), record(blocks, 99, &content(2))].concat();
        assert_eq!(read_records(&other, blocks, &checks), (HashMap::new(), 2));
    }
}
