//! Files that are given together are held against each other, and what they say of the model is printed.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::path::Path;

use common::{fixture, pack_args, run, small_pack, succeed, text};
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use serde_json::{Value, json};

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

fn edit(path: &Path, edit: impl FnOnce(&mut Value)) {
    let mut json: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    edit(&mut json);
    std::fs::write(path, json.to_string()).unwrap();
}

#[test]
fn truncation_and_padding_of_a_tokenizer_change_no_ids() {
    let scratch = tempfile::tempdir().unwrap();
    let tokenizer = scratch.path().join("tokenizer.json");
    std::fs::copy(fixture("tokenizer/tiny.json"), &tokenizer).unwrap();
    edit(&tokenizer, |json| {
        json["truncation"] = json!({"direction": "Right", "max_length": 16, "strategy": "LongestFirst", "stride": 0});
        json["padding"] = json!({"strategy": {"Fixed": 64}, "direction": "Right", "pad_to_multiple_of": null,
            "pad_id": 0, "pad_type_id": 0, "pad_token": "<pad>"});
    });
    let tokens = |tokenizer: &str| {
        let out = scratch.path().join("pack");
        succeed(&pack_args("gemma/gemma2-softcap", "sae/topk-tied", tokenizer, 2, "f32", &out));
        let json = scratch.path().join("out.json");
        let long = "the tide is in and the boat is out ".repeat(3);
        let args = ["analyze", "--device", "cpu", "--model", &text(&out), "--text", &long, "--json", &text(&json)];
        succeed(&args);
        let document: Value = serde_json::from_str(&std::fs::read_to_string(&json).unwrap()).unwrap();
        document["token_ids"].clone()
    };
    let plain = tokens("tokenizer/tiny.json");
    assert!(plain.as_array().unwrap().len() > 64);
    assert_eq!(tokens(&text(&tokenizer)), plain);
}

#[test]
fn claims_are_printed_and_odd_positions_can_be_set_right() {
    let scratch = tempfile::tempdir().unwrap();
    let gemma = scratch.path().join("gemma");
    copy(&fixture("gemma/gemma3-linear-rope"), &gemma);
    edit(&gemma.join("config.json"), |json| {
        json["num_hidden_layers"] = 34.into();
        json["rope_scaling"] = Value::Null;
    });
    let out = scratch.path().join("pack");
    let mut args = pack_args(&text(&gemma), "sae/topk-bottleneck-3-layers-bf16", "tokenizer/tiny.json", 6, "f32", &out);
    let outcome = succeed(&args);
    assert!(outcome.stderr.contains("34 layers with a rope factor of 1") && outcome.stderr.contains("have 8"));
    args.extend(["--rope-factor", "8", "--verbose"].map(str::to_owned));
    let outcome = succeed(&args);
    assert!(!outcome.stderr.contains("rope factor of"), "{}", outcome.stderr);
    let table = &outcome.stderr;
    assert!(table.contains("theta 1000000 factor 8 / theta 10000 factor 1") && table.contains("vocabulary"), "{table}");
    let manifest: Value = serde_json::from_str(&std::fs::read_to_string(out.join("manifest.json")).unwrap()).unwrap();
    assert_eq!(manifest["gemma"]["rope_full"]["factor"], 8.0);
    args.extend(["--rope-factor", "0"].map(str::to_owned));
    assert_eq!(run(&args).code, 2);
}

#[test]
fn features_of_a_model_with_a_head_of_its_own_raise_no_tokens_of_the_embedding() {
    let scratch = tempfile::tempdir().unwrap();
    let gemma = scratch.path().join("gemma");
    copy(&fixture("gemma/gemma2-softcap"), &gemma);
    let file = gemma.join("model.safetensors");
    let bytes = std::fs::read(&file).unwrap();
    let own = SafeTensors::deserialize(&bytes).unwrap();
    let embedding = own.tensor("model.embed_tokens.weight").unwrap();
    let head: Vec<u8> = embedding.data().iter().rev().copied().collect();
    let mut views = own.tensors();
    let shape = embedding.shape().to_vec();
    views.push(("lm_head.weight".to_owned(), TensorView::new(embedding.dtype(), shape, &head).unwrap()));
    std::fs::write(&file, safetensors::serialize(views, None).unwrap()).unwrap();
    edit(&gemma.join("config.json"), |json| json["tie_word_embeddings"] = false.into());
    let pack = scratch.path().join("pack");
    let outcome = succeed(&pack_args(&text(&gemma), "sae/topk-tied", "tokenizer/tiny.json", 2, "f32", &pack));
    assert!(outcome.stderr.contains("head of its own"), "{}", outcome.stderr);
    let (corpus, out) = (scratch.path().join("corpus.txt"), scratch.path().join("dashboards"));
    std::fs::write(&corpus, "the tide is in and the boat is out ".repeat(9)).unwrap();
    let (model, corpus) = (text(&pack), text(&corpus));
    let dashboards = ["dashboards", "--device", "cpu", "--model", &model, "--corpus", &corpus, "--out", &text(&out)];
    assert!(succeed(&dashboards).stderr.contains("no tokens that features raise or lower"));
    let chunk: Value = serde_json::from_str(&std::fs::read_to_string(out.join("0000.json")).unwrap()).unwrap();
    for feature in chunk["features"].as_array().unwrap() {
        assert_eq!((&feature["raised"], &feature["lowered"]), (&json!([]), &json!([])));
    }
    let words = run(&["words", "--device", "cpu", "--model", &model, "--corpus", &corpus]);
    assert_eq!(words.code, 1);
    assert!(words.sentence().contains("head of its own"), "{}", words.stderr);
}

#[test]
fn an_sae_of_another_width_is_refused_where_it_is_measured_or_trained_on() {
    let scratch = tempfile::tempdir().unwrap();
    let model = text(&small_pack(scratch.path()));
    let corpus = scratch.path().join("corpus.txt");
    std::fs::write(&corpus, "the tide is in and the boat is out ".repeat(9)).unwrap();
    let corpus = text(&corpus);
    let other = text(&fixture("sae/relu-f16"));
    let card = ["card", "--device", "cpu", "--model", &model, "--heldout", &corpus, "--sae", &other];
    let outcome = run(&card);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""), "{}", outcome.stderr);
    let says = ["relu-f16", "reads 24 dimensions", "has 48"];
    assert!(says.iter().all(|part| outcome.sentence().contains(part)), "{}", outcome.stderr);
    let sae = scratch.path().join("sae");
    let train = ["train", "--device", "cpu", "--model", &model, "--corpus", &corpus, "--out", &text(&sae)];
    let outcome = run(&[&train[..], &["--init-from", &other, "--tokens", "50"]].concat());
    assert_eq!(outcome.code, 1, "{}", outcome.stderr);
    assert!(outcome.sentence().contains("reads 24 dimensions"), "{}", outcome.stderr);
}
