//! Checkpoints as people have them: a configuration and named tensors.

use lens_pack::config::GemmaConfig;

use crate::sae_config::PublishedSae;
use crate::tensors::Tensors;

/// What tokens are predicted with, under the name that checkpoints give it.
pub(crate) const HEAD: &str = "lm_head.weight";

/// A Gemma checkpoint: configuration and tensors under their Hugging Face names.
#[derive(Debug)]
pub struct GemmaCheckpoint {
    /// Its configuration.
    pub config: GemmaConfig,
    /// `cap * tanh(logit / cap)` of the logits, where the whole model has that: Gemma 2.
    pub final_logit_softcapping: Option<f64>,
    /// The name it gives itself, e.g. "google/gemma-2-2b" or "Gemma 3 270m".
    pub name: Option<String>,
    /// Whether it says that its head is its embedding; none where it says nothing.
    pub claims_tied: Option<bool>,
    /// The spelling of every token, where the file has one: GGUF.
    pub token_list: Option<Vec<String>>,
    /// Its tensors, from `model.embed_tokens.weight` on; norms as Hugging Face stores them.
    pub tensors: Tensors,
}

/// A TemporalSAE checkpoint.
#[derive(Debug)]
pub struct SaeCheckpoint {
    /// Its configuration file.
    pub published: PublishedSae,
    /// Its tensors, named as in the authors' module with `sae.` before.
    pub tensors: Tensors,
}
