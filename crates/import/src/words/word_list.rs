//! A list of words as a text file: a word per line, or a token id, a tab and a word.

use std::collections::HashSet;
use std::path::Path;

use lens_pack::folder::FolderManifest;
use lens_pack::tokenizer::{CompactTokenizer, Vocabulary};
use lens_pack::unpack::check_file;
use lens_pack::words::{SPACE, VOCABULARY_BYTES_MAX, spelling};

use crate::error::{Error, Result};
use crate::tensors::read_text;

/// Words of a file that are tokens of a model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WordList {
    /// Token ids and spellings, by id.
    pub words: Vec<(u32, String)>,
    /// Words that are not single tokens of the model, in the order of the file.
    pub missing: Vec<String>,
}

/// The pieces of a pack's tokenizer.
///
/// # Errors
/// [`Error::Io`] and [`Error::Pack`] naming the file that is missing, cut short or altered.
pub fn pieces_of_pack(folder: &Path) -> Result<Vocabulary> {
    let entry = FolderManifest::read(folder)?.manifest.tokenizer;
    let path = folder.join(&entry.file);
    let bytes = std::fs::read(&path).map_err(|source| Error::Io { action: "read", path, source })?;
    check_file(&entry, &bytes)?;
    Ok(CompactTokenizer::from_bytes(&bytes, &entry.file)?.vocabulary)
}

/// Reads a list of words. Where a line gives no id, the word's token is the one that has a space before it.
///
/// # Errors
/// [`Error::Io`], and [`Error::Malformed`] naming the line: an id that the model does not have or spells otherwise, a
/// token that is there twice.
pub fn read_word_list(path: &Path, pieces: &Vocabulary) -> Result<WordList> {
    let text = read_text(path, VOCABULARY_BYTES_MAX)?;
    let mut list = WordList::default();
    let mut seen = HashSet::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.is_empty()) {
        let wrong =
            |problem: String| Error::malformed(path.display().to_string(), format!("line {}: {problem}", index + 1));
        let (id, word) = match line.split_once('\t') {
            Some((id, word)) => {
                let id: u32 = id.parse().map_err(|_| wrong(format!("{id:?} is not a token id")))?;
                let piece = pieces.piece(id).ok_or_else(|| wrong(format!("the model has no token {id}")))?;
                let spelled = spelling(piece);
                if spelled != word {
                    return Err(wrong(format!("token {id} of the model is {spelled:?}, not {word:?}")));
                }
                (id, word)
            }
            None => match pieces.id(&format!("{SPACE}{line}")) {
                Some(id) => (id, line),
                None => {
                    list.missing.push(line.to_owned());
                    continue;
                }
            },
        };
        if !seen.insert(id) {
            return Err(wrong(format!("token {id} ({word:?}) is there twice")));
        }
        list.words.push((id, word.to_owned()));
    }
    list.words.sort();
    Ok(list)
}

/// Writes `words` so that [`read_word_list`] reads them again: with an id only where the word alone would be another
/// token.
///
/// # Errors
/// [`Error::Write`].
pub fn write_word_list(path: &Path, words: &[(u32, String)], pieces: &Vocabulary) -> Result<()> {
    let mut text = String::new();
    for (id, word) in words {
        if pieces.id(&format!("{SPACE}{word}")) != Some(*id) {
            text.push_str(&format!("{id}\t"));
        }
        text.push_str(word);
        text.push('\n');
    }
    Ok(lens_files::write_whole(path, text.as_bytes())?)
}
