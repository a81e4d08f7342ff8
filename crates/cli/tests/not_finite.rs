//! Packs whose numbers are not finite, or become so: the command ends with a sentence that names the place, and writes
//! nothing.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::{replace_values, run, small_pack, text};

/// Tensor, the values put into it, and the words of the sentence that name the place.
const PLACES: [(&str, f32, &str); 11] = [
    ("model.embed_tokens.weight", f32::NAN, "embedding: the row of token"),
    ("model.embed_tokens.weight", f32::INFINITY, "embedding: the row of token"),
    ("model.layers.0.self_attn.v_proj.weight", f32::NAN, "tensor model.layers.0.self_attn.v_proj.weight"),
    ("sae.D", f32::NEG_INFINITY, "tensor sae.D"),
    ("sae.b", f32::NAN, "tensor sae.b"),
    ("sae.attn_layers.0.v_ctx.weight", f32::INFINITY, "tensor sae.attn_layers.0.v_ctx.weight"),
    // Finite, but not what is computed of it.
    ("model.embed_tokens.weight", 3e38, "the output of layer 0"),
    ("model.layers.1.mlp.up_proj.weight", 3e38, "the output of layer 1"),
    ("model.layers.2.post_feedforward_layernorm.weight", 1e30, "the residual stream"),
    ("sae.D", 3e38, "the SAE's"),
    ("sae.b", 3e38, "the SAE's"),
];

#[test]
fn numbers_that_are_not_finite_end_every_command_with_their_place() {
    let scratch = tempfile::tempdir().unwrap();
    let (list, corpus) = (scratch.path().join("list.jsonl"), scratch.path().join("corpus.txt"));
    std::fs::write(&list, "{\"id\": \"a\", \"text\": \"the tide is in\"}\n").unwrap();
    std::fs::write(&corpus, "the tide is in and the boat is out ".repeat(40)).unwrap();
    for (tensor, value, place) in PLACES {
        let scratch = tempfile::tempdir().unwrap();
        let pack = small_pack(scratch.path());
        // All of the embedding, of the others a row or so.
        replace_values(&pack, tensor, &vec![value; if tensor.contains("embed") { 1 << 18 } else { 48 }]);
        let out = |name: &str| text(&scratch.path().join(name));
        let (json, dump) = (out("out.json"), out("out.safetensors"));
        let (model, list, corpus) = (text(&pack), text(&list), text(&corpus));
        let commands: [&[&str]; 6] = [
            &["analyze", "--model", &model, "--text", "the tide is in", "--json", &json],
            &[
                "analyze",
                "--model",
                &model,
                "--text",
                "the tide is in",
                "--attention",
                "--json",
                &json,
                "--dump",
                &dump,
            ],
            &["analyze", "--model", &model, "--token-ids", "2,5,6,7", "--notebook"],
            &["compare", "--model", &model, "--first", "the tide", "--second", "is in", "--json", &json],
            &["analyze", "--model", &model, "--text-list", &list, "--out", &out("list")],
            &["dashboards", "--model", &model, "--corpus", &corpus, "--out", &out("dashboards"), "--tokens", "100"],
        ];
        for command in commands {
            let outcome = run(&[command, &["--device", "cpu"]].concat());
            assert_eq!(outcome.code, 1, "{tensor} {value}: {command:?} {}", outcome.stdout);
            assert!(outcome.stderr.contains(place), "{tensor} {value}: {command:?}: {}", outcome.stderr);
            assert!(outcome.stderr.contains("not finite"), "{tensor} {value}: {}", outcome.sentence());
        }
        let written = |name: &str| scratch.path().join(name).exists();
        assert!(!written("out.json") && !written("out.safetensors") && !written("list/a.json"), "{tensor} {value}");
        assert!(!written("dashboards/index.json"), "{tensor} {value}");
    }
}

#[test]
fn training_on_such_a_pack_is_refused() {
    let scratch = tempfile::tempdir().unwrap();
    let pack = small_pack(scratch.path());
    replace_values(&pack, "model.layers.1.mlp.up_proj.weight", &[3e38; 48]);
    let corpus = scratch.path().join("corpus.txt");
    std::fs::write(&corpus, "the tide is in and the boat is out ".repeat(40)).unwrap();
    let (model, corpus, out) = (text(&pack), text(&corpus), text(&scratch.path().join("sae")));
    let flags =
        "--device cpu --tokens 200 --batch-tokens 50 --context 24 --k 4 --width-factor 1 --heads 2 --bottleneck 2";
    let mut args = vec!["train", "--model", &model, "--corpus", &corpus, "--out", &out];
    args.extend(flags.split(' '));
    let outcome = run(&args);
    assert_eq!(outcome.code, 1, "{}", outcome.stderr);
    assert!(outcome.sentence().contains("output of layer 1"), "{}", outcome.stderr);
}
