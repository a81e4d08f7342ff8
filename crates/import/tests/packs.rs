//! Packing and reading back: values, determinism, the folder's fate.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::path::Path;

use common::{PAIRS, copy_of, fixture, tokenizer_of, try_pack, try_pack_with};
use lens_import::{compact_tokenizer, open_gemma, open_sae};
use lens_pack::block::{PackedMatrix, Precision};
use lens_pack::manifest::{
    EMBEDDING_SHARD_BYTES_MAX, MANIFEST_FILE, Manifest, SHARD_BYTES_MAX, pack_hash, without_checksum,
};
use lens_pack::precision_plan::PrecisionPlan;
use lens_pack::row_checks::{Blocks, RowChecks};
use lens_pack::tensor_spec::EMBEDDING;
use lens_pack::tokenizer::CompactTokenizer;
use lens_pack::unpack::{check_file, embedding_row, sha256_hex, shard_parts};
use safetensors::SafeTensors;

const PRECISIONS: [Precision; 4] = [Precision::F32, Precision::F16, Precision::Q8, Precision::Q4];

fn read_pack(folder: &Path) -> (Manifest, BTreeMap<String, Vec<f32>>) {
    let text = std::fs::read_to_string(folder.join(MANIFEST_FILE)).unwrap();
    let manifest = Manifest::from_json(&text, MANIFEST_FILE).unwrap();
    let mut values: BTreeMap<String, Vec<f32>> = BTreeMap::new();
    for (index, shard) in manifest.shards.iter().enumerate() {
        let bytes = std::fs::read(folder.join(&shard.file)).unwrap();
        check_file(shard, &bytes).unwrap();
        assert!(bytes.len() <= SHARD_BYTES_MAX);
        // Any safetensors reader takes the file.
        SafeTensors::deserialize(&bytes).unwrap();
        for part in shard_parts(&manifest, index, &bytes).map(Result::unwrap) {
            let all = values.entry(part.name).or_default();
            assert_eq!(all.len(), part.row_start * part.matrix.cols, "parts come in row order");
            all.extend(part.matrix.unpack());
        }
    }
    (manifest, values)
}

fn transposed(values: &[f32], rows: usize, cols: usize) -> Vec<f32> {
    (0..cols * rows).map(|i| values[i % rows * cols + i / rows]).collect()
}

#[test]
fn every_pair_comes_back_in_every_precision() {
    for (gemma_path, sae_path, layer) in PAIRS {
        let gemma = open_gemma(&fixture(gemma_path)).unwrap();
        let sae = open_sae(&fixture(sae_path)).unwrap();
        for precision in PRECISIONS {
            let scratch = tempfile::tempdir().unwrap();
            let out = scratch.path().join("pack");
            try_pack(&fixture(gemma_path), &fixture(sae_path), layer, precision, &out).unwrap();
            let (manifest, values) = read_pack(&out);
            assert!(manifest.tensors.contains_key("model.norm.weight"));
            assert!(!values.keys().any(|name| name.starts_with(&format!("model.layers.{}.", layer + 1))));
            for (name, found) in &values {
                let (rows, cols) = manifest.tensors[name].shape;
                let expected = match name.as_str() {
                    "sae.E" => transposed(&sae.tensors.read(name, (cols, rows)).unwrap(), cols, rows),
                    _ if name.starts_with("sae.") => sae.tensors.read(name, (rows, cols)).unwrap(),
                    _ => gemma.tensors.read(name, (rows, cols)).unwrap(),
                };
                let stored_as = PrecisionPlan::from(precision).precision_of(name);
                assert_eq!(manifest.tensors[name].precision, stored_as);
                let expected = PackedMatrix::pack(&expected, rows, cols, stored_as).unpack();
                assert_eq!(found, &expected, "{name} of {gemma_path} as {precision}");
            }
            let embedding = &manifest.embedding;
            for id in [0, 1, embedding.shape.0 as u32 - 1] {
                let (shard, range) = manifest.embedding_row(id).unwrap();
                let bytes = std::fs::read(out.join(&shard.file)).unwrap();
                check_file(shard, &bytes).unwrap();
                SafeTensors::deserialize(&bytes).unwrap();
                let row = embedding_row(embedding, &bytes[range.start as usize..range.end as usize]).unwrap();
                let expected = gemma.tensors.read_rows(EMBEDDING, id as usize..id as usize + 1).unwrap();
                let stored_as = PrecisionPlan::from(precision).precision_of(EMBEDDING);
                assert_eq!(row, PackedMatrix::pack(&expected, 1, expected.len(), stored_as).unpack());
            }
            assert!(manifest.embedding_row(embedding.shape.0 as u32).is_none());
            check_rows(&out, &manifest);
            let bytes = std::fs::read(out.join(&manifest.tokenizer.file)).unwrap();
            check_file(&manifest.tokenizer, &bytes).unwrap();
            let original = std::fs::read_to_string(fixture("tokenizer/tiny.json")).unwrap();
            let original = compact_tokenizer(&original, "tiny.json").unwrap();
            assert_eq!(CompactTokenizer::from_bytes(&bytes, "tokenizer").unwrap(), original);
            assert!(out.join(manifest.licenses[0].file.as_ref().unwrap()).is_file());
        }
    }
}

/// Every row lies in a block whose checksum is that of the shard's bytes.
fn check_rows(folder: &Path, manifest: &Manifest) {
    let entry = manifest.row_checks.as_ref().unwrap();
    let checks = RowChecks::from_bytes(entry, &std::fs::read(folder.join(&entry.list.file)).unwrap()).unwrap();
    let (blocks, embedding) = (Blocks::of(manifest), &manifest.embedding);
    let shards: Vec<Vec<u8>> =
        embedding.shards.iter().map(|shard| std::fs::read(folder.join(&shard.file)).unwrap()).collect();
    let block = |number: u32| {
        let bytes = blocks.bytes(number);
        &shards[blocks.shard(number)][bytes.start as usize..bytes.end as usize]
    };
    for number in 0..blocks.count() as u32 {
        assert!(checks.is_right(number, block(number)), "block {number}");
    }
    for id in 0..embedding.shape.0 as u32 {
        let (shard, range) = manifest.embedding_row(id).unwrap();
        let number = blocks.of_row(id);
        assert_eq!(embedding.shards[blocks.shard(number)], *shard);
        let row = &shards[blocks.shard(number)][range.start as usize..range.end as usize];
        assert_eq!(&block(number)[blocks.row_in_block(id)], row, "row {id}");
    }
}

#[test]
fn packs_without_checksums_of_rows_are_read_and_keep_their_hash() {
    let scratch = tempfile::tempdir().unwrap();
    let (gemma, sae, layer) = PAIRS[0];
    let out = scratch.path().join("pack");
    try_pack(&fixture(gemma), &fixture(sae), layer, Precision::Q8, &out).unwrap();
    let text = std::fs::read_to_string(out.join(MANIFEST_FILE)).unwrap();
    let manifest = Manifest::from_json(&text, MANIFEST_FILE).unwrap();
    let checks = serde_json::to_string(manifest.row_checks.as_ref().unwrap()).unwrap();
    // Version 3 had no checksum of its own.
    let third = without_checksum(&text).replace("\"version\":4", "\"version\":3");
    assert_eq!(
        Manifest::from_json(&third, MANIFEST_FILE).unwrap(),
        Manifest { version: 3, checksum: None, ..manifest.clone() }
    );
    assert_eq!(pack_hash(&third), pack_hash(&text));
    let without = third.replace(&format!(",\"row_checks\":{checks}"), "");
    let old = without.replace("\"version\":3", "\"version\":2");
    let read = Manifest::from_json(&old, MANIFEST_FILE).unwrap();
    assert_eq!(read.row_checks, None);
    // Rows one by one.
    assert_eq!(Blocks::of(&read).count(), read.embedding.shape.0);
    assert_eq!(pack_hash(&text), pack_hash(&old));
    assert_eq!(pack_hash(&old), sha256_hex(old.as_bytes()));
    // Anything else is another pack.
    assert_ne!(pack_hash(&text.replace("\"layer\":", "\"layer\": ")), pack_hash(&text));
    let refused = |text: &str| Manifest::from_json(text, MANIFEST_FILE).unwrap_err().to_string();
    assert!(refused(&without).contains("checksums of the embedding's rows are missing"), "{}", refused(&without));
    let rows = manifest.row_checks.as_ref().unwrap().rows;
    let other = third.replace(&format!("\"row_checks\":{{\"rows\":{rows}"), "\"row_checks\":{\"rows\":1");
    assert!(refused(&other).contains("do not fit its shape"));
}

fn files_of(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap())
        .map(|e| (e.file_name().into_string().unwrap(), std::fs::read(e.path()).unwrap()))
        .collect()
}

#[test]
fn equal_input_gives_equal_bytes_and_replaces_a_pack() {
    let scratch = tempfile::tempdir().unwrap();
    let (gemma, sae, layer) = PAIRS[0];
    let pack =
        |precision, out: &str| try_pack(&fixture(gemma), &fixture(sae), layer, precision, &scratch.path().join(out));
    pack(Precision::Q4, "a").unwrap();
    pack(Precision::F32, "b").unwrap();
    pack(Precision::Q4, "b").unwrap();
    assert_eq!(files_of(&scratch.path().join("a")), files_of(&scratch.path().join("b")));
    std::fs::create_dir(scratch.path().join("empty")).unwrap();
    pack(Precision::Q4, "empty").unwrap();
    pack(Precision::Q4, "deep/er").unwrap();
    let names: Vec<String> =
        std::fs::read_dir(scratch.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    assert!(names.iter().all(|name| !name.starts_with('.')), "nothing is left over: {names:?}");
}

#[test]
fn nothing_but_a_pack_is_replaced() {
    let scratch = tempfile::tempdir().unwrap();
    let (gemma, sae, layer) = PAIRS[0];
    let pack = |out: &str| {
        let result = try_pack(&fixture(gemma), &fixture(sae), layer, Precision::F32, &scratch.path().join(out));
        result.map_err(|e| e.to_string())
    };
    let write = |path: &str, text: &str| {
        let path = scratch.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("file", "mine");
    write("folder/notes.txt", "mine");
    write("other/manifest.json", r#"{"format": "something else"}"#);
    for out in ["file", "folder", "other"] {
        let error = pack(out).unwrap_err();
        assert!(error.contains("only a pack or an empty folder is replaced"), "{error}");
    }
    pack("pack").unwrap();
    write("pack/notes.txt", "mine");
    let error = pack("pack").unwrap_err();
    assert!(error.contains("notes.txt"), "{error}");
    assert_eq!(std::fs::read_to_string(scratch.path().join("pack/notes.txt")).unwrap(), "mine");
    assert_eq!(std::fs::read_to_string(scratch.path().join("file")).unwrap(), "mine");
}

#[test]
fn a_failure_leaves_what_was_there_and_nothing_else() {
    let scratch = tempfile::tempdir().unwrap();
    let out = scratch.path().join("pack");
    let (gemma, sae, layer) = PAIRS[0];
    try_pack(&fixture(gemma), &fixture(sae), layer, Precision::F32, &out).unwrap();
    let before = files_of(&out);
    // An infinite weight is found while shards are being written.
    let damaged = copy_of(gemma);
    let path = damaged.path().join("model.safetensors");
    let mut bytes = std::fs::read(&path).unwrap();
    let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    for value in bytes[header..].chunks_exact_mut(4) {
        value.copy_from_slice(&f32::INFINITY.to_le_bytes());
    }
    std::fs::write(&path, bytes).unwrap();
    for out in [&out, &scratch.path().join("new")] {
        let error = try_pack(damaged.path(), &fixture(sae), layer, Precision::Q8, out).unwrap_err().to_string();
        assert!(error.contains("holds inf") && error.contains("tensor model."), "{error}");
    }
    assert_eq!(files_of(&out), before);
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 1);
}

#[test]
fn parts_that_do_not_belong_together_are_distinguished() {
    let scratch = tempfile::tempdir().unwrap();
    let out = scratch.path().join("pack");
    let error = |gemma: &str, sae: &str, layer| {
        try_pack(&fixture(gemma), &fixture(sae), layer, Precision::F32, &out).unwrap_err().to_string()
    };
    let says = error("gemma/gemma3-nested", "sae/topk-scaling-bf16", 4);
    assert!(says.contains("trained on the output of layer 5") && says.contains("layer 4"), "{says}");
    let says = error("gemma/gemma2-softcap", "sae/topk-tied", 4);
    assert!(says.contains("layers 0 to 3"), "{says}");
    let says = error("gemma/gemma2-odd-sizes", "sae/topk-tied", 1);
    assert!(says.contains("reads 48 dimensions") && says.contains("40"), "{says}");
    assert!(!out.exists());
}

#[test]
fn a_real_sized_matrix_is_cut_by_rows_and_embedding_shards_are_small() {
    // Vocabulary 20,000 of 256 values: 20 MB as f32; an SAE of width 2048: 16.8 MB a matrix.
    let scratch = tempfile::tempdir().unwrap();
    let (gemma, sae) = (scratch.path().join("gemma"), scratch.path().join("sae"));
    large::write(&gemma, &sae);
    let (out, tokenizer) = (scratch.path().join("pack"), scratch.path().join("tokenizer.json"));
    tokenizer_of(20_000, &tokenizer);
    let manifest = try_pack_with(&gemma, &sae, &tokenizer, 0, Precision::F32, &out).unwrap();
    let (_, values) = read_pack(&out);
    let cut = manifest.tensors.values().filter(|t| t.parts.len() > 1).count();
    assert!(cut >= 1 && manifest.shards.len() >= 3, "{cut} cut, {} shards", manifest.shards.len());
    // A tensor that fits a shard is whole.
    for (name, tensor) in &manifest.tensors {
        let bytes = 4 * tensor.shape.0 * tensor.shape.1;
        assert!(bytes > SHARD_BYTES_MAX - (1 << 16) || tensor.parts.len() == 1, "{name}");
    }
    let sae = open_sae(&sae).unwrap();
    let v_ctx = "sae.attn_layers.0.v_ctx.weight";
    assert_eq!(values[v_ctx], sae.tensors.read(v_ctx, manifest.tensors[v_ctx].shape).unwrap());
    assert!(manifest.embedding.shards.len() > 19);
    check_rows(&out, &manifest);
    for shard in &manifest.embedding.shards {
        assert!(shard.bytes <= EMBEDDING_SHARD_BYTES_MAX as u64);
    }
    let last = manifest.embedding_row(19_999).unwrap();
    let bytes = std::fs::read(out.join(&last.0.file)).unwrap();
    assert_eq!(last.1.end, bytes.len() as u64, "the last row ends the last shard");
}

mod large {
    use std::path::Path;

    use safetensors::Dtype;
    use safetensors::tensor::TensorView;

    const D: usize = 256;
    const WIDTH: usize = 3072;

    fn save(path: &Path, tensors: &[(&str, Vec<usize>)]) {
        let data: Vec<Vec<u8>> = tensors
            .iter()
            .map(|(_, shape)| {
                let values = shape.iter().product::<usize>();
                (0..values).flat_map(|i| ((i * 37 % 1009) as f32 / 504.0 - 1.0).to_le_bytes()).collect()
            })
            .collect();
        let views = tensors
            .iter()
            .zip(&data)
            .map(|((name, shape), data)| (*name, TensorView::new(Dtype::F32, shape.clone(), data).unwrap()));
        safetensors::serialize_to_file(views, None, path).unwrap();
    }

    pub fn write(gemma: &Path, sae: &Path) {
        std::fs::create_dir_all(gemma).unwrap();
        std::fs::create_dir_all(sae).unwrap();
        let config = serde_json::json!({
            "model_type": "gemma3_text", "vocab_size": 20_000, "hidden_size": D, "intermediate_size": 64,
            "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 16
        });
        std::fs::write(gemma.join("config.json"), config.to_string()).unwrap();
        save(
            &gemma.join("model.safetensors"),
            &[
                ("model.embed_tokens.weight", vec![20_000, D]),
                ("model.norm.weight", vec![D]),
                ("model.layers.0.input_layernorm.weight", vec![D]),
                ("model.layers.0.post_attention_layernorm.weight", vec![D]),
                ("model.layers.0.pre_feedforward_layernorm.weight", vec![D]),
                ("model.layers.0.post_feedforward_layernorm.weight", vec![D]),
                ("model.layers.0.self_attn.q_proj.weight", vec![32, D]),
                ("model.layers.0.self_attn.k_proj.weight", vec![16, D]),
                ("model.layers.0.self_attn.v_proj.weight", vec![16, D]),
                ("model.layers.0.self_attn.o_proj.weight", vec![D, 32]),
                ("model.layers.0.self_attn.q_norm.weight", vec![16]),
                ("model.layers.0.self_attn.k_norm.weight", vec![16]),
                ("model.layers.0.mlp.gate_proj.weight", vec![64, D]),
                ("model.layers.0.mlp.up_proj.weight", vec![64, D]),
                ("model.layers.0.mlp.down_proj.weight", vec![D, 64]),
            ],
        );
        std::fs::write(
            sae.join("conf.yaml"),
            "llm: {dimin: 256}\nsae: {sae_type: temporal, sae_diff_type: topk, tied_weights: true, exp_factor: 12, \
             kval_topk: 8, n_heads: 4, n_attn_layers: 1, bottleneck_factor: 4, scaling_factor: 1}\n",
        )
        .unwrap();
        save(
            &sae.join("latest_ckpt.safetensors"),
            &[
                ("D", vec![WIDTH, D]),
                ("b", vec![D]),
                ("attn_layers.0.k_ctx.weight", vec![WIDTH / 4, WIDTH]),
                ("attn_layers.0.k_ctx.bias", vec![WIDTH / 4]),
                ("attn_layers.0.q_target.weight", vec![WIDTH / 4, WIDTH]),
                ("attn_layers.0.q_target.bias", vec![WIDTH / 4]),
                ("attn_layers.0.v_ctx.weight", vec![WIDTH, WIDTH]),
                ("attn_layers.0.v_ctx.bias", vec![WIDTH]),
                ("attn_layers.0.c_proj.weight", vec![WIDTH, WIDTH]),
                ("attn_layers.0.c_proj.bias", vec![WIDTH]),
            ],
        );
    }
}
