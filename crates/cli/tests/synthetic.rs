//! Synthetic packs: true shapes and random weights, through packer, loader and networks.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::Path;

use common::{ALICE, fixture, run, succeed, text};
use serde_json::Value;

fn pack(out: &Path, precision: &str) -> Value {
    succeed(&[
        "pack",
        "--synthetic",
        "tiny",
        "--tokenizer",
        &text(&fixture("tokenizer/tiny.json")),
        "--precision",
        precision,
        "--out",
        &text(out),
    ]);
    serde_json::from_slice(&std::fs::read(out.join("manifest.json")).unwrap()).unwrap()
}

fn analysis(pack: &Path, scratch: &Path) -> Value {
    let json = scratch.join("analysis.json");
    succeed(&["analyze", "--model", &text(pack), "--text", ALICE, "--device", "cpu", "--json", &text(&json)]);
    serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap()
}

#[test]
fn a_synthetic_pack_runs_says_what_it_is_and_comes_out_the_same_again() {
    let scratch = tempfile::tempdir().unwrap();
    let (first, second) = (scratch.path().join("first"), scratch.path().join("second"));
    let manifest = pack(&first, "q8");
    assert_eq!(pack(&second, "q8"), manifest);
    for name in ["model_name", "sae_name"] {
        let name = manifest[name].as_str().unwrap();
        assert!(name.contains("synthetic") && name.contains("random weights"), "{name}");
    }
    assert!(manifest.get("neuronpedia").is_none());
    assert_eq!(manifest["tensors"]["model.layers.2.mlp.down_proj.weight"]["shape"], serde_json::json!([64, 160]));
    assert_eq!(manifest["tensors"]["sae.D"]["shape"], serde_json::json!([192, 64]));
    assert_eq!(manifest["embedding"]["shape"], serde_json::json!([512, 64]));

    let analysis = analysis(&first, scratch.path());
    assert!(analysis["model"]["name"].as_str().unwrap().contains("random weights"));
    // Finite, and no token is like all others: JSON has no NaN, and null is not a number.
    let similarity: Vec<f64> = analysis["similarity"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|row| row.as_array().unwrap())
        .map(|v| v.as_f64().unwrap())
        .collect();
    assert!(similarity.iter().all(|v| v.abs() <= 1.0 + 1e-5));
    assert!(similarity.iter().any(|v| v.abs() < 0.9) && analysis["variance_explained"].as_f64().is_some());
    let of_every_token =
        |field: &str| -> Vec<u64> { analysis[field].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect() };
    assert!(of_every_token("l0_novel").iter().all(|n| *n == 16));
    // Token 0 has no past; what the others' past predicts is neither nothing nor everything.
    let predictable = of_every_token("l0_pred");
    assert!(predictable[1..].iter().all(|n| (1..192).contains(n)), "{predictable:?}");
}

#[test]
fn a_mix_stores_each_kind_as_asked_and_answers_between_its_precisions() {
    let scratch = tempfile::tempdir().unwrap();
    let similarity = |precision: &str| -> Vec<f64> {
        let out = scratch.path().join(precision);
        pack(&out, precision);
        analysis(&out, scratch.path())["similarity"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|row| row.as_array().unwrap())
            .map(|v| v.as_f64().unwrap())
            .collect()
    };
    let reference = similarity("f32");
    let error = |found: &[f64]| reference.iter().zip(found).map(|(a, b)| (a - b).abs()).sum::<f64>();
    let [q8, mix, q4] = ["q8", "mix", "q4"].map(|precision| error(&similarity(precision)));
    assert!(0.0 < q8 && q8 < mix && mix < q4, "{q8} {mix} {q4}");
    let manifest: Value =
        serde_json::from_slice(&std::fs::read(scratch.path().join("mix/manifest.json")).unwrap()).unwrap();
    assert_eq!(manifest["precision"], "q8,sae-attention=q4");
    let precision = |tensor: &str| manifest["tensors"][tensor]["precision"].as_str().unwrap().to_owned();
    assert_eq!(precision("sae.attn_layers.0.v_ctx.weight"), "q4");
    assert_eq!(precision("sae.attn_layers.0.v_ctx.bias"), "f32");
    assert_eq!(precision("sae.D"), "q8");
    assert_eq!(precision("model.layers.0.mlp.up_proj.weight"), "q8");
    assert_eq!(manifest["embedding"]["precision"], "q8");
}

#[test]
fn flags_that_contradict_each_other_are_refused() {
    let scratch = tempfile::tempdir().unwrap();
    let out = text(&scratch.path().join("pack"));
    let wrong = |more: &[&str]| {
        let mut args = vec!["pack", "--precision", "q4", "--out", &out];
        args.extend(more);
        let outcome = run(&args);
        assert_eq!(outcome.code, 2, "{}", outcome.stderr);
        outcome.stderr
    };
    assert!(wrong(&["--synthetic", "tiny"]).contains("--tokenizer"));
    assert!(wrong(&["--synthetic", "tiny", "--tokenizer", "t.json", "--layer", "1"]).contains("--layer"));
    assert!(wrong(&["--synthetic", "gpt", "--tokenizer", "t.json"]).contains("gemma-2-2b"));
    assert!(wrong(&["--gemma", "g.gguf", "--layer", "1"]).contains("--sae"));
}
