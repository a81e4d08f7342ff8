//! Residual streams of a checkpoint are told apart by all that they were computed from.

// A test that cannot read its fixture has failed.
#![allow(clippy::unwrap_used)]

mod common;

use burn::tensor::Device;
use common::fixtures;
use lens_engine::ResidualReader;

/// Training stores streams under this identity: a model that was trained on has other values anywhere.
#[test]
fn every_value_of_a_checkpoint_belongs_to_its_identity() {
    let scratch = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(fixtures().join("gemma/gemma2-softcap")).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, scratch.path().join(path.file_name().unwrap())).unwrap();
    }
    let weights = scratch.path().join("model.safetensors");
    let whole = std::fs::read(&weights).unwrap();
    let header = 8 + u64::from_le_bytes(whole[..8].try_into().unwrap()) as usize;
    let tensors: serde_json::Value = serde_json::from_slice(&whole[8..header]).unwrap();
    let identity = || {
        let tokenizer = fixtures().join("tokenizer/tiny.json");
        ResidualReader::of_checkpoint(scratch.path(), &tokenizer, 2, Device::flex().into(), |_, _| ()).unwrap().identity
    };
    let of_whole = identity();
    assert_eq!(identity(), of_whole);
    for name in
        ["model.embed_tokens.weight", "model.layers.1.mlp.up_proj.weight", "model.layers.2.self_attn.q_proj.weight"]
    {
        // The last value, by its lowest bit.
        let end = tensors[name]["data_offsets"][1].as_u64().unwrap() as usize + header;
        let mut other = whole.clone();
        other[end - 4] ^= 1;
        std::fs::write(&weights, other).unwrap();
        assert_ne!(identity(), of_whole, "{name}");
    }
}
