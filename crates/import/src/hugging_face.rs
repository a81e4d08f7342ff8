//! A Hugging Face folder: config.json, and safetensors in one file or in shards with an index.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use lens_pack::file_name;
use lens_pack::instead::{ExpectedInput, instead, is_missing};
use lens_pack::text::json_problem_in;
use serde::Deserialize;

use crate::checkpoint::{GemmaCheckpoint, HEAD};
use crate::error::{Error, Result};
use crate::hugging_face_config::{claims_tied, final_logit_softcapping, gemma_config};
use crate::safetensors_header;
use crate::tensors::{Tensors, read_text};

const CONFIG: &str = "config.json";
const SINGLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";

/// Opens the folder.
///
/// # Errors
/// [`Error`] when files are missing, malformed or cut short, or the model is not a Gemma text model.
pub fn open(folder: &Path) -> Result<GemmaCheckpoint> {
    let config_path = folder.join(CONFIG);
    if is_missing(&config_path) {
        let problem = format!("cannot read {CONFIG}: there is none{}", instead(folder, ExpectedInput::Model));
        return Err(Error::malformed(folder.display().to_string(), problem));
    }
    let text = read_text(&config_path, 1 << 20)?;
    let config_name = config_path.display().to_string();
    let config = gemma_config(&text, &config_name)?;
    let final_logit_softcapping = final_logit_softcapping(&text, config.family, &config_name)?;
    let mut tensors = Tensors::new(folder);
    // transformers looks for the single file first, too.
    if folder.join(SINGLE).exists() {
        safetensors_header::add(&mut tensors, &folder.join(SINGLE), |_| true)?;
    } else if folder.join(INDEX).exists() {
        add_shards(&mut tensors, folder)?;
    } else {
        let problem = format!("neither {SINGLE} nor {INDEX} is in the folder{}", instead(folder, ExpectedInput::Model));
        return Err(Error::malformed(folder.display().to_string(), problem));
    }
    tensors.rename(text_model_name)?;
    Ok(GemmaCheckpoint {
        config,
        final_logit_softcapping,
        name: own_name(&text),
        claims_tied: claims_tied(&text),
        token_list: None,
        tensors,
    })
}

/// `model.safetensors.index.json`: which shard holds which tensor.
#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
    #[serde(default)]
    metadata: serde_json::Value,
}

impl Index {
    /// Reads it and checks that shards are files beside it; `file` names it in errors.
    fn from_json(text: &str, file: &str) -> Result<Self> {
        let malformed = |problem: String| Error::Malformed { file: file.to_owned(), problem };
        let index: Self = serde_json::from_str(text)
            .map_err(|e| malformed(format!("not an index of shards: {}", json_problem_in(text, &e))))?;
        match index.weight_map.values().find(|shard| !file_name::is_plain(shard)) {
            Some(shard) => Err(malformed(format!("{shard:?} is not the name of a file in its folder"))),
            None => Ok(index),
        }
    }
}

/// The shards that packing the output of `layer` reads, of those an index names: no others
/// need to be downloaded. `file` names the index in errors.
///
/// # Errors
/// [`Error::Malformed`] when it is not an index.
pub fn shards_up_to(index: &str, file: &str, layer: usize) -> Result<Vec<String>> {
    let index = Index::from_json(index, file)?;
    let needed = |name: &str| {
        text_model_name(name).filter(|name| name != HEAD).is_some_and(|name| {
            let later = name
                .strip_prefix("model.layers.")
                .and_then(|rest| rest.split('.').next()?.parse::<usize>().ok())
                .is_some_and(|l| l > layer);
            !later
        })
    };
    let shards: BTreeSet<String> =
        index.weight_map.into_iter().filter(|(name, _)| needed(name)).map(|(_, shard)| shard).collect();
    Ok(shards.into_iter().collect())
}

fn add_shards(tensors: &mut Tensors, folder: &Path) -> Result<()> {
    let path = folder.join(INDEX);
    let index = Index::from_json(&read_text(&path, 64 << 20)?, &path.display().to_string())?;
    let files: BTreeSet<&String> = index.weight_map.values().collect();
    let (mut bytes, mut is_whole) = (0, true);
    for file in files {
        let shard = folder.join(file);
        let named = index.weight_map.iter().filter(|(_, f)| *f == file).map(|(name, _)| name);
        if !shard.exists() {
            // Not an error yet: shards with later layers only are never read.
            tensors.absent.extend(named.map(|name| (name.clone(), shard.display().to_string())));
            is_whole = false;
            continue;
        }
        let mut held = BTreeSet::new();
        bytes += safetensors_header::add(tensors, &shard, |name| {
            held.insert(name.to_owned());
            index.weight_map.get(name) == Some(file)
        })?;
        // Whether one of these counts depends on the layer that is asked for.
        let unheld = named.filter(|name| !held.contains(*name)).map(|name| (name, "which does not hold it"));
        let unnamed = held.iter().filter(|name| index.weight_map.get(*name) != Some(file));
        let unnamed = unnamed.map(|name| (name, "which holds it"));
        for (name, which) in unheld.chain(unnamed) {
            let place = if which.ends_with("not hold it") { "places it in" } else { "does not place it in" };
            tensors.contradictions.push((name.clone(), format!("{INDEX} {place} {file}, {which}")));
        }
    }
    if let Some(listed) = index.metadata["total_size"].as_u64().filter(|listed| is_whole && *listed != bytes) {
        tensors.warnings.push(format!(
            "{}: its total_size is {listed} bytes, but its shards hold {bytes} bytes of tensors: one of them may be of another model",
            path.display()
        ));
    }
    Ok(())
}

/// The name of a text model's tensor whatever it is wrapped in: Gemma 3's multimodal checkpoints
/// are prefixed `language_model.model.` (transformers 4) or `model.language_model.` (5), bare
/// `Gemma3TextModel`s not at all.
fn text_model_name(name: &str) -> Option<String> {
    if name.strip_prefix("language_model.").unwrap_or(name) == HEAD {
        return Some(HEAD.to_owned());
    }
    let rest = ["language_model.model.", "model.language_model.", "model."]
        .iter()
        .find_map(|prefix| name.strip_prefix(prefix))
        .unwrap_or(name);
    let known = ["layers.", "embed_tokens.", "norm."].iter().any(|start| rest.starts_with(start));
    known.then(|| format!("model.{rest}"))
}

/// `_name_or_path` where it names a model, not a folder of the machine that saved it.
fn own_name(config: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Named {
        #[serde(rename = "_name_or_path")]
        name: String,
    }
    let name = serde_json::from_str::<Named>(config).ok()?.name;
    let is_path = name.is_empty() || name.starts_with(['/', '.', '~']) || name.contains('\\');
    (!is_path && name.matches('/').count() <= 1).then_some(name)
}
