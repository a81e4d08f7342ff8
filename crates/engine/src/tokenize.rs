//! The original tokenizer: token ids as Hugging Face gives them.

use tokenizers::Tokenizer;

use crate::{Error, Result};

/// A text as tokens; T entries each, BOS first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    /// Token ids.
    pub ids: Vec<u32>,
    /// As the vocabulary spells them (▁ for a space, <0x0A> for a byte).
    pub tokens: Vec<String>,
}

/// Reads tokenizer.json.
///
/// # Errors
/// [`Error::Tokenizer`] when it is not one.
pub fn read(json: &str) -> Result<Tokenizer> {
    json.parse::<Tokenizer>().map_err(|e| Error::Tokenizer(format!("tokenizer.json cannot be read: {e}")))
}

/// Encodes `text` verbatim. Special-token strings in it become special tokens, as in the original.
/// The tokenizer's own template puts BOS first; one without a template gets it here.
///
/// # Errors
/// [`Error::Tokenizer`] when the tokenizer refuses the text.
pub fn encode(tokenizer: &Tokenizer, text: &str, bos: u32) -> Result<Tokens> {
    let encoding = tokenizer.encode(text, true).map_err(|e| Error::Tokenizer(e.to_string()))?;
    let mut ids = encoding.get_ids().to_vec();
    // Only the position tells the template's BOS from one the text spells out: the template's one
    // covers no characters.
    let has_template_bos = ids.first() == Some(&bos) && encoding.get_special_tokens_mask().first() == Some(&1);
    if !has_template_bos {
        ids.insert(0, bos);
    }
    Ok(describe(tokenizer, ids))
}

/// Token strings for given ids; unknown ids get their number.
pub fn describe(tokenizer: &Tokenizer, ids: Vec<u32>) -> Tokens {
    let tokens = ids.iter().map(|id| tokenizer.id_to_token(*id).unwrap_or_else(|| format!("<{id}>"))).collect();
    Tokens { ids, tokens }
}
