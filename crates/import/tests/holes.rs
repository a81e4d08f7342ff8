//! Holes in files of weights: pages of zeros where a download did not get to.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use lens_import::{Tensors, open_gemma, open_sae};

const PAGE: u64 = 4096;

/// Every tensor of a file, read as a whole: the first refusal, and the notes.
fn read_all(tensors: &Tensors) -> Result<Vec<String>, String> {
    let names: Vec<String> = tensors.names().map(str::to_owned).collect();
    for name in names {
        let shape = match tensors.shape(&name).unwrap() {
            [cols] => (1, *cols),
            [rows, cols] => (*rows, *cols),
            _ => continue,
        };
        tensors.read_in_pieces(&name, shape, |_| ()).map_err(|e| e.to_string())?;
    }
    Ok(tensors.notes())
}

/// Zeros in place of `pages` pages of a file from page `first` on, and what stood there.
fn dig(file: &Path, first: u64, pages: u64) -> Vec<u8> {
    let file = File::options().read(true).write(true).open(file).unwrap();
    let mut before = vec![0; (pages * PAGE) as usize];
    file.read_exact_at(&mut before, first * PAGE).unwrap();
    file.write_all_at(&vec![0; before.len()], first * PAGE).unwrap();
    before
}

fn fill(file: &Path, first: u64, bytes: &[u8]) {
    File::options().write(true).open(file).unwrap().write_all_at(bytes, first * PAGE).unwrap();
}

/// Of `count` holes over a file: how many were refused, how many noted, and the others.
fn found(file: &Path, open: &dyn Fn() -> Result<Vec<String>, String>, count: u64, pages: u64) -> (u64, u64, Vec<u64>) {
    let all = file.metadata().unwrap().len() / PAGE;
    let (mut refused, mut noted, mut unseen) = (0, 0, Vec::new());
    for index in 0..count {
        // After the header.
        let first = 8 + (all - pages - 8) * index / count;
        let before = dig(file, first, pages);
        match open() {
            Err(_) => refused += 1,
            Ok(notes) if !notes.is_empty() => noted += 1,
            Ok(_) => unseen.push(first),
        }
        fill(file, first, &before);
    }
    (refused, noted, unseen)
}

#[test]
fn a_page_of_zeros_in_an_sae_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["conf.yaml", "latest_ckpt.safetensors"] {
        std::fs::copy(
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo/sae").join(name),
            folder.path().join(name),
        )
        .unwrap();
    }
    let open = || read_all(&open_sae(folder.path()).unwrap().tensors);
    assert_eq!(open(), Ok(Vec::new()), "the SAE itself has none");
    let file = folder.path().join("latest_ckpt.safetensors");
    for pages in [1, 3, 16] {
        assert_eq!(found(&file, &open, 8, pages), (8, 0, Vec::new()), "{pages} pages");
    }
}

/// The shape of its embedding.
const EMBEDDING: (usize, usize) = (96, 48);

/// A checkpoint of the fixtures with its embedding changed.
fn with_embedding(change: impl Fn(&mut [f32])) -> Result<Vec<String>, String> {
    let folder = common::copy_of("gemma/gemma2-softcap");
    let file = folder.path().join("model.safetensors");
    let mut bytes = std::fs::read(&file).unwrap();
    let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let tensors: serde_json::Value = serde_json::from_slice(&bytes[8..header]).unwrap();
    let at = |i: usize| tensors["model.embed_tokens.weight"]["data_offsets"][i].as_u64().unwrap() as usize + header;
    let place = at(0)..at(1);
    let mut values: Vec<f32> = bytes[place.clone()].as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
    change(&mut values);
    bytes.splice(place, values.iter().flat_map(|v| v.to_le_bytes()));
    std::fs::write(&file, bytes).unwrap();
    read_all(&open_gemma(folder.path()).unwrap().tensors)
}

#[test]
fn rows_and_columns_of_zeros_are_a_models() {
    let (rows, cols) = EMBEDDING;
    assert_eq!(with_embedding(|_| ()), Ok(Vec::new()));
    // Tokens that are not used: fewer than a page of them, and more.
    assert_eq!(with_embedding(|v| v[10 * cols..20 * cols].fill(0.0)), Ok(Vec::new()));
    assert_eq!(with_embedding(|v| v[..3 * cols].fill(0.0)), Ok(Vec::new()));
    let notes = with_embedding(|v| v[10 * cols..50 * cols].fill(0.0)).unwrap();
    assert!(
        notes.len() == 1 && notes[0].contains("rows 10 to 49 of tensor model.embed_tokens.weight are zero"),
        "{notes:?}"
    );
    // The same columns of every row, beside rows of zeros.
    let pruned = with_embedding(|v| {
        (0..rows).for_each(|row| v[row * cols + 20..(row + 1) * cols].fill(0.0));
        v[10 * cols..50 * cols].fill(0.0);
    });
    assert_eq!(pruned.map(|notes| notes.len()), Ok(1));
    // A page that begins and ends within rows, one at the tensor's end, which goes on in the next one.
    let hole = with_embedding(|v| v[10 * cols + 17..][..1024].fill(0.0)).unwrap_err();
    assert!(
        hole.contains("1024 values in a row are zero in tensor model.embed_tokens.weight, from row 10 to row 31"),
        "{hole}"
    );
    assert!(hole.contains("get the file again"), "{hole}");
    with_embedding(|v| v[rows * cols - 140..].fill(0.0)).unwrap_err();
    // One value by chance, next to rows of zeros.
    assert_eq!(with_embedding(|v| v[10 * cols..50 * cols + 1].fill(0.0)).map(|notes| notes.len()), Ok(1));
}

#[test]
fn a_page_of_zeros_in_the_real_model_is_refused() {
    let model =
        std::env::var("TEMPORAL_LENS_MODEL_DIR").expect("TEMPORAL_LENS_MODEL_DIR is not set: run `cargo xtask test`");
    let real = PathBuf::from(model).join("gemma-3-270m-q4_k_m.gguf");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("model.gguf");
    std::fs::copy(real, &file).unwrap();
    let open = || open_gemma(&file).map_err(|e| e.to_string()).and_then(|it| read_all(&it.tensors));
    assert_eq!(open(), Ok(Vec::new()), "the model itself has none, and no rows of zeros");
    let (refused, noted, unseen) = found(&file, &open, 3, 2);
    assert_eq!((refused + noted, unseen), (3, Vec::new()));
}
