//! Text to token ids, exactly as Hugging Face gives them.
//!
//! | file | what it does |
//! |---|---|
//! | [`bpe`] | the model: byte pair encoding over a pack's compact tables |
//! | [`Tokenizer`] | the tokenizers library's pipeline around it: normalizer, added tokens, template |
//!
//! The library's own BPE model reads 33 MB of JSON into 260,000 strings and a map of 515,000 merges.
//! Here the model is two megabytes of text and one table; everything else is the library's.

pub mod bpe;
mod error;

use std::panic::{AssertUnwindSafe, catch_unwind};

use lens_pack::tokenizer::CompactTokenizer;
use lens_pack::tokenizer::kinds::check_kinds;
use serde::Deserialize;
use tokenizers::{
    AddedToken, DecoderWrapper, NormalizerWrapper, PostProcessorWrapper, PreTokenizerWrapper, TokenizerBuilder,
    TokenizerImpl,
};

pub use bpe::CompactBpe;
pub use error::{Error, Result};

/// A text as tokens; T entries each, BOS first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    /// Token ids.
    pub ids: Vec<u32>,
    /// As written in the vocabulary (▁ for a space, <0x0A> for a byte).
    pub tokens: Vec<String>,
}

type Pipeline = TokenizerImpl<CompactBpe, NormalizerWrapper, PreTokenizerWrapper, PostProcessorWrapper, DecoderWrapper>;

/// The tokenizer of a pack.
pub struct Tokenizer(Pipeline);

/// tokenizer.json without its model's vocabulary and merges.
#[derive(Deserialize)]
struct Rest {
    version: String,
    // `truncation` and `padding` are left out, as transformers does: packs of earlier versions have those that the
    // file was saved with.
    // Each has an id as well, which the library ignores: it looks the token up.
    #[serde(default)]
    added_tokens: Vec<AddedToken>,
    #[serde(default)]
    normalizer: Option<NormalizerWrapper>,
    #[serde(default)]
    pre_tokenizer: Option<PreTokenizerWrapper>,
    #[serde(default)]
    post_processor: Option<PostProcessorWrapper>,
    // `decoder` is left out, too: nothing is decoded here.
    model: bpe::Options,
}

impl Tokenizer {
    /// Reads a pack's tokenizer file, which is untrusted; `file` names it in errors.
    ///
    /// # Errors
    /// [`Error::File`] when it is not one, [`Error::Parts`] when the tokenizers library does not
    /// know what surrounds the model.
    pub fn from_bytes(bytes: &[u8], file: &str) -> Result<Self> {
        Self::new(CompactTokenizer::from_bytes(bytes, file)?).map_err(|error| match error {
            Error::Parts(problem) => Error::Parts(format!("{file}: {problem}")),
            other => other,
        })
    }

    /// Builds the pipeline around the compact tables.
    ///
    /// # Errors
    /// [`Error::Parts`] when the tokenizers library does not know what surrounds the model.
    pub fn new(compact: CompactTokenizer) -> Result<Self> {
        let CompactTokenizer { vocabulary, merges, rest } = compact;
        check_kinds(&rest).map_err(|e| Error::Parts(e.to_string()))?;
        let rest: Rest = serde_json::from_str(&rest).map_err(|e| Error::Parts(e.to_string()))?;
        if rest.version != "1.0" {
            return Err(Error::Parts(format!("version {:?} of tokenizer.json is not known", rest.version)));
        }
        let model = CompactBpe::new(vocabulary, merges, rest.model)?;
        let mut pipeline = TokenizerBuilder::new()
            .with_model(model)
            .with_normalizer(rest.normalizer)
            .with_pre_tokenizer(rest.pre_tokenizer)
            .with_post_processor(rest.post_processor)
            .build()
            .map_err(|e| Error::Parts(e.to_string()))?;
        pipeline.add_tokens(rest.added_tokens).map_err(|e| Error::Parts(e.to_string()))?;
        Ok(Self(pipeline))
    }

    /// Encodes `text` verbatim. Special-token strings in it become special tokens, as in the original.
    /// The tokenizer's own template puts BOS first; one without a template gets it here.
    ///
    /// # Errors
    /// [`Error::Text`] when the tokenizer refuses the text, or panics on it.
    pub fn encode(&self, text: &str, bos: u32) -> Result<Tokens> {
        // The library is another's, the file that it was built from may be anybody's. Nothing of the pipeline changes
        // while it encodes, so that it can be used again after a panic.
        let encoded = catch_unwind(AssertUnwindSafe(|| self.0.encode(text, true)));
        let encoding = encoded
            .map_err(|_| Error::Text("the tokenizer failed on it".to_owned()))?
            .map_err(|e| Error::Text(e.to_string()))?;
        let mut ids = encoding.get_ids().to_vec();
        // The template's BOS covers no characters; one that the text contains does.
        let of_template = ids.first().filter(|_| encoding.get_special_tokens_mask().first() == Some(&1));
        match of_template {
            Some(first) if *first != bos => {
                return Err(Error::Text(format!(
                    "the tokenizer begins texts with token {first}, the model with token {bos}: they do not belong together, or \
                     one of them is damaged"
                )));
            }
            Some(_) => {}
            None => ids.insert(0, bos),
        }
        Ok(self.describe(ids))
    }

    /// Token strings for given ids; unknown ids get their number.
    pub fn describe(&self, ids: Vec<u32>) -> Tokens {
        let tokens = ids.iter().map(|id| self.0.id_to_token(*id).unwrap_or_else(|| format!("<{id}>"))).collect();
        Tokens { ids, tokens }
    }
}
