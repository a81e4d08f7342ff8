//! `pack`: checkpoint + SAE + tokenizer to a folder that any static host can serve.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};
use lens_weights::checkpoint::{GemmaCheckpoint, SaeCheckpoint, open_gemma, open_sae};
use lens_weights::pack::{PackRequest, pack};

use crate::args::PackArgs;
use crate::progress::Progress;
use crate::{hub, terms};

/// Where a checkpoint lies on disk, and what to call it.
pub struct Source {
    /// Folder or GGUF file.
    pub path: PathBuf,
    /// The hub name it came from, if it did.
    pub hub_name: Option<String>,
}

/// Runs the command.
pub fn run(args: &PackArgs) -> Result<()> {
    let gemma_source = find(&args.gemma, |name| hub::fetch_gemma(name, args.layer, args.tokenizer.is_none()))?;
    let sae_source = find(&args.sae, hub::fetch_sae)?;
    let tokenizer = match &args.tokenizer {
        Some(path) => path.clone(),
        None => beside(&gemma_source.path).join("tokenizer.json"),
    };
    if !tokenizer.is_file() {
        bail!("{}: there is no such file; name the tokenizer with --tokenizer", tokenizer.display());
    }
    let gemma = open_gemma(&gemma_source.path)?;
    let sae = open_sae(&sae_source.path)?;
    let model_name = model_name(&gemma_source, &gemma, &sae);
    let request = PackRequest {
        gemma: &gemma,
        sae: &sae,
        sae_name: sae_source.hub_name.clone().unwrap_or_else(|| folder_name(&sae_source.path)),
        layer: args.layer,
        precision: args.precision.into(),
        tokenizer,
        licences: terms::licences(beside(&gemma_source.path), &sae_source.path)?,
        neuronpedia: terms::neuronpedia(&model_name, &gemma.config, &sae.published, args.layer),
        model_name,
        out: args.out.clone(),
    };
    let mut progress = Progress::start(format!("packing {} into {}", request.model_name, args.out.display()));
    let manifest = pack(&request, &mut |p| progress.update(p.values_done, p.values_total))?;
    let embedding: u64 = manifest.embedding.shards.iter().map(|s| s.bytes).sum();
    println!("{}", args.out.display());
    println!(
        "{} layers 0 to {} as {}, SAE width {}",
        manifest.model_name, args.layer, manifest.precision, manifest.sae.width
    );
    println!(
        "{} bytes to load, and {embedding} bytes of embedding of which each text needs a few rows",
        manifest.load_bytes()
    );
    Ok(())
}

/// An existing path beats a hub name.
fn find(argument: &str, fetch: impl FnOnce(&hub::Name) -> Result<PathBuf>) -> Result<Source> {
    let path = Path::new(argument);
    if path.exists() {
        return Ok(Source { path: path.to_owned(), hub_name: None });
    }
    let name: hub::Name = argument.parse().map_err(|()| {
        anyhow!("{argument}: there is no such file or folder, and it is no hub name such as google/gemma-2-2b")
    })?;
    let path = fetch(&name).map_err(|e| anyhow!("{argument} is no file or folder here, and from the hub: {e}"))?;
    Ok(Source { path, hub_name: Some(argument.to_owned()) })
}

/// The folder that a checkpoint's other files lie in.
fn beside(path: &Path) -> &Path {
    if path.is_dir() { path } else { path.parent().unwrap_or(Path::new("")) }
}

/// The most telling name: where it was fetched from, what it says itself, what its SAE says it is.
fn model_name(source: &Source, gemma: &GemmaCheckpoint, sae: &SaeCheckpoint) -> String {
    let from_hub = source.hub_name.as_deref().map(|name| name.split(':').next().unwrap_or(name).to_owned());
    // GGUF's general.name ("Gemma 3 270m") says less than the SAE's model_hf_name.
    let own = gemma.name.clone();
    let hub_like = own.clone().filter(|name| name.contains('/'));
    from_hub
        .or(hub_like)
        .or_else(|| sae.published.model_name.clone())
        .or(own)
        .unwrap_or_else(|| folder_name(&source.path))
}

fn folder_name(path: &Path) -> String {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    path.file_stem().map_or_else(|| "unnamed".to_owned(), |name| name.to_string_lossy().into_owned())
}
