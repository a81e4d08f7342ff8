//! What may stand around the model in a tokenizer.json: the kinds that Gemma's tokenizers are made of, in sizes that
//! cannot blow up a text. The tokenizers library knows many more, some of which panic, abort or take gigabytes on
//! odd settings; a tokenizer of theirs is not one of a Gemma.

use serde::Deserialize;
use serde_json::Value;

use super::error::TokenizerError;

/// Parts of a normalizer or pre-tokenizer, at most.
const PARTS_MAX: usize = 8;
/// Bytes of a pattern, of what replaces it, and of an added token, at most.
const TEXT_BYTES_MAX: usize = 256;
/// By how much all replacements together may lengthen a text.
const GROWTH_MAX: usize = 64;
/// Added tokens, at most: Gemma 3 has 6,415.
const ADDED_MAX: usize = 1 << 16;
/// Tokens that a template puts around a text, at most.
const TEMPLATE_MAX: usize = 16;

type Checked<T = ()> = Result<T, TokenizerError>;

#[derive(Deserialize)]
struct Rest {
    #[serde(default)]
    added_tokens: Vec<Added>,
    #[serde(default)]
    normalizer: Value,
    #[serde(default)]
    pre_tokenizer: Value,
    #[serde(default)]
    post_processor: Value,
}

#[derive(Deserialize)]
struct Added {
    content: String,
}

/// Checks tokenizer.json without vocabulary and merges.
///
/// # Errors
/// [`TokenizerError::Kind`] naming the first part that no Gemma tokenizer has, [`TokenizerError::Part`] for a known part
/// with impossible settings.
pub fn check_kinds(rest: &str) -> Checked {
    let rest: Rest =
        serde_json::from_str(rest).map_err(|e| TokenizerError::Part { part: "it", problem: e.to_string() })?;
    let mut growth = 1usize;
    for part in parts(&rest.normalizer, "normalizer", "normalizers")? {
        match kind(part) {
            "Replace" => {
                let (pattern, content) = (pattern(part, "normalizer")?, text(part, "content", "normalizer")?);
                growth = growth.saturating_mul(content.len().div_ceil(pattern.len()).max(1));
            }
            // Once per text.
            "Prepend" => {
                text(part, "prepend", "normalizer")?;
            }
            "NFC" | "NFD" | "NFKC" | "NFKD" => growth = growth.saturating_mul(4),
            other => return Err(unknown("normalizer", other)),
        }
    }
    if growth > GROWTH_MAX {
        return Err(wrong("normalizer", format!("it makes texts up to {growth} times as long")));
    }
    for part in parts(&rest.pre_tokenizer, "pre_tokenizer", "pretokenizers")? {
        match kind(part) {
            "Split" => {
                pattern(part, "pre_tokenizer")?;
            }
            "Metaspace" => {}
            other => return Err(unknown("pre_tokenizer", other)),
        }
    }
    match kind(&rest.post_processor) {
        "" if rest.post_processor.is_null() => {}
        "TemplateProcessing" => check_template(&rest.post_processor)?,
        other => return Err(unknown("post_processor", other)),
    }
    let odd = rest.added_tokens.iter().find(|token| token.content.is_empty() || token.content.len() > TEXT_BYTES_MAX);
    if odd.is_some() || rest.added_tokens.len() > ADDED_MAX {
        return Err(wrong("added_tokens", "there are too many, or one of them is empty or too long"));
    }
    Ok(())
}

fn kind(part: &Value) -> &str {
    part["type"].as_str().unwrap_or_default()
}

fn unknown(part: &'static str, kind: &str) -> TokenizerError {
    TokenizerError::Kind { part, kind: kind.to_owned() }
}

fn wrong(part: &'static str, problem: impl Into<String>) -> TokenizerError {
    TokenizerError::Part { part, problem: problem.into() }
}

/// The part itself, or those of a sequence.
fn parts<'a>(whole: &'a Value, name: &'static str, list: &str) -> Checked<Vec<&'a Value>> {
    let all: Vec<&Value> = match whole {
        Value::Null => Vec::new(),
        part if kind(part) == "Sequence" => {
            let list = part[list].as_array().ok_or_else(|| wrong(name, "its sequence has no list"))?;
            list.iter().collect()
        }
        part => vec![part],
    };
    if all.len() > PARTS_MAX { Err(wrong(name, format!("it has {} parts", all.len()))) } else { Ok(all) }
}

/// A field that is a text of a bounded length.
fn text<'a>(part: &'a Value, field: &str, name: &'static str) -> Checked<&'a str> {
    let text = part[field].as_str().filter(|text| text.len() <= TEXT_BYTES_MAX);
    text.ok_or_else(|| wrong(name, format!("{field} is not a short text")))
}

/// A pattern that is plain text; expressions are refused.
fn pattern<'a>(part: &'a Value, name: &'static str) -> Checked<&'a str> {
    let pattern = text(&part["pattern"], "String", name)?;
    if pattern.is_empty() { Err(wrong(name, "its pattern is empty")) } else { Ok(pattern) }
}

/// Whether a template is a few known tokens around one text.
fn check_template(template: &Value) -> Checked {
    let wrong = |problem: &str| Err(wrong("post_processor", problem));
    let (Some(single), Some(special)) = (template["single"].as_array(), template["special_tokens"].as_object()) else {
        return wrong("its template lacks single or special_tokens");
    };
    let texts = single.iter().filter(|piece| piece["Sequence"]["id"] == "A").count();
    let mut tokens = 0;
    for piece in single.iter().filter(|piece| piece["Sequence"]["id"] != "A") {
        let token = piece["SpecialToken"]["id"].as_str().and_then(|id| special.get(id));
        let lists = token.and_then(|token| Some((token["ids"].as_array()?.len(), token["tokens"].as_array()?.len())));
        match lists {
            Some((ids, names)) if ids == names => tokens += ids,
            _ => return wrong("its template names a token that special_tokens does not describe"),
        }
    }
    if texts != 1 || tokens > TEMPLATE_MAX || single.len() > TEMPLATE_MAX {
        return wrong("its template is not a few tokens around one text");
    }
    Ok(())
}
