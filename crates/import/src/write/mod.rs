//! Checkpoint + SAE + tokenizer to a pack on disk.
//!
//! | file | what it does |
//! |---|---|
//! | [`encode`] | f32 rows to the bytes of a precision, on all cores |
//! | [`file`] | one safetensors file: header, data, checksum |
//! | [`shards`] | tensors in order into shards of at most 32 MiB, cut by rows |
//! | [`embedding`] | the token embedding into shards of at most 1 MiB |
//! | [`folder`] | the output folder: replaced whole or not at all |
//! | [`leftover`] | names of files that a stopped writer may leave in a pack |
//! | [`progress`] | how far packing is |

mod embedding;
pub(crate) mod encode;
pub(crate) mod file;
mod folder;
pub(crate) mod leftover;
mod progress;
pub(crate) mod shards;

use std::path::{Path, PathBuf};

use lens_pack::file_name;
use lens_pack::manifest::{FORMAT, License, MANIFEST_FILE, Manifest, Neuronpedia, VERSION, seal};
use lens_pack::precision_plan::PrecisionPlan;
use lens_pack::tensor_spec::{EMBEDDING, ENCODER, SCALING, TensorSpec, gemma_tensors, sae_tensors};
use lens_pack::tokenizer::CompactTokenizer;
use lens_pack::tokenizer::kinds::check_kinds;

use crate::checkpoint::{GemmaCheckpoint, SaeCheckpoint};
use crate::claims::{self, Claims};
use crate::error::{Error, Result};
use crate::tensors::read_text;
use crate::tokenizer_json::compact_tokenizer;
use progress::Counter;
pub use progress::Progress;

/// Largest tokenizer.json, in bytes: Gemma 3's has 33 million.
const TOKENIZER_JSON_BYTES_MAX: u64 = 128 << 20;

/// A notice to copy into the pack.
#[derive(Debug, Clone)]
pub struct LicenseFile {
    /// What it covers, e.g. "Gemma weights".
    pub covers: String,
    /// Its name, e.g. "Gemma Terms of Use".
    pub name: String,
    /// The file to copy, if there is one.
    pub file: Option<PathBuf>,
}

/// Everything that goes into a pack.
#[derive(Debug)]
pub struct PackRequest<'a> {
    /// The language model.
    pub gemma: &'a GemmaCheckpoint,
    /// Its name, for display: "google/gemma-3-270m".
    pub model_name: String,
    /// The SAE.
    pub sae: &'a SaeCheckpoint,
    /// Its name.
    pub sae_name: String,
    /// The residual stream is the output of `model.layers[layer]`.
    pub layer: usize,
    /// What to store matrices as.
    pub precision: PrecisionPlan,
    /// The original tokenizer.json.
    pub tokenizer: PathBuf,
    /// Terms that travel with the weights.
    pub licenses: Vec<LicenseFile>,
    /// Where the features are published, if they are.
    pub neuronpedia: Option<Neuronpedia>,
    /// The folder to write: new, empty, or a pack to replace.
    pub out: PathBuf,
}

/// Writes the pack and returns its manifest. The folder appears whole or not at all.
///
/// # Errors
/// [`Error`] when the parts do not belong together, a tensor is missing or misshapen or holds values
/// that no precision can store, or the folder cannot be written.
pub fn pack(request: &PackRequest<'_>, progress: &mut dyn FnMut(Progress<'_>)) -> Result<Manifest> {
    check(request)?.write(progress)
}

/// A pack whose parts belong together, not written yet.
pub struct CheckedPack<'a> {
    request: &'a PackRequest<'a>,
    /// What the parts say of the model.
    pub claims: Claims,
    /// The tokenizer as the pack will hold it.
    pub tokenizer: CompactTokenizer,
}

impl CheckedPack<'_> {
    /// Writes the pack and returns its manifest. The folder appears whole or not at all.
    ///
    /// # Errors
    /// [`Error`] when a tensor holds values that no precision can store, or the folder cannot be written.
    pub fn write(&self, progress: &mut dyn FnMut(Progress<'_>)) -> Result<Manifest> {
        let folder = folder::OutFolder::create(&self.request.out)?;
        let manifest = write(self, folder.path(), progress)?;
        folder.publish()?;
        Ok(manifest)
    }
}

/// Holds the parts of a pack against each other, after every header was read and before a byte is written.
///
/// # Errors
/// [`Error`] when the parts do not belong together, or a tensor is missing or misshapen.
pub fn check<'a>(request: &'a PackRequest<'a>) -> Result<CheckedPack<'a>> {
    let (gemma, sae) = (&request.gemma.config, &request.sae.published.config);
    let layer = request.layer;
    let text = read_text(&request.tokenizer, TOKENIZER_JSON_BYTES_MAX)?;
    let file = request.tokenizer.display().to_string();
    let tokenizer = compact_tokenizer(&text, &file)?;
    check_kinds(&tokenizer.rest).map_err(|e| Error::malformed(file, e))?;
    let mut claims = claims::of_checkpoint(request.gemma, layer, &tokenizer, &request.tokenizer)?;
    claims::add_sae(&mut claims, request.sae);
    claims::check_sae(sae, request.sae.tensors.origin(), request.gemma.tensors.origin(), layer, gemma.hidden_size)?;
    // Everything is checked before anything is written.
    request.gemma.tensors.check(EMBEDDING, (gemma.vocab_size, gemma.hidden_size))?;
    for (name, shape) in gemma_tensors(gemma, layer) {
        request.gemma.tensors.check(&name, shape)?;
    }
    for (name, (rows, cols)) in all_sae_tensors(request) {
        let in_file = if name == ENCODER { (cols, rows) } else { (rows, cols) };
        request.sae.tensors.check(&name, in_file)?;
    }
    Ok(CheckedPack { request, claims, tokenizer })
}

fn all_sae_tensors(request: &PackRequest<'_>) -> Vec<TensorSpec> {
    let config = &request.sae.published.config;
    let mut all = sae_tensors(config);
    if request.sae.tensors.shape(SCALING).is_some() {
        all.push((SCALING.to_owned(), (1, config.dimin)));
    }
    all
}

fn write(checked: &CheckedPack<'_>, folder: &Path, report: &mut dyn FnMut(Progress<'_>)) -> Result<Manifest> {
    let request = checked.request;
    let (gemma, sae) = (&request.gemma.config, &request.sae.published.config);
    let gemma_list = gemma_tensors(gemma, request.layer);
    let sae_list = all_sae_tensors(request);
    let values = |list: &[TensorSpec]| list.iter().map(|(_, (r, c))| (r * c) as u64).sum::<u64>();
    let total = values(&gemma_list) + values(&sae_list) + (gemma.vocab_size * gemma.hidden_size) as u64;
    let mut counter = Counter { report, done: 0, total };

    counter.add("tokenizer", 0);
    // Not named after its compression: a host must not unpack it on the way.
    let tokenizer = file::write_pieces(folder, "tokenizer.bin", [checked.tokenizer.to_bytes()?.as_slice()])?;
    let mut licenses = Vec::new();
    for license in &request.licenses {
        licenses.push(copy_license(license, folder)?);
    }
    let mut writer = shards::ShardWriter::new(folder, shards::Naming::Number, &request.precision);
    for (name, shape) in gemma_list {
        writer.add(&request.gemma.tensors, &name, shape, &mut counter)?;
    }
    for (name, shape) in sae_list {
        writer.add(&request.sae.tensors, &name, shape, &mut counter)?;
    }
    let (shards, tensors) = writer.finish()?;
    let shape = (gemma.vocab_size, gemma.hidden_size);
    let (embedding, row_checks) = embedding::write(
        &request.gemma.tensors,
        shape,
        request.precision.precision_of(EMBEDDING),
        folder,
        &mut counter,
    )?;

    let manifest = Manifest {
        format: FORMAT.to_owned(),
        version: VERSION,
        model_name: request.model_name.clone(),
        gemma: gemma.clone(),
        sae_name: request.sae_name.clone(),
        sae: sae.clone(),
        layer: request.layer,
        precision: request.precision.clone(),
        neuronpedia: request.neuronpedia.clone(),
        licenses,
        tokenizer,
        shards,
        tensors,
        own_head: checked.claims.own_head,
        embedding,
        row_checks: Some(row_checks),
        words: None,
        checksum: None,
    };
    let mut text = serde_json::to_string(&manifest)
        .map_err(|e| Error::malformed(MANIFEST_FILE, format!("cannot be written as JSON: {e}")))?;
    text.push('\n');
    let text = seal(&text);
    // What was written is what readers accept.
    let manifest = Manifest::from_json(&text, MANIFEST_FILE)?;
    lens_files::write_whole(&folder.join(MANIFEST_FILE), text.as_bytes())?;
    Ok(manifest)
}

fn copy_license(license: &LicenseFile, folder: &Path) -> Result<License> {
    let mut file = None;
    if let Some(path) = &license.file {
        let bytes = std::fs::read(path).map_err(|source| Error::Io { action: "read", path: path.clone(), source })?;
        let stem = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let mut name: String =
            stem.trim_start_matches('.').chars().map(|c| if file_name::is_plain_char(c) { c } else { '_' }).collect();
        // Both checkpoints may have a LICENSE.
        while name.is_empty() || folder.join(&name).exists() {
            name.insert_str(0, "sae-");
        }
        lens_files::write_whole(&folder.join(&name), &bytes)?;
        file = Some(name);
    }
    Ok(License { covers: license.covers.clone(), name: license.name.clone(), file })
}
