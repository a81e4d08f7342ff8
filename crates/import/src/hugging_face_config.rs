//! `config.json` as transformers 4 and as transformers 5 write it.
//!
//! Defaults are those of `Gemma2Config` and `Gemma3TextConfig`: published files leave out what
//! equals them (the nested `text_config` of Gemma 3 4B names six fields).

use lens_pack::config::{Attention, GemmaConfig, GemmaFamily, LAYERS_MAX, Rope, check_logit_cap, every_nth_full};
use lens_pack::text::json_problem_in;
use serde::Deserialize;
use serde_json::Value;

use crate::error::{Error, Result};

/// The fields that matter; `null` counts as absent except where noted.
#[derive(Debug, Deserialize)]
struct HfConfig {
    vocab_size: Option<usize>,
    hidden_size: Option<usize>,
    intermediate_size: Option<usize>,
    num_hidden_layers: Option<usize>,
    num_attention_heads: Option<usize>,
    num_key_value_heads: Option<usize>,
    head_dim: Option<usize>,
    rms_norm_eps: Option<f64>,
    query_pre_attn_scalar: Option<f64>,
    /// Absent: the default; null: no cap.
    #[serde(default, deserialize_with = "present")]
    attn_logit_softcapping: Option<Option<f64>>,
    sliding_window: Option<usize>,
    layer_types: Option<Vec<String>>,
    sliding_window_pattern: Option<usize>,
    #[serde(rename = "_sliding_window_pattern")]
    private_sliding_window_pattern: Option<usize>,
    rope_theta: Option<f64>,
    rope_local_base_freq: Option<f64>,
    rope_scaling: Option<RopeFields>,
    rope_parameters: Option<Value>,
    attention_bias: Option<bool>,
    hidden_activation: Option<String>,
    use_bidirectional_attention: Option<Value>,
    bos_token_id: Option<u32>,
}

/// `rope_scaling` (transformers 4) or one entry of `rope_parameters` (5).
#[derive(Debug, Clone, Default, Deserialize)]
struct RopeFields {
    rope_theta: Option<f64>,
    factor: Option<f64>,
    rope_type: Option<String>,
    /// `rope_type` before transformers 4.43.
    #[serde(rename = "type")]
    old_type: Option<String>,
    partial_rotary_factor: Option<f64>,
}

fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Option<Option<f64>>, D::Error> {
    Option::<f64>::deserialize(deserializer).map(Some)
}

/// Reads `config.json`; `file` names it in errors.
///
/// # Errors
/// [`Error::Architecture`] for another model family, [`Error::Malformed`] when a field is
/// impossible, contradicts another, or asks for something this program does not compute.
pub fn gemma_config(text: &str, file: &str) -> Result<GemmaConfig> {
    let mut json: Value = serde_json::from_str(text)
        .map_err(|e| Error::malformed(file, format!("not a model's configuration: {}", json_problem_in(text, &e))))?;
    if !json.is_object() {
        return Err(Error::malformed(file, "not a model's configuration: it is JSON, but not an object"));
    }
    if let Some(method) = quantization(&json) {
        return Err(Error::malformed(
            file,
            format!(
                "the weights are quantized ({method}), in a form that this program does not read; get the model's own weights \
                 in f32, f16 or bf16, or a GGUF file"
            ),
        ));
    }
    let family = family(&json, file)?;
    // Gemma 3 with vision has its text model's configuration in a field of its own.
    if let Some(nested) = json.get_mut("text_config").map(Value::take).filter(Value::is_object) {
        json = nested;
    }
    let hf: HfConfig =
        serde_json::from_value(json).map_err(|e| Error::malformed(file, format!("not a Gemma config: {e}")))?;
    let config = hf.config(family).map_err(|e| Error::malformed(file, e))?;
    config.check().map_err(|e| Error::malformed(file, e))?;
    Ok(config)
}

/// The cap of the whole model's logits, which no pack needs but that of a fitted lens. transformers' default is 30 for Gemma
/// 2, none for Gemma 3. `text` passed [`gemma_config`].
///
/// # Errors
/// [`Error::Malformed`] for one that is not a number, or not a model's.
pub fn final_logit_softcapping(text: &str, family: GemmaFamily, file: &str) -> Result<Option<f64>> {
    let json: Value = serde_json::from_str(text).map_err(|e| Error::malformed(file, json_problem_in(text, &e)))?;
    let fields = json.get("text_config").filter(|nested| nested.is_object()).unwrap_or(&json);
    let cap = match fields.get("final_logit_softcapping") {
        Some(Value::Null) => None,
        Some(cap) => {
            let problem =
                || Error::malformed(file, format!("final_logit_softcapping is {cap}; it must be a number or null"));
            Some(cap.as_f64().ok_or_else(problem)?)
        }
        None => (family == GemmaFamily::Gemma2).then_some(30.0),
    };
    check_logit_cap(cap).map_err(|e| Error::malformed(file, e))?;
    Ok(cap)
}

/// Whether a config.json says that the head is the embedding; none where it says nothing. `text` passed
/// [`gemma_config`].
pub fn claims_tied(text: &str) -> Option<bool> {
    let json: Value = serde_json::from_str(text).ok()?;
    let of = |fields: &Value| fields.get("tie_word_embeddings").and_then(Value::as_bool);
    // The outer field decides in transformers, where a file has both.
    of(&json).or_else(|| json.get("text_config").and_then(of))
}

/// How the weights are quantized, where a config.json says so: `quantization_config` of transformers, `quantization` of
/// MLX.
fn quantization(json: &Value) -> Option<String> {
    let texts = [Some(json), json.get("text_config")];
    let fields = texts.into_iter().flatten().find_map(|json| {
        ["quantization_config", "quantization"]
            .iter()
            .find_map(|name| Some((*name, json.get(*name).filter(|value| !value.is_null())?)))
    });
    let (name, value) = fields?;
    let method = value.get("quant_method").or_else(|| value.get("mode")).and_then(Value::as_str);
    Some(match method {
        Some(method) => format!("{name}: {method}"),
        None => name.to_owned(),
    })
}

fn family(json: &Value, file: &str) -> Result<GemmaFamily> {
    let named = json.get("model_type").and_then(Value::as_str).map(str::to_owned);
    let architecture = json.pointer("/architectures/0").and_then(Value::as_str);
    let name = named.or(architecture.map(str::to_owned)).unwrap_or_else(|| "(no model_type)".to_owned());
    match name.as_str() {
        "gemma2" | "Gemma2ForCausalLM" | "Gemma2Model" => Ok(GemmaFamily::Gemma2),
        "gemma3" | "gemma3_text" | "Gemma3ForCausalLM" | "Gemma3TextModel" | "Gemma3ForConditionalGeneration" => {
            Ok(GemmaFamily::Gemma3)
        }
        _ => Err(Error::Architecture { file: file.to_owned(), found: name }),
    }
}

/// What a config.json asks for that this program does not compute.
#[derive(Debug, thiserror::Error)]
enum UnsupportedGemma {
    #[error("attention_bias is true; Gemma models with attention biases are not supported")]
    AttentionBias,
    #[error("hidden_activation is {0:?}; only gelu_pytorch_tanh is supported")]
    Activation(String),
    #[error("use_bidirectional_attention is set; only causal models are supported")]
    Bidirectional,
    #[error("layer type {0:?} is not supported")]
    LayerType(String),
    #[error("sliding_window_pattern is 0")]
    Pattern,
    #[error("rope_parameters: {0}")]
    RopeParameters(#[source] serde_json::Error),
    #[error("partial_rotary_factor other than 1 is not supported")]
    PartialRotary,
    #[error("linear rope scaling without a factor")]
    RopeFactor,
    #[error("rope type {0:?} is not supported; default and linear are")]
    RopeType(String),
}

type Supported<T> = std::result::Result<T, UnsupportedGemma>;

impl HfConfig {
    fn config(self, family: GemmaFamily) -> Supported<GemmaConfig> {
        if self.attention_bias == Some(true) {
            return Err(UnsupportedGemma::AttentionBias);
        }
        if let Some(activation) = self.hidden_activation.as_deref().filter(|a| *a != "gelu_pytorch_tanh") {
            return Err(UnsupportedGemma::Activation(activation.to_owned()));
        }
        // EmbeddingGemma; some files have "all" here.
        if !matches!(self.use_bidirectional_attention, None | Some(Value::Null | Value::Bool(false))) {
            return Err(UnsupportedGemma::Bidirectional);
        }
        let num_hidden_layers = self.num_hidden_layers.unwrap_or(26);
        let (rope_full, rope_sliding) = self.ropes(family)?;
        let gemma2 = family == GemmaFamily::Gemma2;
        Ok(GemmaConfig {
            family,
            vocab_size: self.vocab_size.unwrap_or(if gemma2 { 256_000 } else { 262_208 }),
            hidden_size: self.hidden_size.unwrap_or(2304),
            intermediate_size: self.intermediate_size.unwrap_or(9216),
            num_hidden_layers,
            num_attention_heads: self.num_attention_heads.unwrap_or(8),
            num_key_value_heads: self.num_key_value_heads.unwrap_or(4),
            head_dim: self.head_dim.unwrap_or(256),
            rms_norm_eps: self.rms_norm_eps.unwrap_or(1e-6),
            query_pre_attn_scalar: self.query_pre_attn_scalar.unwrap_or(256.0),
            // transformers' Gemma 3 has the field and never applies it.
            attn_logit_softcapping: if gemma2 { self.attn_logit_softcapping.unwrap_or(Some(50.0)) } else { None },
            sliding_window: self.sliding_window.unwrap_or(4096),
            layer_attention: self.layer_attention(family, num_hidden_layers)?,
            rope_full,
            rope_sliding,
            qk_norm: !gemma2,
            bos_token_id: self.bos_token_id.unwrap_or(2),
        })
    }

    fn layer_attention(&self, family: GemmaFamily, layers: usize) -> Supported<Vec<Attention>> {
        if let Some(types) = &self.layer_types {
            return types
                .iter()
                .map(|name| match name.as_str() {
                    "full_attention" => Ok(Attention::Full),
                    "sliding_attention" => Ok(Attention::Sliding),
                    other => Err(UnsupportedGemma::LayerType(other.to_owned())),
                })
                .collect();
        }
        // Bounds the allocation below; `GemmaConfig::check` reports the error.
        let layers = layers.min(LAYERS_MAX + 1);
        let period = match family {
            GemmaFamily::Gemma2 => 2,
            GemmaFamily::Gemma3 => self.sliding_window_pattern.or(self.private_sliding_window_pattern).unwrap_or(6),
        };
        if period == 0 {
            return Err(UnsupportedGemma::Pattern);
        }
        Ok(every_nth_full(layers, period))
    }

    /// Rotary embeddings of full and of sliding layers.
    fn ropes(&self, family: GemmaFamily) -> Supported<(Rope, Rope)> {
        let fields = |value: Option<&Value>| -> Supported<RopeFields> {
            match value {
                None | Some(Value::Null) => Ok(RopeFields::default()),
                Some(value) => RopeFields::deserialize(value).map_err(UnsupportedGemma::RopeParameters),
            }
        };
        let nested = |kind: &str| fields(self.rope_parameters.as_ref().and_then(|all| all.get(kind)));
        match family {
            GemmaFamily::Gemma2 => {
                // One entry for all layers; `rope_scaling` wins where an old file was given both.
                let mut flat = fields(self.rope_parameters.as_ref())?;
                if flat.rope_theta.is_none() && flat.rope_type.is_none() {
                    flat = nested("full_attention")?;
                }
                let theta = flat.rope_theta.or(self.rope_theta).unwrap_or(10_000.0);
                let rope = self.rope_scaling.as_ref().unwrap_or(&flat).rope(theta)?;
                Ok((rope, rope))
            }
            GemmaFamily::Gemma3 => {
                let full = nested("full_attention")?;
                let sliding = nested("sliding_attention")?;
                let theta = full.rope_theta.or(self.rope_theta).unwrap_or(1_000_000.0);
                let local_theta = sliding.rope_theta.or(self.rope_local_base_freq).unwrap_or(10_000.0);
                // `rope_scaling` of Gemma 3 applies to full layers only.
                Ok((self.rope_scaling.as_ref().unwrap_or(&full).rope(theta)?, sliding.rope(local_theta)?))
            }
        }
    }
}

impl RopeFields {
    fn rope(&self, theta: f64) -> Supported<Rope> {
        if self.partial_rotary_factor.is_some_and(|f| f != 1.0) {
            return Err(UnsupportedGemma::PartialRotary);
        }
        match self.rope_type.as_deref().or(self.old_type.as_deref()).unwrap_or("default") {
            "default" => Ok(Rope { theta, factor: 1.0 }),
            "linear" => {
                let factor = self.factor.ok_or(UnsupportedGemma::RopeFactor)?;
                Ok(Rope { theta, factor })
            }
            other => Err(UnsupportedGemma::RopeType(other.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cap_of_logits_is_a_models_or_refused() {
        let cap = |value: &str| {
            let text = format!("{{\"final_logit_softcapping\": {value}}}");
            final_logit_softcapping(&text, GemmaFamily::Gemma2, "config.json").map_err(|e| e.to_string())
        };
        assert_eq!(cap("30.0"), Ok(Some(30.0)));
        assert_eq!(cap("null"), Ok(None));
        for wrong in ["0", "-30.0", "1e30", "\"30\"", "true"] {
            assert!(cap(wrong).is_err_and(|problem| problem.contains("final_logit_softcapping")), "{wrong}");
        }
        let absent = |family| final_logit_softcapping("{}", family, "config.json").ok();
        assert_eq!(absent(GemmaFamily::Gemma2), Some(Some(30.0)));
        assert_eq!(absent(GemmaFamily::Gemma3), Some(None));
    }
}
