//! Gemma 2 and 3 in a GGUF file: llama.cpp's names, conventions and metadata to Hugging Face's.
//!
//! | llama.cpp | Hugging Face |
//! |---|---|
//! | `token_embd`, `output_norm` | `model.embed_tokens`, `model.norm` |
//! | `output`, where the head is not the embedding | `lm_head` |
//! | `blk.N.attn_{q,k,v,output}` | `model.layers.N.self_attn.{q,k,v,o}_proj` |
//! | `blk.N.attn_{q,k}_norm` | `model.layers.N.self_attn.{q,k}_norm` |
//! | `blk.N.{attn_norm, post_attention_norm, ffn_norm, post_ffw_norm}` | `...{input, post_attention, pre_feedforward, post_feedforward}_layernorm` |
//! | `blk.N.ffn_{gate,up,down}` | `model.layers.N.mlp.{gate,up,down}_proj` |
//!
//! llama.cpp's converter adds 1 to every norm weight of Gemma (`convert_hf_to_gguf.py`), so 1 is
//! taken off again.

use std::path::Path;

use lens_pack::config::{Attention, GemmaConfig, GemmaFamily, Rope, check_logit_cap, every_nth_full};

use crate::checkpoint::{GemmaCheckpoint, HEAD};
use crate::error::{Error, Result};
use crate::gguf::{self, Value, Values};
use crate::tensors::Tensors;

/// Opens the file.
///
/// # Errors
/// [`Error`] when it is not a GGUF file, is cut short, or holds no Gemma 2 or Gemma 3.
pub fn open(path: &Path) -> Result<GemmaCheckpoint> {
    let (values, mut tensors) = gguf::open(path)?;
    let file = path.display().to_string();
    let metadata = Metadata { file: &file, values: &values };
    let config = metadata.config(&tensors)?;
    let final_logit_softcapping = match config.family {
        GemmaFamily::Gemma2 => Some(metadata.number("gemma2.final_logit_softcapping")?.unwrap_or(30.0)),
        GemmaFamily::Gemma3 => metadata.number("gemma3.final_logit_softcapping")?,
    };
    check_logit_cap(final_logit_softcapping).map_err(|e| Error::malformed(&*file, e))?;
    let name = match values.get("general.name") {
        Some(Value::Text(name)) if !name.is_empty() => Some(name.clone()),
        _ => None,
    };
    tensors.rename(hugging_face_name)?;
    for (name, located) in &mut tensors.located {
        if name.ends_with("norm.weight") {
            located.shift = -1.0;
        }
    }
    let token_list = match values.get(gguf::TOKENS) {
        Some(Value::Texts(tokens)) => Some(tokens.clone()),
        _ => None,
    };
    // As in llama.cpp: a head that is there is used.
    let claims_tied = Some(tensors.shape(HEAD).is_none()).filter(|tied| *tied);
    Ok(GemmaCheckpoint { config, final_logit_softcapping, name, claims_tied, token_list, tensors })
}

fn hugging_face_name(name: &str) -> Option<String> {
    let name = name.strip_suffix(".weight")?;
    let translated = match name {
        "output" => return Some(HEAD.to_owned()),
        "token_embd" => "model.embed_tokens".to_owned(),
        "output_norm" => "model.norm".to_owned(),
        _ => {
            let (layer, part) = name.strip_prefix("blk.")?.split_once('.')?;
            let layer: usize = layer.parse().ok()?;
            let part = match part {
                "attn_norm" => "input_layernorm",
                "post_attention_norm" => "post_attention_layernorm",
                "ffn_norm" => "pre_feedforward_layernorm",
                "post_ffw_norm" => "post_feedforward_layernorm",
                "attn_q" => "self_attn.q_proj",
                "attn_k" => "self_attn.k_proj",
                "attn_v" => "self_attn.v_proj",
                "attn_output" => "self_attn.o_proj",
                "attn_q_norm" => "self_attn.q_norm",
                "attn_k_norm" => "self_attn.k_norm",
                "ffn_gate" => "mlp.gate_proj",
                "ffn_up" => "mlp.up_proj",
                "ffn_down" => "mlp.down_proj",
                _ => return None,
            };
            format!("model.layers.{layer}.{part}")
        }
    };
    Some(format!("{translated}.weight"))
}

/// Metadata of one file, with errors that name file and key.
struct Metadata<'a> {
    file: &'a str,
    values: &'a Values,
}

impl Metadata<'_> {
    fn malformed(&self, problem: String) -> Error {
        Error::Malformed { file: self.file.to_owned(), problem }
    }

    fn count(&self, key: &str) -> Result<Option<usize>> {
        let count = match self.values.get(key) {
            None => return Ok(None),
            Some(Value::Unsigned(n)) => usize::try_from(*n).ok(),
            Some(Value::Signed(n)) => usize::try_from(*n).ok(),
            Some(_) => None,
        };
        count.map(Some).ok_or_else(|| self.malformed(format!("metadata {key} is not a count")))
    }

    fn needed_count(&self, key: &str) -> Result<usize> {
        self.count(key)?.ok_or_else(|| self.malformed(format!("metadata {key} is missing")))
    }

    fn number(&self, key: &str) -> Result<Option<f64>> {
        match self.values.get(key) {
            None => Ok(None),
            Some(Value::Float(v)) => Ok(Some(*v)),
            Some(Value::Unsigned(n)) => Ok(Some(*n as f64)),
            Some(_) => Err(self.malformed(format!("metadata {key} is not a number"))),
        }
    }

    /// Refuses files that are a part of a model, or what changes one.
    fn check_is_whole(&self) -> Result<()> {
        let text = |key: &str| match self.values.get(key) {
            Some(Value::Text(text)) => text.as_str(),
            _ => "",
        };
        if text("general.type") == "adapter" || self.values.keys().any(|key| key.starts_with("adapter.")) {
            return Err(self.malformed(
                "it is a LoRA adapter: what changes a model, not the model; merge it into its base model (llama-export-lora), \
                 and name the result"
                    .to_owned(),
            ));
        }
        if text("general.type") == "mmproj" {
            return Err(self
                .malformed("it is the part of a model that sees images; name the file of the text model".to_owned()));
        }
        let parts = self.count("split.count")?.unwrap_or(1);
        if parts > 1 {
            let part = self.count("split.no")?.unwrap_or(0) + 1;
            return Err(self.malformed(format!(
                "it is part {part} of a model in {parts} files; make one of them with `llama-gguf-split --merge FIRST-PART OUT`, and \
                 name that"
            )));
        }
        Ok(())
    }

    /// Refuses metadata that the networks here do not follow, where it asks for something else than they compute.
    fn check_followed(&self, architecture: &str, config: &GemmaConfig) -> Result<()> {
        let key = |name: &str| format!("{architecture}.{name}");
        for (name, computed) in [
            ("attention.key_length", config.head_dim),
            ("attention.value_length", config.head_dim),
            ("attention.key_length_swa", config.head_dim),
            ("attention.value_length_swa", config.head_dim),
            ("rope.dimension_count", config.head_dim),
            ("rope.dimension_count_swa", config.head_dim),
            ("vocab_size", config.vocab_size),
            ("expert_count", 0),
            ("expert_used_count", 0),
        ] {
            if let Some(stored) = self.count(&key(name))?.filter(|stored| *stored != computed) {
                return Err(self.malformed(format!(
                    "metadata {} is {stored}, where a Gemma of these tensors has {computed}: the results would be another model's",
                    key(name)
                )));
            }
        }
        if self.values.get(&key("attention.causal")) == Some(&Value::Bool(false)) {
            return Err(self.malformed(format!(
                "metadata {} is false: its tokens see later ones, as in models that embed texts; this program reads causal models",
                key("attention.causal")
            )));
        }
        let scale = config.query_pre_attn_scalar.sqrt().recip();
        let is_other = |stored: &f64| (stored / scale - 1.0).abs() > 1e-3;
        if let Some(stored) = self.number(&key("attention.scale"))?.filter(is_other) {
            return Err(self.malformed(format!(
                "metadata {} is {stored}, where llama.cpp computes with {scale}",
                key("attention.scale")
            )));
        }
        let capped = self.number(&key("attn_logit_softcapping"))?.filter(|cap| *cap != 0.0);
        match capped.filter(|_| config.family == GemmaFamily::Gemma3) {
            Some(cap) => Err(self.malformed(format!(
                "metadata {} is {cap}, and a Gemma 3 has no such cap: the results would be another model's",
                key("attn_logit_softcapping")
            ))),
            None => Ok(()),
        }
    }

    fn config(&self, tensors: &Tensors) -> Result<GemmaConfig> {
        self.check_is_whole()?;
        let architecture = match self.values.get("general.architecture") {
            Some(Value::Text(name)) => name.as_str(),
            _ => return Err(self.malformed("metadata general.architecture is missing".to_owned())),
        };
        let family = match architecture {
            "gemma2" => GemmaFamily::Gemma2,
            "gemma3" => GemmaFamily::Gemma3,
            other => return Err(Error::Architecture { file: self.file.to_owned(), found: other.to_owned() }),
        };
        let key = |name: &str| format!("{architecture}.{name}");
        let hidden_size = self.needed_count(&key("embedding_length"))?;
        let num_hidden_layers = self.needed_count(&key("block_count"))?;
        let num_attention_heads = self.needed_count(&key("attention.head_count"))?;
        let head_dim = self.count(&key("attention.key_length"))?.unwrap_or(256);
        let embedding = "token_embd.weight";
        let Some([vocab_size, _]) = tensors.shape(embedding) else {
            return Err(Error::MissingTensor { file: self.file.to_owned(), tensor: embedding.to_owned() });
        };
        // As in llama.cpp: the 27B models alone scale by the width of a head's share of the stream.
        let is_27b = match family {
            GemmaFamily::Gemma2 => num_hidden_layers == 46,
            GemmaFamily::Gemma3 => num_hidden_layers == 62,
        };
        let query_pre_attn_scalar =
            if is_27b { hidden_size as f64 / num_attention_heads.max(1) as f64 } else { head_dim as f64 };
        let (rope_full, rope_sliding) = self.ropes(architecture, family)?;
        let config = GemmaConfig {
            family,
            vocab_size: *vocab_size,
            hidden_size,
            intermediate_size: self.needed_count(&key("feed_forward_length"))?,
            num_hidden_layers,
            num_attention_heads,
            num_key_value_heads: self.count(&key("attention.head_count_kv"))?.unwrap_or(num_attention_heads),
            head_dim,
            rms_norm_eps: self.number(&key("attention.layer_norm_rms_epsilon"))?.unwrap_or(1e-6),
            query_pre_attn_scalar,
            attn_logit_softcapping: match family {
                GemmaFamily::Gemma2 => Some(self.number(&key("attn_logit_softcapping"))?.unwrap_or(50.0)),
                GemmaFamily::Gemma3 => None,
            },
            sliding_window: self.count(&key("attention.sliding_window"))?.unwrap_or(4096),
            layer_attention: self.layer_attention(architecture, family, num_hidden_layers)?,
            rope_full,
            rope_sliding,
            qk_norm: family == GemmaFamily::Gemma3,
            bos_token_id: self
                .count("tokenizer.ggml.bos_token_id")?
                .map_or(Some(2), |id| u32::try_from(id).ok())
                .ok_or_else(|| self.malformed("metadata tokenizer.ggml.bos_token_id is not a token id".to_owned()))?,
        };
        config.check().map_err(|e| self.malformed(e.to_string()))?;
        self.check_followed(architecture, &config)?;
        Ok(config)
    }

    fn ropes(&self, architecture: &str, family: GemmaFamily) -> Result<(Rope, Rope)> {
        let key = |name: &str| format!("{architecture}.rope.{name}");
        let scaling = match self.values.get(&key("scaling.type")) {
            None => true,
            Some(Value::Text(kind)) if kind == "linear" => true,
            Some(Value::Text(kind)) if kind == "none" => false,
            Some(other) => return Err(self.malformed(format!("rope scaling {other:?} is not supported"))),
        };
        // `scale_linear` is the older name.
        let factor = match self.number(&key("scaling.factor"))? {
            Some(factor) => Some(factor),
            None => self.number(&key("scale_linear"))?,
        };
        // 0 means "none" to llama.cpp.
        let factor = factor.filter(|f| scaling && *f != 0.0).unwrap_or(1.0);
        Ok(match family {
            GemmaFamily::Gemma2 => {
                let rope = Rope { theta: self.number(&key("freq_base"))?.unwrap_or(10_000.0), factor };
                (rope, rope)
            }
            GemmaFamily::Gemma3 => (
                Rope { theta: self.number(&key("freq_base"))?.unwrap_or(1_000_000.0), factor },
                Rope { theta: self.number(&key("freq_base_swa"))?.unwrap_or(10_000.0), factor: 1.0 },
            ),
        })
    }

    fn layer_attention(&self, architecture: &str, family: GemmaFamily, layers: usize) -> Result<Vec<Attention>> {
        let key = format!("{architecture}.attention.sliding_window_pattern");
        // Bounds the allocation below; `GemmaConfig::check` reports the error.
        let layers = layers.min(lens_pack::config::LAYERS_MAX + 1);
        match self.values.get(&key) {
            Some(Value::Array(flags)) => flags
                .iter()
                .map(|flag| match flag {
                    Value::Bool(true) => Ok(Attention::Sliding),
                    Value::Bool(false) => Ok(Attention::Full),
                    _ => Err(self.malformed(format!("metadata {key} is not a list of true and false"))),
                })
                .collect(),
            _ => {
                let default = if family == GemmaFamily::Gemma2 { 2 } else { 6 };
                Ok(every_nth_full(layers, self.count(&key)?.unwrap_or(default)))
            }
        }
    }
}
