//! One safetensors file of a pack: header, data, checksum.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use lens_pack::manifest::FileEntry;
use lens_pack::unpack::hex;
use lens_pack::{Error, Result};
use serde_json::json;
use sha2::{Digest, Sha256};

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
    // serde_json sorts keys; readers go by offsets.
    let mut tensors = serde_json::Map::new();
    tensors.insert("__metadata__".to_owned(), json!({ "format": lens_pack::manifest::FORMAT }));
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

/// Writes a file from pieces and returns its entry in the manifest.
///
/// # Errors
/// [`Error::Io`], a full disk included.
pub fn write_pieces<'a>(folder: &Path, name: &str, pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<FileEntry> {
    let path = folder.join(name);
    let write_failed = |source| Error::Io { action: "write", path: path.clone(), source };
    let mut file = File::create(&path).map_err(write_failed)?;
    let mut digest = Sha256::new();
    let mut bytes = 0;
    for piece in pieces {
        file.write_all(piece).map_err(write_failed)?;
        digest.update(piece);
        bytes += piece.len() as u64;
    }
    Ok(FileEntry { file: name.to_owned(), bytes, sha256: hex(&digest.finalize()) })
}

/// Writes a whole file.
///
/// # Errors
/// [`Error::Io`], a full disk included.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    std::fs::write(path, bytes).map_err(|source| Error::Io { action: "write", path: path.to_owned(), source })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_a_sentence_that_names_the_file() {
        // Every write to /dev/full fails as on a full disk.
        let errors = [
            write_whole(Path::new("/dev/full"), b"x").unwrap_err(),
            write_pieces(Path::new("/dev"), "full", [b"x".as_slice()]).unwrap_err(),
        ];
        for error in errors.map(|e| e.to_string()) {
            assert!(error.contains("cannot write /dev/full") && error.contains("No space left"), "{error}");
        }
    }
}
