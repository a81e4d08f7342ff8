//! `words`: a pack's words from a list or from texts, for the small fixture and for the default model.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::path::{Path, PathBuf};

use common::{default_pack, fixture, run, small_pack, succeed, text};
use lens_analysis::dashboard::{Chunk, Index};
use lens_import::words::{WordMeans, pieces_of_pack, read_means};
use lens_pack::block::Precision;
use lens_pack::folder::FolderManifest;
use lens_pack::manifest::{FileEntry, MANIFEST_FILE, seal, without_checksum};
use lens_pack::tensor_spec::MEANS;
use lens_pack::unpack::sha256_hex;

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

/// Gives the small pack words: 20 of its tokenizer's tokens, and means over the training fixture.
fn add_words(pack: &Path, scratch: &Path) {
    let (model, vocabulary) = (text(pack), list(pack, 20, scratch));
    let corpus = text(&fixture("train/texts.jsonl"));
    succeed(&["words", "--device", "cpu", "--model", &model, "--vocabulary", &vocabulary, "--corpus", &corpus]);
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
    let printed = succeed(&args).stdout;
    assert!(printed.contains("20 words in 0.0 MB, means over ") && printed.contains("means.safetensors"), "{printed}");
    let with_words = FolderManifest::read(&pack).unwrap();
    assert_eq!(with_words.hash, hash);
    assert_eq!(with_words.manifest.words.as_ref().unwrap().words, 20);
    succeed(&["analyze", "--model", &model, "--text", "the sea", "--device", "cpu", "--words"]);

    // The export's files are the corpus's answer: no texts, no forward passes.
    let file = |name: &str| text(&Path::new(&export).join(name));
    let (listed, means) = (file("vocabulary.txt"), file("means.safetensors"));
    let again = [&base[..], &["--vocabulary", &listed, "--means", &means]].concat();
    let printed = succeed(&again);
    assert!(!printed.stderr.contains("loading"), "the networks are not needed: {}", printed.stderr);
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

/// Words of features are of any pack that has words: what a feature raises and lowers is read over them.
#[test]
fn dashboards_of_a_pack_with_words_read_features_in_its_words() {
    let scratch = tempfile::tempdir().unwrap();
    let pack = small_pack(scratch.path());
    let (model, vocabulary) = (text(&pack), list(&pack, 40, scratch.path()));
    let corpus = scratch.path().join("corpus.jsonl");
    let lines = std::fs::read_to_string(fixture("train/texts.jsonl")).unwrap();
    let sourced = lines.lines().map(|line| {
        let mut text: serde_json::Value = serde_json::from_str(line).unwrap();
        text["source"] = "ours".into();
        format!("{text}\n")
    });
    std::fs::write(&corpus, sourced.collect::<String>()).unwrap();
    let (corpus, notice) = (text(&corpus), text(&scratch.path().join("NOTICE")));
    std::fs::write(&notice, "* ours: \"Texts\"; ours. Licence: CC0.\n").unwrap();
    succeed(&["words", "--device", "cpu", "--model", &model, "--vocabulary", &vocabulary, "--corpus", &corpus]);
    let out = scratch.path().join("dashboards");
    let args = ["dashboards", "--device", "cpu", "--model", &model, "--corpus", &corpus, "--notice", &notice, "--out"];
    succeed(&[&args[..], &[&text(&out)]].concat());
    let listed = std::fs::read_to_string(&vocabulary).unwrap();
    let words: Vec<&str> = listed.lines().filter_map(|line| line.split('\t').nth(1)).collect();
    let index = Index::from_json(&std::fs::read_to_string(out.join("index.json")).unwrap()).unwrap();
    let mut read = 0;
    for feature in 0..index.features {
        let file = out.join(index.file_of(feature).unwrap());
        let chunk = Chunk::from_json(&std::fs::read_to_string(file).unwrap(), &index).unwrap();
        let found = chunk.get(feature).unwrap();
        for (word, _) in found.raised.iter().chain(&found.lowered) {
            assert!(words.contains(&word.as_str()), "feature {feature}: {word} is no word of the pack");
            read += 1;
        }
    }
    assert!(read > index.features, "{read} words of {} features", index.features);
}

#[test]
fn packing_says_that_there_are_no_words_and_a_corpus_without_words_is_an_error() {
    let scratch = tempfile::tempdir().unwrap();
    let out = scratch.path().join("pack");
    let mut args = common::pack_args("gemma/gemma2-softcap", "sae/topk-tied", "tokenizer/tiny.json", 2, "f32", &out);
    let printed = succeed(&args).stdout;
    assert!(printed.contains("no words: `temporal-lens words --model"), "{printed}");
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

/// The real model, since the tokenizer of the fixtures has one whole word.
#[test]
fn packing_with_texts_gives_their_words_in_one_go() {
    let scratch = tempfile::tempdir().unwrap();
    let weights = std::env::var_os("TEMPORAL_LENS_MODEL_DIR");
    let weights = PathBuf::from(weights.expect("TEMPORAL_LENS_MODEL_DIR is not set: run `cargo xtask test`"));
    let demo_sae = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo/sae");
    let (texts, out) = (scratch.path().join("texts.jsonl"), scratch.path().join("pack"));
    let passage = |i: usize| {
        let text =
            format!("On day {i} the sailor left the harbor, and the nurse met the surgeon at the hospital again.");
        format!("{}\n", serde_json::json!({ "text": text }))
    };
    std::fs::write(&texts, (0..32).map(passage).collect::<String>()).unwrap();
    let printed = succeed(&[
        "pack",
        "--gemma",
        &text(&weights.join("gemma-3-270m-q4_k_m.gguf")),
        "--tokenizer",
        &text(&weights.join("tokenizer.json")),
        "--sae",
        &text(&demo_sae),
        "--layer",
        "12",
        "--precision",
        "q4",
        "--corpus",
        &text(&texts),
        "--out",
        &text(&out),
    ])
    .stdout;
    assert!(printed.contains(" words in ") && !printed.contains("no words"), "{printed}");
    let entry = FolderManifest::read(&out).unwrap().manifest.words.unwrap();
    let vocabulary = std::fs::read_to_string(out.join(&entry.vocabulary.file)).unwrap();
    // The words that every passage has and that are no "the" or "and", and no others.
    for word in ["sailor", "harbor", "nurse", "surgeon", "hospital"] {
        assert!(vocabulary.contains(&format!("\"{word}\"")), "{word} is missing: {vocabulary}");
    }
    assert!(!vocabulary.contains("\"the\"") && entry.words <= 12, "{vocabulary}");
    let analysis = ["analyze", "--model", &text(&out), "--text", "The sailor left.", "--device", "cpu", "--words"];
    let table = succeed(&analysis).stdout;
    assert!(table.contains("harbor"), "{table}");
}

#[test]
fn files_of_words_that_are_missing_cut_or_altered_are_named_and_the_rest_of_the_pack_works() {
    let scratch = tempfile::tempdir().unwrap();
    let pack = small_pack(scratch.path());
    let model = text(&pack);
    add_words(&pack, scratch.path());
    let entry = FolderManifest::read(&pack).unwrap().manifest.words.unwrap();
    let analyze = ["analyze", "--model", &model, "--text", "the sea", "--device", "cpu", "--words"];
    let json = text(&scratch.path().join("out.json"));
    for file in entry.files() {
        let path = pack.join(&file.file);
        let whole = std::fs::read(&path).unwrap();
        let mut altered = whole.clone();
        altered[whole.len() / 2] ^= 4;
        for damaged in [Some(altered), Some(whole[..whole.len() / 2].to_vec()), None] {
            match &damaged {
                Some(bytes) => std::fs::write(&path, bytes).unwrap(),
                None => std::fs::remove_file(&path).unwrap(),
            }
            let outcome = run(&analyze);
            assert_eq!(outcome.code, 1);
            assert!(outcome.sentence().contains(&file.file), "{}", outcome.sentence());
            // All else is there without words, with the reason.
            let without = succeed(&[&analyze[..analyze.len() - 1], &["--json", &json]].concat());
            assert!(without.stderr.contains(&file.file) && without.stderr.contains("note: without words"));
            let document = document(&json);
            assert!(document.get("words").is_none() && document["events"].is_array() && document["grams"].is_object());
        }
        std::fs::write(&path, &whole).unwrap();
    }
    succeed(&analyze);
    std::fs::remove_file(pack.join(&entry.shards[0].file)).unwrap();
    // A list and a comparison do without, too.
    let (texts, out) = (scratch.path().join("texts.jsonl"), scratch.path().join("out"));
    std::fs::write(&texts, "{\"id\": \"one\", \"text\": \"the sea\"}\n").unwrap();
    let list = ["analyze", "--model", &model, "--device", "cpu", "--text-list", &text(&texts), "--out", &text(&out)];
    let listed = succeed(&list);
    assert!(
        listed.stdout.contains("1 of 1 texts") && listed.stderr.contains("note: without words"),
        "{}",
        listed.stderr
    );
    let words_of_list = || document(&text(&out.join("one.json"))).get("words").is_some();
    assert!(!words_of_list());
    let compare =
        ["compare", "--model", &model, "--device", "cpu", "--first", "the sea", "--second", "a sea", "--json", &json];
    assert!(succeed(&compare).stderr.contains("note: without words"));
    // Adding words again repairs them; what was written without them is not done.
    add_words(&pack, scratch.path());
    succeed(&analyze);
    succeed(&list);
    assert!(words_of_list());
}

/// A NaN among the means would empty every list, one in the lens every probability: with checksums that fit it, too.
#[test]
fn words_whose_numbers_are_not_finite_are_refused_by_name() {
    let scratch = tempfile::tempdir().unwrap();
    let pack = small_pack(scratch.path());
    let model = text(&pack);
    add_words(&pack, scratch.path());
    let FolderManifest { json, manifest, .. } = FolderManifest::read(&pack).unwrap();
    let entry = manifest.words.unwrap();
    assert!(MEANS.iter().all(|name| entry.tensors.contains_key(*name)), "{:?}", entry.tensors.keys());
    for (name, tensor) in &entry.tensors {
        let part = &tensor.parts[0];
        let file = &entry.shards[part.shard];
        let whole = std::fs::read(pack.join(&file.file)).unwrap();
        let mut damaged = whole.clone();
        // The last number of the tensor, or the scale of its first block.
        let (end, nan): (_, &[u8]) = match (tensor.precision, part.scales) {
            (Precision::F32, _) => (part.data.1, &[0, 0, 0xc0, 0x7f]),
            (Precision::F16, _) => (part.data.1, &[0, 0x7e]),
            (_, scales) => (scales.unwrap().0 + 2, &[0, 0x7e]),
        };
        damaged[..end as usize].last_chunk_mut::<2>().unwrap().copy_from_slice(nan.last_chunk::<2>().unwrap());
        std::fs::write(pack.join(&file.file), &damaged).unwrap();
        let altered = without_checksum(&json).replace(&file.sha256, &sha256_hex(&damaged));
        std::fs::write(pack.join(MANIFEST_FILE), seal(&altered)).unwrap();
        let outcome = run(&["analyze", "--model", &model, "--text", "the sea", "--device", "cpu", "--words"]);
        let sentence = outcome.sentence();
        assert_eq!(outcome.code, 1, "{name}: {sentence}");
        for part in [&file.file, name, "holds a number that is not finite"] {
            assert!(sentence.contains(part), "{name}: {sentence}");
        }
        std::fs::write(pack.join(&file.file), &whole).unwrap();
    }
}

/// Checksums fit in all of these: what a document shows is the tokenizer's, and numbers are such as texts give.
#[test]
fn words_that_are_not_the_tokenizers_or_not_of_a_text_are_refused_by_name() {
    let scratch = tempfile::tempdir().unwrap();
    let pack = small_pack(scratch.path());
    let model = text(&pack);
    add_words(&pack, scratch.path());
    let FolderManifest { json, manifest, .. } = FolderManifest::read(&pack).unwrap();
    let entry = manifest.words.unwrap();
    let sentence = |file: &FileEntry, damaged: &[u8]| {
        let path = pack.join(&file.file);
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, damaged).unwrap();
        let altered = without_checksum(&json).replace(&file.sha256, &sha256_hex(damaged)).replace(
            &format!("\"bytes\":{},\"sha256\"", whole.len()),
            &format!("\"bytes\":{},\"sha256\"", damaged.len()),
        );
        std::fs::write(pack.join(MANIFEST_FILE), seal(&altered)).unwrap();
        let outcome = run(&["analyze", "--model", &model, "--text", "the sea", "--device", "cpu", "--words"]);
        std::fs::write(&path, &whole).unwrap();
        assert_eq!(outcome.code, 1, "{}", outcome.stdout);
        assert!(outcome.sentence().contains(&file.file), "{}", outcome.sentence());
        outcome.sentence().to_owned()
    };
    let listed = document(&text(&pack.join(&entry.vocabulary.file)));
    type Change = fn(&mut Vec<serde_json::Value>);
    let cases: [(Change, &str); 5] = [
        (|words| words[3][1] = "<script>alert(1)</script>".into(), "not \"<script>alert(1)</script>\""),
        (|words| words[3][1] = format!("\u{202e}{}", words[3][1].as_str().unwrap()).into(), "not \"\\u{202e}"),
        (
            |words| {
                let other = words[4][1].clone();
                words[4][1] = std::mem::replace(&mut words[3][1], other);
            },
            " of the model is ",
        ),
        (|words| words[3][1] = words[4][1].clone(), " of the model is "),
        (|words| words.reverse(), "; rows are by id"),
    ];
    for (change, expected) in cases {
        let mut damaged = listed.clone();
        change(damaged["words"].as_array_mut().unwrap());
        let sentence = sentence(&entry.vocabulary, &serde_json::to_vec(&damaged).unwrap());
        assert!(sentence.contains(expected), "{sentence} has no {expected}");
    }
    for name in MEANS {
        let part = &entry.tensors[name].parts[0];
        let file = &entry.shards[part.shard];
        let mut damaged = std::fs::read(pack.join(&file.file)).unwrap();
        damaged[..part.data.1 as usize].last_chunk_mut::<4>().unwrap().copy_from_slice(&3e38f32.to_le_bytes());
        let sentence = sentence(file, &damaged);
        assert!(sentence.contains(name) && sentence.contains("holds 3e38"), "{sentence}");
    }
}

#[test]
fn a_lens_that_lacks_a_tensor_is_refused_by_its_name() {
    let scratch = tempfile::tempdir().unwrap();
    let pack = linked_default_pack(scratch.path());
    let json = FolderManifest::read(&pack).unwrap().json;
    for name in ["lens.matrix", "lens.mean_x", "lens.mean_y", "lens.piece_rows"] {
        let mut manifest: serde_json::Value = serde_json::from_str(&json).unwrap();
        manifest.as_object_mut().unwrap().remove("checksum");
        assert!(manifest["words"]["tensors"].as_object_mut().unwrap().remove(name).is_some());
        std::fs::write(pack.join(MANIFEST_FILE), seal(&manifest.to_string())).unwrap();
        let outcome = run(&["analyze", "--model", &text(&pack), "--text", "the sea", "--device", "cpu"]);
        assert_eq!(outcome.code, 1);
        assert!(outcome.sentence().contains(&format!("tensor {name} is missing")), "{}", outcome.sentence());
    }
}

/// A document.
fn document(path: &str) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// The default pack under another name: only its manifest is a file of its own.
fn linked_default_pack(scratch: &Path) -> PathBuf {
    let out = scratch.join("pack");
    std::fs::create_dir(&out).unwrap();
    for entry in std::fs::read_dir(default_pack()).unwrap().map(Result::unwrap) {
        let (from, to) = (entry.path(), out.join(entry.file_name()));
        if entry.file_name() == MANIFEST_FILE || std::fs::hard_link(&from, &to).is_err() {
            std::fs::copy(&from, &to).unwrap();
        }
    }
    out
}

fn demo(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo/words").join(file)
}

/// Sum of squares of `a - b` over that of `b`, and the cosine between them.
fn compare(a: &[f32], b: &[f32]) -> (f32, f32) {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let apart: Vec<f32> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    (dot(&apart, &apart) / dot(b, b), dot(a, b) / (dot(a, a) * dot(b, b)).sqrt())
}

#[test]
fn the_default_pack_has_the_committed_words_and_its_model_gives_such_means() {
    let scratch = tempfile::tempdir().unwrap();
    let listed = std::fs::read_to_string(demo("vocabulary.txt")).unwrap();
    let entry = FolderManifest::read(&default_pack()).unwrap().manifest.words.expect("the default pack has no words");
    assert_eq!(entry.words, listed.lines().count());
    assert!(entry.words > 13_000 && entry.corpus_tokens > 60_000, "{entry:?}");
    let pieces = std::fs::read_to_string(demo("pieces.txt")).unwrap().lines().count();
    assert!(entry.has_lens() && entry.pieces == pieces && pieces > 5000, "{entry:?}");
    let committed = read_means(&demo("means.safetensors"), &default_pack()).unwrap();
    assert_eq!(committed.corpus_tokens, entry.corpus_tokens);

    // A part of the committed texts, spread over them: the same model comes near the committed means.
    let pack = linked_default_pack(scratch.path());
    let export = scratch.path().join("export");
    let (model, export_text) = (text(&pack), text(&export));
    let (vocabulary, corpus) = (text(&demo("vocabulary.txt")), text(&demo("corpus.jsonl")));
    let args = ["words", "--device", "cpu", "--model", &model, "--vocabulary", &vocabulary, "--corpus", &corpus];
    succeed(&[&args[..], &["--tokens", "1500", "--export", &export_text]].concat());
    let WordMeans { predictable, novel, residual, corpus_tokens } =
        read_means(&export.join("means.safetensors"), &pack).unwrap();
    assert!((1200..=1900).contains(&corpus_tokens), "{corpus_tokens}");
    let committed = [&committed.predictable, &committed.novel, &committed.residual];
    let found = [predictable, novel, residual];
    let near: Vec<[(f32, f32); 3]> =
        found.iter().map(|found| committed.map(|expected| compare(found, expected))).collect();
    // A fiftieth of the tokens: the predictable part differs most from text to text.
    for (part, (apart_most, cosine_least)) in [(0.4, 0.85), (0.12, 0.95), (0.01, 0.99)].into_iter().enumerate() {
        let (apart, cosine) = near[part][part];
        assert!(apart < apart_most && cosine > cosine_least, "part {part}: {near:?}");
        let others = (0..3).filter(|other| *other != part).map(|other| near[part][other].0);
        assert!(others.into_iter().all(|other| other > 2.0 * apart), "part {part} is nearer to another's: {near:?}");
    }
    // Words counted in the committed texts are of the committed list, which comes from a larger corpus, but for few.
    let counted = ["words", "--device", "cpu", "--model", &model, "--corpus", &corpus, "--min-count", "12"];
    let means = text(&demo("means.safetensors"));
    succeed(&[&counted[..], &["--means", &means, "--export", &export_text]].concat());
    let counted = std::fs::read_to_string(export.join("vocabulary.txt")).unwrap();
    let known: std::collections::HashSet<&str> = listed.lines().collect();
    let unknown: Vec<&str> = counted.lines().filter(|word| !known.contains(word)).collect();
    // Names that one passage says over and over.
    assert!(counted.lines().count() > 100 && 20 * unknown.len() < counted.lines().count(), "{unknown:?}");
}

/// The finding that the page is built on, on two of the texts: the predictable part names the event, the novel part does
/// not. demo/README.md has the figures of all.
#[test]
fn words_from_the_past_are_of_the_event() {
    let scratch = tempfile::tempdir().unwrap();
    let all: Vec<serde_json::Value> =
        serde_json::from_slice(&std::fs::read(fixture("words/topics.json")).unwrap()).unwrap();
    let texts = scratch.path().join("texts.json");
    std::fs::write(&texts, serde_json::to_vec(&all[..2]).unwrap()).unwrap();
    let pack = text(&default_pack());
    let table = succeed(&["topics", "--device", "cpu", "--model", &pack, "--texts", &text(&texts)]).stdout;
    let row = |name: &str| -> [f64; 2] {
        let line =
            table.lines().find(|line| line.starts_with(&format!("| {name} |"))).unwrap_or_else(|| panic!("{table}"));
        let cells: Vec<f64> =
            line.split('|').skip(2).map_while(|cell| cell.split_whitespace().next()?.parse().ok()).collect();
        [cells[0] / cells[2], cells[1] / cells[2]]
    };
    let ([own, other], [novel, _]) = (row("predictable part"), row("novel part"));
    assert!(own > 0.25 && other < 0.08 && novel < own / 3.0, "{table}");
    assert!(row("mean of the last 10 residuals before the token, no SAE")[0] > own, "{table}");
    // The lens is the better one for what comes next, the worse one for what a text is about.
    let lens = row("predictable part, through the fitted lens")[0];
    assert!(novel < lens && lens < own, "{table}");
    assert!(row("predictable part, without the final norm's gain")[0] > 0.25, "{table}");
    let of_events = table.split_once("words of each event").unwrap().1;
    let names = ["predictable part", "novel part", "residual stream"];
    let rows = names.iter().flat_map(|name| [format!("| {name} |"), format!("| {name}, through the fitted lens |")]);
    assert!(rows.clone().all(|row| of_events.contains(&row)), "{table}");
    assert_eq!(of_events.lines().filter(|line| line.ends_with(" |") && line.contains(" %) ")).count(), rows.count());
    let wrong = scratch.path().join("wrong.json");
    let event = |text: &str, topic: &[&str]| serde_json::json!({"text": text, "topic": topic});
    let events = |second| serde_json::json!([{"name": "one", "events": [event("The boat left.", &["boat"]), second]}]);
    for (json, said) in [
        (serde_json::json!([1]), "not a list of texts"),
        (events(event(" ", &["bread"])), "the second event of \"one\" has no text"),
        (events(event("She baked.", &[])), "the topic of the second event of \"one\" has no words"),
        (events(event("She baked.", &["qzxw"])), "none of the topic's words of the second event"),
    ] {
        std::fs::write(&wrong, json.to_string()).unwrap();
        let outcome = run(&["topics", "--device", "cpu", "--model", &pack, "--texts", &text(&wrong)]);
        assert!(outcome.code == 1 && outcome.sentence().contains(said), "{}", outcome.sentence());
    }
}

#[test]
fn an_account_tables_and_shuffled_orders_are_printed() {
    let scratch = tempfile::tempdir().unwrap();
    let pack = text(&default_pack());
    let story = "The crew hoisted the sails and the boat left the harbor on the tide. In the kitchen she kneaded the dough, \
                 buttered the tins, and slid the bread into the oven.";
    let analyze = ["analyze", "--device", "cpu", "--model", &pack, "--text", story];
    let account = succeed(&analyze).stdout;
    for part in ["Event 1, tokens 1 to ", "  about: ", "  expected: ", "The SAE explains ", "Of 1920 features, "] {
        assert!(account.contains(part), "{part:?} is not in\n{account}");
    }
    let words = succeed(&[&analyze[..], &["--words"]].concat()).stdout;
    let rows: Vec<Vec<&str>> = words.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(rows[0], ["position", "token", "from the past", "new here", "next", "surprise"]);
    assert!(rows.iter().all(|row| row.len() == 6), "{words}");
    let events = succeed(&[&analyze[..], &["--events"]].concat()).stdout;
    assert!(events.starts_with("event\tfirst\tlast\t") && events.lines().count() > 1, "{events}");
    let json = text(&scratch.path().join("out.json"));
    let printed = succeed(&[&analyze[..], &["--shuffled", "2", "--json", &json]].concat()).stdout;
    assert!(printed.contains("whole text, 2 orders") && printed.contains("number of events"), "{printed}");
    let document: serde_json::Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    assert_eq!(document["shuffled"]["orders"], 2);
    assert_eq!(document["shuffled"]["statistics"].as_array().unwrap().len(), 10);
    assert_eq!(document["shuffled"]["statistics"][0]["name"], "within_similarity");
    assert_eq!(document["words"]["predictable"].as_array().unwrap().len(), rows.len() - 1);
    // A seed makes the orders: the same again.
    assert_eq!(succeed(&[&analyze[..], &["--shuffled", "2"]].concat()).stdout, printed);
}

/// The names and lengths that other programs read, on the default pack.
#[test]
fn a_document_has_eight_words_a_token_and_twelve_an_event() {
    let scratch = tempfile::tempdir().unwrap();
    let (pack, json) = (text(&default_pack()), text(&scratch.path().join("out.json")));
    let analyzed = |content: &str| {
        succeed(&["analyze", "--device", "cpu", "--model", &pack, "--text", content, "--json", &json]);
        document(&json)
    };
    let lengths = |list: &serde_json::Value| -> Vec<usize> {
        list.as_array().unwrap().iter().map(|it| it.as_array().unwrap().len()).collect()
    };
    let it = analyzed(
        "The crew hoisted the sails and the boat left the harbor on the tide. In the kitchen she kneaded the dough, buttered \
         the tins, and slid the bread into the oven.",
    );
    let count = it["tokens"].as_array().unwrap().len();
    let [predictable, novel, next] = ["predictable", "novel", "next"].map(|name| lengths(&it["words"][name]));
    assert!([&predictable, &novel, &next].iter().all(|list| list.len() == count && list[0] == 0), "BOS has words");
    assert!(predictable[1] == 0 && predictable[9..].iter().all(|length| *length == 8), "{predictable:?}");
    assert!(novel[1..].iter().chain(&next[1..]).all(|length| *length == 8), "{novel:?} {next:?}");
    assert_eq!(lengths(&it["sources"]), (0..count).map(|position| position.min(5)).collect::<Vec<_>>());
    let surprise: Vec<bool> = it["surprise"].as_array().unwrap().iter().map(serde_json::Value::is_null).collect();
    assert_eq!(surprise, (0..count).map(|position| position < 2).collect::<Vec<_>>());
    let mut from = 1;
    for event in it["events"].as_array().unwrap() {
        assert_eq!(event["first"], from);
        from = event["last"].as_u64().unwrap() + 1;
        assert!(["words", "expected"].iter().all(|list| event[list].as_array().unwrap().len() == 12), "{event}");
        assert!(event["coherence"].as_f64().unwrap() > 0.0, "{event}");
    }
    assert_eq!(from as usize, count, "events cover every token but BOS");

    // What the start of any text foretells is expected in none; marks are about nothing.
    let short = analyzed("The cat.");
    assert_eq!(lengths(&short["words"]["predictable"])[..3], [0; 3]);
    assert_eq!(short["events"].as_array().unwrap().len(), 1);
    assert_eq!(short["events"][0]["expected"].as_array().map_or(0, Vec::len), 0, "{}", short["events"]);
    assert_eq!(analyzed("\n\n\n")["events"][0]["unclear"], true);
    // A word that is repeated is one event, about itself.
    for word in ["river", "seven"] {
        let it = analyzed(&[word; 120].join(" "));
        assert_eq!(it["events"].as_array().unwrap().len(), 1, "{}", it["events"]);
    }
}

/// The start token makes the same words expected in every text.
#[test]
fn a_text_of_one_word_has_nothing_expected_and_marks_stand_in_quotes() {
    let pack = text(&default_pack());
    let printed = |text: &str, more: &[&str]| {
        succeed(&[&["analyze", "--device", "cpu", "--model", &pack, "--text", text], more].concat()).stdout
    };
    let account = printed("hi", &[]);
    assert!(
        account.contains("  about:    ") && account.contains("  expected: nothing, since no word stands before it"),
        "{account}"
    );
    let events = printed("hi", &["--events"]);
    assert_eq!(events.lines().nth(1).unwrap().split('\t').nth(6), Some(""), "{events}");
    assert!(!printed("hi there", &[]).contains("nothing, since"));
    let table = printed("Well, hello there.", &["--words"]);
    let next: Vec<&str> = table.lines().skip(1).map(|line| line.split('\t').nth(4).unwrap()).collect();
    assert!(next.iter().any(|list| list.contains("“,” 0.")), "{table}");
    // A token that is a space.
    assert!(next.iter().any(|list| list.contains("“·” 0.")), "{table}");
    for word in next.iter().flat_map(|list| list.split(", ")).filter(|word| !word.is_empty()) {
        let (word, _) = word.rsplit_once(' ').unwrap_or_else(|| panic!("{word:?} has no probability: {table}"));
        assert!(word.chars().any(char::is_alphanumeric) || word.starts_with('“'), "{word:?}: {table}");
    }
}
