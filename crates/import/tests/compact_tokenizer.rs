//! The compact tokenizer's file: how small it gets, and what a hostile one does.

// A test that cannot read its fixture has failed.
#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use lens_import::compact_tokenizer;
use lens_pack::tokenizer::CompactTokenizer;

const TINY: &str = include_str!("../../../tests/fixtures/tokenizer/tiny.json");

/// Where the sections' sizes stand in the unpacked file.
const IDS: usize = 12;
const LENGTHS: usize = 16;
const TEXT: usize = 20;
const PAIRS: usize = 24;
const DERIVED: [usize; 2] = [28, 32];
const REST: usize = 36;
const HEADER: usize = 40;

fn compact() -> CompactTokenizer {
    compact_tokenizer(TINY, "tokenizer.json").unwrap()
}

fn unpacked() -> Vec<u8> {
    let mut bytes = Vec::new();
    ZlibDecoder::new(compact().to_bytes().unwrap().as_slice()).read_to_end(&mut bytes).unwrap();
    bytes
}

fn pack(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn problem(packed: &[u8]) -> String {
    let problem = CompactTokenizer::from_bytes(packed, "tokenizer.bin").unwrap_err().to_string();
    assert!(problem.starts_with("tokenizer.bin: not a compact tokenizer: "), "{problem}");
    problem
}

fn with_number(at: usize, number: u32) -> Vec<u8> {
    with_numbers(&[(at, number)])
}

fn with_numbers(numbers: &[(usize, u32)]) -> Vec<u8> {
    let mut bytes = unpacked();
    for (at, number) in numbers {
        bytes[*at..*at + 4].copy_from_slice(&number.to_le_bytes());
    }
    pack(&bytes)
}

#[test]
fn what_was_written_is_read_again() {
    let compact = compact();
    let bytes = compact.to_bytes().unwrap();
    assert_eq!(bytes, compact.to_bytes().unwrap());
    assert_eq!(CompactTokenizer::from_bytes(&bytes, "tokenizer.bin").unwrap(), compact);
    assert!(!compact.rest.contains("\"vocab\"") && !compact.rest.contains("\"merges\""));
    assert!(compact.rest.contains("start_of_turn"));
}

#[test]
fn merges_that_follow_from_the_vocabulary_are_not_listed() {
    let mut document: serde_json::Value = serde_json::from_str(TINY).unwrap();
    let vocab: Vec<&str> = vec!["a", "b", "c", "aa", "ab", "aab", "bc", "abc"];
    let ids: serde_json::Map<_, _> = vocab.iter().enumerate().map(|(id, p)| ((*p).to_owned(), id.into())).collect();
    document["model"]["vocab"] = ids.into();
    document["model"]["unk_token"] = serde_json::Value::Null;
    let mut listed = |merges: &[(&str, &str)]| {
        document["model"]["merges"] = merges.iter().map(|(l, r)| serde_json::json!([l, r])).collect();
        let compact = compact_tokenizer(&document.to_string(), "tokenizer.json").unwrap();
        (compact.merges.listed().len(), compact.merges.derived())
    };
    let gemma = [("a", "a"), ("a", "b"), ("aa", "b"), ("a", "ab"), ("b", "c"), ("ab", "c"), ("a", "bc")];
    assert_eq!(listed(&gemma), (0, 0..8));
    let head = [("a", "b"), ("a", "a"), ("aa", "b"), ("a", "ab"), ("b", "c"), ("ab", "c"), ("a", "bc")];
    assert_eq!(listed(&head), (2, 5..8), "the tail starts inside the head's ids");
    let shortest_first = [("a", "a"), ("a", "b"), ("a", "ab"), ("aa", "b"), ("b", "c"), ("a", "bc"), ("ab", "c")];
    assert_eq!(listed(&shortest_first), (7, 8..8));
    assert_eq!(listed(&gemma[..6]), (6, 8..8), "one split of the last piece is no merge");
    assert_eq!(listed(&[]), (0, 0..0));
    let others_behind = [("ab", "c"), ("a", "bc"), ("a", "a"), ("a", "b"), ("aa", "b"), ("a", "ab"), ("b", "c")];
    assert_eq!(listed(&others_behind), (2, 0..7), "the head has the last ids");
}

#[test]
fn a_damaged_file_is_a_sentence() {
    let bytes = compact().to_bytes().unwrap();
    for cut in 0..bytes.len() {
        problem(&bytes[..cut]);
    }
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        // The two bits that say what window the writer used may change: nothing is read from them.
        if CompactTokenizer::from_bytes(&damaged, "tokenizer.bin").is_ok_and(|read| read != compact()) {
            panic!("byte {at} damaged, and another tokenizer came out");
        }
    }
    let unpacked = unpacked();
    for cut in 0..unpacked.len() {
        assert!(problem(&pack(&unpacked[..cut])).contains("cut short"));
    }
    assert!(problem(&pack(&[&unpacked[..], &[0]].concat())).contains("more in it"));
    assert!(problem(&pack(b"another kind of file, long enough to hold a header")).contains("begin"));
    assert!(problem(b"{\"version\": \"1.0\"}").len() > 60);
}

#[test]
fn claims_that_cannot_be_true_are_refused_before_memory_is_set_aside() {
    assert!(problem(&with_number(8, 2)).contains("version 2"));
    for at in [IDS, LENGTHS, TEXT, PAIRS, REST] {
        assert!(problem(&with_number(at, u32::MAX)).contains("it claims 4294967295"));
        assert!(problem(&with_number(at, 1 << 20)).contains("not a compact tokenizer"));
        problem(&with_number(at, 0));
    }
    // All of the tiny tokenizer's merges are listed; none may be of a piece that has them all anyway.
    assert!(problem(&with_numbers(&[(DERIVED[0], 0), (DERIVED[1], 64)])).contains("makes no piece outside 0..64"));
    // A stream of nothing but zeros, a thousand times as long as its file.
    let mut bomb = unpacked()[..HEADER].to_vec();
    bomb[TEXT..TEXT + 4].copy_from_slice(&(64u32 << 20).to_le_bytes());
    bomb.resize(80 << 20, 0);
    problem(&pack(&bomb));
}

#[test]
fn a_pair_of_no_pieces_is_refused() {
    let unpacked = unpacked();
    let number = |at: usize| u32::from_le_bytes(unpacked[at..at + 4].try_into().unwrap()) as usize;
    let pairs = HEADER + number(LENGTHS) + number(TEXT);
    for id in [64u32, 1 << 20, u32::MAX] {
        let mut damaged = unpacked.clone();
        damaged[pairs..pairs + 4].copy_from_slice(&id.to_le_bytes());
        assert!(problem(&pack(&damaged)).contains("makes no piece"));
    }
    let mut twice = unpacked.clone();
    twice.copy_within(pairs..pairs + 8, pairs + 8);
    assert!(problem(&pack(&twice)).contains("twice"));
}
