//! A list of pieces that are not words as a text file: a token id, a tab and the piece as a JSON string, as it may be a
//! line end.

use std::collections::HashSet;
use std::path::Path;

use lens_pack::tokenizer::Vocabulary;
use lens_pack::words::{VOCABULARY_BYTES_MAX, spelling};

use crate::error::{Error, Result};
use crate::tensors::read_text;

/// Token ids and spellings, by id.
///
/// # Errors
/// [`Error::Io`], and [`Error::Malformed`] naming the line: an id that the model does not have or spells otherwise, a
/// token that is there twice.
pub fn read_piece_list(path: &Path, pieces: &Vocabulary) -> Result<Vec<(u32, String)>> {
    let text = read_text(path, VOCABULARY_BYTES_MAX)?;
    let (mut all, mut seen) = (Vec::new(), HashSet::new());
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.is_empty()) {
        let wrong =
            |problem: String| Error::malformed(path.display().to_string(), format!("line {}: {problem}", index + 1));
        let parts = line
            .split_once('\t')
            .and_then(|(id, piece)| Some((id.parse::<u32>().ok()?, serde_json::from_str::<String>(piece).ok()?)));
        let (id, piece) = parts.ok_or_else(|| wrong("is not a token id, a tab and a JSON string".to_owned()))?;
        let found = pieces.piece(id).ok_or_else(|| wrong(format!("the model has no token {id}")))?;
        if found != piece {
            return Err(wrong(format!("token {id} of the model is {found:?}, not {piece:?}")));
        }
        if !seen.insert(id) {
            return Err(wrong(format!("token {id} ({piece:?}) is there twice")));
        }
        all.push((id, spelling(&piece).to_owned()));
    }
    all.sort();
    Ok(all)
}

/// Writes tokens so that [`read_piece_list`] reads them again.
///
/// # Errors
/// [`Error::Write`]; [`Error::Mismatch`] for an id that the model does not have.
pub fn write_piece_list(path: &Path, tokens: &[(u32, String)], pieces: &Vocabulary) -> Result<()> {
    let mut text = String::new();
    for (id, _) in tokens {
        let piece = pieces.piece(*id).ok_or_else(|| Error::Mismatch(format!("the model has no token {id}")))?;
        text.push_str(&format!("{id}\t{}\n", serde_json::Value::from(piece)));
    }
    Ok(lens_files::write_whole(path, text.as_bytes())?)
}
