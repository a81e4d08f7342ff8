//! Files cut short, damaged or made to harm: an error or a harmless result, never a panic, and never
//! more memory than the file warrants.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::fs::OpenOptions;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use common::{PAIRS, fixture, try_pack};
use lens_import::{GemmaCheckpoint, PublishedSae, gemma_config, open_gemma, open_sae};
use lens_pack::block::Precision;
use lens_pack::manifest::{MANIFEST_FILE, Manifest, seal};
use lens_pack::row_checks::Blocks;
use lens_pack::rows;
use lens_pack::unpack::{embedding_row, shard_parts};

fn read_everything(gemma: &GemmaCheckpoint) {
    for name in gemma.tensors.names() {
        let shape = gemma.tensors.shape(name).unwrap();
        let rows = if shape.len() == 1 { 1 } else { shape.first().copied().unwrap_or(0) };
        // Damaged values and odd shapes are no panic; what is read is what was asked for.
        if let Ok(values) = gemma.tensors.read_rows(name, 0..rows) {
            assert_eq!(values.len(), shape.iter().product::<usize>());
        }
    }
}

/// Damages the file at `path` in every way that the tests try, and calls `check` each time: each of
/// the first `header` bytes changed, and the file cut off at each of them.
fn damage(path: &Path, header: usize, mut check: impl FnMut()) {
    let bytes = std::fs::read(path).unwrap();
    let mut file = OpenOptions::new().write(true).open(path).unwrap();
    let mut put = |at: usize, byte: u8| {
        file.seek(SeekFrom::Start(at as u64)).unwrap();
        file.write_all(&[byte]).unwrap();
    };
    for at in 0..header {
        put(at, bytes[at] ^ [0x01, 0x80, 0xff][at % 3]);
        check();
        put(at, bytes[at]);
    }
    for length in (0..header).rev() {
        file.set_len(length as u64).unwrap();
        check();
    }
}

/// As [`damage`], of a text.
fn damaged(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let cuts = (0..bytes.len()).map(|n| bytes[..n].to_vec());
    let changes = (0..bytes.len()).flat_map(move |n| {
        [0x01, 0x10, 0x40].map(|mask| {
            let mut changed = bytes.to_vec();
            changed[n] ^= mask;
            changed
        })
    });
    cuts.chain(changes)
}

#[test]
fn damaged_gguf_files_are_errors_or_harmless() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("model.gguf");
    let bytes = std::fs::read(fixture("gguf/gemma3-types.gguf")).unwrap();
    std::fs::write(&path, &bytes).unwrap();
    // Metadata and tensor infos end well before this.
    let header = 3000;
    let mut errors = 0;
    damage(&path, header, || match open_gemma(&path) {
        Ok(gemma) => read_everything(&gemma),
        Err(error) => {
            errors += 1;
            assert!(error.to_string().contains("model.gguf"), "{error}");
        }
    });
    assert!(errors > header, "every cut and many changes are errors");
    std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    let error = open_gemma(&path).unwrap_err().to_string();
    assert!(error.contains("cut short") && error.contains("tensor"), "{error}");
}

#[test]
fn gguf_counts_that_the_file_cannot_hold_are_refused() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("model.gguf");
    let error_of = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        open_gemma(&path).unwrap_err().to_string()
    };
    let header = |tensors: u64, values: u64| {
        let mut bytes = b"GGUF\x03\0\0\0".to_vec();
        bytes.extend(tensors.to_le_bytes());
        bytes.extend(values.to_le_bytes());
        bytes
    };
    for (tensors, values) in [(u64::MAX, 0), (0, u64::MAX), (1000, 0), (0, 1000)] {
        let error = error_of(&header(tensors, values));
        assert!(error.contains("more than any model has") || error.contains("cut short"), "{error}");
    }
    // One metadata array: of 2^61 numbers, of 2^60 strings, and nested past all sense.
    let key = |kind: u32| {
        let mut bytes = header(0, 1);
        bytes.extend(1u64.to_le_bytes());
        bytes.extend(b"k");
        bytes.extend(9u32.to_le_bytes());
        bytes.extend(kind.to_le_bytes());
        bytes
    };
    for kind in [0, 6, 8, 9, 12] {
        let mut bytes = key(kind);
        bytes.extend((1u64 << 60).to_le_bytes());
        assert!(error_of(&bytes).contains("cut short"));
    }
    let mut bytes = key(9);
    for _ in 0..100 {
        bytes.extend(1u64.to_le_bytes());
        bytes.extend(9u32.to_le_bytes());
    }
    bytes.extend([0; 64]);
    assert!(error_of(&bytes).contains("nested"), "{}", error_of(&bytes));
    assert!(error_of(b"GGUF\x01\0\0\0aaaaaaaaaaaaaaaaaaaaaaaaa").contains("version 1"));
    assert!(error_of(b"GG").contains("not a GGUF file"));
}

#[test]
fn damaged_safetensors_files_are_errors_or_harmless() {
    let folder = common::copy_of("gemma/gemma2-softcap");
    let path = folder.path().join("model.safetensors");
    let bytes = std::fs::read(&path).unwrap();
    let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    damage(&path, header.min(1200), || match open_gemma(folder.path()) {
        Ok(gemma) => read_everything(&gemma),
        Err(error) => assert!(error.to_string().contains("model.safetensors"), "{error}"),
    });
    // Offsets and shapes whose products overflow.
    for info in [
        r#"{"a":{"dtype":"F32","shape":[18446744073709551615,18446744073709551615],"data_offsets":[0,4]}}"#,
        r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[18446744073709551612,0]}}"#,
        r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}"#,
        r#"{"a":{"dtype":"F32","shape":[0,18446744073709551615],"data_offsets":[0,0]}}"#,
    ] {
        let mut changed = (info.len() as u64).to_le_bytes().to_vec();
        changed.extend(info.as_bytes());
        changed.extend([0; 4]);
        std::fs::write(&path, &changed).unwrap();
        assert!(open_gemma(folder.path()).is_err(), "{info}");
    }
}

#[test]
fn a_type_that_is_not_read_is_named_when_it_is_needed() {
    let folder = common::copy_of("gemma/gemma2-softcap");
    let info = r#"{"model.norm.weight":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}"#;
    let mut bytes = (info.len() as u64).to_le_bytes().to_vec();
    bytes.extend(info.as_bytes());
    bytes.extend([0; 8]);
    std::fs::write(folder.path().join("model.safetensors"), bytes).unwrap();
    let gemma = open_gemma(folder.path()).unwrap();
    let error = gemma.tensors.check("model.norm.weight", (1, 1)).unwrap_err().to_string();
    assert!(error.contains("model.norm.weight is stored as I64"), "{error}");
    assert!(gemma.tensors.read_rows("model.norm.weight", 0..1).is_err());
}

#[test]
fn damaged_configurations_never_panic() {
    let conf = std::fs::read(fixture("sae/topk-scaling-bf16/conf.yaml")).unwrap();
    let cfg = std::fs::read(fixture("sae/sae-lens-topk/cfg.json")).unwrap();
    let config = std::fs::read(fixture("gemma/gemma3-linear-rope/config.json")).unwrap();
    let mut refused = 0;
    for (bytes, kind) in [(&conf, 0), (&cfg, 1), (&config, 2)] {
        for changed in damaged(bytes) {
            let Ok(text) = String::from_utf8(changed) else { continue };
            let failed = match kind {
                0 => PublishedSae::from_conf_yaml(&text, "f").is_err(),
                1 => PublishedSae::from_saelens_json(&text, "f").is_err(),
                _ => gemma_config(&text, "f").is_err(),
            };
            refused += usize::from(failed);
        }
    }
    assert!(refused > 1000);
    // Aliases that would grow to gigabytes, and nesting without end.
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for i in 1..12 {
        let previous = vec![format!("*a{}", i - 1); 9].join(", ");
        bomb.push_str(&format!("a{i}: &a{i} [{previous}]\n"));
    }
    bomb.push_str("llm: *a11\nsae: *a11\n");
    assert!(PublishedSae::from_conf_yaml(&bomb, "f").is_err());
    assert!(PublishedSae::from_conf_yaml(&"[".repeat(100_000), "f").is_err());
    assert!(gemma_config(&"[".repeat(100_000), "f").is_err());
}

#[test]
fn an_index_cannot_name_files_outside_its_folder() {
    for name in ["../model-00001-of-00003.safetensors", "/etc/hostname", "a\\\\b", "..", ""] {
        let folder = common::copy_of("gemma/gemma3-sharded");
        let index = format!(r#"{{"weight_map": {{"model.norm.weight": "{name}"}}}}"#);
        std::fs::write(folder.path().join("model.safetensors.index.json"), index).unwrap();
        let error = open_gemma(folder.path()).unwrap_err().to_string();
        assert!(error.contains("not the name of a file in its folder"), "{error}");
    }
}

fn packed(scratch: &Path) -> (Vec<u8>, Vec<Vec<u8>>) {
    let (gemma, sae, layer) = PAIRS[1];
    let out = scratch.join("pack");
    let manifest = try_pack(&fixture(gemma), &fixture(sae), layer, Precision::Q4, &out).unwrap();
    let shards = manifest.shards.iter().map(|s| std::fs::read(out.join(&s.file)).unwrap()).collect();
    (std::fs::read(out.join(MANIFEST_FILE)).unwrap(), shards)
}

#[test]
fn damaged_manifests_are_errors_or_harmless() {
    let scratch = tempfile::tempdir().unwrap();
    let (bytes, shards) = packed(scratch.path());
    let text = String::from_utf8(bytes.clone()).unwrap();
    let mut candidates: Vec<String> = (0..bytes.len())
        .step_by(5)
        .filter_map(|n| {
            let mut changed = bytes.clone();
            changed[n] ^= 0x01;
            String::from_utf8(changed).ok()
        })
        .collect();
    candidates.extend((0..text.len()).step_by(29).map(|n| text[..n].to_owned()));
    // Every number replaced by impossible ones.
    let numbers: Vec<(usize, usize)> = {
        let digits = |c: char| c.is_ascii_digit();
        text.char_indices()
            .filter(|(i, c)| digits(*c) && !text[..*i].ends_with(digits))
            .map(|(i, _)| (i, i + text[i..].find(|c| !digits(c)).unwrap()))
            .collect()
    };
    for huge in ["0", "18446744073709551615", "4294967296"] {
        candidates.extend(numbers.iter().map(|(start, end)| format!("{}{huge}{}", &text[..*start], &text[*end..])));
    }
    for candidate in candidates {
        // With a checksum that is right again: a host may serve any pack.
        let Ok(manifest) = Manifest::from_json(&seal(&candidate), "manifest.json") else { continue };
        for (index, shard) in shards.iter().enumerate() {
            shard_parts(&manifest, index, shard).for_each(drop);
        }
        let _ = manifest.load_bytes();
        let blocks = Blocks::of(&manifest);
        assert!(rows::plan(blocks, &[0, 1, u32::MAX].into()).iter().all(|span| span.bytes.start < span.bytes.end));
        for id in [0, 1, u32::MAX] {
            if let Some((_, range)) = manifest.embedding_row(id) {
                assert!(range.end - range.start == manifest.embedding.row_bytes);
            }
        }
        let row = vec![0u8; manifest.embedding.row_bytes as usize];
        assert!(embedding_row(&manifest.embedding, &row).is_some());
        assert!(embedding_row(&manifest.embedding, &row[1..]).is_none());
    }
}

/// A flipped bit anywhere makes a manifest that is refused, but in white space, which may be any.
#[test]
fn every_byte_of_a_manifest_counts() {
    let scratch = tempfile::tempdir().unwrap();
    let text = packed(scratch.path()).0;
    for (place, byte) in text.iter().enumerate() {
        // Seven bits: with the eighth it is no text.
        let bit = place % 7;
        let mut changed = text.clone();
        changed[place] ^= 1 << bit;
        let is_read = Manifest::from_json(std::str::from_utf8(&changed).unwrap(), "manifest.json").is_ok();
        assert!(!is_read || byte.is_ascii_whitespace(), "bit {bit} of byte {place}: {:?}", char::from(*byte));
    }
}

#[test]
fn a_manifest_cannot_name_files_elsewhere_or_another_model() {
    let scratch = tempfile::tempdir().unwrap();
    let text = String::from_utf8(packed(scratch.path()).0).unwrap();
    let error_of = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        Manifest::from_json(&seal(&text.replacen(from, to, 1)), "manifest.json").unwrap_err().to_string()
    };
    assert!(error_of("shard-0000.safetensors", "../shard-0000.safetensors").contains("plain name"));
    assert!(error_of("README.md", "/etc/hostname").contains("plain name"));
    assert!(error_of("\"version\":4", "\"version\":1").contains("pack version 1 is not one"));
    assert!(error_of("temporal-lens-pack", "other").contains("format"));
    assert!(
        error_of("model.layers.3.mlp.up_proj.weight", "model.layers.3.mlp.up.weight")
            .contains("up_proj.weight is missing")
    );
    assert!(error_of("\"n_heads\":2", "\"n_heads\":7").contains("n_heads"));
}

#[test]
fn nothing_and_a_hosts_answer_in_place_of_weights_are_named() {
    let folder = common::copy_of("gemma/gemma2-softcap");
    for (content, says) in
        [("", "it is empty"), ("{\"error\":\"Access to this model is gated\"}", "what a host answered instead")]
    {
        for (file, given) in [("model.gguf", "model.gguf"), ("model.safetensors", "")] {
            std::fs::write(folder.path().join(file), content).unwrap();
            let problem = open_gemma(&folder.path().join(given)).unwrap_err().to_string();
            assert!(
                problem.contains(file) && problem.contains(says) && problem.contains("download it again"),
                "{problem}"
            );
        }
    }
}

#[test]
fn sae_files_cut_short_are_errors() {
    let folder = common::copy_of("sae/topk-tied");
    let path = folder.path().join("latest_ckpt.safetensors");
    let bytes = std::fs::read(&path).unwrap();
    for n in [0, 7, 8, 100, bytes.len() - 1] {
        std::fs::write(&path, &bytes[..n]).unwrap();
        let error = open_sae(folder.path()).unwrap_err().to_string();
        assert!(error.contains("latest_ckpt.safetensors"), "{error}");
    }
}
