//! What cannot be printed: a pipe that its reader has closed, and a full disk.
#![cfg(target_os = "linux")]
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

use common::{ALICE, command, fixture, pack_args, small_pack, text};

/// The end of a pipe whose reader has closed it.
fn closed() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

fn full() -> Stdio {
    File::options().write(true).open("/dev/full").unwrap().into()
}

/// A command for each way of printing, and a file that it leaves.
fn commands(scratch: &Path) -> Vec<(Command, Option<&'static str>)> {
    let pack = text(&small_pack(scratch));
    let (corpus, sae) = (text(&fixture("train/texts.jsonl")), text(&fixture("sae/topk-tied")));
    let list = text(&scratch.join("list.jsonl"));
    std::fs::write(&list, "{\"id\": \"a\", \"text\": \"the tide\"}\n").unwrap();
    let run = |args: &[&str]| {
        let mut command = command();
        command.current_dir(scratch).args(args);
        command
    };
    let cpu = |args: &[&str]| {
        let mut command = run(args);
        command.args(["--device", "cpu", "--model", &pack]);
        command
    };
    let mut packing = command();
    packing.current_dir(scratch).args(pack_args(
        "gemma/gemma2-softcap",
        "sae/topk-tied",
        "tokenizer/tiny.json",
        2,
        "f32",
        &scratch.join("made"),
    ));
    let small =
        ["--tokens", "600", "--context", "32", "--width-factor", "2", "--heads", "2", "--bottleneck", "1", "--k", "4"];
    vec![
        (packing, Some("made/manifest.json")),
        (cpu(&["tokenize", "--corpus", &corpus, "--out", "ids.safetensors"]), Some("ids.safetensors")),
        (cpu(&["analyze", "--text", ALICE, "--json", "a.json"]), Some("a.json")),
        (cpu(&["analyze", "--text-list", &list, "--out", "list"]), Some("list/index.html")),
        (cpu(&["compare", "--first", "a", "--second", "b", "--json", "c.json"]), Some("c.json")),
        (cpu(&["dashboards", "--corpus", &corpus, "--tokens", "300", "--out", "boards"]), Some("boards/index.json")),
        (
            cpu(&[
                "card",
                "--sae",
                &sae,
                "--heldout",
                &corpus,
                "--tokens",
                "300",
                "--context",
                "32",
                "--out",
                "card.md",
            ]),
            Some("card.md"),
        ),
        (
            cpu(&[&["train", "--corpus", &corpus, "--batch-tokens", "64", "--out", "sae"][..], &small].concat()),
            Some("sae/conf.yaml"),
        ),
        (run(&["fidelity", "--device", "cpu", "--reference", &pack, "--mix", "q8", "--texts", &list]), None),
        (run(&["verify", "--device", "cpu", "--model", "nowhere"]), None),
    ]
}

/// What a command left, before it runs again.
fn clear(scratch: &Path, left: Option<&str>) {
    let Some(left) = left else { return };
    assert!(scratch.join(left).is_file(), "{left} is not there");
    match left.split_once('/') {
        Some((folder, _)) => std::fs::remove_dir_all(scratch.join(folder)).unwrap(),
        None => std::fs::remove_file(scratch.join(left)).unwrap(),
    }
}

#[test]
fn what_cannot_be_printed_ends_no_run() {
    let scratch = tempfile::tempdir().unwrap();
    for (mut command, left) in commands(scratch.path()) {
        let name = format!("{command:?}");
        let is_wrong = name.contains("nowhere");
        // The reader has closed the pipe: a quiet end, with all that was to be written.
        let output = command.stdout(closed()).stderr(Stdio::piped()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(i32::from(is_wrong)), "{name}: {said}");
        assert!(!said.contains("panicked") && (is_wrong || !said.contains("temporal-lens: ")), "{name}: {said}");
        clear(scratch.path(), left);
        // A full disk behind stdout: a sentence, and all that was to be written.
        let output = command.stdout(full()).stderr(Stdio::piped()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{name}: {said}");
        assert!(is_wrong || said.contains("cannot write to standard output: No space left"), "{name}: {said}");
        clear(scratch.path(), left);
        // What is said about the run is lost.
        for stderr in [closed(), full()] {
            let status = command.stdout(Stdio::null()).stderr(stderr).status().unwrap();
            assert_eq!(status.code(), Some(i32::from(is_wrong)), "{name}");
            clear(scratch.path(), left);
        }
        let both = command.stdout(closed()).stderr(closed()).status().unwrap();
        assert_eq!(both.code(), Some(i32::from(is_wrong)), "{name}");
        clear(scratch.path(), left);
    }
}
