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

/// A metadata entry of GGUF: key, type, value.
fn entry(key: &str, kind: u32, value: &[u8]) -> Vec<u8> {
    [&(key.len() as u64).to_le_bytes()[..], key.as_bytes(), &kind.to_le_bytes(), value].concat()
}

fn gguf_text(text: &str) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat()
}

/// The bytes of the GGUF fixture with other metadata entries before its own.
fn with_entries(entries: &[Vec<u8>]) -> Vec<u8> {
    let bytes = std::fs::read(fixture("gguf/gemma3-types.gguf")).unwrap();
    let mut more = entries.concat();
    // Tensors are aligned at 32 bytes: another entry fills up.
    let filler = |n: usize| entry("filler", 8, &gguf_text(&"x".repeat(n)));
    let n = (0..32).find(|n| (more.len() + filler(*n).len()).is_multiple_of(32)).unwrap();
    more.extend(filler(n));
    let count = u64::from_le_bytes(bytes[16..24].try_into().unwrap()) + entries.len() as u64 + 1;
    [&bytes[..16], &count.to_le_bytes(), &more, &bytes[24..]].concat()
}

/// The GGUF fixture with another metadata entry before its own: a list of texts.
fn with_token_list(tokens: &[String]) -> (tempfile::TempDir, PathBuf) {
    let list: Vec<u8> = tokens.iter().flat_map(|token| gguf_text(token)).collect();
    let value = [&8u32.to_le_bytes()[..], &(tokens.len() as u64).to_le_bytes(), &list].concat();
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("model.gguf");
    std::fs::write(&path, with_entries(&[entry("tokenizer.ggml.tokens", 9, &value)])).unwrap();
    (scratch, path)
}

#[test]
fn gguf_metadata_that_asks_for_another_model_is_refused() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("model.gguf");
    let opened = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        open_gemma(&path).map(|_| ()).map_err(|e| e.to_string())
    };
    let count = |key: &str, n: u32| entry(key, 4, &n.to_le_bytes());
    let number = |key: &str, x: f32| entry(key, 6, &x.to_le_bytes());
    let text = |key: &str, text: &str| entry(key, 8, &gguf_text(text));
    let flag = |key: &str, flag: bool| entry(key, 7, &[u8::from(flag)]);
    for harmless in [
        count("gemma3.rope.dimension_count", 16),
        count("gemma3.vocab_size", 64),
        count("gemma3.expert_count", 0),
        flag("gemma3.attention.causal", true),
        number("gemma3.attention.scale", 0.25),
        number("gemma3.attn_logit_softcapping", 0.0),
        entry("split.count", 2, &1u16.to_le_bytes()),
        text("general.type", "model"),
    ] {
        assert_eq!(opened(&with_entries(&[harmless])), Ok(()));
    }
    for (entries, says) in [
        (vec![count("gemma3.rope.dimension_count", 8)], "rope.dimension_count is 8"),
        (vec![count("gemma3.vocab_size", 100)], "vocab_size is 100"),
        (vec![count("gemma3.expert_count", 8)], "expert_count is 8"),
        (vec![flag("gemma3.attention.causal", false)], "causal is false"),
        (vec![number("gemma3.attention.scale", 0.5)], "attention.scale is 0.5"),
        (vec![number("gemma3.attn_logit_softcapping", 50.0)], "attn_logit_softcapping is 50"),
        (vec![count("gemma3.block_count", 2)], "gemma3.block_count is there twice"),
        (vec![entry("split.count", 2, &3u16.to_le_bytes())], "part 1 of a model in 3 files"),
        (vec![entry("split.count", 2, &3u16.to_le_bytes())], "llama-gguf-split --merge"),
        (vec![text("general.type", "adapter")], "LoRA adapter"),
        (vec![text("adapter.type", "lora")], "LoRA adapter"),
        (vec![text("general.type", "mmproj")], "sees images"),
    ] {
        let problem = opened(&with_entries(&entries)).unwrap_err();
        assert!(problem.contains("model.gguf") && problem.contains(says), "{says}: {problem}");
    }
    // A value of its own: the length of a head's values.
    let mut bytes = std::fs::read(fixture("gguf/gemma3-types.gguf")).unwrap();
    let key = b"gemma3.attention.value_length";
    let at = bytes.windows(key.len()).position(|it| it == key).unwrap() + key.len() + 4;
    bytes[at] = 32;
    assert!(opened(&bytes).unwrap_err().contains("value_length is 32"));
    let mut bytes = std::fs::read(fixture("gguf/gemma3-types.gguf")).unwrap();
    bytes[4..8].copy_from_slice(&3u32.to_be_bytes());
    assert!(opened(&bytes).unwrap_err().contains("big-endian"));
}

#[test]
fn tensors_of_a_gguf_file_lie_one_after_another() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("model.gguf");
    let whole = std::fs::read(fixture("gguf/gemma3-types.gguf")).unwrap();
    let problem = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        open_gemma(&path).unwrap_err().to_string()
    };
    // After a tensor's name come its number of dimensions, two of them, type and offset.
    let offset_of =
        |name: &str| whole.windows(name.len()).position(|it| it == name.as_bytes()).unwrap() + name.len() + 24;
    let (keys, values) = (offset_of("blk.0.attn_k.weight"), offset_of("blk.0.attn_v.weight"));
    let at = |place: usize| u64::from_le_bytes(whole[place..place + 8].try_into().unwrap());
    assert_eq!(at(values) - at(keys), 16 * 176, "the offsets of the fixture");
    for (place, offset) in
        [(values, at(keys)), (values, at(values) + 32), (values, at(values) + 4), (keys, at(keys) - 32)]
    {
        let mut bytes = whole.clone();
        bytes[place..place + 8].copy_from_slice(&offset.to_le_bytes());
        let problem = problem(&bytes);
        assert!(problem.contains("does not lie where the tensor before it ends"), "{problem}");
    }
    let problem = problem(&[&whole[..], &[0; 64]].concat());
    assert!(problem.contains("there is something after its end"), "{problem}");
}

#[test]
fn an_index_of_shards_and_its_shards_say_the_same() {
    let claims = |edit: &dyn Fn(&Path)| {
        let folder = copy_of("gemma/gemma3-sharded");
        edit(folder.path());
        let gemma = open_gemma(folder.path()).map_err(|e| e.to_string())?;
        let scratch = tempfile::tempdir().unwrap();
        let file = scratch.path().join("t.json");
        tokenizer_of(gemma.config.vocab_size, &file);
        let tokenizer = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        claims_of(&gemma, 6, &tokenizer)
    };
    let edit_index = |folder: &Path, edit: &dyn Fn(&mut Value)| {
        let path = folder.join("model.safetensors.index.json");
        let mut index: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        edit(&mut index);
        std::fs::write(path, index.to_string()).unwrap();
    };
    let (first, third) = ("model-00001-of-00003.safetensors", "model-00003-of-00003.safetensors");
    let warnings = claims(&|_| ()).unwrap().warnings;
    assert!(!warnings.iter().any(|warning| warning.contains("bytes of tensors")), "{warnings:?}");
    let bias = |layer: usize| format!("model.layers.{layer}.self_attn.q_proj.bias");
    let weight = "model.layers.0.self_attn.q_proj.weight";
    let added = claims(&|folder| change(&folder.join(first), &[(&bias(0), vec![4])], &[])).unwrap_err();
    assert!(added.contains(&bias(0)) && added.contains("does not place it in"), "{added}");
    assert!(claims(&|folder| change(&folder.join(first), &[(&bias(7), vec![4])], &[])).is_ok(), "of a later layer");
    let listed = claims(&|folder| edit_index(folder, &|it| it["weight_map"][bias(0)] = first.into())).unwrap_err();
    assert!(listed.contains(&bias(0)) && listed.contains("which does not hold it"), "{listed}");
    assert!(claims(&|folder| edit_index(folder, &|it| it["weight_map"][bias(7)] = first.into())).is_ok());
    let moved = claims(&|folder| edit_index(folder, &|it| it["weight_map"][weight] = third.into())).unwrap_err();
    assert!(moved.contains(weight), "{moved}");
    let warnings =
        claims(&|folder| edit_index(folder, &|it| it["metadata"]["total_size"] = 1.into())).unwrap().warnings;
    assert!(
        warnings.iter().any(|warning| warning.contains("its total_size is 1 bytes, but its shards hold")),
        "{warnings:?}"
    );
}

#[test]
fn a_matrix_of_zeros_is_refused_by_name() {
    for name in ["model.layers.1.mlp.up_proj.weight", "model.embed_tokens.weight"] {
        let folder = copy_of("gemma/gemma2-softcap");
        change(&folder.path().join("model.safetensors"), &[], &[(name, 0.0)]);
        let out = folder.path().join("pack");
        let problem =
            try_pack(folder.path(), &fixture("sae/topk-tied"), 2, Precision::Q8, &out).unwrap_err().to_string();
        assert!(problem.contains(&format!("every value of tensor {name} is zero")) && !out.exists(), "{problem}");
        let gemma = open_gemma(folder.path()).unwrap();
        let shape = gemma.tensors.shape(name).unwrap();
        let problem = gemma.tensors.read(name, (shape[0], shape[1])).unwrap_err().to_string();
        assert!(problem.contains("is zero"), "{problem}");
    }
    let folder = copy_of("sae/topk-tied");
    change(&folder.path().join("latest_ckpt.safetensors"), &[], &[("D", 0.0)]);
    let out = folder.path().join("pack");
    let problem =
        try_pack(&fixture("gemma/gemma2-softcap"), folder.path(), 2, Precision::F32, &out).unwrap_err().to_string();
    assert!(problem.contains("every value of tensor D is zero"), "{problem}");
    // A norm of zeros is that of a new model, and an SAE's bias may be zero.
    for (from, file, name) in [
        ("gemma/gemma2-softcap", "model.safetensors", "model.norm.weight"),
        ("sae/topk-tied", "latest_ckpt.safetensors", "b"),
    ] {
        let folder = copy_of(from);
        change(&folder.path().join(file), &[], &[(name, 0.0)]);
        let (gemma, sae) = (fixture("gemma/gemma2-softcap"), fixture("sae/topk-tied"));
        let pair =
            if from.starts_with("sae") { (gemma, folder.path().to_owned()) } else { (folder.path().to_owned(), sae) };
        try_pack(&pair.0, &pair.1, 2, Precision::F32, &folder.path().join("pack")).unwrap();
    }
}

#[test]
fn an_sae_that_contradicts_itself_is_refused() {
    let opened = |edit: &dyn Fn(&mut Value)| {
        let folder = copy_of("sae/sae-lens-topk");
        let path = folder.path().join("cfg.json");
        let mut cfg: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        edit(&mut cfg);
        std::fs::write(path, cfg.to_string()).unwrap();
        open_sae(folder.path()).map(|sae| sae.published.config.target_layer).map_err(|e| e.to_string())
    };
    let layer = opened(&|_| ()).unwrap().unwrap();
    assert_eq!(opened(&|cfg| cfg["hook_layer"] = layer.into()), Ok(Some(layer)));
    assert_eq!(opened(&|cfg| cfg["hook_name"] = format!("blocks.{layer}.hook_resid_post").into()), Ok(Some(layer)));
    let other = format!("blocks.{}.hook_resid_post", layer + 1);
    for (key, value) in
        [("hook_name", Value::from(other)), ("hook_layer", (layer + 1).into()), ("model_name", "another/model".into())]
    {
        let problem = opened(&|cfg| cfg[key] = value.clone()).unwrap_err();
        assert!(problem.contains("cfg.json") && problem.contains("at one place and"), "{key}: {problem}");
    }
    // Two SAEs in one folder.
    let folder = copy_of("sae/sae-lens-topk");
    for file in ["conf.yaml", "latest_ckpt.safetensors"] {
        std::fs::copy(fixture("sae/topk-tied").join(file), folder.path().join(file)).unwrap();
    }
    let problem = open_sae(folder.path()).unwrap_err().to_string();
    assert!(problem.contains("it holds two SAEs"), "{problem}");
}

#[test]
fn a_template_with_a_token_past_the_vocabulary_is_refused() {
    let gemma = open_gemma(&fixture("gemma/gemma2-softcap")).unwrap();
    let mut tokenizer = tiny();
    let special = tokenizer["post_processor"]["special_tokens"].as_object_mut().unwrap();
    special.insert("<far>".to_owned(), json!({"id": "<far>", "ids": [70_000], "tokens": ["<far>"]}));
    let problem = claims_of(&gemma, 2, &tokenizer).unwrap_err();
    assert!(problem.contains("t.json") && problem.contains("token 70000 (<far>)"), "{problem}");
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
