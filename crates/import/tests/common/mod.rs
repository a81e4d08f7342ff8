//! Where fixtures lie, and packs of them.
#![allow(dead_code, missing_docs, clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use lens_import::write::{LicenseFile, PackRequest, pack};
use lens_import::{open_gemma, open_sae};
use lens_pack::block::Precision;
use lens_pack::manifest::Manifest;

pub fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures").join(path)
}

/// Packs two fixtures into `out`.
pub fn try_pack(
    gemma: &Path,
    sae: &Path,
    layer: usize,
    precision: Precision,
    out: &Path,
) -> lens_import::Result<Manifest> {
    try_pack_with(gemma, sae, &fixture("tokenizer/tiny.json"), layer, precision, out)
}

/// As [`try_pack`], with a tokenizer.
pub fn try_pack_with(
    gemma: &Path,
    sae: &Path,
    tokenizer: &Path,
    layer: usize,
    precision: Precision,
    out: &Path,
) -> lens_import::Result<Manifest> {
    let gemma = open_gemma(gemma)?;
    let sae = open_sae(sae)?;
    let request = PackRequest {
        gemma: &gemma,
        model_name: "fixture".to_owned(),
        sae: &sae,
        sae_name: "fixture".to_owned(),
        layer,
        precision: precision.into(),
        tokenizer: tokenizer.to_owned(),
        licenses: vec![LicenseFile {
            covers: "Fixtures".to_owned(),
            name: "readme".to_owned(),
            file: Some(fixture("README.md")),
        }],
        neuronpedia: None,
        out: out.to_owned(),
    };
    pack(&request, &mut |_| {})
}

/// The pairs of fixtures that fit each other: Gemma, SAE, layer.
pub const PAIRS: [(&str, &str, usize); 7] = [
    ("gemma/gemma2-softcap", "sae/topk-tied", 2),
    ("gemma/gemma3-sharded", "sae/relu-untied-2-layers", 6),
    ("gemma/gemma2-odd-sizes", "sae/nullify", 1),
    ("gemma/gemma3-linear-rope", "sae/topk-bottleneck-3-layers-bf16", 6),
    ("gemma/gemma3-nested", "sae/topk-scaling-bf16", 5),
    ("gemma/gemma3-nested-v5", "sae/relu-f16", 1),
    ("gemma/gemma2-odd-sizes", "sae/sae-lens-relu-untied", 2),
];

/// The small tokenizer with as many pieces as `ids`, at `path`.
pub fn tokenizer_of(ids: usize, path: &Path) {
    let text = std::fs::read_to_string(fixture("tokenizer/tiny.json")).unwrap();
    let mut json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let vocab = json["model"]["vocab"].as_object_mut().unwrap();
    for id in vocab.len()..ids {
        vocab.insert(format!("piece{id}"), id.into());
    }
    std::fs::write(path, json.to_string()).unwrap();
}

/// A copy of a folder's files in a scratch folder.
pub fn copy_of(folder: &str) -> tempfile::TempDir {
    let scratch = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(fixture(folder)).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), scratch.path().join(entry.file_name())).unwrap();
    }
    scratch
}
