//! The networks against PyTorch: every committed fixture, packed at f32, on the CPU device.
//!
//! Tolerances: 1e-4 relative RMS for residual streams and 1e-3 for codes. f32 sums in another order
//! differ by about 1e-6 a layer; the fixtures' attention is sharp on purpose, which amplifies that.
//! The same pairs run in the browser on WebGPU (tests/e2e).

// A test that cannot read its fixture has failed.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::path::Path;

use common::{fixtures, open, pairs};
use lens_analysis::similarity::document_rows;
use lens_engine::check::self_check::relative_rms;
use lens_engine::{RunOptions, session};
use safetensors::SafeTensors;

const RESIDUAL_TOLERANCE: f64 = 1e-4;
const CODES_TOLERANCE: f64 = 1e-3;

fn tensors(path: &Path) -> BTreeMap<String, Vec<f32>> {
    let bytes = std::fs::read(path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    file.tensors()
        .into_iter()
        .filter(|(_, view)| view.dtype() == safetensors::Dtype::F32)
        .map(|(name, view)| {
            let values = view.data().chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
            (name, values)
        })
        .collect()
}

fn assert_close(what: &str, found: &[f32], expected: &[f32], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{what}: number of values");
    if expected.iter().all(|v| *v == 0.0) {
        assert!(found.iter().all(|v| *v == 0.0), "{what}: expected zeros");
        return;
    }
    let error = relative_rms(found, expected);
    assert!(error <= tolerance, "{what}: relative RMS {error:.2e}, tolerance {tolerance:.0e}");
}

#[test]
fn every_pair_equals_pytorch_from_text_to_similarity() {
    let pairs = pairs();
    assert!(pairs.len() >= 6);
    for pair in pairs {
        let scratch = tempfile::tempdir().unwrap();
        let pack = open(&pair.gemma, &pair.sae, &pair.tokenizer, pair.layer, scratch.path());
        let expected = tensors(&fixtures().join(&pair.expected));
        if !pair.text.is_empty() {
            assert_eq!(pack.loaded.tokenize(&pair.text).unwrap().ids, pair.token_ids, "{}: token ids", pair.name);
        }
        let rows = pack.embedding(&pair.token_ids).unwrap();
        let options = RunOptions { inf_k: pair.inf_k, keep_intermediates: true, ..RunOptions::default() };
        let run = pollster::block_on(session::run(&pack.loaded, &rows, options)).unwrap();
        let analysis = pack.loaded.analysis(&pair.text, &pack.loaded.describe(&pair.token_ids), &run.summary, options);
        let found = [
            ("residual", &run.residual, RESIDUAL_TOLERANCE),
            ("recons", &run.recons, RESIDUAL_TOLERANCE * 10.0),
            ("pred_codes", &run.pred_codes, CODES_TOLERANCE),
            ("novel_codes", &run.novel_codes, CODES_TOLERANCE),
            ("pred_recons", &run.pred_recons, CODES_TOLERANCE),
            ("novel_recons", &run.novel_recons, CODES_TOLERANCE),
            ("attn_graphs", &run.attn_graphs, CODES_TOLERANCE),
            ("similarity", &document_rows(&analysis).flatten().collect(), CODES_TOLERANCE),
        ];
        for (name, values, tolerance) in found {
            assert_close(&format!("{}: {name}", pair.name), values, &expected[name], tolerance);
        }
    }
}

#[test]
fn every_layer_of_every_gemma_equals_transformers() {
    let mut checked = 0;
    let mut seen = BTreeMap::new();
    // Any SAE of the right width serves: the residual streams come before it.
    for pair in pairs() {
        seen.entry(pair.gemma.clone()).or_insert(pair);
    }
    for (gemma, pair) in seen {
        let scratch = tempfile::tempdir().unwrap();
        let pack = open(&gemma, &pair.sae, &pair.tokenizer, pair.layer, scratch.path());
        for file in ["expected.safetensors", "expected-1.safetensors"] {
            let path = fixtures().join(&gemma).join(file);
            if !path.exists() {
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            let ids: Vec<u32> = SafeTensors::deserialize(&bytes)
                .unwrap()
                .tensor("token_ids")
                .unwrap()
                .data()
                .chunks_exact(8)
                .map(|b| i64::from_le_bytes(b.try_into().unwrap()) as u32)
                .collect();
            let expected = tensors(&path);
            let rows = pack.embedding(&ids).unwrap();
            for (layer, found) in pollster::block_on(pack.loaded.residuals(rows)).unwrap().iter().enumerate() {
                let name = format!("residual.{layer}");
                assert_close(&format!("{gemma} {file}: {name}"), found, &expected[&name], RESIDUAL_TOLERANCE);
                checked += 1;
            }
        }
    }
    assert!(checked >= 20, "only {checked} layers were compared");
}
