//! The compact model against the tokenizers library's own, on tokenizers of every kind that it takes.

// A test that cannot build its tokenizer has failed.
#![allow(clippy::unwrap_used)]

use lens_import::compact_tokenizer;
use lens_pack::tokenizer::CompactTokenizer;
use lens_tokenizer::bpe::Options;
use lens_tokenizer::{CompactBpe, Tokenizer};
use serde_json::{Value, json};
use tokenizers::{Model, Tokenizer as Original};

const TINY: &str = include_str!("../../../tests/fixtures/tokenizer/tiny.json");

/// Numbers that are the same in every run (Marsaglia's xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }

    fn shuffle<T>(&mut self, all: &mut [T]) {
        for i in (1..all.len()).rev() {
            all.swap(i, self.below(i + 1));
        }
    }

    fn text(&mut self, characters: &[&str], most: usize) -> String {
        let length = self.below(most);
        (0..length).map(|_| characters[self.below(characters.len())]).collect()
    }
}

/// Ids and tokens of whole texts, and tokens with their offsets of single words.
fn assert_same(json: &str, texts: impl IntoIterator<Item = String>) {
    let original: Original = json.parse().unwrap();
    // Through the file, as a visitor gets it.
    let bytes = compact_tokenizer(json, "tokenizer.json").unwrap().to_bytes().unwrap();
    let compact = CompactTokenizer::from_bytes(&bytes, "tokenizer.bin").unwrap();
    let rest: Value = serde_json::from_str(&compact.rest).unwrap();
    let options: Options = serde_json::from_value(rest["model"].clone()).unwrap();
    let model = CompactBpe::new(compact.vocabulary.clone(), compact.merges.clone(), options).unwrap();
    let tokenizer = Tokenizer::new(compact).unwrap();
    for text in texts {
        assert_eq!(model.tokenize(&text).unwrap(), original.get_model().tokenize(&text).unwrap(), "{text:?}\n{json}");
        let encoding = original.encode(text.as_str(), true).unwrap();
        let first = encoding.get_ids().first().copied().unwrap_or_default();
        let ours = tokenizer.encode(&text, first).unwrap();
        if !encoding.get_ids().is_empty() && encoding.get_special_tokens_mask()[0] == 1 {
            assert_eq!((ours.ids.as_slice(), ours.tokens.as_slice()), (encoding.get_ids(), encoding.get_tokens()));
        } else {
            // A tokenizer without a template gets BOS, here whatever came first.
            assert_eq!(&ours.ids[1..], encoding.get_ids());
        }
    }
    assert_eq!(model.get_vocab(), original.get_model().get_vocab());
    assert_eq!(model.get_vocab_size(), original.get_model().get_vocab_size());
}

/// All splits of the pieces into pieces: by id, the longest left half first, as in Gemma's file.
fn all_splits(pieces: &[String]) -> Vec<(String, String)> {
    let is_piece = |half: &str| pieces.iter().any(|piece| piece == half);
    let splits_of = |piece: &String| -> Vec<(String, String)> {
        let halves = piece.char_indices().skip(1).map(|(at, _)| piece.split_at(at));
        let mut splits: Vec<_> = halves.filter(|(left, right)| is_piece(left) && is_piece(right)).collect();
        splits.reverse();
        splits.into_iter().map(|(left, right)| (left.to_owned(), right.to_owned())).collect()
    };
    pieces.iter().flat_map(splits_of).collect()
}

/// A random tokenizer.json.
fn random_tokenizer(numbers: &mut Numbers) -> Value {
    let mut pieces: Vec<String> = ["<unk>", "a", "b", "c", "▁", "é", "\n"].map(str::to_owned).to_vec();
    // Some bytes only, so that some characters are bytes and others unknown.
    pieces.extend([0xc3, 0xa8, 0xf0, 0x9f, 0x98, 0x80].map(|byte| format!("<0x{byte:02X}>")));
    let mut trained = Vec::new();
    let alphabet = pieces.len();
    while pieces.len() < alphabet + 60 {
        let half = |numbers: &mut Numbers, pieces: &[String]| match numbers.below(3) {
            0 => pieces[numbers.below(pieces.len())].clone(),
            _ => pieces[1 + numbers.below(6)].clone(),
        };
        let (left, right) = (half(numbers, &pieces), half(numbers, &pieces));
        let piece = format!("{left}{right}");
        if piece.len() < 40 && !pieces.contains(&piece) {
            pieces.push(piece);
            trained.push((left, right));
        }
    }
    if numbers.below(2) == 0 {
        numbers.shuffle(&mut pieces);
    }
    let mut merges = if numbers.below(3) == 0 { trained } else { all_splits(&pieces) };
    match numbers.below(4) {
        0 => numbers.shuffle(&mut merges),
        // As in Gemma's file: only the head is in another order.
        1 => {
            let head = merges.len() / 4;
            numbers.shuffle(&mut merges[..head]);
        }
        2 => merges.truncate(merges.len() / 2),
        _ => {}
    }
    if numbers.below(4) == 0 {
        // The later place counts.
        merges.insert(0, merges[merges.len() / 2].clone());
    }
    let legacy = numbers.below(2) == 0;
    let merges: Vec<Value> = merges
        .into_iter()
        .map(|(left, right)| if legacy { json!(format!("{left} {right}")) } else { json!([left, right]) })
        .collect();
    // Some ids have no piece.
    let gap = numbers.below(3);
    let vocab: serde_json::Map<String, Value> =
        pieces.iter().enumerate().map(|(id, piece)| (piece.clone(), json!(id + gap * (id / 7)))).collect();
    let suffix = if numbers.below(4) == 0 { json!("c") } else { Value::Null };
    let mut document: Value = serde_json::from_str(TINY).unwrap();
    document["added_tokens"] = json!([{
        "id": 1000, "content": "ab▁", "single_word": false, "lstrip": numbers.below(2) == 0, "rstrip": false,
        "normalized": numbers.below(2) == 0, "special": true,
    }]);
    document["post_processor"] = Value::Null;
    document["model"] = json!({
        "type": "BPE", "dropout": null, "continuing_subword_prefix": null, "end_of_word_suffix": suffix,
        "unk_token": (numbers.below(3) > 0).then_some("<unk>"), "fuse_unk": numbers.below(2) == 0,
        "byte_fallback": numbers.below(2) == 0, "ignore_merges": numbers.below(4) == 0,
        "vocab": vocab, "merges": merges,
    });
    document
}

#[test]
fn random_tokenizers() {
    let mut numbers = Numbers(0x5eed);
    let characters = ["a", "b", "c", "▁", "é", "\n", "è", "😀", "ü", "z", " "];
    for _ in 0..200 {
        let json = random_tokenizer(&mut numbers).to_string();
        let texts: Vec<String> = (0..60).map(|_| numbers.text(&characters, 40)).collect();
        assert_same(&json, texts);
    }
}

#[test]
fn the_tiny_tokenizer() {
    let mut numbers = Numbers(7);
    let parts = ["the", " ", "  ", "in", "er", "é", "😀", "<bos>", "<start_of_turn>", "\n", "\r", "?", "Z", "on", "'"];
    assert_same(TINY, (0..500).map(|_| numbers.text(&parts, 30)).chain([String::new()]));
}

/// One word of half a million characters: an algorithm that is quadratic in it does not end.
#[test]
fn a_very_long_word() {
    let mut numbers = Numbers(11);
    assert_same(TINY, [numbers.text(&["the", "in", "er", "a", "▁"], 400_000), "▁".repeat(300_000)]);
}

#[test]
fn what_cannot_be_given_exactly_is_refused_with_a_sentence() {
    let problem = |change: &dyn Fn(&mut Value)| {
        let mut document: Value = serde_json::from_str(TINY).unwrap();
        change(&mut document);
        let problem = compact_tokenizer(&document.to_string(), "tokenizer.json").unwrap_err().to_string();
        assert!(problem.starts_with("tokenizer.json: "), "{problem}");
        problem
    };
    let model =
        |key: &'static str, value: Value| problem(&move |document: &mut Value| document["model"][key] = value.clone());
    assert!(model("type", json!("Unigram")).contains("Unigram"));
    assert!(model("dropout", json!(0.1)).contains("dropout"));
    assert!(model("continuing_subword_prefix", json!("##")).contains("continuing_subword_prefix"));
    assert!(model("unk_token", json!("<nothing>")).contains("<nothing>"));
    assert!(model("merges", json!([["a", "zzz"]])).contains("merge 0"));
    assert!(model("merges", json!(["a b c"])).contains("merge 0"));
    assert!(model("merges", json!([["z", "z"]])).contains("makes no piece"));
    assert!(model("vocab", json!({ "a": 1, "b": 1 })).contains("id 1"));
    assert!(model("vocab", json!({ "a": 4_000_000_000_u32 })).contains("at most"));
    assert!(model("vocab", json!({ "": 0 })).contains("empty"));
    assert!(model("vocab", json!([["a", -1.0]])).contains("not a tokenizer.json"));
    assert!(problem(&|document| document["model"] = Value::Null).contains("not a tokenizer.json"));
}

#[test]
fn parts_that_the_library_does_not_know_are_a_sentence() {
    let error = |change: &dyn Fn(&mut Value)| {
        let mut document: Value = serde_json::from_str(TINY).unwrap();
        change(&mut document);
        let compact = compact_tokenizer(&document.to_string(), "tokenizer.json").unwrap();
        Tokenizer::new(compact).err().unwrap().to_string()
    };
    assert!(
        error(&|document| document["normalizer"] = json!({ "type": "Unheard" })).contains("original tokenizer.json")
    );
    assert!(error(&|document| document["version"] = json!("2.0")).contains("2.0"));
}
