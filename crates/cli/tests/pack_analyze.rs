//! `pack` and `analyze` as a person runs them, against PyTorch's results.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::{ALICE, fixture, pack_args, run, small_pack, succeed, text};
use safetensors::{Dtype, SafeTensors};
use serde_json::Value;

fn relative_rms(found: &[f32], expected: &[f32]) -> f64 {
    let square = |v: f64| v * v;
    let norm: f64 = expected.iter().map(|v| square(f64::from(*v))).sum();
    let difference: f64 = found.iter().zip(expected).map(|(a, b)| square(f64::from(*a) - f64::from(*b))).sum();
    if norm == 0.0 { difference } else { (difference / norm).sqrt() }
}

fn f32s(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
}

#[test]
fn the_dump_of_every_pair_equals_pytorch() {
    let pairs: Vec<Value> = serde_json::from_slice(&std::fs::read(fixture("pairs.json")).unwrap()).unwrap();
    assert!(pairs.len() >= 6);
    for pair in &pairs {
        let scratch = tempfile::tempdir().unwrap();
        let (out, dump) = (scratch.path().join("pack"), scratch.path().join("dump.safetensors"));
        let field = |name: &str| pair[name].as_str().unwrap();
        let layer = pair["layer"].as_u64().unwrap() as usize;
        succeed(&pack_args(field("gemma"), field("sae"), field("tokenizer"), layer, "f32", &out));
        // The text from a file, byte for byte; a text of no letters has only its token ids.
        let text_file = scratch.path().join("text.txt");
        std::fs::write(&text_file, field("text")).unwrap();
        let mut args = vec!["analyze".to_owned(), "--model".to_owned(), text(&out)];
        args.extend(["--device", "cpu", "--dump"].map(str::to_owned));
        args.push(text(&dump));
        if field("text").is_empty() {
            let ids: Vec<String> = pair["token_ids"].as_array().unwrap().iter().map(Value::to_string).collect();
            args.extend(["--token-ids".to_owned(), ids.join(",")]);
        } else {
            args.extend(["--text-file".to_owned(), text(&text_file)]);
        }
        if let Some(k) = pair["inf_k"].as_u64() {
            args.extend(["--inf-k".to_owned(), k.to_string()]);
        }
        succeed(&args);

        let (found, expected) = (std::fs::read(&dump).unwrap(), std::fs::read(fixture(field("expected"))).unwrap());
        let found = SafeTensors::deserialize(&found).unwrap();
        let expected = SafeTensors::deserialize(&expected).unwrap();
        let names = |file: &SafeTensors<'_>| {
            let mut names: Vec<String> = file.names().into_iter().map(ToString::to_string).collect();
            names.sort();
            names
        };
        assert_eq!(names(&found), names(&expected));
        for name in names(&expected) {
            let (found, expected) = (found.tensor(&name).unwrap(), expected.tensor(&name).unwrap());
            let what = format!("{name} of {}", field("name"));
            assert_eq!((found.dtype(), found.shape()), (expected.dtype(), expected.shape()), "{what}");
            if expected.dtype() == Dtype::I64 {
                assert_eq!(found.data(), expected.data(), "{what}");
                continue;
            }
            let tolerance = if name == "residual" { 1e-4 } else { 1e-3 };
            let error = relative_rms(&f32s(found.data()), &f32s(expected.data()));
            assert!(error <= tolerance, "{what}: relative RMS {error:.1e}");
        }
    }
}

#[test]
fn notebook_prints_what_the_notebook_prints_and_progress_goes_to_stderr() {
    let scratch = tempfile::tempdir().unwrap();
    let pack = small_pack(scratch.path());
    let json = scratch.path().join("out.json");
    let outcome = succeed(&[
        "analyze",
        "--notebook",
        "--model",
        &text(&pack),
        "--text",
        ALICE,
        "--device",
        "cpu",
        "--json",
        &text(&json),
    ]);
    let analysis: Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    for line in [
        "Input shape: [1, 57]".to_owned(),
        "Activations shape: [1, 57, 48]".to_owned(),
        "Novel codes shape: [1, 57, 96]".to_owned(),
        format!("Variance explained: {:.4}", analysis["variance_explained"].as_f64().unwrap()),
        format!("Mean similarity: {:.4}", analysis["similarity_stats"]["mean"].as_f64().unwrap()),
        "Max similarity: 1.0000".to_owned(),
    ] {
        assert!(outcome.stdout.lines().any(|l| l == line), "{line} is not in\n{}", outcome.stdout);
    }
    assert!(outcome.stdout.contains("L0 (novel): [12, 12,"));
    assert!(outcome.stderr.contains("device: CPU") && !outcome.stdout.contains("device"));
    assert_eq!(analysis["text"], ALICE);
    assert_eq!(analysis["model"]["layer"], 2);
    assert!(analysis["grams"].is_object());

    succeed(&[
        "analyze",
        "--model",
        &text(&pack),
        "--text",
        "a",
        "--device",
        "cpu",
        "--json",
        &text(&json),
        "--no-grams",
    ]);
    let analysis: Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    assert!(analysis.get("grams").is_none());
}

#[test]
fn a_text_that_looks_like_a_flag_is_a_text() {
    let scratch = tempfile::tempdir().unwrap();
    let pack = small_pack(scratch.path());
    succeed(&["analyze", "--model", &text(&pack), "--text", "--no", "--device", "cpu"]);
}

#[test]
fn the_tokenizer_defaults_to_the_one_beside_the_weights_and_terms_travel_along() {
    let scratch = tempfile::tempdir().unwrap();
    let gemma = scratch.path().join("gemma");
    std::fs::create_dir(&gemma).unwrap();
    for entry in std::fs::read_dir(fixture("gemma/gemma2-softcap")).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), gemma.join(entry.file_name())).unwrap();
    }
    let out = scratch.path().join("pack");
    let sae = text(&fixture("sae/topk-tied"));
    let args =
        ["pack", "--gemma", &text(&gemma), "--sae", &sae, "--layer", "2", "--precision", "q8", "--out", &text(&out)];
    let outcome = run(&args);
    assert_eq!(outcome.code, 1);
    assert!(outcome.sentence().contains("tokenizer.json") && outcome.sentence().contains("--tokenizer"));
    std::fs::copy(fixture("tokenizer/tiny.json"), gemma.join("tokenizer.json")).unwrap();
    std::fs::write(gemma.join("GEMMA_TERMS.txt"), "terms").unwrap();
    std::fs::write(gemma.join("NOTICE"), "notice").unwrap();
    succeed(&args);
    let manifest: Value = serde_json::from_slice(&std::fs::read(out.join("manifest.json")).unwrap()).unwrap();
    let licenses = manifest["licences"].as_array().unwrap();
    assert_eq!(licenses[0]["name"], "Gemma Terms of Use (https://ai.google.dev/gemma/terms)");
    assert_eq!(std::fs::read_to_string(out.join(licenses[0]["file"].as_str().unwrap())).unwrap(), "terms");
    assert_eq!(std::fs::read_to_string(out.join("NOTICE")).unwrap(), "notice");
    // A pack is replaced, its licenses included.
    succeed(&args);
}

#[test]
fn the_released_saes_pack_knows_its_pages() {
    // Only numbers tell: the fixture is none of it.
    let scratch = tempfile::tempdir().unwrap();
    let pack = small_pack(scratch.path());
    let manifest: Value = serde_json::from_slice(&std::fs::read(pack.join("manifest.json")).unwrap()).unwrap();
    assert!(manifest.get("neuronpedia").is_none());
    assert_eq!(manifest["licences"][0]["covers"], "Gemma weights and tokenizer");
}

#[test]
fn every_precision_packs_and_runs() {
    let scratch = tempfile::tempdir().unwrap();
    for precision in ["f32", "f16", "q8", "q4"] {
        let out = scratch.path().join(precision);
        let tokenizer = "tokenizer/tiny.json";
        succeed(&pack_args("gemma/gemma3-sharded", "sae/relu-untied-2-layers", tokenizer, 6, precision, &out));
        succeed(&["analyze", "--model", &text(&out), "--text", "the tide is in", "--device", "cpu"]);
    }
}
