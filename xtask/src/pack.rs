//! The default pack: Gemma 3 270M with the bundled SAE, made once for each state of what goes in.
//!
//! It calls the packer as a library: the command line would do the same, but has to compile the
//! tensor library first, which is most of a cold start.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use lens_import::words::{
    WordsSection, pieces_of_pack, read_lens, read_means, read_piece_list, read_word_list, write_words,
};
use lens_import::write::{LicenseFile, PackRequest, pack};
use lens_import::{Synthetic, open_gemma, open_sae};
use lens_pack::block::Precision;
use lens_pack::folder::FolderManifest;
use lens_pack::manifest::MANIFEST_FILE;
use lens_pack::words::Vocabulary;
use sha2::{Digest, Sha256};

use crate::console::{Step, megabytes};
use crate::paths::Paths;
use crate::{hash, model};

/// What the page serves; the README's table says what other precisions do.
const PRECISION: Precision = Precision::Q8;
/// The bundled SAE was trained on the output of this layer.
const LAYER: usize = 12;
/// Four bits, as the smallest pack of it has: what the browser test loads and computes.
const FULL_SIZE_PRECISION: Precision = Precision::Q4;
/// Chooses the random weights.
const FULL_SIZE_SEED: u64 = 1;
/// The bundled SAE in the tree.
const SAE: &str = "demo/sae";
/// The default pack's words in the tree.
const VOCABULARY: &str = "demo/words/vocabulary.txt";
const MEANS: &str = "demo/words/means.safetensors";
const PIECES: &str = "demo/words/pieces.txt";
const LENS: &str = "demo/words/lens.safetensors";

/// The pack of what there is now; made if it is not there.
pub fn find_or_make(paths: &Paths, weights: &Path) -> Result<PathBuf> {
    let prefix = format!("{}-", model::NAME);
    let name = format!("{prefix}{}", key(paths)?);
    let folder = paths.packs().join(&name);
    // The packer puts the folder in place when it is whole; its words come after.
    let is_made = folder.join(MANIFEST_FILE).is_file();
    if is_made && FolderManifest::read(&folder).is_ok_and(|found| found.manifest.words.is_some()) {
        return Ok(folder);
    }
    if !is_made {
        make(paths, weights, PRECISION, &folder)?;
    }
    add_words(paths, &folder)?;
    // Packs of earlier states are not used any more.
    for entry in std::fs::read_dir(paths.packs())?.flatten() {
        let other = entry.file_name();
        if other.to_string_lossy().starts_with(&prefix) && other.to_string_lossy() != name {
            std::fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(folder)
}

/// Gives the default pack its words: a list and means that are in the tree.
fn add_words(paths: &Paths, folder: &Path) -> Result<()> {
    let step = Step::start("words of the default pack");
    let tokens = pieces_of_pack(folder)?;
    let list = read_word_list(&paths.root.join(VOCABULARY), &tokens)?;
    if let Some(word) = list.missing.first() {
        bail!("{VOCABULARY}: {word:?} is not a token of the model");
    }
    let means = read_means(&paths.root.join(MEANS), folder)
        .context("the default pack has changed; demo/words/README.md says how to make its words again")?;
    let vocabulary = Vocabulary { words: list.words, pieces: read_piece_list(&paths.root.join(PIECES), &tokens)? };
    let lens = Some(read_lens(&paths.root.join(LENS), folder)?);
    let entry = write_words(folder, &WordsSection { vocabulary, means, lens })?;
    step.done(&format!("{} words, {}", entry.words, megabytes(entry.load_bytes())));
    Ok(())
}

/// The same at another precision in `folder`, for the benches; made again when what goes in has changed.
pub fn find_or_make_at(paths: &Paths, weights: &Path, precision: Precision, folder: &Path) -> Result<()> {
    make_again_if(folder, MANIFEST_FILE, &key(paths)?, || make(paths, weights, precision, folder))
}

/// A pack of Gemma-2-2B's shapes and random weights, whose tokenizer lies in `tokenizer`; made if it is not
/// there.
pub fn find_or_make_full_size(paths: &Paths, tokenizer: &Path) -> Result<PathBuf> {
    let model = Synthetic::Gemma2_2b;
    let folder = paths.cache.join("full-size").join(model.name());
    make_again_if(&folder, MANIFEST_FILE, &key(paths)?, || {
        let mut step = Step::start(&format!("packing random weights of {}'s size", model.name()));
        let (gemma, sae) = model.open(FULL_SIZE_SEED);
        let request = PackRequest {
            gemma: &gemma,
            model_name: model.model_name(),
            sae: &sae,
            sae_name: format!("synthetic TemporalSAE for {} (random weights)", model.name()),
            layer: model.layer(),
            precision: FULL_SIZE_PRECISION.into(),
            tokenizer: tokenizer.join(model::GEMMA2_TOKENIZER.file),
            licenses: Vec::new(),
            neuronpedia: None,
            out: folder.clone(),
        };
        run(&request, &mut step)?;
        let Bytes { load, embedding, .. } = bytes(&folder)?;
        step.done(&format!("{} to load, embedding {}", megabytes(load), megabytes(embedding)));
        Ok(())
    })?;
    Ok(folder)
}

/// Makes `folder` unless it holds `file` and was made from what `key` stands for.
pub fn make_again_if(folder: &Path, file: &str, key: &str, make: impl FnOnce() -> Result<()>) -> Result<()> {
    let stamp = folder.with_extension("made-from");
    if folder.join(file).is_file() && std::fs::read_to_string(&stamp).is_ok_and(|found| found == key) {
        return Ok(());
    }
    if folder.exists() {
        std::fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    if let Some(parent) = folder.parent() {
        std::fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
    }
    make()?;
    Ok(lens_files::write_whole(&stamp, key.as_bytes())?)
}

fn run(request: &PackRequest<'_>, step: &mut Step) -> Result<()> {
    pack(request, &mut |progress| {
        let percent = 100 * progress.values_done / progress.values_total.max(1);
        step.status(&format!("{percent} %, {}", progress.what));
    })?;
    Ok(())
}

/// Changes whenever the pack would: the fetched files, the SAE, the words, the settings, the packer's source.
pub fn key(paths: &Paths) -> Result<String> {
    let mut files = BTreeMap::new();
    for source in [SAE, VOCABULARY, MEANS, PIECES, LENS, "crates/import/src", "crates/pack/src", "xtask/src/pack.rs"] {
        hash::files(&paths.root.join(source), source, &mut files)?;
    }
    let mut hasher = Sha256::new();
    hasher.update(format!("{} {} {PRECISION} {LAYER}\n", model::WEIGHTS.sha256, model::TOKENIZER.sha256));
    for (name, hash) in files {
        hasher.update(format!("{name} {hash}\n"));
    }
    Ok(hash::hex(&hasher.finalize()[..8]))
}

/// What the Gemma terms ask of those who pass the weights on: this sentence, and what was changed.
fn notice_text(precision: Precision) -> String {
    format!(
        "Gemma is provided under and subject to the Gemma Terms of Use found at ai.google.dev/gemma/terms\n\n\
         Modified files: these weights of Gemma 3 270M were quantized (Q4_K_M) by their uploader, and packed again by \
         Temporal Lens at {precision}, without the layers past {LAYER}.\n"
    )
}

/// Bytes of a pack's files.
pub struct Bytes {
    /// What a visitor fetches before the first analysis, without the embedding rows of the text.
    pub load: u64,
    /// The whole embedding.
    pub embedding: u64,
    /// Its words; 0 where it has none.
    pub words: u64,
}

/// The bytes of the pack in `folder`.
pub fn bytes(folder: &Path) -> Result<Bytes> {
    let manifest = FolderManifest::read(folder)?.manifest;
    Ok(Bytes {
        load: manifest.load_bytes(),
        embedding: manifest.embedding.shards.iter().map(|shard| shard.bytes).sum(),
        words: manifest.words.map_or(0, |words| words.load_bytes()),
    })
}

fn make(paths: &Paths, weights: &Path, precision: Precision, folder: &Path) -> Result<()> {
    let mut step = Step::start(&format!("packing Gemma 3 270M with the bundled SAE ({precision})"));
    let gemma = open_gemma(&weights.join(model::WEIGHTS.file))?;
    let sae = open_sae(&paths.root.join(SAE))?;
    let license = |covers: &str, name: &str, file: Option<PathBuf>| LicenseFile {
        covers: covers.to_owned(),
        name: name.to_owned(),
        file,
    };
    let [terms, origin] = model::TERMS;
    let notice = weights.join("GEMMA_NOTICE.txt");
    lens_files::write_whole(&notice, notice_text(precision).as_bytes())?;
    let request = PackRequest {
        gemma: &gemma,
        model_name: "google/gemma-3-270m".to_owned(),
        sae: &sae,
        sae_name: "bundled TemporalSAE for Gemma 3 270M".to_owned(),
        layer: LAYER,
        precision: precision.into(),
        tokenizer: weights.join(model::TOKENIZER.file),
        licenses: vec![
            license("Gemma weights and tokenizer", "Gemma Terms of Use", Some(weights.join(terms))),
            license("Gemma weights and tokenizer", "Notice", Some(notice)),
            license("Gemma weights and tokenizer", "Origin of the files", Some(weights.join(origin))),
            license(
                "The TemporalSAE",
                "model card",
                Some(paths.root.join(SAE).join("README.md")).filter(|f| f.is_file()),
            ),
        ],
        neuronpedia: None,
        out: folder.to_owned(),
    };
    std::fs::create_dir_all(paths.packs()).with_context(|| format!("cannot create {}", paths.packs().display()))?;
    run(&request, &mut step)?;
    let Bytes { load, embedding, .. } = bytes(folder)?;
    step.done(&format!("{} to load, embedding {}", megabytes(load), megabytes(embedding)));
    Ok(())
}
