//! License files that travel along, and where features are published.

use std::path::Path;

use anyhow::{Result, anyhow};
use lens_import::PublishedSae;
use lens_import::write::LicenseFile;
use lens_pack::config::{GemmaConfig, GemmaFamily, NovelCodes};
use lens_pack::manifest::Neuronpedia;

/// Parts of names of files with terms, in upper case.
const WORDS: [&str; 5] = ["TERMS", "LICENSE", "LICENCE", "NOTICE", "USE_POLICY"];
/// Their extensions.
const EXTENSIONS: [&str; 5] = ["", "TXT", "MD", "HTML", "PDF"];
/// The terms of every Gemma checkpoint, whether or not they are in its folder.
const GEMMA_TERMS: &str = "Gemma Terms of Use (https://ai.google.dev/gemma/terms)";

/// Whether a file of this name carries terms.
pub fn is_terms(file_name: &str) -> bool {
    let name = file_name.to_ascii_uppercase();
    let extension = name.split_once('.').map_or("", |_| name.rsplit('.').next().unwrap_or(""));
    EXTENSIONS.contains(&extension) && WORDS.iter().any(|word| name.contains(word))
}

/// The terms of the Gemma checkpoint and of the SAE, with every file of terms in their folders.
pub fn licenses(gemma_folder: &Path, sae_folder: &Path) -> Result<Vec<LicenseFile>> {
    let mut all = in_folder(gemma_folder, "Gemma weights and tokenizer")?;
    match all.iter_mut().find(|l| l.name.to_ascii_uppercase().starts_with("GEMMA_TERMS")) {
        Some(terms) => terms.name = GEMMA_TERMS.to_owned(),
        None => all.insert(
            0,
            LicenseFile { covers: "Gemma weights and tokenizer".to_owned(), name: GEMMA_TERMS.to_owned(), file: None },
        ),
    }
    all.extend(in_folder(sae_folder, "TemporalSAE")?);
    Ok(all)
}

/// Random numbers have no terms; the tokenizer has those in its folder.
pub fn synthetic(tokenizer_folder: &Path) -> Result<Vec<LicenseFile>> {
    let none =
        LicenseFile { covers: "Weights".to_owned(), name: "none: they are random numbers".to_owned(), file: None };
    let mut all = vec![none];
    all.extend(in_folder(tokenizer_folder, "Tokenizer")?);
    Ok(all)
}

/// Files of terms in a folder, sorted by name.
fn in_folder(folder: &Path, covers: &str) -> Result<Vec<LicenseFile>> {
    // "" is the current folder's name when a file was named without one.
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let failed = |e: std::io::Error| anyhow!("cannot read {}: {e}", folder.display());
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if is_terms(&name) && entry.path().is_file() {
            found.push(LicenseFile { covers: covers.to_owned(), name, file: Some(entry.path()) });
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// The pages of this SAE's features: what its configuration names, else the one released SAE.
pub fn neuronpedia(model_name: &str, gemma: &GemmaConfig, sae: &PublishedSae, layer: usize) -> Option<Neuronpedia> {
    if let Some((model, source)) = sae.neuronpedia.as_deref().and_then(|id| id.split_once('/')) {
        return Some(Neuronpedia { model: model.to_owned(), source: source.to_owned() });
    }
    let slug = model_name.rsplit('/').next()?.to_ascii_lowercase().replace(' ', "-");
    let released = slug == "gemma-2-2b"
        && gemma.family == GemmaFamily::Gemma2
        && layer == 12
        && sae.config.width == 9216
        && sae.config.sae_diff_type == NovelCodes::TopK
        && sae.config.kval_topk == Some(192);
    released.then(|| Neuronpedia { model: "gemma-2-2b".to_owned(), source: "12-temporal-res".to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_with_terms_are_known_by_their_names() {
        for name in ["LICENSE", "GEMMA_TERMS.html", "GEMMA_NOTICE.txt", "NOTICE.md", "Use_Policy.md", "licence.txt"] {
            assert!(is_terms(name), "{name}");
        }
        for name in ["config.json", "README.md", "terms.safetensors", "model.gguf", "license.json"] {
            assert!(!is_terms(name), "{name}");
        }
    }
}
