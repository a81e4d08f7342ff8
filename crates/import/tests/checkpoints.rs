//! Reading checkpoints: every published form gives the same names, shapes and values.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::path::Path;

use common::{copy_of, fixture};
use lens_import::{gemma_config, open_gemma, open_sae, shards_up_to};
use lens_pack::tensor_spec::{gemma_tensors, sae_tensors};
use safetensors::SafeTensors;

fn f32s(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
}

/// llama.cpp's name of a tensor, written down a second time on purpose.
fn gguf_name(name: &str) -> String {
    let name = name.replace("model.layers.", "blk.").replace("model.embed_tokens", "token_embd");
    let name = name.replace("model.norm", "output_norm").replace("self_attn.q_norm", "attn_q_norm");
    let name = name.replace("self_attn.k_norm", "attn_k_norm").replace("self_attn.o_proj", "attn_output");
    let name = name.replace("self_attn.", "attn_").replace("mlp.", "ffn_").replace("_proj", "");
    let name = name.replace("post_attention_layernorm", "post_attention_norm");
    let name = name.replace("pre_feedforward_layernorm", "ffn_norm");
    let name = name.replace("post_feedforward_layernorm", "post_ffw_norm");
    name.replace("input_layernorm", "attn_norm")
}

#[test]
fn every_gguf_type_decodes_to_exactly_what_gguf_py_gives() {
    for (file, expected) in
        [("gemma3-types.gguf", "expected.safetensors"), ("gemma3-more-types.gguf", "expected-more.safetensors")]
    {
        decodes_to(&fixture(&format!("gguf/{file}")), &fixture(&format!("gguf/{expected}")));
    }
}

fn decodes_to(file: &Path, expected: &Path) {
    let gemma = open_gemma(file).unwrap();
    let bytes = std::fs::read(expected).unwrap();
    let expected = SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(gemma.tensors.names().count(), expected.len());
    for name in gemma.tensors.names() {
        let view = expected.tensor(&gguf_name(name)).unwrap();
        let shape = gemma.tensors.shape(name).unwrap();
        assert_eq!(shape, view.shape(), "{name}");
        let rows = if shape.len() == 1 { 1 } else { shape[0] };
        let mut values = f32s(view.data());
        if name.ends_with("norm.weight") {
            values.iter_mut().for_each(|v| *v -= 1.0);
        }
        assert_eq!(gemma.tensors.read_rows(name, 0..rows).unwrap(), values, "{name}");
        // Any run of rows is that part of the whole.
        let cols = values.len() / rows;
        assert_eq!(gemma.tensors.read_rows(name, rows / 2..rows).unwrap(), values[rows / 2 * cols..], "{name}");
    }
}

#[test]
fn a_ggufs_metadata_means_the_same_model_as_transformers_config() {
    let gemma = open_gemma(&fixture("gguf/gemma3-types.gguf")).unwrap();
    let text = std::fs::read_to_string(fixture("gguf/config.json")).unwrap();
    let mut expected = gemma_config(&text, "config.json").unwrap();
    // gguf-py widens the file's f32; here its shortest decimal form is read, 1e-6.
    assert_eq!(gemma.config.rms_norm_eps as f32, expected.rms_norm_eps as f32);
    expected.rms_norm_eps = 1e-6;
    assert_eq!(gemma.config, expected);
    assert_eq!(gemma.name.as_deref(), Some("Temporal Lens fixture"));
}

#[test]
fn every_published_folder_has_the_tensors_that_its_config_calls_for() {
    for case in std::fs::read_dir(fixture("gemma")).unwrap() {
        let gemma = open_gemma(&case.unwrap().path()).unwrap();
        let shape = (gemma.config.vocab_size, gemma.config.hidden_size);
        gemma.tensors.check("model.embed_tokens.weight", shape).unwrap();
        for (name, shape) in gemma_tensors(&gemma.config, gemma.config.num_hidden_layers - 1) {
            gemma.tensors.check(&name, shape).unwrap();
        }
        // Nothing of a vision tower or an LM head.
        assert!(gemma.tensors.names().all(|name| name.starts_with("model.")));
    }
    for case in std::fs::read_dir(fixture("sae")).unwrap() {
        let sae = open_sae(&case.unwrap().path()).unwrap();
        for (name, (rows, cols)) in sae_tensors(&sae.published.config) {
            let in_file = if name == "sae.E" { (cols, rows) } else { (rows, cols) };
            sae.tensors.check(&name, in_file).unwrap();
        }
    }
}

#[test]
fn a_shard_with_later_layers_only_may_be_missing() {
    let folder = copy_of("gemma/gemma3-sharded");
    let path = folder.path().join("model.safetensors.index.json");
    let mut index: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    for (name, shard) in index["weight_map"].as_object_mut().unwrap() {
        if name.starts_with("model.layers.7.") {
            *shard = "model-late.safetensors".into();
        }
    }
    let text = index.to_string();
    std::fs::write(&path, &text).unwrap();
    assert!(shards_up_to(&text, "index", 7).unwrap().contains(&"model-late.safetensors".to_owned()));
    assert!(!shards_up_to(&text, "index", 6).unwrap().contains(&"model-late.safetensors".to_owned()));
    let gemma = open_gemma(folder.path()).unwrap();
    for (name, shape) in gemma_tensors(&gemma.config, 6) {
        gemma.tensors.check(&name, shape).unwrap();
    }
    let error = gemma.tensors.check("model.layers.7.mlp.up_proj.weight", (1, 1)).unwrap_err().to_string();
    assert!(error.contains("model-late.safetensors: the file is missing; tensor model.layers.7.mlp"), "{error}");
}

#[test]
fn errors_are_reported_with_file_and_tensor() {
    let error_of = |change: &dyn Fn(&Path)| {
        let folder = copy_of("gemma/gemma2-softcap");
        change(folder.path());
        open_gemma(folder.path()).unwrap_err().to_string()
    };
    let error = error_of(&|f| std::fs::remove_file(f.join("config.json")).unwrap());
    assert!(error.contains("cannot read") && error.contains("config.json"), "{error}");
    let error = error_of(&|f| std::fs::remove_file(f.join("model.safetensors")).unwrap());
    assert!(error.contains("model.safetensors.index.json"), "{error}");
    let error = error_of(&|f| {
        let path = f.join("model.safetensors");
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    });
    assert!(error.contains("model.safetensors") && error.contains("cut short"), "{error}");
    let error = error_of(&|f| {
        std::fs::write(f.join("config.json"), r#"{"model_type": "llama"}"#).unwrap();
    });
    assert!(error.contains("llama") && error.contains("not supported"), "{error}");

    let gemma = open_gemma(&fixture("gemma/gemma2-softcap")).unwrap();
    let error = gemma.tensors.check("model.layers.9.mlp.up_proj.weight", (1, 1)).unwrap_err().to_string();
    assert!(error.contains("model.layers.9.mlp.up_proj.weight is missing"), "{error}");
    let error = gemma.tensors.check("model.norm.weight", (1, 7)).unwrap_err().to_string();
    assert!(
        error.contains("model.safetensors: tensor model.norm.weight has shape [48]") && error.contains("[7]"),
        "{error}"
    );

    let error = open_sae(&fixture("gemma/gemma2-softcap")).unwrap_err().to_string();
    assert!(error.contains("conf.yaml") && error.contains("cfg.json"), "{error}");
    let error = open_gemma(&fixture("nowhere")).unwrap_err().to_string();
    assert!(error.contains("nowhere"), "{error}");
    let error = open_gemma(&fixture("pairs.json")).unwrap_err().to_string();
    assert!(error.contains("not a GGUF file"), "{error}");
}

#[test]
fn tensors_that_the_configuration_has_no_place_for_are_refused() {
    for (from, to, says) in [
        ("tied_weights: false", "tied_weights: true", "tied_weights"),
        ("n_attn_layers: 2", "n_attn_layers: 1", "one attention layer more"),
    ] {
        let folder = copy_of("sae/relu-untied-2-layers");
        let path = folder.path().join("conf.yaml");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{text}");
        std::fs::write(&path, text.replace(from, to)).unwrap();
        let error = open_sae(folder.path()).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
}
