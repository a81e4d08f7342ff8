//! A TemporalSAE in a folder: as its authors released it, or as SAELens saves it.
//!
//! | released | SAELens | here |
//! |---|---|---|
//! | conf.yaml | cfg.json, architecture `temporal` | [`SaeConfig`] |
//! | latest_ckpt.safetensors | sae_weights.safetensors | [`Tensors`] |
//! | `D` [width, d_model] | `W_dec` | `sae.D` |
//! | `b` [d_model] | `b_dec` | `sae.b` |
//! | `E` [d_model, width], untied only | `W_enc` | `sae.E` |
//! | `attn_layers.N.*` | the same | `sae.attn_layers.N.*` |
//! | `scaling` [d_model], ours, optional | the same | `sae.scaling` |

use std::path::Path;

use lens_pack::config::SaeConfig;
use lens_pack::instead::{ExpectedInput, instead};
use lens_pack::tensor_spec::{SCALING, sae_tensors};

use crate::checkpoint::SaeCheckpoint;
use crate::error::{Error, Result};
use crate::sae_config::PublishedSae;
use crate::safetensors_header;
use crate::tensors::{Tensors, read_text};

/// Configuration files past this are something else.
const CONFIG_BYTES_MAX: u64 = 1 << 20;

/// Opens either form.
///
/// # Errors
/// [`Error`] when neither form is there, a file is cut short, or tensors contradict the
/// configuration.
pub fn open_sae(folder: &Path) -> Result<SaeCheckpoint> {
    let released = (folder.join("conf.yaml"), folder.join("latest_ckpt.safetensors"));
    let saelens = (folder.join("cfg.json"), folder.join("sae_weights.safetensors"));
    if [&released.0, &released.1, &saelens.0, &saelens.1].iter().all(|file| file.exists()) {
        two_forms_of_one(&released.0, &saelens.0, folder)?;
    }
    let (published, weights, is_saelens) = if released.0.exists() {
        let text = read_text(&released.0, CONFIG_BYTES_MAX)?;
        (PublishedSae::from_conf_yaml(&text, &released.0.display().to_string())?, released.1, false)
    } else if saelens.0.exists() {
        let text = read_text(&saelens.0, CONFIG_BYTES_MAX)?;
        (PublishedSae::from_saelens_json(&text, &saelens.0.display().to_string())?, saelens.1, true)
    } else {
        let problem = "no SAE is in this folder: neither conf.yaml (as released) nor cfg.json (SAELens)";
        let problem = format!("{problem}{}", instead(folder, ExpectedInput::Sae));
        return Err(Error::malformed(folder.display().to_string(), problem));
    };
    if !weights.exists() {
        let name = weights.file_name().unwrap_or_default().display();
        let problem = format!("its configuration is there, but no {name}{}", instead(folder, ExpectedInput::Sae));
        return Err(Error::malformed(folder.display().to_string(), problem));
    }
    let mut tensors = Tensors::new(&weights);
    safetensors_header::add(&mut tensors, &weights, |_| true)?;
    tensors.rename(|name| {
        let name = match name {
            "W_dec" if is_saelens => "D",
            "b_dec" if is_saelens => "b",
            "W_enc" if is_saelens => "E",
            other => other,
        };
        Some(format!("sae.{name}"))
    })?;
    contradictions(&published.config, &tensors)?;
    Ok(SaeCheckpoint { published, tensors })
}

/// A folder may hold one SAE in both forms, but not two.
fn two_forms_of_one(released: &Path, saelens: &Path, folder: &Path) -> Result<()> {
    let text = |path: &Path| read_text(path, CONFIG_BYTES_MAX);
    let first = PublishedSae::from_conf_yaml(&text(released)?, &released.display().to_string())?.config;
    let second = PublishedSae::from_saelens_json(&text(saelens)?, &saelens.display().to_string())?.config;
    let same_scale = (first.scaling_factor / second.scaling_factor - 1.0).abs() < 1e-6;
    let same_layer = first.target_layer.zip(second.target_layer).is_none_or(|(a, b)| a == b);
    let rest = |config| SaeConfig { scaling_factor: 1.0, target_layer: None, ..config };
    if same_scale && same_layer && rest(first) == rest(second) {
        return Ok(());
    }
    Err(Error::malformed(
        folder.display().to_string(),
        "it holds two SAEs, which differ: conf.yaml with latest_ckpt.safetensors, and cfg.json with sae_weights.safetensors; leave \
         the files of one",
    ))
}

/// What `load_state_dict` would refuse, too: tensors that the configuration has no place for.
fn contradictions(config: &SaeConfig, tensors: &Tensors) -> Result<()> {
    let malformed = |problem: String| Err(Error::Malformed { file: tensors.origin().to_owned(), problem });
    if config.tied_weights && tensors.shape("sae.E").is_some() {
        return malformed("holds an encoder (tensor E), but its configuration has tied_weights".to_owned());
    }
    let layer = format!("sae.attn_layers.{}.", config.n_attn_layers);
    if let Some(name) = tensors.names().find(|name| name.starts_with(&layer)) {
        let name = name.trim_start_matches("sae.");
        return malformed(format!("tensor {name} is one attention layer more than its configuration has"));
    }
    let known = sae_tensors(config);
    let unknown = |name: &&str| *name != SCALING && !known.iter().any(|(known, _)| known == name);
    match tensors.names().find(unknown) {
        Some(name) => {
            let name = name.trim_start_matches("sae.");
            malformed(format!("tensor {name} is none that its configuration calls for"))
        }
        None => Ok(()),
    }
}
