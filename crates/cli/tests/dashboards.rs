//! Dashboards of three features beside a brute-force computation from what `analyze` says of each
//! passage and from the weights.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::Path;

use common::{fixture, run, succeed, text};
use lens_analysis::dashboard::build::rounded;
use lens_analysis::dashboard::{BARS, Chunk, Dashboard, Excerpt, Index};
use lens_import::Synthetic;
use safetensors::SafeTensors;
use serde_json::Value;

/// The seed of synthetic packs.
const SEED: u64 = 1;

struct Passage {
    tokens: Vec<String>,
    novel: Vec<f32>,
    predictable: Vec<f32>,
}

fn analyze(pack: &str, passage: &str, scratch: &Path) -> Passage {
    let (json, dump) = (scratch.join("a.json"), scratch.join("a.safetensors"));
    let (json_text, dump_text) = (text(&json), text(&dump));
    succeed(&[
        "analyze", "--model", pack, "--text", passage, "--device", "cpu", "--json", &json_text, "--dump", &dump_text,
    ]);
    let document: Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    let bytes = std::fs::read(&dump).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let values = |name: &str| -> Vec<f32> {
        tensors.tensor(name).unwrap().data().chunks(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
    };
    Passage {
        tokens: document["tokens"].as_array().unwrap().iter().map(|t| t.as_str().unwrap().to_owned()).collect(),
        novel: values("novel_codes"),
        predictable: values("pred_codes"),
    }
}

fn close(found: f32, expected: f32, what: &str) {
    assert!((found - expected).abs() <= 0.006 * expected.abs().max(1e-6), "{what}: {found} is not {expected}");
}

/// The excerpt is about the token it says, with the codes of its feature around it.
fn check_excerpt(excerpt: &Excerpt, passages: &[Passage], width: usize, feature: usize, of: fn(&Passage) -> &Vec<f32>) {
    let passage = &passages[excerpt.source];
    let place = (1..=passage.tokens.len() - excerpt.tokens.len())
        .find(|first| passage.tokens[*first..first + excerpt.tokens.len()] == excerpt.tokens)
        .unwrap();
    for (offset, value) in excerpt.values.iter().enumerate() {
        close(*value, of(passage)[(place + offset) * width + feature], "a code of an excerpt");
    }
}

#[test]
fn three_features_equal_a_brute_force_computation() {
    let scratch = tempfile::tempdir().unwrap();
    let pack = scratch.path().join("pack");
    let tokenizer = text(&fixture("tokenizer/tiny.json"));
    let pack_text = text(&pack);
    succeed(&["pack", "--synthetic", "tiny", "--tokenizer", &tokenizer, "--precision", "f32", "--out", &pack_text]);
    let lines = std::fs::read_to_string(fixture("train/texts.jsonl")).unwrap();
    let texts: Vec<String> = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["text"].as_str().unwrap().to_owned())
        .collect();
    // A source each, and one without an attribution.
    let corpus = scratch.path().join("corpus.jsonl");
    let mut with_sources: Vec<String> = texts
        .iter()
        .enumerate()
        .map(|(i, text)| serde_json::json!({"text": text, "source": format!("s{i}")}).to_string())
        .collect();
    with_sources.push(serde_json::json!({"text": "Nobody says whose this is.", "source": "unknown"}).to_string());
    std::fs::write(&corpus, with_sources.join("\n")).unwrap();
    let notice = scratch.path().join("NOTICE");
    let attributed: String = (0..texts.len()).map(|i| format!("* s{i}: \"Text {i}\"; ours. Licence: CC0.\n")).collect();
    std::fs::write(&notice, attributed).unwrap();
    let out = scratch.path().join("dashboards");
    let (corpus_text, notice_text, out_text) = (text(&corpus), text(&notice), text(&out));
    let mut args = vec!["dashboards", "--device", "cpu", "--model", &pack_text, "--corpus", &corpus_text];
    args.extend(["--notice", &notice_text, "--out", &out_text]);
    let printed = succeed(&args).stdout;
    assert!(printed.contains("192 features over") && printed.contains("of 4 passages"), "{printed}");

    let index = Index::from_json(&std::fs::read_to_string(out.join("index.json")).unwrap()).unwrap();
    let manifest: Value = serde_json::from_slice(&std::fs::read(pack.join("manifest.json")).unwrap()).unwrap();
    assert!(index.sources[1].attribution.contains("\"Text 1\""));
    let passages: Vec<Passage> = texts.iter().map(|text| analyze(&pack_text, text, scratch.path())).collect();
    let tokens: usize = passages.iter().map(|p| p.tokens.len() - 1).sum();
    assert_eq!((index.tokens, index.passages, index.features), (tokens, 4, 192));

    let (gemma, sae) = Synthetic::Tiny.open(SEED);
    let (width, d, vocabulary) = (192, 64, manifest["embedding"]["shape"][0].as_u64().unwrap() as usize);
    let decoder = sae.tensors.read("sae.D", (width, d)).unwrap();
    let norm = gemma.tensors.read("model.norm.weight", (1, d)).unwrap();
    let embedding = gemma.tensors.read("model.embed_tokens.weight", (vocabulary, d)).unwrap();
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let row = |feature: usize| &decoder[feature * d..(feature + 1) * d];
    for feature in [0, 77, 191] {
        let file = index.file_of(feature).unwrap();
        let chunk = Chunk::from_json(&std::fs::read_to_string(out.join(file)).unwrap(), &index).unwrap();
        let found: &Dashboard = chunk.get(feature).unwrap();
        let mut codes = Vec::new();
        let mut highest_of_passage = Vec::new();
        let mut predictable = Vec::new();
        for passage in &passages {
            let of = |codes: &[f32]| -> Vec<f32> { codes.chunks(width).skip(1).map(|row| row[feature]).collect() };
            let fired: Vec<f32> = of(&passage.novel).into_iter().filter(|v| *v > 0.0).collect();
            highest_of_passage.extend(fired.iter().copied().reduce(f32::max));
            codes.extend(fired);
            predictable.extend(of(&passage.predictable));
        }
        highest_of_passage.sort_by(|a, b| b.total_cmp(a));
        close(found.frequency, codes.len() as f32 / tokens as f32, "frequency");
        close(found.predictable_mean, predictable.iter().sum::<f32>() / tokens as f32, "mean of predictable codes");
        let largest = codes.iter().copied().fold(0.0, f32::max);
        close(found.largest, largest, "largest code");
        let mut histogram = [0u32; BARS];
        codes.iter().for_each(|v| histogram[((v / largest * BARS as f32) as usize).min(BARS - 1)] += 1);
        assert_eq!(found.histogram, histogram);
        assert_eq!(found.top.len(), highest_of_passage.len());
        for (excerpt, expected) in found.top.iter().zip(highest_of_passage) {
            close(excerpt.values[excerpt.at], expected, "code of a top context");
            check_excerpt(excerpt, &passages, width, feature, |p| &p.novel);
        }
        for excerpt in &found.predictable_top {
            check_excerpt(excerpt, &passages, width, feature, |p| &p.predictable);
        }
        // Through the final norm by itself, then the unembedding.
        let rms = (dot(row(feature), row(feature)) / d as f32 + 1e-6).sqrt();
        let direction: Vec<f32> = row(feature).iter().zip(&norm).map(|(v, w)| v / rms * (1.0 + w)).collect();
        let mut logits: Vec<f32> = embedding.chunks(d).map(|token| dot(token, &direction)).collect();
        logits.sort_by(|a, b| b.total_cmp(a));
        for ((_, found), expected) in found.raised.iter().zip(&logits) {
            close(*found, *expected, "a raised token");
        }
        for ((_, found), expected) in found.lowered.iter().zip(logits.iter().rev()) {
            close(*found, *expected, "a lowered token");
        }
        let length = |row: &[f32]| dot(row, row).sqrt();
        let mut near: Vec<f32> = (0..width)
            .filter(|other| *other != feature)
            .map(|other| dot(row(feature), row(other)) / length(row(feature)) / length(row(other)))
            .collect();
        near.sort_by(|a, b| b.total_cmp(a));
        for ((_, found), expected) in found.near.iter().zip(near) {
            close(*found, rounded(expected), "cosine of a near feature");
        }
    }
    std::fs::write(&notice, "nothing").unwrap();
    assert!(run(&args).stderr.contains("no line of the form"));
}

/// The committed dashboards are of the served pack.
#[test]
fn the_shipped_dashboards_belong_to_the_served_pack() {
    let folder = fixture("../../demo/dashboards");
    let index = Index::from_json(&std::fs::read_to_string(folder.join("index.json")).unwrap()).unwrap();
    assert!(index.sources.iter().all(|source| !source.attribution.is_empty()));
    assert!(!index.labels.is_empty() && index.labels.iter().all(|label| label.f1 >= 0.5));
    let mut bytes = 0;
    for feature in (0..index.features).step_by(index.per_file) {
        let json = std::fs::read_to_string(folder.join(index.file_of(feature).unwrap())).unwrap();
        bytes += json.len();
        let chunk = Chunk::from_json(&json, &index).unwrap();
        assert!(chunk.get(feature).is_some());
        for (offset, dashboard) in chunk.features.iter().enumerate() {
            assert_eq!(
                index.largest.get(feature + offset),
                Some(&dashboard.largest),
                "run `temporal-lens dashboards` again"
            );
        }
    }
    assert!(bytes <= 8_000_000, "{bytes} bytes");
    let pack = common::default_pack();
    let hash = lens_pack::folder::FolderManifest::read(Path::new(&pack)).unwrap().hash;
    assert_eq!(index.pack_hash, hash, "run `temporal-lens dashboards` again, as docs/training.md says");
}
