//! Training on disk: the state that a run resumes from, and the trained SAE.

use std::collections::BTreeMap;
use std::path::Path;

use half::bf16;
use lens_pack::config::SaeConfig;
use safetensors::tensor::{Dtype, TensorView};
use serde::{Deserialize, Serialize};

use crate::cache::write_whole;
use crate::checked::{self, Checked};
use crate::parameters::{Array, Parameters};
use crate::{Error, Recipe, Result};

/// The state's file in the SAE's folder.
pub const STATE_FILE: &str = "training.safetensors";

/// The trained SAE's file there, as its authors released theirs.
pub const CHECKPOINT_FILE: &str = "latest_ckpt.safetensors";

/// The SAE's configuration there.
pub const CONFIG_FILE: &str = "conf.yaml";

/// Key of the metadata.
const ABOUT: &str = "training";

/// All that a run resumes from.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// The numbers of the run.
    pub recipe: Recipe,
    /// The run's other inputs, as a hash: model, layer, corpus.
    pub inputs: String,
    /// Steps done.
    pub step: usize,
    /// See [`crate::init::Initial`].
    pub score_scale: f32,
    /// The parameters.
    pub parameters: Parameters,
    /// AdamW's two moments and its count of steps, by parameter.
    pub moments: BTreeMap<String, (usize, Array, Array)>,
}

#[derive(Serialize, Deserialize)]
struct About {
    recipe: Recipe,
    inputs: String,
    config: SaeConfig,
    step: usize,
    score_scale: f32,
    times: BTreeMap<String, usize>,
}

impl State {
    /// As a safetensors file in f32.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let about = About {
            recipe: self.recipe.clone(),
            inputs: self.inputs.clone(),
            config: self.parameters.config.clone(),
            step: self.step,
            score_scale: self.score_scale,
            times: self.moments.iter().map(|(name, (time, ..))| (name.clone(), *time)).collect(),
        };
        let mut arrays: Vec<(String, &Array)> = Vec::new();
        arrays.extend(self.parameters.arrays.iter().map(|(name, array)| (format!("value.{name}"), array)));
        arrays.extend(self.moments.iter().map(|(name, (_, first, _))| (format!("first.{name}"), first)));
        arrays.extend(self.moments.iter().map(|(name, (.., second))| (format!("second.{name}"), second)));
        let mut views = Vec::with_capacity(arrays.len());
        for (name, array) in arrays {
            let bytes: &[u8] = bytemuck::cast_slice(&array.values);
            views.push((name, TensorView::new(Dtype::F32, array.shape.clone(), bytes).map_err(Error::file)?));
        }
        let about = serde_json::to_string(&about).map_err(Error::file)?;
        checked::to_bytes(&views, BTreeMap::from([(ABOUT.to_owned(), about)]))
    }

    /// Reads what [`Self::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let Checked { tensors, metadata, .. } =
            checked::from_bytes(bytes).map_err(|e| Error::File(format!("it {e}")))?;
        let about = metadata.get(ABOUT).ok_or_else(|| Error::File("it holds no training state".to_owned()))?;
        // States of earlier versions have no checksum; one whose key is damaged looks like that, but has another key.
        if let Some(other) = metadata.keys().find(|key| *key != ABOUT) {
            return Err(Error::File(format!("its metadata has {other:?}, which no training state has: it is damaged")));
        }
        let about: About = serde_json::from_str(about).map_err(Error::file)?;
        let mut groups: [BTreeMap<String, Array>; 3] = Default::default();
        for (name, tensor) in tensors.iter() {
            let group = ["value.", "first.", "second."].iter().position(|prefix| name.starts_with(prefix));
            let Some((group, (_, name))) = group.zip(name.split_once('.')) else { continue };
            if tensor.dtype() != Dtype::F32 {
                return Err(Error::File(format!("its tensor {name} is not f32")));
            }
            let array = Array { shape: tensor.shape().to_vec(), values: bytemuck::pod_collect_to_vec(tensor.data()) };
            groups[group].insert(name.to_owned(), array);
        }
        let [arrays, first, mut second] = groups;
        let mut moments = BTreeMap::new();
        for (name, first) in first {
            let (Some(second), Some(time)) = (second.remove(&name), about.times.get(&name)) else {
                return Err(Error::File(format!("it has one moment of {name}, not two")));
            };
            let shape = arrays.get(&name).map(|array| &array.shape);
            if shape != Some(&first.shape) || shape != Some(&second.shape) {
                return Err(Error::File(format!("its moments of {name} have another shape than {name} itself")));
            }
            moments.insert(name, (*time, first, second));
        }
        Ok(Self {
            recipe: about.recipe,
            inputs: about.inputs,
            step: about.step,
            score_scale: about.score_scale,
            parameters: Parameters { config: about.config, arrays },
            moments,
        })
    }

    /// Writes the state into `folder`, whole or not at all.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn write(&self, folder: &Path) -> Result<()> {
        write_whole(&folder.join(STATE_FILE), &self.to_bytes()?)
    }

    /// The state in `folder`, if there is one.
    ///
    /// # Errors
    /// [`Error::File`] when it cannot be read.
    pub fn read(folder: &Path) -> Result<Option<Self>> {
        let path = folder.join(STATE_FILE);
        if !path.exists() {
            return Ok(None);
        }
        let bytes = std::fs::read(&path).map_err(|e| Error::File(format!("cannot read {}: {e}", path.display())))?;
        let state = Self::from_bytes(&bytes).map_err(|e| Error::File(format!("{}: {e}", path.display())))?;
        Ok(Some(state))
    }
}

/// What conf.yaml has in addition to the SAE's own numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The language model, e.g. "google/gemma-3-270m".
    pub model_name: String,
    /// Tokens presented in training.
    pub tokens: usize,
}

#[derive(Serialize)]
struct ConfYaml<'a> {
    data: ConfData,
    llm: ConfLlm<'a>,
    sae: ConfSae<'a>,
}

#[derive(Serialize)]
struct ConfData {
    num_tokens: usize,
}

#[derive(Serialize)]
struct ConfLlm<'a> {
    dimin: usize,
    model_hf_name: &'a str,
    target_layer: Option<usize>,
    tokenizer_hf_name: &'a str,
}

#[derive(Serialize)]
struct ConfSae<'a> {
    bottleneck_factor: usize,
    exp_factor: usize,
    kval_topk: Option<usize>,
    n_attn_layers: usize,
    n_heads: usize,
    sae_diff_type: lens_pack::config::NovelCodes,
    sae_type: &'a str,
    scaling_factor: f64,
    tied_weights: bool,
}

/// The authors' two files, bfloat16 as they released it.
pub struct Files {
    /// conf.yaml.
    pub conf: String,
    /// latest_ckpt.safetensors.
    pub weights: Vec<u8>,
}

/// The SAE in the form of the authors' release.
///
/// # Errors
/// [`Error::File`].
pub fn released(parameters: &Parameters, origin: &Origin) -> Result<Files> {
    let config = &parameters.config;
    let conf = ConfYaml {
        data: ConfData { num_tokens: origin.tokens },
        llm: ConfLlm {
            dimin: config.dimin,
            model_hf_name: &origin.model_name,
            target_layer: config.target_layer,
            tokenizer_hf_name: &origin.model_name,
        },
        sae: ConfSae {
            bottleneck_factor: config.bottleneck_factor,
            // A whole number, and written as one: the authors' notebook multiplies it to a shape.
            exp_factor: config.width / config.dimin,
            kval_topk: config.kval_topk,
            n_attn_layers: config.n_attn_layers,
            n_heads: config.n_heads,
            sae_diff_type: config.sae_diff_type,
            sae_type: "temporal",
            scaling_factor: config.scaling_factor,
            tied_weights: config.tied_weights,
        },
    };
    let conf = serde_yaml_ng::to_string(&conf).map_err(Error::file)?;
    let halves: Vec<(&String, &Array, Vec<bf16>)> = parameters
        .arrays
        .iter()
        .map(|(name, array)| (name, array, array.values.iter().map(|v| bf16::from_f32(*v)).collect()))
        .collect();
    let mut views = Vec::with_capacity(halves.len());
    for (name, array, values) in &halves {
        let bytes: &[u8] = bytemuck::cast_slice(values);
        views.push((name.as_str(), TensorView::new(Dtype::BF16, array.shape.clone(), bytes).map_err(Error::file)?));
    }
    let weights = safetensors::serialize(views, None).map_err(Error::file)?;
    Ok(Files { conf, weights })
}

impl Files {
    /// Writes both into `folder`.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn write(&self, folder: &Path) -> Result<()> {
        write_whole(&folder.join(CHECKPOINT_FILE), &self.weights)?;
        write_whole(&folder.join(CONFIG_FILE), self.conf.as_bytes())
    }
}

/// The parameters of an SAE in a folder.
///
/// # Errors
/// [`Error::File`] with what is wrong with the folder.
pub fn parameters_of(folder: &Path) -> Result<Parameters> {
    let failed = |e: lens_import::Error| Error::File(e.to_string());
    let checkpoint = lens_import::open_sae(folder).map_err(failed)?;
    let config = checkpoint.published.config;
    let mut arrays = BTreeMap::new();
    let mut needed = lens_pack::tensor_spec::sae_tensors(&config);
    if checkpoint.tensors.shape(lens_pack::tensor_spec::SCALING).is_some() {
        needed.push((lens_pack::tensor_spec::SCALING.to_owned(), (1, config.dimin)));
    }
    for (name, (rows, cols)) in needed {
        let values = checkpoint.tensors.read(&name, (rows, cols)).map_err(failed)?;
        let array = Array { shape: if rows == 1 { vec![cols] } else { vec![rows, cols] }, values };
        arrays.insert(name.trim_start_matches("sae.").to_owned(), array);
    }
    Ok(Parameters { config, arrays })
}
