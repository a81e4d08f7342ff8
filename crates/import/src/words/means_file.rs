//! The means of a corpus as a file, so that other machines need not compute them: a safetensors file that names the pack
//! it was made with.

use std::collections::HashMap;
use std::path::Path;

use lens_pack::folder::FolderManifest;
use lens_pack::words::{MEAN_NOVEL, MEAN_PREDICTABLE, MEAN_RESIDUAL};
use safetensors::{Dtype, SafeTensors};
use serde_json::json;

use super::section::WordMeans;
use crate::error::{Error, Result};
use crate::write::file::{self, Entry};

/// Value of the metadata's `format`.
const FORMAT: &str = "temporal-lens-word-means";
/// Largest file: three rows of the widest model.
const BYTES_MAX: u64 = 1 << 20;

/// Writes the means, made with the pack of `pack_hash`.
///
/// # Errors
/// [`Error::Write`].
pub fn write_means(path: &Path, means: &WordMeans, pack_hash: &str) -> Result<()> {
    let named = means.named();
    let entries: Vec<Entry> = named
        .iter()
        .map(|(name, mean)| Entry {
            name: (*name).to_owned(),
            dtype: "F32",
            shape: [1, mean.len()],
            bytes: 4 * mean.len(),
        })
        .collect();
    let tokens = means.corpus_tokens.to_string();
    let metadata = json!({ "format": FORMAT, "pack_hash": pack_hash, "corpus_tokens": tokens });
    let header = file::header_with(metadata, &entries, 0);
    let values = named.iter().map(|(_, mean)| bytemuck::cast_slice::<f32, u8>(mean));
    Ok(lens_files::write_pieces(path, std::iter::once(header.as_slice()).chain(values))?)
}

/// Reads the means for the pack in `folder`.
///
/// # Errors
/// [`Error::Malformed`] when it is no such file, [`Error::Mismatch`] when it was made with another pack, or its means are
/// no numbers or of another width.
pub fn read_means(path: &Path, folder: &Path) -> Result<WordMeans> {
    let pack = FolderManifest::read(folder)?;
    let name = path.display().to_string();
    let wrong = |problem: String| Error::malformed(&name, problem);
    let length = std::fs::metadata(path).map(|meta| meta.len());
    let bytes = match length {
        Ok(length) if length > BYTES_MAX => {
            return Err(wrong(format!("larger than {BYTES_MAX} bytes: no file of means")));
        }
        _ => std::fs::read(path).map_err(|source| Error::Io { action: "read", path: path.to_owned(), source })?,
    };
    let not_means = |e: safetensors::SafeTensorError| wrong(format!("not a safetensors file, or cut short: {e}"));
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(not_means)?;
    let none = HashMap::new();
    let metadata = header.metadata().as_ref().unwrap_or(&none);
    let field = |key: &str| metadata.get(key).ok_or_else(|| wrong(format!("not a file of means: it has no {key}")));
    if field("format")? != FORMAT {
        return Err(wrong(format!("not a file of means: its format is {:?}", field("format")?)));
    }
    let corpus_tokens =
        field("corpus_tokens")?.parse().map_err(|_| wrong("its corpus_tokens is no number".to_owned()))?;
    let made_with = field("pack_hash")?;
    if *made_with != pack.hash {
        return Err(Error::Mismatch(format!(
            "{name}: made with the pack {}, this one is {}; leave --means out and give a --corpus",
            made_with.chars().take(12).collect::<String>(),
            pack.hash.chars().take(12).collect::<String>()
        )));
    }
    let tensors = SafeTensors::deserialize(&bytes).map_err(not_means)?;
    let vector = |tensor: &str| -> Result<Vec<f32>> {
        let view = tensors.tensor(tensor).map_err(|_| wrong(format!("tensor {tensor} is missing")))?;
        if view.dtype() != Dtype::F32 {
            return Err(wrong(format!("tensor {tensor} is not of type F32")));
        }
        Ok(view.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    };
    let means = WordMeans {
        predictable: vector(MEAN_PREDICTABLE)?,
        novel: vector(MEAN_NOVEL)?,
        residual: vector(MEAN_RESIDUAL)?,
        corpus_tokens,
    };
    means.check(pack.manifest.gemma.hidden_size).map_err(|e| wrong(e.to_string()))?;
    Ok(means)
}
