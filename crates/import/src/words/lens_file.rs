//! A fitted lens as a file.

use std::path::Path;

use lens_pack::words::{LENS_MATRIX, LENS_MEAN_X, LENS_MEAN_Y};

use super::section::FittedLens;
use super::tensor_file::{self, Named, TensorFile};
use crate::error::Result;

/// Value of the metadata's `format`.
const FORMAT: &str = "temporal-lens-fitted-lens";
/// Keys of the metadata.
const TOKENS: &str = "tokens";
const SOFT_CAP: &str = "final_logit_softcapping";

/// Writes the lens, made for the pack of `pack_hash`.
///
/// # Errors
/// [`crate::Error::Write`]; [`crate::Error::Malformed`] for values that f16 cannot store.
pub fn write_lens(path: &Path, lens: &FittedLens, pack_hash: &str) -> Result<()> {
    let mut metadata = vec![(TOKENS, lens.tokens.to_string())];
    metadata.extend(lens.final_logit_softcapping.map(|cap| (SOFT_CAP, cap.to_string())));
    let cols = lens.mean_x.len();
    let tensors = lens.named().map(|(name, values, precision)| Named { name, values, cols, precision });
    tensor_file::write(path, FORMAT, pack_hash, &metadata, &tensors)
}

/// Reads the lens for the pack in `folder`.
///
/// # Errors
/// [`crate::Error::Malformed`] when it is no such file, or holds what is not a number or of another width;
/// [`crate::Error::Mismatch`] when it was made for another pack.
pub fn read_lens(path: &Path, folder: &Path) -> Result<FittedLens> {
    let file = TensorFile::read(path, FORMAT, folder)?;
    let number =
        |key: &str| file.field(key)?.parse::<f64>().map_err(|_| file.wrong(format!("its {key} is not a number")));
    let lens = FittedLens {
        matrix: file.values(LENS_MATRIX)?,
        mean_x: file.values(LENS_MEAN_X)?,
        mean_y: file.values(LENS_MEAN_Y)?,
        tokens: number(TOKENS)? as u64,
        final_logit_softcapping: if file.field(SOFT_CAP).is_ok() { Some(number(SOFT_CAP)?) } else { None },
    };
    lens.check(file.d_model).map_err(|e| file.wrong(e))?;
    Ok(lens)
}
