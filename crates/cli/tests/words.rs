//! `words`: a pack's words from a list or from texts, for the small fixture.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::path::Path;

use common::{fixture, run, small_pack, succeed, text};
use lens_import::words::pieces_of_pack;
use lens_pack::folder::FolderManifest;

/// A list of `count` tokens of the small fixture's tokenizer, with ids.
fn list(pack: &Path, count: usize, scratch: &Path) -> String {
    let pieces = pieces_of_pack(pack).unwrap();
    let tokens = (0..pieces.ids() as u32).filter_map(|id| {
        let piece = pieces.piece(id)?.trim_start_matches('▁');
        (!piece.is_empty() && !piece.contains(char::is_control)).then(|| format!("{id}\t{piece}\n"))
    });
    let path = scratch.join("list.txt");
    std::fs::write(&path, tokens.take(count).collect::<String>()).unwrap();
    text(&path)
}

#[test]
fn a_list_and_texts_give_words_and_their_export_gives_the_same_again() {
    let scratch = tempfile::tempdir().unwrap();
    let pack = small_pack(scratch.path());
    let hash = FolderManifest::read(&pack).unwrap().hash;
    let (model, vocabulary) = (text(&pack), list(&pack, 20, scratch.path()));
    let (corpus, export) = (text(&fixture("train/texts.jsonl")), text(&scratch.path().join("export")));
    let no_words = run(&["analyze", "--model", &model, "--text", "the sea", "--device", "cpu", "--words"]);
    assert!(no_words.stderr.contains("temporal-lens words --model"), "{}", no_words.stderr);
    let base = ["words", "--device", "cpu", "--model", &model];
    let args = [&base[..], &["--vocabulary", &vocabulary, "--corpus", &corpus, "--export", &export]].concat();
    let told = succeed(&args).stdout;
    assert!(told.contains("20 words in 0.0 MB, means over ") && told.contains("means.safetensors"), "{told}");
    let with_words = FolderManifest::read(&pack).unwrap();
    assert_eq!(with_words.hash, hash);
    assert_eq!(with_words.manifest.words.as_ref().unwrap().words, 20);
    succeed(&["analyze", "--model", &model, "--text", "the sea", "--device", "cpu", "--words"]);

    // The export's files are the corpus's answer: no texts, no forward passes.
    let file = |name: &str| text(&Path::new(&export).join(name));
    let (listed, means) = (file("vocabulary.txt"), file("means.safetensors"));
    let again = [&base[..], &["--vocabulary", &listed, "--means", &means]].concat();
    let told = succeed(&again);
    assert!(!told.stderr.contains("loading"), "the networks are not needed: {}", told.stderr);
    assert_eq!(FolderManifest::read(&pack).unwrap().json, with_words.json);

    // Refused by name; the pack keeps its words.
    let refused = |more: &[&str], what: &str| {
        let outcome = run(&[&base[..], more].concat());
        assert_eq!(outcome.code, 1, "{}", outcome.stderr);
        assert!(outcome.sentence().contains(what), "{}", outcome.sentence());
        assert_eq!(FolderManifest::read(&pack).unwrap().json, with_words.json);
    };
    refused(&[], "name them with --corpus");
    refused(&["--vocabulary", &listed], "name them with --corpus");
    // The tokenizer of the fixture has one whole word.
    refused(&["--corpus", &corpus, "--min-count", "2"], "fewer than two of the model's words");
    refused(&["--corpus", "/nowhere"], "there is no such file");
    let empty = text(&scratch.path().join("empty.jsonl"));
    std::fs::write(&empty, "\n").unwrap();
    refused(&["--corpus", &empty], "the corpus holds no text");
    let short = text(&scratch.path().join("short.txt"));
    std::fs::write(&short, "a").unwrap();
    refused(&["--vocabulary", &listed, "--corpus", &short], "too little for means");
    let nothing = text(&scratch.path().join("nothing.txt"));
    std::fs::write(&nothing, "the\nnowhere\n").unwrap();
    refused(&["--vocabulary", &nothing, "--corpus", &corpus], "at least two are needed");
    let other = scratch.path().join("other");
    succeed(&common::pack_args("gemma/gemma2-softcap", "sae/topk-tied", "tokenizer/tiny.json", 2, "q8", &other));
    let other = text(&other);
    let outcome = run(&["words", "--model", &other, "--vocabulary", &listed, "--means", &means]);
    assert!(outcome.sentence().contains("made with the pack"), "{}", outcome.sentence());
    assert_eq!(run(&["words", "--model", &other, "--corpus", &corpus, "--tokens", "0"]).code, 2);
    assert_eq!(run(&["words", "--model", &other, "--corpus", &corpus, "--min-count", "0"]).code, 2);
}

#[test]
fn packing_says_that_there_are_no_words_and_a_corpus_without_words_is_an_error() {
    let scratch = tempfile::tempdir().unwrap();
    let out = scratch.path().join("pack");
    let mut args = common::pack_args("gemma/gemma2-softcap", "sae/topk-tied", "tokenizer/tiny.json", 2, "f32", &out);
    let told = succeed(&args).stdout;
    assert!(told.contains("no words: `temporal-lens words --model"), "{told}");
    args.extend(["--corpus".to_owned(), text(&fixture("train/texts.jsonl"))]);
    let outcome = run(&args);
    assert_eq!(outcome.code, 1);
    assert!(
        outcome.sentence().contains("the pack is there, but without words: the corpus holds"),
        "{}",
        outcome.sentence()
    );
    assert!(FolderManifest::read(&out).unwrap().manifest.words.is_none());
}
