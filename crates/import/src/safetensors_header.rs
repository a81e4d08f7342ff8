//! Where the tensors of a safetensors file lie, without reading them.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use lens_pack::text::{HEAD_BYTES, not_tensors};
use safetensors::Dtype;
use safetensors::tensor::Metadata;

use crate::error::{Error, Result};
use crate::storage::{Storage, UnknownStorage};
use crate::tensors::{Backing, Located, Tensors, open_file};

/// The format's own limit; no model's header is larger.
const HEADER_BYTES_MAX: u64 = 100_000_000;

/// What is wrong with a file of no bytes.
pub const EMPTY: &str = "it is empty, as a file is whose download did not begin; download it again";

/// The first bytes of a file, which is at its start before and after.
pub fn head(file: &mut File) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    file.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut head)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(head)
}

/// Adds the tensors of `path` that `wanted` accepts to `tensors`; answers how many bytes all of its tensors have.
///
/// # Errors
/// [`Error`] when the file cannot be read, is not a safetensors file, or differs in length from what
/// its header says.
pub fn add(tensors: &mut Tensors, path: &Path, mut wanted: impl FnMut(&str) -> bool) -> Result<u64> {
    let read_failed = |source| Error::Io { action: "read", path: path.to_owned(), source };
    let malformed = |problem: String| Error::Malformed { file: path.display().to_string(), problem };
    let mut file = open_file(path)?;
    let metadata = file.metadata().map_err(read_failed)?;
    let file_bytes = metadata.len();
    if let Some(other) = not_tensors(&head(&mut file).map_err(read_failed)?) {
        return Err(malformed(other));
    }
    let mut length = [0u8; 8];
    if file_bytes == 0 {
        return Err(malformed(EMPTY.to_owned()));
    }
    if file_bytes < 8 {
        return Err(malformed(format!("{file_bytes} bytes are too few for a safetensors file")));
    }
    file.read_exact(&mut length).map_err(read_failed)?;
    let header_bytes = u64::from_le_bytes(length);
    if header_bytes > HEADER_BYTES_MAX || header_bytes > file_bytes - 8 {
        return Err(malformed("not a safetensors file, or cut short inside its header".to_owned()));
    }
    let mut header = vec![0u8; header_bytes as usize];
    file.read_exact(&mut header).map_err(read_failed)?;
    // The crate checks that tensors follow each other without holes and that sizes fit shapes.
    let metadata: Metadata =
        serde_json::from_slice(&header).map_err(|e| malformed(format!("not a safetensors header: {e}")))?;
    let expected_bytes = 8 + header_bytes + metadata.data_len() as u64;
    if expected_bytes != file_bytes {
        let problem = if file_bytes < expected_bytes { "it is cut short" } else { "there is something after its end" };
        return Err(malformed(format!("{file_bytes} bytes long, its header says {expected_bytes}: {problem}")));
    }
    let index = tensors.files.len();
    for (name, info) in metadata.tensors() {
        if !wanted(&name) {
            continue;
        }
        let storage = match info.dtype {
            Dtype::F32 => Ok(Storage::F32),
            Dtype::F16 => Ok(Storage::F16),
            Dtype::BF16 => Ok(Storage::Bf16),
            other => Err(UnknownStorage(other.to_string())),
        };
        let offset = 8 + header_bytes + info.data_offsets.0 as u64;
        let located = Located { file: index, offset, shape: info.shape.clone(), storage, shift: 0.0 };
        if tensors.located.insert(name.clone(), located).is_some() {
            return Err(malformed(format!("tensor {name} lies in another file as well")));
        }
    }
    tensors.files.push(Backing::File(path.to_owned(), file));
    Ok(metadata.data_len() as u64)
}
