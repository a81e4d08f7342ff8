//! One safetensors file of a pack: header, data, checksum.

use std::path::Path;

use lens_pack::manifest::{FORMAT, FileEntry};
use lens_pack::unpack::hex;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::error::Result;

/// A tensor of the file, its data handed over separately.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Name in this file.
    pub name: String,
    /// safetensors dtype: "F32", "F16", "I8" or "U8".
    pub dtype: &'static str,
    /// Its shape.
    pub shape: [usize; 2],
    /// Its length.
    pub bytes: usize,
}

/// The bytes before the data: length, JSON, spaces up to a multiple of 8 and at least `least`.
pub fn header(entries: &[Entry], least: usize) -> Vec<u8> {
    header_with(json!({ "format": FORMAT }), entries, least)
}

/// As [`header`], of a file with other metadata: an object of strings.
pub fn header_with(metadata: serde_json::Value, entries: &[Entry], least: usize) -> Vec<u8> {
    // serde_json sorts keys; readers go by offsets.
    let mut tensors = serde_json::Map::new();
    tensors.insert("__metadata__".to_owned(), metadata);
    let mut at = 0;
    for entry in entries {
        let offsets = [at, at + entry.bytes];
        let info = json!({ "dtype": entry.dtype, "shape": entry.shape, "data_offsets": offsets });
        tensors.insert(entry.name.clone(), info);
        at += entry.bytes;
    }
    let mut json = serde_json::Value::Object(tensors).to_string().into_bytes();
    let whole = (8 + json.len()).next_multiple_of(8).max(least.next_multiple_of(8));
    json.resize(whole - 8, b' ');
    let mut bytes = (json.len() as u64).to_le_bytes().to_vec();
    bytes.append(&mut json);
    bytes
}

/// The first eight digits of the sha256 of a file in pieces: for its name.
pub fn short_hash(pieces: &[&[u8]]) -> String {
    let mut checksum = Sha256::new();
    pieces.iter().for_each(|piece| checksum.update(piece));
    hex(&checksum.finalize()[..4])
}

/// Writes a file from pieces and returns its entry in the manifest.
///
/// # Errors
/// [`crate::Error::Write`], a full disk included.
pub fn write_pieces<'a>(folder: &Path, name: &str, pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<FileEntry> {
    let mut checksum = Sha256::new();
    let mut bytes = 0;
    lens_files::write_pieces(
        &folder.join(name),
        pieces.into_iter().inspect(|piece| {
            checksum.update(piece);
            bytes += piece.len() as u64;
        }),
    )?;
    Ok(FileEntry { file: name.to_owned(), bytes, sha256: hex(&checksum.finalize()) })
}

#[cfg(all(test, target_os = "linux"))]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_a_sentence_that_names_the_file() {
        // Every write to /dev/full fails as on a full disk.
        let error = write_pieces(Path::new("/dev"), "full", [b"x".as_slice()]).unwrap_err().to_string();
        assert!(error.contains("cannot write /dev/full") && error.contains("No space left"), "{error}");
    }
}
