//! tokenizer.json of the tokenizers library, read once when a pack is made.

use std::collections::HashMap;

use lens_pack::text::json_problem;
use lens_pack::tokenizer::vocabulary::PIECES_MAX;
use lens_pack::tokenizer::{CompactTokenizer, Merges, TokenizerError, Vocabulary};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::error::{Error, Result};

#[derive(Deserialize)]
struct Document {
    model: Model,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Deserialize)]
struct Model {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    vocab: HashMap<String, u32>,
    #[serde(default)]
    merges: Vec<Pair>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// Merges are written as two strings, or as one with a space between them.
#[derive(Deserialize)]
#[serde(untagged)]
enum Pair {
    Two(String, String),
    One(String),
}

impl Pair {
    fn halves(&self) -> Option<(&str, &str)> {
        match self {
            Self::Two(left, right) => Some((left, right)),
            Self::One(line) => line.split_once(' ').filter(|(_, right)| !right.contains(' ')),
        }
    }

    /// The tokenizers library skips the first line of a merges.txt that found its way in here.
    fn is_header(&self) -> bool {
        matches!(self, Self::One(line) if line.starts_with("#version"))
    }
}

/// Reads tokenizer.json; `file` names it in errors.
///
/// # Errors
/// [`Error::Malformed`] when it is not one, or one whose ids the compact form could not give:
/// another model than BPE, random merges (dropout), prefixed pieces.
pub fn compact_tokenizer(text: &str, file: &str) -> Result<CompactTokenizer> {
    let unsupported = |problem: UnsupportedTokenizer| Error::malformed(file, problem);
    let not_one = |e: serde_json::Error| {
        Error::malformed(file, format!("not a tokenizer.json of the tokenizers library: {}", json_problem(&e)))
    };
    #[derive(Deserialize)]
    struct Kind {
        #[serde(rename = "type")]
        kind: Option<String>,
    }
    #[derive(Deserialize)]
    struct Outline {
        model: Kind,
    }
    // First the kind of model alone: other kinds write vocab in another form.
    let outline: Outline = serde_json::from_str(text).map_err(not_one)?;
    let kind = outline.model.kind.unwrap_or_default();
    if kind != "BPE" {
        return Err(unsupported(UnsupportedTokenizer::Model(kind)));
    }
    let mut document: Document = serde_json::from_str(text).map_err(not_one)?;
    check_options(&document.model.rest).map_err(unsupported)?;
    let vocabulary = vocabulary(&document.model.vocab).map_err(unsupported)?;
    let unknown = document.model.rest.get("unk_token").and_then(Value::as_str);
    if let Some(token) = unknown.filter(|token| vocabulary.id(token).is_none()) {
        return Err(unsupported(UnsupportedTokenizer::UnknownToken(token.to_owned())));
    }
    let mut pairs = Vec::with_capacity(document.model.merges.len());
    for pair in document.model.merges.iter().filter(|pair| !pair.is_header()) {
        let ids = pair.halves().and_then(|(left, right)| Some((vocabulary.id(left)?, vocabulary.id(right)?)));
        pairs.push(ids.ok_or_else(|| unsupported(UnsupportedTokenizer::Merge(pairs.len())))?);
    }
    let merges = Merges::from_list(&vocabulary, pairs).map_err(|e| unsupported(e.into()))?;
    let mut model = document.model.rest;
    model.insert("type".to_owned(), document.model.kind.into());
    document.rest.insert("model".to_owned(), Value::Object(model));
    // Settings from where the file was saved: transformers drops them at every call.
    for setting in ["truncation", "padding"] {
        if let Some(value) = document.rest.get_mut(setting) {
            *value = Value::Null;
        }
    }
    Ok(CompactTokenizer { vocabulary, merges, rest: Value::Object(document.rest).to_string() })
}

/// What a tokenizer.json holds whose ids the compact form could not give.
#[derive(Debug, thiserror::Error)]
enum UnsupportedTokenizer {
    #[error("the tokenizer's model is {0:?}; supported is \"BPE\", as Gemma's")]
    Model(String),
    #[error("unk_token {0:?} is not in the vocabulary")]
    UnknownToken(String),
    #[error("merge {0} does not name two pieces of the vocabulary")]
    Merge(usize),
    #[error("the tokenizer drops merges at random (dropout); its ids are not always the same")]
    Dropout,
    #[error("the tokenizer marks pieces inside words (continuing_subword_prefix): not supported")]
    Prefix,
    #[error("the vocabulary goes up to id {last}, at most {PIECES_MAX} ids are supported")]
    Ids { last: usize },
    #[error("the piece with id {0} is empty")]
    EmptyPiece(u32),
    #[error("two pieces have id {0}")]
    SameId(u32),
    #[error(transparent)]
    Tables(#[from] TokenizerError),
}

fn check_options(model: &Map<String, Value>) -> std::result::Result<(), UnsupportedTokenizer> {
    if model.get("dropout").and_then(Value::as_f64).is_some_and(|dropout| dropout != 0.0) {
        return Err(UnsupportedTokenizer::Dropout);
    }
    if model.get("continuing_subword_prefix").and_then(Value::as_str).is_some_and(|prefix| !prefix.is_empty()) {
        return Err(UnsupportedTokenizer::Prefix);
    }
    Ok(())
}

/// Pieces in the order of their ids.
fn vocabulary(vocab: &HashMap<String, u32>) -> std::result::Result<Vocabulary, UnsupportedTokenizer> {
    let mut pieces: Vec<(u32, &str)> = vocab.iter().map(|(piece, id)| (*id, piece.as_str())).collect();
    pieces.sort_unstable();
    let ids = pieces.last().map_or(0, |(id, _)| *id as usize + 1);
    if ids > PIECES_MAX {
        return Err(UnsupportedTokenizer::Ids { last: ids - 1 });
    }
    let mut lengths = vec![0u32; ids];
    let mut text = String::new();
    for (place, (id, piece)) in pieces.iter().enumerate() {
        if piece.is_empty() {
            return Err(UnsupportedTokenizer::EmptyPiece(*id));
        }
        if place > 0 && pieces[place - 1].0 == *id {
            return Err(UnsupportedTokenizer::SameId(*id));
        }
        lengths[*id as usize] = piece.len() as u32;
        text.push_str(piece);
    }
    Ok(Vocabulary::new(text, &lengths)?)
}
