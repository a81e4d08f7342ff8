//! The packs of a page: their list, the summary of a pack's manifest, how much of a pack a browser stores.

use std::collections::HashMap;

pub use lens_pack::manifest::{FileEntry, License};
use lens_pack::outline::{Outline, OutlineError};
use lens_pack::text::json_problem;
use lens_view::number;
use serde::Deserialize;

use crate::view_state::is_fetchable;

/// Value of `format` in models.json.
pub const FORMAT: &str = "temporal-lens-models/1";
/// The list, beside the page.
pub const FILE: &str = "models.json";

/// A pack of the list.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ModelEntry {
    /// Address of its folder, relative to the page or absolute.
    pub url: String,
    /// What people read.
    pub title: String,
}

/// Why the list cannot be used, as a phrase that follows the file's name and a colon.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// Not JSON, or a field is missing.
    #[error("{}", json_problem(.0))]
    Json(#[from] serde_json::Error),
    /// It is of this format, another one than [`FORMAT`].
    #[error("its format is {0:?}, this page reads {FORMAT:?}")]
    Format(String),
    /// It has this address, which the page does not fetch from.
    #[error("{0:?} is not a web address")]
    Address(String),
}

/// Reads the list. The page's host wrote it.
///
/// # Errors
/// [`ListError`].
pub fn read_list(json: &str) -> Result<Vec<ModelEntry>, ListError> {
    #[derive(Deserialize)]
    struct List {
        format: String,
        models: Vec<ModelEntry>,
    }
    let list: List = serde_json::from_str(json)?;
    if list.format != FORMAT {
        return Err(ListError::Format(list.format));
    }
    if let Some(wrong) = list.models.iter().find(|it| !is_fetchable(&it.url)) {
        return Err(ListError::Address(wrong.url.clone()));
    }
    Ok(list.models)
}

/// What the page shows about a pack, from its manifest (docs/pack-format.md).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackSummary {
    /// The language model.
    pub model: String,
    /// The SAE.
    pub sae: String,
    /// The residual stream is the output of this layer.
    pub layer: usize,
    /// How matrices are stored.
    pub precision: String,
    /// Terms.
    pub licenses: Vec<License>,
    /// Tokenizer and weights: what every analysis needs.
    pub files: Vec<FileEntry>,
    /// The whole embedding.
    pub embedding: Vec<FileEntry>,
    /// Its words; none where it has none.
    pub words: Vec<FileEntry>,
}

/// How much of a pack a browser stores, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StoredBytes {
    /// Of tokenizer and weights.
    pub files: u64,
    /// Of the whole embedding.
    pub embedding: u64,
}

impl PackSummary {
    /// Reads a manifest. Anyone may have written it.
    ///
    /// # Errors
    /// A phrase, to follow "its manifest".
    pub fn from_manifest(json: &str) -> Result<Self, OutlineError> {
        let it = Outline::from_json(json)?;
        Ok(Self {
            model: it.model_name,
            sae: it.sae_name,
            layer: it.layer,
            precision: it.precision,
            licenses: it.licenses,
            files: it.files,
            embedding: it.embedding,
            words: it.words,
        })
    }

    /// Bytes that every analysis needs.
    pub fn bytes(&self) -> u64 {
        total(&self.files)
    }

    /// Bytes of the whole embedding.
    pub fn embedding_bytes(&self) -> u64 {
        total(&self.embedding)
    }

    /// Bytes of its words; 0 where it has none.
    pub fn words_bytes(&self) -> u64 {
        total(&self.words)
    }

    /// How much of it is among a browser's files, whose bytes are given by name.
    pub fn stored(&self, sizes: &HashMap<String, u64>) -> StoredBytes {
        let of = |files: &[FileEntry]| -> u64 {
            files.iter().map(|file| sizes.get(&file.sha256).copied().unwrap_or(0).min(file.bytes)).sum()
        };
        StoredBytes { files: of(&self.files), embedding: of(&self.embedding) }
    }

    /// Whether tokenizer and weights are here as a whole.
    pub fn is_here(&self, stored: StoredBytes) -> bool {
        stored.files == self.bytes()
    }

    /// Where a browser's copy stands, as a phrase.
    pub fn status(&self, stored: StoredBytes) -> String {
        let all = number::bytes(self.bytes());
        let rows = match (stored.embedding, self.embedding_bytes()) {
            (0, _) => String::new(),
            (here, whole) if here == whole => "; with its whole embedding it works without a network".to_owned(),
            (here, whole) => format!("; {} of {} of its embedding", number::bytes(here), number::bytes(whole)),
        };
        match stored.files {
            0 => format!("not in this browser{rows}"),
            here if here == self.bytes() => format!("stored in this browser{rows}"),
            here => format!("{} of {all} in this browser: a download goes on from there{rows}", number::bytes(here)),
        }
    }

    /// What it is, in a line.
    pub fn line(&self) -> String {
        format!(
            "{}, layer {}, {} · {} · {} (whole embedding {} more)",
            self.model,
            self.layer,
            self.precision,
            self.sae,
            number::bytes(self.bytes()),
            number::bytes(self.embedding_bytes())
        )
    }
}

fn total(files: &[FileEntry]) -> u64 {
    files.iter().fold(0, |sum: u64, file| sum.saturating_add(file.bytes))
}

/// The browser's storage in a sentence.
pub fn storage_line(usage: u64, quota: u64, is_persisted: bool) -> String {
    let safety =
        if is_persisted { "it keeps them until you delete them" } else { "it may clear them when space is short" };
    format!(
        "This browser stores {} for this page, of at most {}; {safety}.",
        number::bytes(usage),
        number::bytes(quota)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASHES: [&str; 3] = [
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
        "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc",
    ];

    fn manifest(name: &str) -> String {
        let file =
            |file: &str, bytes: u64, sha256: &str| serde_json::json!({"file": file, "bytes": bytes, "sha256": sha256});
        serde_json::json!({
            "format": "temporal-lens-pack", "version": 2, "model_name": "google/gemma-2-2b", "sae_name": "temporal", "layer": 12,
            "precision": "q8", "licences": [{"covers": "Gemma", "name": "Terms", "file": "TERMS.html"}],
            "tokenizer": file("tokenizer.bin", 1000, HASHES[0]), "shards": [file(name, 9000, HASHES[1])],
            "embedding": {"shards": [file("embedding-0000.safetensors", 5000, HASHES[2])]},
        })
        .to_string()
    }

    #[test]
    fn a_manifest_says_what_a_pack_is() {
        let summary = PackSummary::from_manifest(&manifest("shard-0000.safetensors")).unwrap();
        assert_eq!((summary.bytes(), summary.embedding_bytes()), (10_000, 5000));
        assert_eq!(summary.line(), "google/gemma-2-2b, layer 12, q8 · temporal · 10 kB (whole embedding 5 kB more)");
        let mut sizes = HashMap::new();
        assert_eq!(summary.status(summary.stored(&sizes)), "not in this browser");
        sizes.insert(HASHES[0].to_owned(), 1000);
        sizes.insert(HASHES[1].to_owned(), 3000);
        assert_eq!(
            summary.status(summary.stored(&sizes)),
            "4 kB of 10 kB in this browser: a download goes on from there"
        );
        sizes.insert(HASHES[1].to_owned(), 90_000);
        assert!(summary.is_here(summary.stored(&sizes)));
        sizes.insert(HASHES[2].to_owned(), 5000);
        assert_eq!(
            summary.status(summary.stored(&sizes)),
            "stored in this browser; with its whole embedding it works without a network"
        );
    }

    #[test]
    fn hostile_manifests_and_lists_are_refused() {
        for name in ["../secret", "", ".hidden", "a/b", "javascript:alert(1)"] {
            assert!(
                PackSummary::from_manifest(&manifest(name))
                    .unwrap_err()
                    .to_string()
                    .contains("cannot be one of a pack"),
                "{name}"
            );
        }
        assert!(PackSummary::from_manifest("[").unwrap_err().to_string().contains("cannot be read"));
        let list = |url: &str| format!(r#"{{"format":"{FORMAT}","models":[{{"url":"{url}","title":"x"}}]}}"#);
        assert_eq!(read_list(&list("models/default/")).unwrap()[0].url, "models/default/");
        let refusal = |json: &str| read_list(json).unwrap_err().to_string();
        assert_eq!(refusal(&list("javascript:alert(1)")), "\"javascript:alert(1)\" is not a web address");
        assert_eq!(
            refusal(r#"{"format":"other/1","models":[]}"#),
            "its format is \"other/1\", this page reads \"temporal-lens-models/1\""
        );
        assert_eq!(refusal("{"), "it is cut short: save or download it again");
    }

    #[test]
    fn storage_is_shown_with_its_safety() {
        assert_eq!(
            storage_line(89_700_000, 10_000_000_000, false),
            "This browser stores 89.7 MB for this page, of at most 10.0 GB; it may clear them when space is short."
        );
    }
}
