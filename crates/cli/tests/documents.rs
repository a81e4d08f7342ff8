//! The analysis document against docs/analysis.schema.json, and `verify` against figures.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::path::Path;

use common::{ALICE, run, small_pack, succeed, text};
use lens_analysis::similarity::document_rows;
use serde_json::{Value, json};

/// The part of JSON Schema that the schema uses. Returns what is wrong, with its place.
fn violations(schema: &Value, root: &Value, value: &Value, at: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for (keyword, wanted) in schema.as_object().unwrap() {
        match keyword.as_str() {
            "$ref" => {
                let (file, place) = wanted.as_str().unwrap().split_once('#').unwrap_or((wanted.as_str().unwrap(), ""));
                let other = (!file.is_empty()).then(|| schema_of(file));
                let root = other.as_ref().unwrap_or(root);
                wrong.extend(violations(root.pointer(place).unwrap(), root, value, at));
            }
            "type" => {
                let types: Vec<&str> = match wanted {
                    Value::Array(all) => all.iter().map(|t| t.as_str().unwrap()).collect(),
                    one => vec![one.as_str().unwrap()],
                };
                let fits = |kind: &str| match kind {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "boolean" => value.is_boolean(),
                    "number" => value.is_number(),
                    "integer" => value.is_u64() || value.is_i64(),
                    "null" => value.is_null(),
                    other => panic!("type {other} is not known here"),
                };
                if !types.iter().any(|kind| fits(kind)) {
                    wrong.push(format!("{at} is no {wanted}"));
                }
            }
            "const" if value != wanted => wrong.push(format!("{at} is not {wanted}")),
            "enum" if !wanted.as_array().unwrap().contains(value) => wrong.push(format!("{at} is not one of {wanted}")),
            "minimum" if value.as_f64().is_some_and(|v| v < wanted.as_f64().unwrap()) => {
                wrong.push(format!("{at} is below {wanted}"));
            }
            "maximum" if value.as_f64().is_some_and(|v| v > wanted.as_f64().unwrap()) => {
                wrong.push(format!("{at} is above {wanted}"));
            }
            "required" if value.is_object() => {
                let missing =
                    wanted.as_array().unwrap().iter().filter(|name| value.get(name.as_str().unwrap()).is_none());
                wrong.extend(missing.map(|name| format!("{at} has no {name}")));
            }
            "properties" => {
                for (name, schema) in wanted.as_object().unwrap() {
                    if let Some(field) = value.get(name) {
                        wrong.extend(violations(schema, root, field, &format!("{at}/{name}")));
                    }
                }
            }
            "additionalProperties" => {
                let known = &schema["properties"];
                let extra = value.as_object().into_iter().flatten().filter(|(name, _)| known.get(name).is_none());
                wrong.extend(extra.map(|(name, _)| format!("{at} may have no {name}")));
            }
            "items" => {
                for (i, item) in value.as_array().into_iter().flatten().enumerate() {
                    wrong.extend(violations(wanted, root, item, &format!("{at}/{i}")));
                }
            }
            "const" | "enum" | "minimum" | "maximum" | "required" | "$schema" | "$defs" | "title" | "description"
            | "contentEncoding" => {}
            other => panic!("keyword {other} is not known here"),
        }
    }
    wrong
}

/// A schema of `docs`.
fn schema_of(file: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(file);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn analysis(pack: &Path, extra: &[&str]) -> Value {
    let scratch = tempfile::tempdir().unwrap();
    let json = text(&scratch.path().join("out.json"));
    let mut args = vec!["analyze", "--device", "cpu", "--model", pack.to_str().unwrap(), "--json", &json];
    args.extend(extra);
    succeed(&args);
    serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap()
}

#[test]
fn documents_fit_the_schema() {
    let schema = schema_of("analysis.schema.json");
    let scratch = tempfile::tempdir().unwrap();
    let pack = small_pack(scratch.path());
    for extra in [
        &["--text", ALICE][..],
        &["--text", ALICE, "--inf-k", "3", "--no-grams"],
        &["--text", ALICE, "--attention"],
        // BOS alone: variance explained is NaN, and null in the document.
        &["--token-ids", "2"],
    ] {
        let document = analysis(&pack, extra);
        assert_eq!(violations(&schema, &schema, &document, ""), Vec::<String>::new());
        let t = document["token_ids"].as_array().unwrap().len();
        for list in ["tokens", "l0_novel", "l0_pred", "l0_total", "similarity", "novel_top"] {
            assert_eq!(document[list].as_array().unwrap().len(), t, "{list}");
        }
    }
    // The committed ones, which have words, events, surprise and shuffled orders.
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo/examples");
    let mut checked = 0;
    for path in std::fs::read_dir(examples).unwrap().map(|entry| entry.unwrap().path()) {
        let document: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        if document["format"] != json!("temporal-lens-analysis/2") {
            continue;
        }
        assert_eq!(violations(&schema, &schema, &document, ""), Vec::<String>::new(), "{}", path.display());
        let t = document["tokens"].as_array().unwrap().len();
        for part in ["predictable", "novel", "next"] {
            let lists = document["words"][part].as_array().unwrap();
            assert_eq!(lists.len(), t, "{}: words.{part}", path.display());
            for it in lists.iter().flat_map(|list| list.as_array().unwrap()) {
                let word = it["word"].as_str().unwrap();
                let is_plain = !word.starts_with([' ', '▁']) && !word.is_empty();
                assert!(is_plain || part == "next", "{}: {word:?} is not a plain word", path.display());
            }
            assert!(lists.iter().all(|list| list.as_array().unwrap().len() <= 8), "{}: words.{part}", path.display());
        }
        let events = document["events"].as_array().unwrap();
        assert!(events.iter().all(|it| it["words"].as_array().unwrap().len() <= 12), "{}", path.display());
        let sources = document["sources"].as_array().unwrap();
        assert!(sources.len() == t && sources.iter().all(|it| it.as_array().unwrap().len() <= 5), "{}", path.display());
        checked += 1;
    }
    assert!(checked >= 8, "{checked} examples");
    // The check itself finds what is wrong.
    let mut wrong = analysis(&pack, &["--text", "a"]);
    wrong["selected"]["extra"] = json!(1);
    wrong["l0_novel"][0] = json!("many");
    wrong["format"] = json!("other");
    wrong.as_object_mut().unwrap().remove("tokens");
    assert_eq!(violations(&schema, &schema, &wrong, "").len(), 4);
    assert!(analysis(&pack, &["--token-ids", "2"])["variance_explained"].is_null());
}

#[test]
fn comparisons_fit_their_schema() {
    let schema = schema_of("comparison.schema.json");
    let scratch = tempfile::tempdir().unwrap();
    let pack = small_pack(scratch.path());
    let json = text(&scratch.path().join("compared.json"));
    let texts = ["--first", ALICE, "--second", "the sea", "--second-inf-k", "3"];
    let mut args = vec!["compare", "--device", "cpu", "--model", pack.to_str().unwrap(), "--json", &json];
    args.extend(texts);
    succeed(&args);
    let mut document: Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    assert_eq!(violations(&schema, &schema, &document, ""), Vec::<String>::new());
    assert_eq!(document["second"]["inf_k"], json!(3));
    // The committed ones, too.
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo/examples");
    let compared = std::fs::read_dir(examples).unwrap().map(|entry| entry.unwrap().path());
    let mut checked = 0;
    for path in compared.filter(|path| text(path).ends_with("-compared.json")) {
        let committed: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(violations(&schema, &schema, &committed, ""), Vec::<String>::new(), "{}", path.display());
        checked += 1;
    }
    assert!(checked > 0);
    document["second"]["tokens"][0] = json!(1);
    document["grams"]["novel"] = json!(["a"]);
    document["format"] = json!("temporal-lens-analysis/1");
    assert_eq!(violations(&schema, &schema, &document, "").len(), 3);
}

#[test]
fn a_compact_document_says_the_same() {
    let schema = schema_of("analysis.schema.json");
    let scratch = tempfile::tempdir().unwrap();
    let pack = small_pack(scratch.path());
    let whole = analysis(&pack, &["--text", ALICE]);
    let compact = analysis(&pack, &["--text", ALICE, "--compact"]);
    assert_eq!(violations(&schema, &schema, &compact, ""), Vec::<String>::new());
    assert!(compact.get("similarity").is_none());
    let read = |document: &Value| lens_analysis::Analysis::from_json(&document.to_string()).unwrap();
    let (whole, compact) = (read(&whole), read(&compact));
    let [whole, compact] = [&whole, &compact].map(|it| document_rows(it).flatten().collect::<Vec<f32>>());
    for (a, b) in whole.iter().zip(&compact) {
        assert!((a - b).abs() < 1e-6, "{a} {b}");
    }
    assert_eq!(compact.len(), whole.len());
}

/// A figures file with what the pack itself says of a text.
fn figures(pack: &Path) -> Value {
    let a = analysis(pack, &["--text", ALICE]);
    json!({
        "format": "temporal-lens-figures/1", "source": "this test",
        "of": {"model": "fixture", "num_hidden_layers": 4, "hidden_size": 48, "layer": 2, "width": 96, "kval_topk": 12},
        "tolerances": {"f32": {"variance_explained": 0.01, "l0_pred": 0.02, "similarity": 0.01}},
        "prompts": [{"text": ALICE, "tokens": a["token_ids"].as_array().unwrap().len(),
                     "variance_explained": a["variance_explained"], "l0_novel": 12, "l0_pred": a["l0_pred"],
                     "similarity": a["similarity_stats"]}]
    })
}

#[test]
fn verify_compares_and_its_exit_code_tells() {
    let scratch = tempfile::tempdir().unwrap();
    let pack = small_pack(scratch.path());
    let golden = scratch.path().join("golden.json");
    let verify = |figures: &Value| {
        std::fs::write(&golden, figures.to_string()).unwrap();
        run(&["verify", "--device", "cpu", "--model", &text(&pack), "--golden", &text(&golden)])
    };
    let right = figures(&pack);
    let outcome = verify(&right);
    assert_eq!(outcome.code, 0, "{}\n{}", outcome.stdout, outcome.stderr);
    assert!(outcome.stdout.contains("L0 predictable 3") && outcome.stdout.contains("similarity mean"));
    assert!(!outcome.stdout.contains("OUTSIDE"));
    let mean = right["prompts"][0]["similarity"]["mean"].as_f64().unwrap();
    for (field, value) in [
        ("/prompts/0/variance_explained", json!(2.0)),
        ("/prompts/0/l0_pred/4", json!(1_000_000)),
        ("/prompts/0/l0_novel", json!(11)),
        ("/prompts/0/similarity/mean", json!(mean + 0.02)),
    ] {
        let mut wrong = right.clone();
        *wrong.pointer_mut(field).unwrap() = value;
        let outcome = verify(&wrong);
        assert_eq!(outcome.code, 1, "{field}");
        assert!(outcome.stdout.contains("OUTSIDE"));
        assert!(outcome.sentence().contains("outside their tolerances"), "{}", outcome.sentence());
    }
    let mut other = right.clone();
    other["of"]["layer"] = json!(3);
    let outcome = verify(&other);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""));
    assert!(outcome.sentence().contains("at layer 3"), "{}", outcome.sentence());
    // One of the same shape that is another.
    other["of"]["layer"] = json!(2);
    other["of"]["sae_b_sha256"] = json!("0".repeat(64));
    let outcome = verify(&other);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""));
    assert!(outcome.sentence().contains("another SAE of the same shape"), "{}", outcome.sentence());
    let outcome = run(&["verify", "--device", "cpu", "--model", &text(&pack)]);
    assert!(outcome.sentence().contains("no published figures") && outcome.sentence().contains("--golden"));
}

/// The default pack against PyTorch's figures; `cargo xtask test` says where the pack is.
#[test]
fn the_default_pack_verifies() {
    let pack = common::default_pack();
    let outcome = run(&["verify", "--device", "cpu", "--model", &pack.to_string_lossy()]);
    assert_eq!(outcome.code, 0, "{}\n{}", outcome.stdout, outcome.stderr);
    assert!(outcome.stdout.contains("google/gemma-3-270m"));
}

/// `train` makes SAEs of the default one's shape: they have no published figures for that.
#[test]
fn an_sae_of_the_default_ones_shape_is_not_compared_with_its_figures() {
    let scratch = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(common::default_pack()).unwrap() {
        let path = entry.unwrap().path();
        let (name, copy) =
            (path.file_name().unwrap().to_str().unwrap(), scratch.path().join(path.file_name().unwrap()));
        // What stays as it is need not be copied.
        if !name.starts_with("embedding") || std::fs::hard_link(&path, &copy).is_err() {
            std::fs::copy(&path, &copy).unwrap();
        }
    }
    common::replace_values(scratch.path(), "sae.b", &[0.5; 8]);
    let outcome = run(&["verify", "--device", "cpu", "--model", &text(scratch.path())]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""), "{}", outcome.stderr);
    for part in ["no published figures for this SAE", "--golden"] {
        assert!(outcome.sentence().contains(part), "{}", outcome.sentence());
    }
}
