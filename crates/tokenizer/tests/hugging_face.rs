//! Gemma's tokenizers, packed, against what Hugging Face's library makes of the same strings in Python.
//!
//! Needs the fetched tokenizers: `cargo xtask test` sets TEMPORAL_LENS_PACK_DIR and
//! TEMPORAL_LENS_GEMMA2_DIR; without them these tests fail.

// A test that cannot read its fixture has failed.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use lens_import::compact_tokenizer;
use lens_pack::manifest::Manifest;
use lens_tokenizer::Tokenizer;
use serde::Deserialize;

/// Both Gemmas' <bos>.
const BOS: u32 = 2;

#[derive(Deserialize)]
struct Fixture {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    text: String,
    ids: Vec<u32>,
}

fn folder(variable: &str) -> PathBuf {
    let found = std::env::var_os(variable).unwrap_or_else(|| panic!("{variable} is not set: run `cargo xtask test`"));
    PathBuf::from(found)
}

fn assert_ids(tokenizer: &Tokenizer, fixture: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/tokenizer").join(fixture);
    let cases = serde_json::from_str::<Fixture>(&std::fs::read_to_string(path).unwrap()).unwrap().cases;
    assert!(cases.len() >= 1000, "{} cases", cases.len());
    for case in cases {
        assert_eq!(tokenizer.encode(&case.text, BOS).unwrap().ids, case.ids, "{:?}", case.text);
    }
}

#[test]
fn the_served_tokenizer_gives_hugging_faces_ids() {
    let folder = folder("TEMPORAL_LENS_PACK_DIR");
    let manifest = std::fs::read_to_string(folder.join("manifest.json")).unwrap();
    let entry = Manifest::from_json(&manifest, "manifest.json").unwrap().tokenizer;
    let bytes = std::fs::read(folder.join(&entry.file)).unwrap();
    assert!(bytes.len() < 2_000_000, "{} bytes", bytes.len());
    assert_ids(&Tokenizer::from_bytes(&bytes, &entry.file).unwrap(), "gemma3-ids.json");
}

#[test]
fn gemma_2s_tokenizer_gives_hugging_faces_ids() {
    let folder = folder("TEMPORAL_LENS_GEMMA2_DIR");
    let json = std::fs::read_to_string(folder.join("tokenizer.json")).unwrap();
    let compact = compact_tokenizer(&json, "tokenizer.json").unwrap();
    // Nearly all of its 580,604 merges follow from the vocabulary.
    assert_eq!(compact.merges.listed().len(), 1396);
    let bytes = compact.to_bytes().unwrap();
    assert!(bytes.len() < 2_000_000, "{} bytes", bytes.len());
    assert_ids(&Tokenizer::from_bytes(&bytes, "tokenizer.bin").unwrap(), "gemma2-ids.json");
}
