//! One item that cannot be computed ends no batch; where it can be known, it is known before anything is computed.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::path::{Path, PathBuf};

use common::{fixture, pack_args, run, small_pack, succeed, text};
use serde_json::{Value, json};

#[test]
fn the_other_texts_of_a_list_are_computed_and_the_index_names_the_failure() {
    let scratch = tempfile::tempdir().unwrap();
    let (model, list, out) =
        (text(&small_pack(scratch.path())), scratch.path().join("list.jsonl"), scratch.path().join("out"));
    let lines = [("a", "the tide is in".to_owned()), ("b", "a b ".repeat(20_000)), ("c", "the boat".to_owned())]
        .map(|(id, text)| json!({"id": id, "text": text}).to_string());
    std::fs::write(&list, lines.join("\n")).unwrap();
    let args = ["analyze", "--device", "cpu", "--model", &model, "--text-list", &text(&list), "--out", &text(&out)];
    // The same again: what is there is not computed twice, and what failed fails again.
    for _ in 0..2 {
        let outcome = run(&args);
        assert_eq!(outcome.code, 1, "{}", outcome.stderr);
        assert!(outcome.sentence().contains("1 of") && outcome.sentence().contains("\"b\""), "{}", outcome.stderr);
        let index: Value = serde_json::from_str(&std::fs::read_to_string(out.join("index.json")).unwrap()).unwrap();
        let ids: Vec<&str> = index["results"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap()).collect();
        assert_eq!(ids, ["a", "c"]);
        assert_eq!(index["failures"][0]["id"], "b");
        assert!(index["failures"][0]["problem"].as_str().unwrap().contains("tokens"), "{index}");
        let page = std::fs::read_to_string(out.join("index.html")).unwrap();
        assert!(page.contains("<h2>Not analyzed</h2>") && page.contains("<li>b <span>the text has"), "{page}");
        assert!(out.join("a.json").exists() && !out.join("b.json").exists() && out.join("c.json").exists());
    }
}

/// A folder, a pipe, a link to a device and a user's own file in the places of documents.
#[cfg(unix)]
#[test]
fn a_document_that_cannot_be_written_leaves_the_others_written() {
    let scratch = tempfile::tempdir().unwrap();
    let model = text(&small_pack(scratch.path()));
    let (list, out) = (scratch.path().join("list.jsonl"), scratch.path().join("out"));
    let ids = ["folder", "pipe", "device", "mine", "plain"];
    let lines: Vec<String> = ids.iter().map(|id| json!({"id": id, "text": "the tide"}).to_string()).collect();
    std::fs::write(&list, lines.join("\n")).unwrap();
    std::fs::create_dir_all(out.join("folder.json")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(out.join("pipe.json")).status().unwrap().success());
    std::os::unix::fs::symlink("/dev/null", out.join("device.json")).unwrap();
    std::fs::write(out.join("mine.json"), "my notes").unwrap();
    let args = ["analyze", "--device", "cpu", "--model", &model, "--text-list", &text(&list), "--out", &text(&out)];
    let outcome = run(&args);
    assert_eq!(outcome.code, 1, "{}", outcome.stderr);
    assert!(outcome.sentence().contains("3 of 5 texts"), "{}", outcome.stderr);
    for said in ["folder.json: it is a folder", "pipe.json: it is a device or a pipe", "mine.json is not a result"] {
        assert!(outcome.stderr.contains(said), "{said}: {}", outcome.stderr);
    }
    let index: Value = serde_json::from_str(&std::fs::read_to_string(out.join("index.json")).unwrap()).unwrap();
    let named = |list: &str| -> Vec<String> {
        index[list].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(named("results"), ["device", "plain"]);
    assert_eq!(named("failures"), ["folder", "pipe", "mine"]);
    assert!(out.join("device.json").symlink_metadata().unwrap().is_file(), "the link is replaced");
    assert_eq!(std::fs::read_to_string(out.join("mine.json")).unwrap(), "my notes");
}

/// A pack whose tokenizer has a token that its embedding of 96 rows lacks, as Gemma 3's own has one for images.
fn pack_with_a_token_past_its_embedding(scratch: &Path) -> PathBuf {
    let mut tokenizer: Value =
        serde_json::from_str(&std::fs::read_to_string(fixture("tokenizer/tiny.json")).unwrap()).unwrap();
    let vocab = tokenizer["model"]["vocab"].as_object_mut().unwrap();
    for id in vocab.len()..96 {
        vocab.insert(format!("piece{id}"), id.into());
    }
    let mut added = tokenizer["added_tokens"][0].clone();
    added["id"] = 96.into();
    added["content"] = "<image>".into();
    tokenizer["added_tokens"].as_array_mut().unwrap().push(added);
    let path = scratch.join("tokenizer.json");
    std::fs::write(&path, tokenizer.to_string()).unwrap();
    let out = scratch.join("pack");
    succeed(&pack_args("gemma/gemma2-softcap", "sae/topk-tied", &text(&path), 2, "f32", &out));
    out
}

#[test]
fn a_token_past_the_embedding_is_found_before_anything_is_computed() {
    let scratch = tempfile::tempdir().unwrap();
    let pack = pack_with_a_token_past_its_embedding(scratch.path());
    let corpus = scratch.path().join("corpus.jsonl");
    let line = |text: &str| json!({"text": text}).to_string();
    let mut lines = vec![line(&"the tide is in and the boat is out ".repeat(3)); 40];
    lines[29] = line("a picture <image> of it");
    std::fs::write(&corpus, lines.join("\n")).unwrap();
    let (model, corpus) = (text(&pack), text(&corpus));
    let out = |name: &str| text(&scratch.path().join(name));
    let train = "--tokens 600 --batch-tokens 50 --context 24 --k 4 --width-factor 1 --heads 2 --bottleneck 2";
    let train: Vec<&str> = train.split(' ').collect();
    for (command, out, more) in [
        ("dashboards", out("dashboards"), Vec::new()),
        ("tokenize", out("ids.safetensors"), Vec::new()),
        ("train", out("sae"), train),
    ] {
        let args = [command, "--device", "cpu", "--model", &model, "--corpus", &corpus, "--out", &out];
        let outcome = run(&[&args[..], &more].concat());
        assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""), "{command}: {}", outcome.stderr);
        for part in ["corpus.jsonl", "line 30", "<image>", "token 96"] {
            assert!(outcome.sentence().contains(part), "{command}: {part:?} is not in {}", outcome.sentence());
        }
        assert!(!outcome.stderr.contains("codes of"), "{command} computed before: {}", outcome.stderr);
    }
    let outcome = run(&["analyze", "--device", "cpu", "--model", &model, "--text", "an <image>"]);
    assert!(outcome.code == 1 && outcome.sentence().contains("<image>, token 96"), "{}", outcome.stderr);
}
