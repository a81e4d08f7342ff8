//! `fidelity`: a table of what precisions do to the answer.
#![allow(clippy::unwrap_used)]

use std::path::PathBuf;

mod common;

use common::{pack_args, run, small_pack, succeed, text};

#[test]
fn coarser_precisions_are_further_from_f32() {
    let scratch = tempfile::tempdir().unwrap();
    let pack = small_pack(scratch.path());
    let texts = scratch.path().join("texts.jsonl");
    std::fs::write(&texts, "{\"text\": \"the tide is in\", \"source\": \"ours\"}\n\n{\"text\": \"a lane, an inn\"}\n")
        .unwrap();
    let outcome = succeed(&[
        "fidelity",
        "--device",
        "cpu",
        "--reference",
        &text(&pack),
        "--mix",
        "f32",
        "--mix",
        "q8",
        "--mix",
        "q8,mlp=q4",
        "--texts",
        &text(&texts),
    ]);
    let rows: Vec<Vec<&str>> =
        outcome.stdout.lines().skip(2).map(|row| row.split('|').map(str::trim).collect()).collect();
    let figure = |row: usize, column: usize| rows[row][column].parse::<f64>().unwrap();
    assert_eq!(rows.iter().map(|row| row[1]).collect::<Vec<_>>(), ["f32", "q8", "q8,mlp=q4"]);
    // Residual and similarity: nothing, something, more. Overlap of novel codes: all of f32's own.
    for column in [3, 4] {
        assert_eq!(figure(0, column), 0.0);
        assert!(figure(1, column) > 0.0 && figure(2, column) > figure(1, column), "{}", outcome.stdout);
    }
    assert_eq!(figure(0, 5), 1.0);
    assert!(figure(1, 2) < figure(0, 2), "megabytes: {}", outcome.stdout);
}

#[test]
fn a_text_that_cannot_be_measured_is_named_by_file_and_line() {
    let scratch = tempfile::tempdir().unwrap();
    let (pack, texts) = (text(&small_pack(scratch.path())), scratch.path().join("texts.jsonl"));
    let long = format!("{{\"text\": \"{}\"}}", "a ".repeat(9000));
    for (line, says) in [
        ("{\"text\": \"\"}", "the text is empty"),
        (&long, "tokens"),
        ("[{\"text\": \"a\"}]", "is a JSON list"),
        ("{\n\"text\": \"a\"\n}", "goes on in the next line"),
    ] {
        std::fs::write(&texts, format!("{{\"text\": \"the tide is in\"}}\n\n{line}\n")).unwrap();
        let args = ["fidelity", "--device", "cpu", "--reference", &pack, "--mix", "q8", "--texts", &text(&texts)];
        let outcome = run(&args);
        let sentence = outcome.sentence();
        assert_eq!(outcome.code, 1, "{}", outcome.stderr);
        assert!(sentence.contains("texts.jsonl, line 3: ") && sentence.contains(says), "{says}: {sentence}");
    }
}

#[test]
fn only_an_f32_pack_is_a_reference() {
    let scratch = tempfile::tempdir().unwrap();
    let coarse = scratch.path().join("q8");
    succeed(&pack_args("gemma/gemma2-softcap", "sae/topk-tied", "tokenizer/tiny.json", 2, "q8", &coarse));
    let texts = scratch.path().join("texts.jsonl");
    std::fs::write(&texts, "{\"text\": \"the tide\"}\n").unwrap();
    let arguments = |mix: &str| {
        ["fidelity", "--reference", &text(&coarse), "--mix", mix, "--texts", &text(&texts)].map(str::to_owned)
    };
    let outcome = run(&arguments("q4"));
    assert_eq!(outcome.code, 1);
    assert!(outcome.sentence().contains("must be packed with --precision f32"), "{}", outcome.sentence());
    let outcome = run(&arguments("q8,wheels=q4"));
    assert_eq!(outcome.code, 2);
    assert!(outcome.stderr.contains("is not a kind of tensor"), "{}", outcome.stderr);
}

/// The rows of README's table that have names, q8 and `mix`, computed again: another SAE or another way to round makes it stale.
#[test]
fn the_table_of_precisions_is_of_the_shipped_sae() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let model = std::env::var_os("TEMPORAL_LENS_MODEL_DIR");
    let model = PathBuf::from(model.expect("TEMPORAL_LENS_MODEL_DIR is not set: run `cargo xtask test`"));
    let scratch = tempfile::tempdir().unwrap();
    let pack = text(&scratch.path().join("f32"));
    let (gemma, sae) = (text(&model.join("gemma-3-270m-q4_k_m.gguf")), text(&root.join("demo/sae")));
    succeed(&["pack", "--gemma", &gemma, "--sae", &sae, "--layer", "12", "--precision", "f32", "--out", &pack]);
    let texts = text(&root.join("tests/fixtures/heldout.jsonl"));
    let found = succeed(&[
        "fidelity",
        "--device",
        "cpu",
        "--reference",
        &pack,
        "--mix",
        "q8",
        "--mix",
        "mix",
        "--texts",
        &texts,
    ]);
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let cells = |line: &str| -> Vec<String> { line.split('|').map(|cell| cell.trim().replace("**", "")).collect() };
    // By how much rounding to the printed digits, and another processor's order of sums, may move a column.
    let tolerances = [0.1, 0.0002, 0.0002, 0.002, 0.0002];
    for row in found.stdout.lines().filter(|line| line.starts_with("| q8")) {
        let row = cells(row);
        let stated =
            readme.lines().map(cells).find(|it| it.get(1).is_some_and(|name| name.split(' ').next() == Some(&row[1])));
        let stated = stated.unwrap_or_else(|| panic!("README has no row of {}", row[1]));
        for ((found, stated), tolerance) in row[2..].iter().zip(&stated[2..]).zip(tolerances) {
            let difference = found.parse::<f64>().unwrap() - stated.parse::<f64>().unwrap();
            assert!(difference.abs() <= tolerance, "{}: README says {stated}, and it is {found}", row[1]);
        }
    }
}
