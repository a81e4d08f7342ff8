//! Tokenizer files of any content: refused in a sentence, or texts are encoded; never a panic.
#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use lens_import::compact_tokenizer;
use lens_tokenizer::Tokenizer;
use serde_json::{Value, json};

const TINY: &str = include_str!("../../../tests/fixtures/tokenizer/tiny.json");

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % n.max(1) as u64) as usize
    }
}

/// Values that are put in the place of others: settings of every kind that the library has, and odd scalars.
fn odd_values() -> Vec<Value> {
    let replace = |pattern: Value, content: &str| json!({"type": "Replace", "pattern": pattern, "content": content});
    vec![
        Value::Null,
        json!(0),
        json!(-1),
        json!(u64::MAX),
        json!(1e300),
        json!(""),
        json!("a"),
        json!("x".repeat(100_000)),
        json!([]),
        json!({}),
        json!(true),
        json!({"type": "Sequence", "normalizers": vec![replace(json!({"String": "a"}), &"a".repeat(200)); 8]}),
        json!({"type": "Sequence", "normalizers": vec![replace(json!({"String": "a"}), "aa"); 8]}),
        json!({"type": "Sequence", "pretokenizers": [{"type": "Sequence", "pretokenizers": []}]}),
        replace(json!({"String": ""}), "a"),
        replace(json!({"Regex": "(a+)+$"}), "a"),
        replace(json!({"Regex": "("}), "a"),
        json!({"type": "Precompiled", "precompiled_charsmap": "AAAA"}),
        json!({"type": "Precompiled", "precompiled_charsmap": "/////w=="}),
        json!({"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "lowercase": true}),
        json!({"type": "Prepend", "prepend": "▁"}),
        json!({"type": "NFKD"}),
        json!({"type": "Strip", "strip_left": true, "strip_right": true}),
        json!({"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true}),
        json!({"type": "Digits", "individual_digits": true}),
        json!({"type": "FixedLength", "length": 0}),
        json!({"type": "Punctuation", "behavior": "Isolated"}),
        json!({"type": "UnicodeScripts"}),
        json!({"type": "Whitespace"}),
        json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true}),
        json!({"type": "Split", "pattern": {"String": "a"}, "behavior": "Contiguous", "invert": true}),
        json!({"type": "Split", "pattern": {"Regex": ".*"}, "behavior": "Removed", "invert": false}),
        json!({"type": "BertProcessing", "sep": ["<eos>", 1], "cls": ["<bos>", 2]}),
        json!({"type": "TemplateProcessing", "single": [{"Sequence": {"id": "B", "type_id": 0}}], "pair": [],
            "special_tokens": {}}),
        json!({"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<no>", "type_id": 0}},
            {"Sequence": {"id": "A", "type_id": 0}}], "pair": [], "special_tokens": {}}),
        json!({"direction": "Right", "max_length": 0, "strategy": "LongestFirst", "stride": 9}),
        json!({"strategy": {"Fixed": 4_000_000_000_u32}, "direction": "Right", "pad_to_multiple_of": 0, "pad_id": 0,
            "pad_type_id": 0, "pad_token": "<pad>"}),
    ]
}

/// Paths of all values in a document, those inside of vocabulary and merges left out but for a few.
fn paths(value: &Value, at: &str, all: &mut Vec<String>) {
    all.push(at.to_owned());
    match value {
        Value::Object(map) => map.iter().take(12).for_each(|(key, value)| {
            paths(value, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), all);
        }),
        Value::Array(list) => {
            list.iter().take(4).enumerate().for_each(|(i, value)| paths(value, &format!("{at}/{i}"), all));
        }
        _ => {}
    }
}

#[test]
fn two_thousand_odd_tokenizers_are_refused_or_encode() {
    let tiny: Value = serde_json::from_str(TINY).unwrap();
    let odd = odd_values();
    let mut random = Random(7);
    let (mut built, mut refused) = (0, 0);
    for round in 0..2000 {
        let mut document = tiny.clone();
        for _ in 0..=random.below(2) {
            let mut all = Vec::new();
            paths(&document, "", &mut all);
            if let Some(place) = document.pointer_mut(&all[random.below(all.len())]) {
                *place = odd[random.below(odd.len())].clone();
            }
        }
        let started = Instant::now();
        let tokenizer = match compact_tokenizer(&document.to_string(), "tokenizer.json") {
            Ok(compact) => Tokenizer::new(compact).map_err(|e| e.to_string()),
            Err(error) => Err(error.to_string()),
        };
        match tokenizer {
            Err(problem) => {
                refused += 1;
                assert!(problem.contains("tokenizer"), "{problem}");
            }
            Ok(tokenizer) => {
                built += 1;
                for text in ["", "the tide is in", "<bos>a<pad>\u{301}🎈", &"a ".repeat(500)] {
                    if let Err(error) = tokenizer.encode(text, 2) {
                        assert!(
                            !error.to_string().contains("failed"),
                            "round {round}: a panic on {text:?}: {document}"
                        );
                    }
                }
            }
        }
        assert!(started.elapsed() < Duration::from_secs(2), "round {round} is slow");
    }
    assert!(built > 100 && refused > 100, "{built} built, {refused} refused");
}

#[test]
fn kinds_that_no_gemma_tokenizer_has_are_refused_by_name() {
    for (place, value, says) in [
        ("normalizer", json!({"type": "Precompiled", "precompiled_charsmap": ""}), ["normalizer", "Precompiled"]),
        ("normalizer", json!({"type": "BertNormalizer"}), ["normalizer", "BertNormalizer"]),
        ("pre_tokenizer", json!({"type": "ByteLevel"}), ["pre_tokenizer", "ByteLevel"]),
        ("post_processor", json!({"type": "RobertaProcessing"}), ["post_processor", "RobertaProcessing"]),
        (
            "normalizer",
            json!({"type": "Replace", "pattern": {"Regex": "a"}, "content": "b"}),
            ["normalizer", "String is not a short text"],
        ),
        (
            "normalizer",
            json!({"type": "Replace", "pattern": {"String": "a"}, "content": "b".repeat(200)}),
            ["normalizer", "200 times as long"],
        ),
    ] {
        let mut document: Value = serde_json::from_str(TINY).unwrap();
        document[place] = value;
        let compact = compact_tokenizer(&document.to_string(), "tokenizer.json").unwrap();
        let bytes = compact.to_bytes().unwrap();
        let problem = Tokenizer::from_bytes(&bytes, "tokenizer.bin").err().unwrap().to_string();
        assert!(says.iter().all(|part| problem.contains(part)), "{problem}");
        assert!(problem.contains("tokenizer.bin") && problem.contains("original tokenizer.json"), "{problem}");
    }
}
