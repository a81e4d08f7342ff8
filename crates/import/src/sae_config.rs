//! A TemporalSAE's configuration in its two published forms: the authors' conf.yaml and SAELens'
//! cfg.json.

use lens_pack::config::{DIMENSION_MAX, NovelCodes, SaeConfig};
use lens_pack::text::json_problem_in;
use serde::Deserialize;

use crate::error::{Error, Result};

/// A published configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct PublishedSae {
    /// The SAE.
    pub config: SaeConfig,
    /// The language model it was trained on, e.g. "google/gemma-2-2b".
    pub model_name: Option<String>,
    /// Its page on Neuronpedia as "model/source", where the file names one.
    pub neuronpedia: Option<String>,
}

#[derive(Debug, Deserialize)]
struct ConfYaml {
    llm: ConfLlm,
    sae: ConfSae,
}

#[derive(Debug, Deserialize)]
struct ConfLlm {
    dimin: usize,
    model_hf_name: Option<String>,
    target_layer: Option<usize>,
}

#[derive(Debug, Deserialize)]
struct ConfSae {
    sae_type: Option<String>,
    sae_diff_type: String,
    tied_weights: bool,
    /// Width over d_model; SAELens reads it as a float.
    exp_factor: f64,
    kval_topk: Option<usize>,
    n_heads: usize,
    n_attn_layers: usize,
    bottleneck_factor: usize,
    scaling_factor: f64,
}

#[derive(Debug, Deserialize)]
struct SaelensCfg {
    architecture: Option<String>,
    d_in: usize,
    d_sae: usize,
    #[serde(default = "eight")]
    n_heads: usize,
    #[serde(default = "one")]
    n_attn_layers: usize,
    #[serde(default = "sixty_four")]
    bottleneck_factor: usize,
    #[serde(default = "topk")]
    sae_diff_type: String,
    kval_topk: Option<usize>,
    #[serde(default = "yes")]
    tied_weights: bool,
    normalize_activations: Option<String>,
    activation_normalization_factor: Option<f64>,
    #[serde(default = "yes")]
    apply_b_dec_to_input: bool,
    reshape_activations: Option<String>,
    /// At the top level before SAELens 6.
    hook_name: Option<String>,
    hook_layer: Option<usize>,
    model_name: Option<String>,
    metadata: Option<SaelensMetadata>,
}

#[derive(Debug, Default, Deserialize)]
struct SaelensMetadata {
    hook_name: Option<String>,
    hook_layer: Option<usize>,
    model_name: Option<String>,
    neuronpedia_id: Option<String>,
}

/// What a published SAE asks for that this program does not compute.
#[derive(Debug, thiserror::Error)]
enum UnsupportedSae {
    #[error("sae_type is {0:?}; this program reads temporal SAEs")]
    Kind(String),
    #[error("architecture is {0:?}; this program reads temporal SAEs")]
    Architecture(String),
    #[error("dimin * exp_factor = {0} is not a width")]
    Width(f64),
    #[error("normalize_activations {0:?} is not supported")]
    Normalization(String),
    #[error("apply_b_dec_to_input is false, which this program does not compute")]
    Bias,
    #[error("reshape_activations {0:?} is not supported")]
    Reshape(String),
    #[error("sae_diff_type is {0:?}; topk, relu and nullify are known")]
    NovelCodes(String),
    #[error("hook_name is {0:?}; only the output of a layer (blocks.N.hook_resid_post) is supported")]
    Hook(String),
    #[error("its {0} is {1:?} at one place and {2:?} at another; leave the right one")]
    Contradiction(&'static str, String, String),
}

// The defaults of SAELens' `TemporalSAEConfig`.
fn eight() -> usize {
    8
}
fn one() -> usize {
    1
}
fn sixty_four() -> usize {
    64
}
fn topk() -> String {
    "topk".to_owned()
}
fn yes() -> bool {
    true
}

impl PublishedSae {
    /// Reads the authors' conf.yaml; sections about training are ignored. `file` names it in errors.
    ///
    /// # Errors
    /// [`Error::Malformed`] when it is not such a file or a number in it is impossible.
    pub fn from_conf_yaml(text: &str, file: &str) -> Result<Self> {
        let unsupported = |problem: UnsupportedSae| Error::malformed(file, problem);
        let conf: ConfYaml = serde_yaml_ng::from_str(text)
            .map_err(|e| Error::malformed(file, format!("not a TemporalSAE's conf.yaml: {e}")))?;
        if let Some(kind) = conf.sae.sae_type.filter(|kind| kind != "temporal") {
            return Err(unsupported(UnsupportedSae::Kind(kind)));
        }
        let width = conf.llm.dimin as f64 * conf.sae.exp_factor;
        if !(width >= 1.0 && width <= DIMENSION_MAX as f64) {
            return Err(unsupported(UnsupportedSae::Width(width)));
        }
        let config = SaeConfig {
            dimin: conf.llm.dimin,
            width: width as usize,
            n_heads: conf.sae.n_heads,
            sae_diff_type: novel_codes(&conf.sae.sae_diff_type).map_err(unsupported)?,
            kval_topk: conf.sae.kval_topk,
            tied_weights: conf.sae.tied_weights,
            n_attn_layers: conf.sae.n_attn_layers,
            bottleneck_factor: conf.sae.bottleneck_factor,
            scaling_factor: conf.sae.scaling_factor,
            target_layer: conf.llm.target_layer,
        };
        config.check().map_err(|e| Error::malformed(file, e))?;
        Ok(Self { config, model_name: conf.llm.model_hf_name, neuronpedia: None })
    }

    /// Reads SAELens' cfg.json of architecture `temporal`; `file` names it in errors.
    ///
    /// # Errors
    /// [`Error::Malformed`] when it is not such a file, a number in it is impossible, or it normalizes
    /// activations in a way that the authors' module does not.
    pub fn from_saelens_json(text: &str, file: &str) -> Result<Self> {
        let unsupported = |problem: UnsupportedSae| Error::malformed(file, problem);
        let cfg: SaelensCfg = serde_json::from_str(text).map_err(|e| {
            Error::malformed(file, format!("not a TemporalSAE's cfg.json: {}", json_problem_in(text, &e)))
        })?;
        if let Some(kind) = cfg.architecture.filter(|kind| kind != "temporal") {
            return Err(unsupported(UnsupportedSae::Architecture(kind)));
        }
        let scaling_factor = match cfg.normalize_activations.as_deref().unwrap_or("none") {
            "none" => 1.0,
            "constant_scalar_rescale" => cfg.activation_normalization_factor.unwrap_or(1.0),
            other => return Err(unsupported(UnsupportedSae::Normalization(other.to_owned()))),
        };
        if !cfg.apply_b_dec_to_input {
            return Err(unsupported(UnsupportedSae::Bias));
        }
        if let Some(reshape) = cfg.reshape_activations.filter(|r| r != "none") {
            return Err(unsupported(UnsupportedSae::Reshape(reshape)));
        }
        let meta = cfg.metadata.unwrap_or_default();
        let hook = one_of("hook_name", meta.hook_name, cfg.hook_name).map_err(unsupported)?;
        let hook_layer = one_of("hook_layer", meta.hook_layer, cfg.hook_layer).map_err(unsupported)?;
        let model_name = one_of("model_name", meta.model_name, cfg.model_name).map_err(unsupported)?;
        let target_layer = hook.map(|hook| layer_of_hook(&hook)).transpose().map_err(unsupported)?;
        let target_layer = one_of("layer", target_layer, hook_layer).map_err(unsupported)?;
        let config = SaeConfig {
            dimin: cfg.d_in,
            width: cfg.d_sae,
            n_heads: cfg.n_heads,
            sae_diff_type: novel_codes(&cfg.sae_diff_type).map_err(unsupported)?,
            kval_topk: cfg.kval_topk,
            tied_weights: cfg.tied_weights,
            n_attn_layers: cfg.n_attn_layers,
            bottleneck_factor: cfg.bottleneck_factor,
            scaling_factor,
            target_layer,
        };
        config.check().map_err(|e| Error::malformed(file, e))?;
        Ok(Self { config, model_name, neuronpedia: meta.neuronpedia_id })
    }
}

/// What a file says at two places, which must not contradict each other.
fn one_of<T: PartialEq + std::fmt::Debug>(
    what: &'static str,
    first: Option<T>,
    second: Option<T>,
) -> std::result::Result<Option<T>, UnsupportedSae> {
    match (first, second) {
        (Some(first), Some(second)) if first != second => {
            let plain = |value: &T| format!("{value:?}").trim_matches('"').to_owned();
            Err(UnsupportedSae::Contradiction(what, plain(&first), plain(&second)))
        }
        (first, second) => Ok(first.or(second)),
    }
}

fn novel_codes(name: &str) -> std::result::Result<NovelCodes, UnsupportedSae> {
    match name {
        "topk" => Ok(NovelCodes::TopK),
        "relu" => Ok(NovelCodes::Relu),
        "nullify" => Ok(NovelCodes::Nullify),
        other => Err(UnsupportedSae::NovelCodes(other.to_owned())),
    }
}

/// 12 of "blocks.12.hook_resid_post", TransformerLens' name for the output of layer 12.
fn layer_of_hook(hook: &str) -> std::result::Result<usize, UnsupportedSae> {
    hook.strip_prefix("blocks.")
        .and_then(|rest| rest.strip_suffix(".hook_resid_post"))
        .and_then(|layer| layer.parse().ok())
        .ok_or_else(|| UnsupportedSae::Hook(hook.to_owned()))
}
