//! Opening a Gemma checkpoint of either kind.

use std::path::Path;

use crate::checkpoint::GemmaCheckpoint;
use crate::error::Result;
use crate::{gguf_gemma, hugging_face};

/// Opens a Hugging Face folder or a GGUF file.
///
/// # Errors
/// [`crate::Error`] when it is neither, is cut short, or is not a Gemma 2 or Gemma 3 text model.
pub fn open_gemma(path: &Path) -> Result<GemmaCheckpoint> {
    if path.is_dir() { hugging_face::open(path) } else { gguf_gemma::open(path) }
}
