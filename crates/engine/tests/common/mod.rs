//! Fixture packs, for the tests that run networks.

// Not every test uses all of it.
#![allow(dead_code)]

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use lens_engine::PackFolder;
use lens_import::write::{PackRequest, pack};
use lens_import::{open_gemma, open_sae};
use lens_pack::block::Precision;
use serde::Deserialize;

#[derive(Deserialize)]
pub struct Pair {
    pub name: String,
    pub gemma: String,
    pub sae: String,
    pub tokenizer: String,
    pub layer: usize,
    pub inf_k: Option<usize>,
    pub text: String,
    pub token_ids: Vec<u32>,
    pub expected: String,
}

pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures")
}

pub fn open(gemma: &str, sae: &str, tokenizer: &str, layer: usize, folder: &Path) -> PackFolder {
    let gemma = open_gemma(&fixtures().join(gemma)).unwrap();
    let sae = open_sae(&fixtures().join(sae)).unwrap();
    let request = PackRequest {
        gemma: &gemma,
        model_name: "fixture".to_owned(),
        sae: &sae,
        sae_name: "fixture".to_owned(),
        layer,
        precision: Precision::F32.into(),
        tokenizer: fixtures().join(tokenizer),
        licenses: Vec::new(),
        neuronpedia: None,
        out: folder.join("pack"),
    };
    pack(&request, &mut |_| {}).unwrap();
    PackFolder::open(&folder.join("pack"), Device::flex(), |_, _| {}).unwrap()
}

pub fn pairs() -> Vec<Pair> {
    serde_json::from_str(&std::fs::read_to_string(fixtures().join("pairs.json")).unwrap()).unwrap()
}
