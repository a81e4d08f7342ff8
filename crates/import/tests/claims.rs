//! Files that do not belong together are refused or distinguished; what other tools leave in files changes no ids.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use common::{PAIRS, copy_of, fixture, tokenizer_of, try_pack, try_pack_with};
use lens_import::{GemmaCheckpoint, claims, compact_tokenizer, open_gemma, open_sae};
use lens_pack::block::Precision;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde_json::{Value, json};

fn tiny() -> Value {
    serde_json::from_str(&std::fs::read_to_string(fixture("tokenizer/tiny.json")).unwrap()).unwrap()
}

fn claims_of(gemma: &GemmaCheckpoint, layer: usize, tokenizer: &Value) -> Result<claims::Claims, String> {
    let compact = compact_tokenizer(&tokenizer.to_string(), "t.json").map_err(|e| e.to_string())?;
    claims::of_checkpoint(gemma, layer, &compact, Path::new("t.json")).map_err(|e| e.to_string())
}

/// Puts tensors of ones beside those of a safetensors file, or changes those of its own by a factor.
fn change(file: &Path, more: &[(&str, Vec<usize>)], factor: &[(&str, f32)]) {
    let bytes = std::fs::read(file).unwrap();
    let own = SafeTensors::deserialize(&bytes).unwrap();
    let mut data: BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)> = own
        .tensors()
        .into_iter()
        .map(|(name, view)| (name, (view.dtype(), view.shape().to_vec(), view.data().to_vec())))
        .collect();
    for (name, shape) in more {
        let ones = [1f32].repeat(shape.iter().product()).into_iter().flat_map(f32::to_le_bytes).collect();
        data.insert((*name).to_owned(), (Dtype::F32, shape.clone(), ones));
    }
    for (name, factor) in factor {
        for value in data.get_mut(*name).unwrap().2.chunks_exact_mut(4) {
            let changed = f32::from_le_bytes(value.try_into().unwrap()) * factor;
            value.copy_from_slice(&changed.to_le_bytes());
        }
    }
    let views = data
        .iter()
        .map(|(name, (dtype, shape, bytes))| (name.clone(), TensorView::new(*dtype, shape.clone(), bytes).unwrap()));
    std::fs::write(file, safetensors::serialize(views, None).unwrap()).unwrap();
}

fn edit_config(folder: &Path, edit: impl FnOnce(&mut Value)) {
    let path = folder.join("config.json");
    let mut json: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    edit(&mut json);
    std::fs::write(path, json.to_string()).unwrap();
}

#[test]
fn settings_that_a_tokenizer_was_saved_with_are_dropped() {
    let plain = compact_tokenizer(&tiny().to_string(), "t.json").unwrap().to_bytes().unwrap();
    let mut saved = tiny();
    saved["truncation"] = json!({"direction": "Right", "max_length": 16, "strategy": "LongestFirst", "stride": 0});
    saved["padding"] = json!({"strategy": {"Fixed": 64}, "direction": "Right", "pad_to_multiple_of": null,
        "pad_id": 0, "pad_type_id": 0, "pad_token": "<pad>"});
    assert_eq!(compact_tokenizer(&saved.to_string(), "t.json").unwrap().to_bytes().unwrap(), plain);
}

#[test]
fn a_tensor_that_nothing_computes_with_is_refused_by_name() {
    let d = 48;
    for (name, shape) in [
        ("model.layers.0.self_attn.q_proj.bias", vec![64]),
        ("model.layers.2.mlp.up_proj.bias", vec![96]),
        ("model.layers.1.self_attn.q_proj.lora_A.weight", vec![4, d]),
        ("base_model.model.model.layers.1.self_attn.q_proj.lora_A.weight", vec![4, d]),
        ("model.layers.1.self_attn.q_proj.weight_scale", vec![1]),
        ("model.layers.1.self_attn.q_norm.weight", vec![16]),
        ("model.embed_tokens.bias", vec![d]),
        ("model.embed_positions.weight", vec![9, d]),
    ] {
        let folder = copy_of("gemma/gemma2-softcap");
        change(&folder.path().join("model.safetensors"), &[(name, shape)], &[]);
        let gemma = open_gemma(folder.path()).unwrap();
        let problem = claims_of(&gemma, 2, &tiny()).unwrap_err();
        assert!(problem.contains(&format!("tensor {name} ")), "{problem}");
        // The same through `pack`, which leaves nothing behind.
        let out = folder.path().join("pack");
        let packed = try_pack(folder.path(), &fixture("sae/topk-tied"), 2, Precision::F32, &out);
        assert!(packed.is_err() && !out.exists());
    }
    for (name, shape) in [
        ("model.layers.3.self_attn.q_proj.bias", vec![64]),
        ("model.layers.1.self_attn.rotary_emb.inv_freq", vec![8]),
        ("vision_tower.vision_model.post_layernorm.bias", vec![8]),
        ("score.weight", vec![2, d]),
    ] {
        let folder = copy_of("gemma/gemma2-softcap");
        change(&folder.path().join("model.safetensors"), &[(name, shape)], &[]);
        assert!(claims_of(&open_gemma(folder.path()).unwrap(), 2, &tiny()).is_ok(), "{name}");
    }
    let folder = copy_of("sae/topk-tied");
    change(&folder.path().join("latest_ckpt.safetensors"), &[("D_extra", vec![4])], &[]);
    let problem = open_sae(folder.path()).unwrap_err().to_string();
    assert!(problem.contains("tensor D_extra is none"), "{problem}");
}

#[test]
fn a_head_of_its_own_is_known_by_its_values() {
    let own_head = |tied: Option<bool>, head: Option<f32>| {
        let folder = copy_of("gemma/gemma2-softcap");
        edit_config(folder.path(), |json| {
            if let Some(tied) = tied {
                json["tie_word_embeddings"] = tied.into();
            }
        });
        if let Some(factor) = head {
            let file = folder.path().join("model.safetensors");
            let bytes = std::fs::read(&file).unwrap();
            let own = SafeTensors::deserialize(&bytes).unwrap();
            let embedding = own.tensor("model.embed_tokens.weight").unwrap();
            assert_eq!(embedding.dtype(), Dtype::F32);
            let mut values = embedding.data().to_vec();
            // The last value of the last row.
            let last = values.len() - 4;
            let changed = f32::from_le_bytes(values[last..].try_into().unwrap()) * factor;
            values[last..].copy_from_slice(&changed.to_le_bytes());
            let head = TensorView::new(Dtype::F32, embedding.shape().to_vec(), &values).unwrap();
            let mut views = own.tensors();
            views.push(("lm_head.weight".to_owned(), head));
            let written = safetensors::serialize(views, None).unwrap();
            std::fs::write(&file, written).unwrap();
        }
        let claims = claims_of(&open_gemma(folder.path()).unwrap(), 2, &tiny()).unwrap();
        assert_eq!(claims.own_head, claims.warnings.iter().any(|it| it.contains("head of its own")));
        let out = folder.path().join("pack");
        let manifest = try_pack(folder.path(), &fixture("sae/topk-tied"), 2, Precision::F32, &out).unwrap();
        assert_eq!(manifest.own_head, claims.own_head);
        let json = std::fs::read_to_string(out.join("manifest.json")).unwrap();
        assert_eq!(json.contains("own_head"), claims.own_head, "the manifests of other packs stay as they were");
        claims.own_head
    };
    assert!(!own_head(None, None) && !own_head(Some(true), None));
    assert!(!own_head(Some(true), Some(2.0)), "transformers ties them whatever the file holds");
    assert!(!own_head(Some(false), Some(1.0)), "a copy of the embedding");
    assert!(own_head(Some(false), Some(2.0)) && own_head(None, Some(2.0)) && own_head(Some(false), None));
}

#[test]
fn a_tokenizer_of_another_size_or_with_another_first_token_is_refused() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("tokenizer.json");
    let gemma = fixture("gemma/gemma2-softcap");
    let refused = |ids: usize| {
        tokenizer_of(ids, &path);
        let out = scratch.path().join("pack");
        let packed = try_pack_with(&gemma, &fixture("sae/topk-tied"), &path, 2, Precision::F32, &out);
        let problem = packed.err().map(|e| e.to_string());
        if let Some(problem) = &problem {
            assert!(problem.contains(&format!("has {ids} tokens")) && problem.contains("has 96 rows"), "{problem}");
            assert!(!out.exists());
        }
        problem.is_some()
    };
    assert!(refused(1000) && refused(96 + 65));
    // A few tokens past the embedding, as in Gemma 3's own; a few rows of padding.
    assert!(!refused(97) && !refused(96) && !refused(64));
    let mut other = tiny();
    other["post_processor"]["special_tokens"]["<bos>"]["ids"] = json!([1]);
    let problem = claims_of(&open_gemma(&gemma).unwrap(), 2, &other).unwrap_err();
    assert!(problem.contains("with token 1") && problem.contains("with token 2"), "{problem}");
}

#[test]
fn positions_scaled_unlike_published_models_of_the_size_are_named() {
    for (layers, factor, usual) in
        [(34, 1.0, Some(8)), (48, 1.0, Some(8)), (26, 8.0, Some(1)), (34, 8.0, None), (7, 8.0, None)]
    {
        let folder = copy_of("gemma/gemma3-linear-rope");
        edit_config(folder.path(), |json| {
            json["num_hidden_layers"] = layers.into();
            json["rope_scaling"] = json!({"factor": factor, "rope_type": "linear"});
        });
        let gemma = open_gemma(folder.path()).unwrap();
        let warnings = claims_of(&gemma, 6, &tiny()).unwrap().warnings;
        // The weights are those of seven.
        let (of_layers, of_rope): (Vec<_>, Vec<_>) =
            warnings.into_iter().partition(|it| it.contains("the weights are"));
        assert_eq!(of_layers.len(), usize::from(layers != 7), "{of_layers:?}");
        let notes = of_rope.join(" ");
        match usual {
            None => assert!(notes.is_empty(), "{layers} {factor}: {notes}"),
            Some(usual) => {
                let both = notes.contains(&format!("factor of {factor}")) && notes.contains(&format!("have {usual}"));
                assert!(both && notes.contains("--rope-factor"), "{layers} {factor}: {notes}");
            }
        }
    }
}

/// The GGUF fixture with another metadata entry before its own: a list of texts.
fn with_token_list(tokens: &[String]) -> (tempfile::TempDir, PathBuf) {
    let bytes = std::fs::read(fixture("gguf/gemma3-types.gguf")).unwrap();
    let text = |text: &str| [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat();
    let mut entry = [text("tokenizer.ggml.tokens"), 9u32.to_le_bytes().to_vec(), 8u32.to_le_bytes().to_vec()].concat();
    entry.extend((tokens.len() as u64).to_le_bytes());
    tokens.iter().for_each(|token| entry.extend(text(token)));
    // Tensors are aligned at 32 bytes: a second entry fills up.
    let filler = |n: usize| [text("filler"), 8u32.to_le_bytes().to_vec(), text(&"x".repeat(n))].concat();
    let n = (0..32).find(|n| (entry.len() + filler(*n).len()).is_multiple_of(32)).unwrap();
    entry.extend(filler(n));
    let mut out = bytes[..16].to_vec();
    let count = u64::from_le_bytes(bytes[16..24].try_into().unwrap());
    out.extend((count + 2).to_le_bytes());
    out.extend(entry);
    out.extend(&bytes[24..]);
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("model.gguf");
    std::fs::write(&path, out).unwrap();
    (scratch, path)
}

#[test]
fn the_tokens_that_a_gguf_file_lists_are_held_against_the_tokenizer() {
    let vocab = tiny()["model"]["vocab"].as_object().unwrap().clone();
    let mut tokens = vec![String::new(); 64];
    for (piece, id) in &vocab {
        tokens[id.as_u64().unwrap() as usize] = piece.clone();
    }
    let claims = |tokens: &[String]| {
        let (_scratch, path) = with_token_list(tokens);
        claims_of(&open_gemma(&path).unwrap(), 1, &tiny())
    };
    assert!(claims(&tokens).is_ok());
    // llama.cpp writes runs of spaces as spaces.
    let mut spaces = tokens.clone();
    let run = spaces.iter_mut().find(|token| *token == "▁▁").unwrap();
    *run = "  ".to_owned();
    assert!(claims(&spaces).is_ok());
    let mut swapped = tokens.clone();
    swapped.swap(20, 21);
    let problem = claims(&swapped).unwrap_err();
    assert!(problem.contains("2 of 64 tokens differ, the first is token 20"), "{problem}");
    let problem = claims(&tokens[..63]).unwrap_err();
    assert!(problem.contains("lists 63 tokens") && problem.contains("64 rows"), "{problem}");
}

#[test]
fn the_checkpoints_own_name_is_the_models() {
    let sae_of = |name: &str| {
        let folder = copy_of("sae/topk-bottleneck-3-layers-bf16");
        let path = folder.path().join("conf.yaml");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("fixture/gemma3-linear-rope", name)).unwrap();
        open_sae(folder.path()).unwrap()
    };
    let gemma_of = |name: Option<&str>| {
        let mut gemma = open_gemma(&fixture("gemma/gemma3-linear-rope")).unwrap();
        gemma.name = name.map(str::to_owned);
        gemma
    };
    for (hub, own, of_sae, expected, disagree) in [
        // The more precise spelling of the same name.
        (None, Some("Gemma 3 270m"), "google/gemma-3-270m", "google/gemma-3-270m", false),
        (None, Some("google/gemma-3-270m"), "google/gemma-3-270m", "google/gemma-3-270m", false),
        (None, None, "my/own-model", "my/own-model", false),
        // Other names.
        (None, Some("Gemma 3 270m It"), "google/gemma-3-270m", "Gemma 3 270m It", true),
        (None, Some("google/gemma-3-1b-pt"), "google/gemma-2-2b", "google/gemma-3-1b-pt", true),
        (Some("google/gemma-3-1b-pt"), Some("x"), "google/gemma-2-2b", "google/gemma-3-1b-pt", true),
        // No name, but another family or size: seven layers of Gemma 3.
        (None, None, "google/gemma-2-2b", "the-file", true),
        (None, None, "google/gemma-3-270m", "the-file", true),
        (None, None, "gpt2", "the-file", true),
        (None, None, "meta-llama/Llama-3.2-1B", "the-file", true),
        (None, None, "google/gemma-2b", "the-file", true),
    ] {
        let (name, notes) = claims::model_name(hub, &gemma_of(own), &sae_of(of_sae), "the-file");
        assert_eq!((name.as_str(), notes.is_some()), (expected, disagree), "{hub:?} {own:?} {of_sae}: {notes:?}");
        if let Some(notes) = notes {
            assert!(notes.contains(of_sae) && notes.contains(expected), "{notes}");
        }
    }
}

#[test]
fn quantized_checkpoints_are_named_by_their_method() {
    for (field, value, says) in [
        ("quantization_config", json!({"quant_method": "gptq", "bits": 4}), "quantization_config: gptq"),
        ("quantization_config", json!({"quant_method": "bitsandbytes", "load_in_4bit": true}), "bitsandbytes"),
        ("quantization_config", json!({"quant_method": "fp8"}), "fp8"),
        ("quantization", json!({"group_size": 64, "bits": 4}), "(quantization)"),
    ] {
        let folder = copy_of("gemma/gemma2-softcap");
        edit_config(folder.path(), |json| json[field] = value.clone());
        let problem = open_gemma(folder.path()).unwrap_err().to_string();
        assert!(problem.contains(says) && problem.contains("GGUF"), "{problem}");
    }
}

#[test]
fn the_table_has_what_every_file_claims_and_fixtures_belong_together() {
    for (gemma, sae, layer) in PAIRS {
        let (gemma, sae) = (open_gemma(&fixture(gemma)).unwrap(), open_sae(&fixture(sae)).unwrap());
        let claims = claims_of(&gemma, layer, &tiny()).unwrap();
        assert_eq!(claims.warnings, [""; 0]);
        let table = claims.to_string();
        for what in ["family", "layers", "width", "vocabulary", "BOS", "rope", "head"] {
            assert!(table.lines().any(|line| line.contains(what)), "{what} is not in\n{table}");
        }
        let model = gemma.tensors.origin();
        claims::check_sae(&sae.published.config, "sae", model, layer, gemma.config.hidden_size).unwrap();
    }
}
