//! `pack`: checkpoint + SAE + tokenizer to a folder that any static host can serve.

use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use lens_import::write::{PackRequest, check};
use lens_import::{Synthetic, claims, open_gemma, open_sae};
use lens_pack::folder::is_pack;
use lens_pack::instead::{ExpectedInput, instead};
use lens_pack::manifest::FileEntry;
use lens_pack::tokenizer::CompactTokenizer;
use lens_tokenizer::Tokenizer;

use crate::args::{PackArgs, WordOptions};
use crate::print::{print_line, say, status};
use crate::progress::Progress;
use crate::sentence::name;
use crate::{hub, terms, words};

/// Where a checkpoint lies on disk, and what to call it.
pub struct LocalCheckpoint {
    /// Folder or GGUF file.
    pub path: PathBuf,
    /// The hub name it came from, if it did.
    pub hub_name: Option<String>,
}

/// Chooses the random weights of synthetic packs: always the same ones, so that their hashes are.
const SYNTHETIC_SEED: u64 = 1;

/// Runs the command.
pub fn run(args: &PackArgs) -> Result<()> {
    pack_weights(args)?;
    if args.corpus.is_empty() {
        return print_line!("no words: `temporal-lens words --model {} --corpus TEXTS` adds them", args.out.display());
    }
    words::add(&args.out, &WordOptions::from_corpus(args.corpus.clone()), None)
        .map_err(|e| anyhow!("the pack is there, but without words: {e}"))
}

fn pack_weights(args: &PackArgs) -> Result<()> {
    match (args.synthetic, &args.gemma, &args.sae, args.layer) {
        (Some(model), ..) => synthetic(args, model.into()),
        (None, Some(gemma), Some(sae), Some(layer)) => checkpoint(args, gemma, sae, layer),
        // The rules of the flags exclude this.
        _ => bail!("--gemma, --sae and --layer are needed, or --synthetic"),
    }
}

/// The checkpoint that `gemma` names, and its tokenizer.
pub fn gemma_files(gemma: &str, layer: usize, tokenizer: Option<&Path>) -> Result<(PathBuf, PathBuf)> {
    let source = find(gemma, |name| hub::fetch_gemma(name, layer, tokenizer.is_none()))?;
    check_model(&source.path)?;
    let tokenizer = tokenizer.map_or_else(|| beside(&source.path).join("tokenizer.json"), Path::to_owned);
    check_tokenizer(&tokenizer)?;
    Ok((source.path, tokenizer))
}

/// All weights of the checkpoint that `gemma` names.
pub fn gemma_weights(gemma: &str) -> Result<PathBuf> {
    Ok(find(gemma, |name| hub::fetch_gemma(name, usize::MAX, false))?.path)
}

/// A pack of checkpoints on disk or on the hub.
fn checkpoint(args: &PackArgs, gemma: &str, sae: &str, layer: usize) -> Result<()> {
    let gemma_source = find(gemma, |name| hub::fetch_gemma(name, layer, args.tokenizer.is_none()))?;
    check_model(&gemma_source.path)?;
    let sae_source = find(sae, hub::fetch_sae)?;
    let tokenizer = match &args.tokenizer {
        Some(path) => path.clone(),
        None => beside(&gemma_source.path).join("tokenizer.json"),
    };
    check_tokenizer(&tokenizer)?;
    let mut gemma = open_gemma(&gemma_source.path)?;
    if let Some(factor) = args.rope_factor {
        gemma.config.set_rope_factor(factor);
    }
    let sae = open_sae(&sae_source.path)?;
    let hub_name = gemma_source.hub_name.as_deref().map(|name| name.split(':').next().unwrap_or(name));
    let (model_name, disagreement) = claims::model_name(hub_name, &gemma, &sae, &folder_name(&gemma_source.path));
    if let Some(disagreement) = disagreement {
        status!("{disagreement}");
    }
    let request = PackRequest {
        gemma: &gemma,
        sae: &sae,
        sae_name: sae_source.hub_name.clone().unwrap_or_else(|| folder_name(&sae_source.path)),
        layer,
        precision: args.precision.clone(),
        tokenizer,
        licenses: terms::licenses(beside(&gemma_source.path), &sae_source.path)?,
        neuronpedia: terms::neuronpedia(&model_name, &gemma.config, &sae.published, layer),
        model_name,
        out: args.out.clone(),
    };
    write(&request, args)
}

/// A pack of random weights, with a real tokenizer.
fn synthetic(args: &PackArgs, model: Synthetic) -> Result<()> {
    let tokenizer = args.tokenizer.clone().ok_or_else(|| anyhow!("name the tokenizer with --tokenizer"))?;
    check_tokenizer(&tokenizer)?;
    let (gemma, sae) = model.open(SYNTHETIC_SEED);
    let request = PackRequest {
        gemma: &gemma,
        sae: &sae,
        sae_name: format!("synthetic TemporalSAE for {} (random weights)", model.name()),
        layer: model.layer(),
        precision: args.precision.clone(),
        licenses: terms::synthetic(beside(&tokenizer))?,
        tokenizer,
        neuronpedia: None,
        model_name: model.model_name(),
        out: args.out.clone(),
    };
    write(&request, args)
}

/// A pack has no weights that can be packed again.
fn check_model(path: &Path) -> Result<()> {
    if is_pack(path) {
        bail!("{}: not a checkpoint{}", path.display(), instead(path, ExpectedInput::Model));
    }
    Ok(())
}

fn check_tokenizer(path: &Path) -> Result<()> {
    if path.is_dir() {
        bail!("{}: it is a folder; name the tokenizer.json in it", path.display());
    }
    if path.exists() && !path.is_file() {
        bail!("{}: it is a pipe or a device; save what comes from it as a file, and name that", path.display());
    }
    if !path.is_file() {
        bail!(
            "{}: there is no such file; get tokenizer.json from the model's own repository on the hub (a GGUF file does \
             not contain it), and name it with --tokenizer",
            path.display()
        );
    }
    match instead(path, ExpectedInput::Tokenizer) {
        other if other.is_empty() => Ok(()),
        other => bail!("{}: not a tokenizer.json{other}", path.display()),
    }
}

/// A folder that is replaced goes with all its files.
fn replaces_no_input(request: &PackRequest<'_>, args: &PackArgs) -> Result<()> {
    let Ok(out) = request.out.canonicalize() else { return Ok(()) };
    let origins = [request.gemma.tensors.origin(), request.sae.tensors.origin()].map(PathBuf::from);
    let licenses = request.licenses.iter().filter_map(|license| license.file.as_ref());
    let mut inputs = origins.iter().chain([&request.tokenizer]).chain(licenses).chain(&args.corpus);
    match inputs.find(|input| input.canonicalize().is_ok_and(|input| input.starts_with(&out))) {
        Some(input) => bail!(
            "{} is replaced as a whole, and {}, which is read, lies in it; name another folder with --out",
            request.out.display(),
            input.display()
        ),
        None => Ok(()),
    }
}

/// Holds the parts against each other, writes the pack and prints what is in it.
fn write(request: &PackRequest<'_>, args: &PackArgs) -> Result<()> {
    replaces_no_input(request, args)?;
    let checked = check(request)?;
    if args.verbose {
        checked.claims.to_string().lines().for_each(say);
    }
    let is_chosen = |warning: &str| args.rope_factor.is_some() && warning.contains("--rope-factor");
    for warning in checked.claims.warnings.iter().filter(|warning| !is_chosen(warning)) {
        status!("{warning}");
    }
    try_tokenizer(checked.tokenizer.clone(), &request.tokenizer)?;
    let mut progress = Progress::start(format!("packing {} into {}", request.model_name, request.out.display()));
    let manifest = checked.write(&mut |p| progress.update(p.values_done, p.values_total))?;
    drop(progress);
    for note in request.gemma.tensors.notes().into_iter().chain(request.sae.tensors.notes()) {
        status!("{note}");
    }
    let bytes = |files: &[FileEntry]| files.iter().map(|s| s.bytes).sum::<u64>();
    print_line!(
        "{}\n{} layers 0 to {} as {}, SAE width {}\n{} bytes to load, and {} bytes of embedding of which each text needs a few rows",
        request.out.display(),
        name(&manifest.model_name),
        request.layer,
        manifest.precision,
        manifest.sae.width,
        manifest.load_bytes(),
        bytes(&manifest.embedding.shards)
    )
}

/// Time for [`try_tokenizer`], which takes less than a second.
const TRIAL_TIME: Duration = Duration::from_secs(20);

/// Builds the tokenizer and encodes texts with it, on a thread of its own: one that panics or never ends is found
/// before a pack has it. What it can take in memory is bounded by [`lens_pack::tokenizer::kinds`].
fn try_tokenizer(tokenizer: CompactTokenizer, path: &Path) -> Result<()> {
    let (done, result) = mpsc::channel();
    std::thread::spawn(move || {
        let tried = Tokenizer::new(tokenizer).and_then(|tokenizer| {
            let long = "a".repeat(1 << 14);
            let texts = [
                "",
                " ",
                "The tide is in.",
                "\r\n\t\u{2028}",
                "<bos><pad> <eos>",
                "🎈👩‍🚀 עברית 中文",
                "\u{0}\u{301}",
                &long,
            ];
            texts.iter().try_for_each(|text| tokenizer.encode(text, 2).map(|_| ()))?;
            tokenizer.encode(&texts.concat().repeat(3), 2).map(|_| ())
        });
        // Whoever waited may be gone.
        let _ = done.send(tried);
    });
    match result.recv_timeout(TRIAL_TIME) {
        Ok(tried) => tried.map_err(|e| anyhow!("{}: {e}", path.display())),
        Err(mpsc::RecvTimeoutError::Timeout) => {
            bail!("{}: the tokenizer takes over {} s for a short text", path.display(), TRIAL_TIME.as_secs())
        }
        Err(mpsc::RecvTimeoutError::Disconnected) => bail!("{}: the tokenizer cannot be built", path.display()),
    }
}

/// An existing path beats a hub name.
fn find(argument: &str, fetch: impl FnOnce(&hub::Name) -> Result<PathBuf>) -> Result<LocalCheckpoint> {
    let path = Path::new(argument);
    if path.exists() {
        return Ok(LocalCheckpoint { path: path.to_owned(), hub_name: None });
    }
    let name: hub::Name = argument.parse().map_err(|()| {
        anyhow!("{argument}: there is no such file or folder, and it is not a hub name such as google/gemma-2-2b")
    })?;
    let path = fetch(&name).map_err(|e| anyhow!("{argument} is not a file or folder here, and from the hub: {e}"))?;
    Ok(LocalCheckpoint { path, hub_name: Some(argument.to_owned()) })
}

/// The folder that a checkpoint's other files lie in.
pub fn beside(path: &Path) -> &Path {
    if path.is_dir() { path } else { path.parent().unwrap_or(Path::new("")) }
}

fn folder_name(path: &Path) -> String {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    path.file_stem().map_or_else(|| "unnamed".to_owned(), |name| name.to_string_lossy().into_owned())
}
