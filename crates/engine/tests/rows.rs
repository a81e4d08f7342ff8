//! Embedding rows of a pack in a folder are those of its manifest, or none.

// A test that cannot read its fixture has failed.
#![allow(clippy::unwrap_used)]

mod common;

use common::{open, pairs};

#[test]
fn a_shard_that_changes_after_it_was_compared_is_refused() {
    let all = pairs();
    let pair = &all[0];
    let scratch = tempfile::tempdir().unwrap();
    let pack = open(&pair.gemma, &pair.sae, &pair.tokenizer, pair.layer, scratch.path());
    let manifest = pack.loaded.manifest();
    let expected = pack.embedding(&pair.token_ids).unwrap();
    assert_eq!(expected.len(), pair.token_ids.len() * manifest.embedding.shape.1);
    let id = pair.token_ids[1];
    let (shard, range) = manifest.embedding_row(id).unwrap();
    let path = scratch.path().join("pack").join(&shard.file);
    let whole = std::fs::read(&path).unwrap();
    for at in range.start as usize..range.end as usize {
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (at % 8);
        std::fs::write(&path, &flipped).unwrap();
        let says = pack.embedding(&[id]).unwrap_err().to_string();
        assert!(says.contains(&shard.file) && says.contains("checksum"), "byte {at}: {says}");
    }
    // Rows that moved by one.
    let mut shifted = whole.clone();
    shifted.drain(range.start as usize..range.end as usize);
    shifted.extend_from_slice(&whole[range.start as usize..range.end as usize]);
    std::fs::write(&path, &shifted).unwrap();
    assert!(pack.embedding(&[id]).unwrap_err().to_string().contains(&shard.file));
    std::fs::write(&path, &whole).unwrap();
    assert_eq!(pack.embedding(&pair.token_ids).unwrap(), expected);
    assert!(pack.embedding(&[manifest.embedding.shape.0 as u32]).is_err());
}
