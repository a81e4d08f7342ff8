//! Checksums of the embedding's rows, a few rows at a time: a host is asked for parts of a shard, of which the shard's own
//! checksum says nothing.
//!
//! The rows of a shard are taken in blocks of as many rows, the last one of a shard perhaps with fewer. A block's checksum
//! covers its number, too, so that no block passes for another one.

use std::ops::Range;

use sha2::{Digest, Sha256};

use crate::Result;
use crate::manifest::{EmbeddingEntry, Manifest, ROW_CHECK_BYTES, RowChecksEntry};
use crate::unpack::check_file;

/// Blocks have at most so many bytes, where a row has not more: a row costs little more than itself, and the checksums of
/// all rows a five-hundredth of the embedding.
const BLOCK_BYTES_MAX: u64 = 4096;

/// Rows of `row_bytes` bytes in a block, where a packer may choose.
pub fn rows_per_block(row_bytes: u64) -> usize {
    (BLOCK_BYTES_MAX / row_bytes.max(1)).max(1) as usize
}

/// An embedding's rows in blocks.
#[derive(Debug, Clone, Copy)]
pub struct Blocks<'a> {
    embedding: &'a EmbeddingEntry,
    rows: usize,
}

impl<'a> Blocks<'a> {
    /// Blocks of `rows` rows, of an embedding that a checked manifest has.
    pub fn new(embedding: &'a EmbeddingEntry, rows: usize) -> Self {
        Self { embedding, rows: rows.clamp(1, embedding.rows_per_shard.max(1)) }
    }

    /// The embedding.
    pub fn embedding(&self) -> &'a EmbeddingEntry {
        self.embedding
    }

    /// The blocks that have checksums in a pack; row by row where there are none.
    pub fn of(manifest: &'a Manifest) -> Self {
        Self::new(&manifest.embedding, manifest.row_checks.as_ref().map_or(1, |it| it.rows))
    }

    fn per_shard(&self) -> usize {
        self.embedding.blocks_per_shard(self.rows)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.embedding.blocks(self.rows)
    }

    /// The number of the block that holds row `id`.
    pub fn of_row(&self, id: u32) -> u32 {
        let (shard, row) = (id as usize / self.embedding.rows_per_shard, id as usize % self.embedding.rows_per_shard);
        (shard * self.per_shard() + row / self.rows) as u32
    }

    /// The shard that holds a block: an index into [`EmbeddingEntry::shards`].
    pub fn shard(&self, block: u32) -> usize {
        block as usize / self.per_shard()
    }

    /// Where a block lies in its shard's file.
    pub fn bytes(&self, block: u32) -> Range<u64> {
        let e = self.embedding;
        let first = block as usize % self.per_shard() * self.rows;
        let held = e.rows_per_shard.min(e.shape.0.saturating_sub(self.shard(block) * e.rows_per_shard));
        let end = held.min(first + self.rows);
        e.data_start + first as u64 * e.row_bytes..e.data_start + end as u64 * e.row_bytes
    }

    /// Where row `id` lies in the bytes of its block.
    pub fn row_in_block(&self, id: u32) -> Range<usize> {
        let row = id as usize % self.embedding.rows_per_shard % self.rows;
        let row_bytes = self.embedding.row_bytes as usize;
        row * row_bytes..(row + 1) * row_bytes
    }

    /// Bytes of a block with all its rows.
    pub fn block_bytes(&self) -> usize {
        self.rows * self.embedding.row_bytes as usize
    }
}

/// The checksum of block number `block`.
pub fn checksum(block: u32, bytes: &[u8]) -> [u8; ROW_CHECK_BYTES] {
    let digest = Sha256::new().chain_update(block.to_le_bytes()).chain_update(bytes).finalize();
    std::array::from_fn(|i| digest[i])
}

/// The checksums of a pack's blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowChecks {
    list: Vec<u8>,
}

impl RowChecks {
    /// Takes the list's content, after comparing it with its entry.
    ///
    /// # Errors
    /// Those of [`check_file`].
    pub fn from_bytes(entry: &RowChecksEntry, bytes: &[u8]) -> Result<Self> {
        check_file(&entry.list, bytes)?;
        Ok(Self { list: bytes.to_vec() })
    }

    /// Whether `bytes` are those of block number `block`.
    pub fn is_right(&self, block: u32, bytes: &[u8]) -> bool {
        self.list.chunks_exact(ROW_CHECK_BYTES).nth(block as usize) == Some(&checksum(block, bytes))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::block::Precision;
    use crate::manifest::FileEntry;
    use crate::sha256::sha256_hex;

    /// 11 rows of 10 bytes, 7 per shard, after a header of 100 bytes.
    fn embedding() -> EmbeddingEntry {
        EmbeddingEntry {
            shape: (11, 5),
            precision: Precision::F16,
            row_bytes: 10,
            rows_per_shard: 7,
            data_start: 100,
            shards: Vec::new(),
        }
    }

    #[test]
    fn blocks_end_with_their_shard() {
        let embedding = embedding();
        let blocks = Blocks::new(&embedding, 3);
        // 3 + 3 + 1 rows, 3 + 1 rows.
        assert_eq!(blocks.count(), 5);
        let numbers: Vec<u32> = (0..11).map(|id| blocks.of_row(id)).collect();
        assert_eq!(numbers, [0, 0, 0, 1, 1, 1, 2, 3, 3, 3, 4]);
        let places: Vec<_> = (0..5).map(|block| (blocks.shard(block), blocks.bytes(block))).collect();
        assert_eq!(places, [(0, 100..130), (0, 130..160), (0, 160..170), (1, 100..130), (1, 130..140)]);
        assert_eq!((blocks.row_in_block(5), blocks.row_in_block(6), blocks.row_in_block(9)), (20..30, 0..10, 20..30));
        // Rows one by one: their own numbers.
        let single = Blocks::new(&embedding, 1);
        assert_eq!((single.count(), single.of_row(9), single.bytes(9)), (11, 9, 120..130));
    }

    #[test]
    fn a_block_passes_unaltered_and_in_its_own_place_only() {
        let content: Vec<u8> = (0..110).collect();
        let list: Vec<u8> = content.chunks(30).enumerate().flat_map(|(i, it)| checksum(i as u32, it)).collect();
        let file = FileEntry { file: "list".into(), bytes: list.len() as u64, sha256: sha256_hex(&list) };
        let entry = RowChecksEntry { rows: 3, list: file };
        let checks = RowChecks::from_bytes(&entry, &list).unwrap();
        for bit in 0..240 {
            let mut flipped = content[30..60].to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(!checks.is_right(1, &flipped), "bit {bit}");
        }
        assert!(checks.is_right(1, &content[30..60]) && checks.is_right(3, &content[90..]));
        assert!(!checks.is_right(0, &content[30..60]) && !checks.is_right(4, &content[30..60]));
        assert!(!checks.is_right(1, &content[30..59]) && !checks.is_right(1, &content[31..61]));
        let mut altered = list.clone();
        altered[9] ^= 1;
        assert!(RowChecks::from_bytes(&entry, &altered).unwrap_err().to_string().contains("list: checksum differs"));
        assert!(RowChecks::from_bytes(&entry, &list[1..]).is_err());
    }

    #[test]
    fn equal_blocks_in_different_places_have_different_checksums() {
        assert_ne!(checksum(0, &[0; 30]), checksum(1, &[0; 30]));
        assert_eq!([rows_per_block(680), rows_per_block(2448), rows_per_block(9000)], [6, 1, 1]);
    }
}
