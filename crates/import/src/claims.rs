//! Files that belong together, held against each other: what each one says of the model, as a table, and where two of
//! them contradict each other. All of it is known from headers and from the tokenizer, before a byte is written.

use std::fmt;
use std::path::Path;

use lens_pack::config::{GemmaConfig, GemmaFamily, SaeConfig};
use lens_pack::tensor_spec::{EMBEDDING, gemma_tensors};
use lens_pack::tokenizer::CompactTokenizer;
use serde_json::Value;

use crate::checkpoint::{GemmaCheckpoint, HEAD, SaeCheckpoint};
use crate::error::{Error, Result};
use crate::tensors::Backing;

/// Rows of an embedding that no token uses, at most: tables are padded to multiples of 64 or 128.
const UNUSED_ROWS_MAX: usize = 256;
/// Tokens past the embedding, at most: Gemma 3's tokenizer has one for images, which text-only models have no row for.
const TOKENS_PAST_MAX: usize = 64;
/// Rows of embedding and head compared at once.
const ROWS_AT_ONCE: usize = 4096;

/// What the files of a pack say of the model.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Claims {
    rows: Vec<(String, &'static str, String)>,
    /// What does not hinder packing, as sentences.
    pub warnings: Vec<String>,
    /// Whether the model has a head of its own, so that its embedding is not what its logits are computed with.
    pub own_head: bool,
}

/// The table, a claim per line.
impl fmt::Display for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widest = self.rows.iter().map(|(file, _, _)| file.chars().count()).max().unwrap_or(0);
        self.rows.iter().try_for_each(|(file, what, value)| writeln!(f, "{file:widest$}  {what:12}  {value}"))
    }
}

impl Claims {
    fn add(&mut self, file: &str, what: &'static str, value: impl fmt::Display) {
        self.rows.push((file.to_owned(), what, value.to_string()));
    }
}

/// Holds a checkpoint, the layer that is asked for and the tokenizer at `tokenizer_path` against each other.
///
/// # Errors
/// [`Error::Mismatch`] and [`Error::Malformed`] for files that do not belong together, and for tensors of the layers
/// in use that nothing would compute with.
pub fn of_checkpoint(
    gemma: &GemmaCheckpoint,
    layer: usize,
    tokenizer: &CompactTokenizer,
    tokenizer_path: &Path,
) -> Result<Claims> {
    let (config, origin) = (&gemma.config, gemma.tensors.origin());
    if layer >= config.num_hidden_layers {
        return Err(Error::Mismatch(format!(
            "layer {layer} was asked for, but {origin} has layers 0 to {}",
            config.num_hidden_layers - 1
        )));
    }
    let mut claims = Claims::default();
    claims.add(origin, "name", gemma.name.as_deref().unwrap_or("none"));
    claims.add(origin, "family", family(config));
    claims.add(origin, "layers", config.num_hidden_layers);
    claims.add(origin, "width", config.hidden_size);
    claims.add(origin, "vocabulary", config.vocab_size);
    claims.add(origin, "BOS", config.bos_token_id);
    claims.add(origin, "rope", format!("{} / {}", rope(config.rope_full), rope(config.rope_sliding)));
    check_tensors(gemma, layer)?;
    claims.warnings.extend(gemma.tensors.warnings.iter().cloned());
    let held = layers_held(gemma);
    if held != config.num_hidden_layers {
        claims.warnings.push(format!(
            "{origin}: the configuration says {} layers, the weights are those of {held}: one of them may be of another model",
            config.num_hidden_layers
        ));
    }
    claims.own_head = own_head(gemma)?;
    claims.add(origin, "head", if claims.own_head { "its own" } else { "the embedding (tied)" });
    if claims.own_head {
        claims.warnings.push(format!(
            "{origin}: the model has a head of its own, which packs do not hold: features get no words that they raise or lower"
        ));
    }
    if let Some(usual) = usual_rope_factor(config).filter(|usual| *usual != config.rope_full.factor) {
        claims.warnings.push(format!(
            "{origin}: {} of {} layers with a rope factor of {}, published ones of this size have {usual}; set the right one \
             with --rope-factor",
            family(config),
            config.num_hidden_layers,
            config.rope_full.factor
        ));
    }
    check_tokenizer(&mut claims, gemma, tokenizer, &tokenizer_path.display().to_string())?;
    Ok(claims)
}

/// Layers that a checkpoint has weights of, those in shards that are not there included. Made-up weights are as many as are used.
fn layers_held(gemma: &GemmaCheckpoint) -> usize {
    if gemma.tensors.files.iter().any(|backing| matches!(backing, Backing::Random(_))) {
        return gemma.config.num_hidden_layers;
    }
    let names = gemma.tensors.names().chain(gemma.tensors.absent.keys().map(String::as_str));
    names.filter_map(layer_of).max().map_or(0, |last| last + 1)
}

/// Holds an SAE against the output of `layer`, `d_model` numbers wide, of the model called `model_name`.
///
/// # Errors
/// [`Error::Mismatch`] when it was trained on the output of another layer, or on vectors of another length.
pub fn check_sae(sae: &SaeConfig, sae_origin: &str, model: &str, layer: usize, d_model: usize) -> Result<()> {
    if let Some(target) = sae.target_layer.filter(|target| *target != layer) {
        return Err(Error::Mismatch(format!(
            "the SAE in {sae_origin} was trained on the output of layer {target}, but layer {layer} was asked for"
        )));
    }
    if sae.dimin != d_model {
        return Err(Error::Mismatch(format!(
            "the SAE in {sae_origin} reads {} dimensions, the residual stream of {model} has {d_model}",
            sae.dimin
        )));
    }
    Ok(())
}

/// Adds what an SAE claims.
pub(crate) fn add_sae(claims: &mut Claims, sae: &SaeCheckpoint) {
    let (origin, config) = (sae.tensors.origin(), &sae.published.config);
    claims.add(origin, "model", sae.published.model_name.as_deref().unwrap_or("none"));
    claims.add(origin, "reads", format!("{} numbers", config.dimin));
    claims.add(origin, "layer", config.target_layer.map_or_else(|| "none".to_owned(), |layer| layer.to_string()));
    claims.add(origin, "features", config.width);
}

/// The model's name for display, and a sentence where the SAE was trained on one of another name.
///
/// The name on the hub comes first, then the one that the checkpoint gives itself. The SAE's configuration counts where
/// it spells the same name more precisely ("google/gemma-3-270m" for GGUF's "Gemma 3 270m"), or where the checkpoint
/// has none and nothing in the SAE's contradicts it; otherwise the file's own name is left.
pub fn model_name(
    hub_name: Option<&str>,
    gemma: &GemmaCheckpoint,
    sae: &SaeCheckpoint,
    file_name: &str,
) -> (String, Option<String>) {
    let own = hub_name.or(gemma.name.as_deref());
    let Some(of_sae) = sae.published.model_name.as_deref() else {
        return (own.unwrap_or(file_name).to_owned(), None);
    };
    let agree = match own {
        Some(own) => letters(own) == letters(of_sae),
        None => !contradicts(of_sae, &gemma.config),
    };
    if agree {
        let name = own.filter(|own| own.contains('/')).unwrap_or(of_sae);
        return (name.to_owned(), None);
    }
    let name = own.unwrap_or(file_name);
    let claim = match own {
        Some(_) => format!("the checkpoint is {name}"),
        None => {
            format!("{name} is a {} of {} layers", family(&gemma.config), gemma.config.num_hidden_layers)
        }
    };
    (name.to_owned(), Some(format!("{}: the SAE was trained on {of_sae}, {claim}", sae.tensors.origin())))
}

/// A name without its owner, in lower-case letters and digits alone; `pt` (pretrained) is what a name without it means.
fn letters(name: &str) -> String {
    let name = name.rsplit('/').next().unwrap_or(name);
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    plain.strip_suffix("pt").map(str::to_owned).unwrap_or(plain)
}

/// How the names of models of other families begin, as [`letters`] has them.
const OTHER_FAMILIES: [&str; 22] = [
    "gpt",
    "llama",
    "tinyllama",
    "metallama",
    "pythia",
    "mistral",
    "mixtral",
    "ministral",
    "qwen",
    "phi1",
    "phi2",
    "phi3",
    "phi4",
    "deepseek",
    "olmo",
    "falcon",
    "bloom",
    "smollm",
    "stablelm",
    "gemma3n",
    "gemma4",
    "recurrentgemma",
];
/// The first Gemma's.
const GEMMA_1: [&str; 4] = ["gemma2b", "gemma7b", "gemma2bit", "gemma7bit"];

/// Whether a name is that of a model of another family or of another published size.
fn contradicts(name: &str, config: &GemmaConfig) -> bool {
    let name = letters(name);
    if OTHER_FAMILIES.iter().any(|other| name.starts_with(other)) || GEMMA_1.contains(&name.as_str()) {
        return true;
    }
    let (own, other, sizes): (_, _, &[(&str, usize)]) = match config.family {
        GemmaFamily::Gemma2 => ("gemma2", "gemma3", &[("2b", 26), ("9b", 42), ("27b", 46)]),
        GemmaFamily::Gemma3 => ("gemma3", "gemma2", &[("270m", 18), ("1b", 26), ("4b", 34), ("12b", 48), ("27b", 62)]),
    };
    let size = name.strip_prefix(own).and_then(|rest| sizes.iter().find(|(size, _)| rest.starts_with(size)));
    name.starts_with(other) || size.is_some_and(|(_, layers)| *layers != config.num_hidden_layers)
}

fn family(config: &GemmaConfig) -> &'static str {
    match config.family {
        GemmaFamily::Gemma2 => "Gemma 2",
        GemmaFamily::Gemma3 => "Gemma 3",
    }
}

fn rope(rope: lens_pack::config::Rope) -> String {
    format!("theta {} factor {}", rope.theta, rope.factor)
}

/// The factor of the positions of full layers in published models of so many layers.
fn usual_rope_factor(config: &GemmaConfig) -> Option<f64> {
    match (config.family, config.num_hidden_layers) {
        (GemmaFamily::Gemma2, 26 | 42 | 46) | (GemmaFamily::Gemma3, 18 | 26) => Some(1.0),
        (GemmaFamily::Gemma3, 34 | 48 | 62) => Some(8.0),
        _ => None,
    }
}

/// Every tensor of a layer in use is one that the networks compute with; whatever else there is is known to be harmless.
fn check_tensors(gemma: &GemmaCheckpoint, layer: usize) -> Result<()> {
    let used = gemma_tensors(&gemma.config, layer);
    let tensors = &gemma.tensors;
    let is_used = |name: &str| name == EMBEDDING || name == HEAD || used.iter().any(|(used, _)| used == name);
    let is_later = |name: &str| layer_of(name).is_some_and(|of| of > layer);
    let mut contradictions = tensors.contradictions.iter();
    if let Some((name, problem)) = contradictions.find(|(name, _)| !is_later(name) && !is_harmless(name)) {
        return Err(Error::malformed(
            tensors.origin(),
            format!(
                "tensor {name}: {problem}; the index and the shards are not of one model: download all of them again"
            ),
        ));
    }
    let unknown = tensors
        .names()
        .filter(|name| !is_used(name))
        .chain(tensors.unnamed.iter().map(String::as_str))
        .find(|name| !is_later(name) && !is_harmless(name));
    match unknown {
        Some(name) => Err(Error::malformed(
            tensors.origin(),
            format!(
                "tensor {name} is not one of a {}'s that this program computes with; without it the results would be \
                 another model's. Get the model's own weights in f32, f16 or bf16, or a GGUF file",
                family(&gemma.config)
            ),
        )),
        None => Ok(()),
    }
}

/// The layer in a tensor's name, of either format.
fn layer_of(name: &str) -> Option<usize> {
    let rest = name.strip_prefix("blk.").or_else(|| name.split_once("layers.").map(|(_, rest)| rest))?;
    rest.split('.').next()?.parse().ok()
}

/// Tensors that the residual stream of a text does not depend on.
fn is_harmless(name: &str) -> bool {
    // What sees images, in the names of transformers 4, of 5 and of llama.cpp; heads of classifiers and of rewards.
    const BEGINNINGS: [&str; 9] = [
        "vision_tower.",
        "model.vision_tower.",
        "multi_modal_projector.",
        "model.multi_modal_projector.",
        "v.",
        "mm.",
        "score.",
        "classifier.",
        "v_head.",
    ];
    // Frequencies that follow from the configuration.
    const ENDS: [&str; 2] = ["rotary_emb.inv_freq", "rotary_emb_local.inv_freq"];
    BEGINNINGS.iter().any(|start| name.starts_with(start)) || ENDS.iter().any(|end| name.ends_with(end))
}

/// Whether the head differs from the embedding.
fn own_head(gemma: &GemmaCheckpoint) -> Result<bool> {
    let (rows, cols) = (gemma.config.vocab_size, gemma.config.hidden_size);
    // transformers ties the two whatever else lies in the file.
    if gemma.claims_tied == Some(true) {
        return Ok(false);
    }
    if gemma.tensors.shape(HEAD).is_none() {
        return Ok(gemma.claims_tied == Some(false));
    }
    gemma.tensors.check(HEAD, (rows, cols))?;
    gemma.tensors.check(EMBEDDING, (rows, cols))?;
    for start in (0..rows).step_by(ROWS_AT_ONCE) {
        let range = start..rows.min(start + ROWS_AT_ONCE);
        if gemma.tensors.read_rows(HEAD, range.clone())? != gemma.tensors.read_rows(EMBEDDING, range)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The tokenizer's size against the embedding's, its BOS against the configuration's, its pieces against those that a
/// GGUF file lists.
fn check_tokenizer(claims: &mut Claims, gemma: &GemmaCheckpoint, it: &CompactTokenizer, file: &str) -> Result<()> {
    let (config, origin) = (&gemma.config, gemma.tensors.origin());
    let rest: Value = serde_json::from_str(&it.rest).map_err(|e| Error::malformed(file, e))?;
    let added: Vec<(usize, &str)> = rest["added_tokens"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|token| Some((usize::try_from(token["id"].as_u64()?).ok()?, token["content"].as_str()?)))
        .collect();
    let ids = added.iter().map(|(id, _)| id + 1).fold(it.vocabulary.ids(), usize::max);
    claims.add(file, "vocabulary", ids);
    let rows = config.vocab_size;
    let unused_rows_max = if gemma.tensors.is_made_up() { rows } else { UNUSED_ROWS_MAX };
    if ids == 0 {
        return Err(Error::malformed(file, "it has no tokens"));
    }
    if rows.saturating_sub(ids) > unused_rows_max || ids.saturating_sub(rows) > TOKENS_PAST_MAX {
        return Err(Error::Mismatch(format!(
            "the tokenizer {file} has {ids} tokens, the embedding of {origin} has {rows} rows: they are of different models"
        )));
    }
    // Of every template, the unused ones included: a reader that builds the tokenizer looks all of them up.
    let named = rest.pointer("/post_processor/special_tokens").and_then(Value::as_object).into_iter().flatten();
    for (name, token) in named {
        let of = token["ids"].as_array().into_iter().flatten();
        if let Some(id) = of.filter_map(Value::as_u64).find(|id| *id >= ids as u64) {
            return Err(Error::malformed(
                file,
                format!(
                    "its template puts token {id} ({name}) around texts, its vocabulary ends with token {}",
                    ids - 1
                ),
            ));
        }
    }
    let bos = rest.pointer("/post_processor/special_tokens").and_then(Value::as_object).and_then(|all| {
        let first = rest.pointer("/post_processor/single/0/SpecialToken/id")?.as_str()?;
        all.get(first)?.pointer("/ids/0")?.as_u64()
    });
    claims.add(file, "BOS", bos.map_or_else(|| "none".to_owned(), |id| id.to_string()));
    if let Some(id) = bos.filter(|id| *id != u64::from(config.bos_token_id)) {
        return Err(Error::Mismatch(format!(
            "the tokenizer {file} begins every text with token {id}, {origin} with token {}: they are of different models",
            config.bos_token_id
        )));
    }
    let Some(listed) = &gemma.token_list else { return Ok(()) };
    claims.add(origin, "its tokens", listed.len());
    if listed.len() != rows {
        return Err(Error::malformed(
            origin,
            format!("it lists {} tokens, its embedding has {rows} rows", listed.len()),
        ));
    }
    let spelling = |id: usize| {
        let added = added.iter().find(|(of, _)| *of == id).map(|(_, content)| *content);
        added.or_else(|| it.vocabulary.piece(u32::try_from(id).ok()?)).unwrap_or_default()
    };
    // llama.cpp writes runs of spaces as spaces.
    let plain = |text: &str| text.replace(' ', "▁");
    // Rows past the model's own tokens, which llama.cpp's converter calls so.
    let is_padding = |token: &str| token.starts_with("[PAD");
    let differing: Vec<usize> = listed
        .iter()
        .enumerate()
        .take(ids)
        .filter(|(id, token)| !is_padding(token) && plain(token) != plain(spelling(*id)))
        .map(|(id, _)| id)
        .collect();
    if let Some(first) = differing.first() {
        return Err(Error::Mismatch(format!(
            "the tokenizer {file} is not that of {origin}: {} of {rows} tokens differ, the first is token {first}, {:?} there and {:?} here",
            differing.len(),
            listed[*first],
            spelling(*first)
        )));
    }
    Ok(())
}
