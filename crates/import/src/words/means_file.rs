//! The means of a corpus as a file.

use std::path::Path;

use lens_pack::block::Precision;
use lens_pack::words::{MEAN_NOVEL, MEAN_PREDICTABLE, MEAN_RESIDUAL};

use super::section::WordMeans;
use super::tensor_file::{self, Named, TensorFile};
use crate::error::Result;

/// Value of the metadata's `format`.
const FORMAT: &str = "temporal-lens-word-means";
/// Key of the metadata.
const CORPUS_TOKENS: &str = "corpus_tokens";

/// Writes the means, made with the pack of `pack_hash`.
///
/// # Errors
/// [`crate::Error::Write`]; [`crate::Error::Malformed`] for means that are no numbers.
pub fn write_means(path: &Path, means: &WordMeans, pack_hash: &str) -> Result<()> {
    let tensors =
        means.named().map(|(name, values)| Named { name, values, cols: values.len(), precision: Precision::F32 });
    tensor_file::write(path, FORMAT, pack_hash, &[(CORPUS_TOKENS, means.corpus_tokens.to_string())], &tensors)
}

/// Reads the means for the pack in `folder`.
///
/// # Errors
/// [`crate::Error::Malformed`] when it is no such file, or its means are not numbers or of another width;
/// [`crate::Error::Mismatch`] when it was made with another pack.
pub fn read_means(path: &Path, folder: &Path) -> Result<WordMeans> {
    let file = TensorFile::read(path, FORMAT, folder)?;
    let means = WordMeans {
        predictable: file.values(MEAN_PREDICTABLE)?,
        novel: file.values(MEAN_NOVEL)?,
        residual: file.values(MEAN_RESIDUAL)?,
        corpus_tokens: file
            .field(CORPUS_TOKENS)?
            .parse()
            .map_err(|_| file.wrong("its corpus_tokens is not a number"))?,
    };
    means.check(file.d_model).map_err(|e| file.wrong(e))?;
    Ok(means)
}
