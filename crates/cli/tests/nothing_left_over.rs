//! Stopped and killed commands leave nothing for good, two of them do not write into one place, and what a file says is
//! printed as plain text.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{command, fixture, pack_args, run, small_pack, succeed, text};
use serde_json::json;

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// A `pack` of random weights that takes long, once it writes its folder.
fn packing(out: &Path) -> Child {
    let tokenizer = text(&fixture("tokenizer/tiny.json"));
    let args =
        ["pack", "--synthetic", "gemma-2-2b", "--tokenizer", &tokenizer, "--precision", "q4", "--out", &text(out)];
    let child = command().args(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let (parent, own) = (out.parent().unwrap(), format!(".pack.partial-{}", child.id()));
    let deadline = Instant::now() + Duration::from_secs(60);
    while !names(parent).contains(&own) {
        assert!(Instant::now() < deadline, "it never began");
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}

#[cfg(unix)]
fn signal(child: &Child, signal: &str) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
}

#[cfg(unix)]
#[test]
fn a_stopped_pack_removes_its_folder_and_a_killed_ones_goes_with_the_next_run() {
    let scratch = tempfile::tempdir().unwrap();
    let out = scratch.path().join("pack");
    for (stop, status) in [("-INT", 130), ("-TERM", 143)] {
        let mut child = packing(&out);
        signal(&child, stop);
        assert_eq!(child.wait().unwrap().code(), Some(status));
        assert_eq!(names(scratch.path()), [""; 0], "{stop}");
    }
    let mut killed = packing(&out);
    signal(&killed, "-KILL");
    killed.wait().unwrap();
    assert_eq!(names(scratch.path()), [format!(".pack.partial-{}", killed.id())]);
    // A run that is under way keeps its folder.
    let mut running = packing(&out);
    let kept = format!(".pack.partial-{}", running.id());
    std::fs::create_dir(scratch.path().join(".pack.old-17")).unwrap();
    std::fs::create_dir(scratch.path().join(".pack.partial-of-mine")).unwrap();
    succeed(&pack_args("gemma/gemma2-softcap", "sae/topk-tied", "tokenizer/tiny.json", 2, "f32", &out));
    let left = names(scratch.path());
    assert!(left.contains(&kept) && left.contains(&"pack".to_owned()), "{left:?}");
    assert!(left.contains(&".pack.partial-of-mine".to_owned()) && left.len() == 3, "{left:?}");
    signal(&running, "-TERM");
    running.wait().unwrap();
    assert_eq!(names(scratch.path()), [".pack.partial-of-mine", "pack"]);
}

#[cfg(unix)]
#[test]
fn a_pack_that_a_killed_run_had_put_aside_is_put_back() {
    let scratch = tempfile::tempdir().unwrap();
    let pack = small_pack(scratch.path());
    std::fs::rename(&pack, scratch.path().join(".pack.old-17")).unwrap();
    // A run that is stopped before it has anything to put in the place.
    let mut child = packing(&pack);
    signal(&child, "-TERM");
    child.wait().unwrap();
    assert_eq!(names(scratch.path()), ["pack"]);
    let args = ["analyze", "--device", "cpu", "--model", &text(&pack), "--text", "the tide is in"];
    succeed(&args);
}

#[test]
fn two_runs_do_not_train_into_one_folder() {
    let scratch = tempfile::tempdir().unwrap();
    let model = text(&small_pack(scratch.path()));
    let (corpus, out) = (scratch.path().join("corpus.txt"), scratch.path().join("sae"));
    std::fs::write(&corpus, "the tide is in and the boat is out ".repeat(40)).unwrap();
    std::fs::create_dir(&out).unwrap();
    let held = std::fs::File::open(&out).unwrap();
    held.lock().unwrap();
    let (corpus, out) = (text(&corpus), text(&out));
    let args =
        "--device cpu --tokens 200 --batch-tokens 50 --context 24 --k 4 --width-factor 1 --heads 2 --bottleneck 2";
    let mut args: Vec<&str> = args.split(' ').collect();
    args.splice(0..0, ["train", "--model", &model, "--corpus", &corpus, "--out", &out]);
    let outcome = run(&args);
    assert_eq!(outcome.code, 1, "{}", outcome.stderr);
    assert!(outcome.sentence().contains("another run is training into"), "{}", outcome.stderr);
    drop(held);
    succeed(&args);
}

#[test]
fn what_a_file_holds_is_printed_as_plain_text() {
    let scratch = tempfile::tempdir().unwrap();
    let list = scratch.path().join("list.jsonl");
    let id = format!("\u{1b}[2J\u{202e}{}", "x".repeat(500_000));
    std::fs::write(&list, json!({"id": id, "text": "a"}).to_string()).unwrap();
    let out = text(&scratch.path().join("out"));
    let outcome = run(&["analyze", "--model", "none", "--text-list", &text(&list), "--out", &out]);
    assert_eq!(outcome.code, 1);
    assert!(outcome.stderr.len() < 5000, "{} bytes", outcome.stderr.len());
    assert!(!outcome.stderr.contains(['\u{1b}', '\u{202e}']) && outcome.sentence().contains("becomes a file's name"));
}

/// Names of models, kinds and files: in results, in progress and in warnings.
#[test]
fn a_name_out_of_a_file_is_printed_as_plain_text_and_short() {
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| scratch.path().join(name);
    let evil = format!("evil\u{1b}]0;pwned\u{7}\u{1b}[2J\u{202e}{}", "y".repeat(50_000));
    std::fs::create_dir(at("m")).unwrap();
    for entry in std::fs::read_dir(fixture("gemma/gemma2-softcap")).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), at("m").join(entry.file_name())).unwrap();
    }
    std::fs::copy(fixture("tokenizer/tiny.json"), at("m/tokenizer.json")).unwrap();
    let config = at("m/config.json");
    let mut json: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&config).unwrap()).unwrap();
    json["_name_or_path"] = evil.clone().into();
    std::fs::write(&config, json.to_string()).unwrap();
    let line = json!({"text": "the tide is in and the boat is out and the sand is wet", "kind": evil}).to_string();
    let corpus = at(if cfg!(unix) { "c\u{1b}[31m.jsonl" } else { "c.jsonl" });
    std::fs::write(&corpus, format!("{line}\n").repeat(20)).unwrap();
    let (model, sae, pack, corpus) =
        (text(&at("m")), text(&fixture("sae/topk-tied")), text(&at("pack")), text(&corpus));
    let (ids, sae_of) = (text(&at("ids.safetensors")), format!("s={sae}"));
    for args in [
        &["pack", "--verbose", "--gemma", &model, "--sae", &sae, "--layer", "2", "--precision", "f32", "--out", &pack]
            [..],
        &["analyze", "--device", "cpu", "--model", &pack, "--text", "the tide"],
        &["tokenize", "--device", "cpu", "--model", &pack, "--corpus", &corpus, "--out", &ids],
        &["card", "--device", "cpu", "--model", &pack, "--sae", &sae_of, "--heldout", &corpus, "--context", "8"],
    ] {
        let outcome = succeed(args);
        for printed in [&outcome.stdout, &outcome.stderr] {
            let has_control = printed.contains(|c: char| c.is_control() && c != '\n' || c == '\u{202e}');
            let longest = printed.lines().map(|line| line.chars().count()).max().unwrap_or(0);
            assert!(!has_control && longest < 2100, "{args:?}: {longest} characters");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_link_in_a_results_place_is_replaced() {
    let scratch = tempfile::tempdir().unwrap();
    let model = text(&small_pack(scratch.path()));
    let (list, out, victim) =
        (scratch.path().join("list.jsonl"), scratch.path().join("out"), scratch.path().join("victim"));
    std::fs::write(&list, json!({"id": "a", "text": "the tide is in"}).to_string()).unwrap();
    std::fs::create_dir(&out).unwrap();
    let results = ["a.json", "index.html", "index.js", "index.json"];
    for name in results {
        std::fs::write(&victim, "mine").unwrap();
        std::os::unix::fs::symlink(&victim, out.join(name)).unwrap();
    }
    succeed(&["analyze", "--device", "cpu", "--model", &model, "--text-list", &text(&list), "--out", &text(&out)]);
    assert_eq!(std::fs::read_to_string(&victim).unwrap(), "mine");
    assert!(results.iter().all(|name| out.join(name).symlink_metadata().unwrap().is_file()));
    let mut names: Vec<_> = std::fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, results, "nothing else is left");
}

#[test]
fn every_byte_of_an_embedding_shard_counts() {
    let scratch = tempfile::tempdir().unwrap();
    let pack = small_pack(scratch.path());
    let shard: PathBuf = pack.join("embedding-0000.safetensors");
    let whole = std::fs::read(&shard).unwrap();
    let args = ["analyze", "--device", "cpu", "--model", &text(&pack), "--text", "the tide is in", "--notebook"];
    let expected = succeed(&args).stdout;
    for at in (0..whole.len()).step_by(whole.len() / 40) {
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (at % 8);
        std::fs::write(&shard, &flipped).unwrap();
        let outcome = run(&args);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""), "byte {at}");
        let says = outcome.sentence();
        assert!(says.contains("embedding-0000.safetensors") && says.contains("checksum differs"), "{says}");
    }
    std::fs::write(&shard, &whole[..whole.len() - 1]).unwrap();
    assert!(run(&args).sentence().contains("cut short"));
    std::fs::write(&shard, &whole).unwrap();
    assert_eq!(succeed(&args).stdout, expected);
}

#[test]
fn a_corpus_of_as_many_kinds_as_passages_is_read_quickly() {
    let scratch = tempfile::tempdir().unwrap();
    let model = text(&small_pack(scratch.path()));
    let corpus = scratch.path().join("corpus.jsonl");
    let lines: Vec<String> =
        (0..200_000).map(|i| json!({"text": "the tide", "kind": format!("kind {i}")}).to_string()).collect();
    std::fs::write(&corpus, lines.join("\n")).unwrap();
    let started = Instant::now();
    let out = text(&scratch.path().join("ids.safetensors"));
    succeed(&["tokenize", "--device", "cpu", "--model", &model, "--corpus", &text(&corpus), "--out", &out]);
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
}
