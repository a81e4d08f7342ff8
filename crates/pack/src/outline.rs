//! The files that a manifest lists, whether or not this program runs such a pack.
//!
//! For listing packs and for replacing or deleting their files: a pack of an earlier version is not
//! run, but it is shown and its files are known. [`crate::manifest`] reads what is run.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;

use crate::file_name;
use crate::manifest::{FORMAT, FileEntry, License, RowChecksEntry};
use crate::text::json_problem;

/// What a pack holds, from its manifest alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    /// The language model's name.
    pub model_name: String,
    /// The SAE's name.
    pub sae_name: String,
    /// The residual stream is the output of this layer.
    pub layer: usize,
    /// How matrices are stored.
    pub precision: String,
    /// Terms.
    pub licenses: Vec<License>,
    /// Tokenizer, checksums of rows and shards: what every analysis needs.
    pub files: Vec<FileEntry>,
    /// The shards of the embedding.
    pub embedding: Vec<FileEntry>,
    /// Vocabulary and shards of the words; none where it has none.
    pub words: Vec<FileEntry>,
}

/// Why a text has no [`Outline`], as a phrase that follows "its manifest".
#[derive(Debug, thiserror::Error)]
pub enum OutlineError {
    /// Not JSON, or a field is missing.
    #[error("cannot be read: {}", json_problem(.0))]
    Json(#[from] serde_json::Error),
    /// JSON of something else.
    #[error("is not a pack’s")]
    Format,
    /// A name that could lead elsewhere, or no checksum with it.
    #[error("names a file {0:?} that cannot be one of a pack")]
    File(String),
}

#[derive(Deserialize)]
struct Fields {
    format: String,
    model_name: String,
    sae_name: String,
    layer: usize,
    precision: Value,
    #[serde(rename = "licences")]
    licenses: Vec<License>,
    tokenizer: FileEntry,
    shards: Vec<FileEntry>,
    embedding: Embedding,
    #[serde(default)]
    row_checks: Option<RowChecksEntry>,
    #[serde(default)]
    words: Option<Words>,
}

#[derive(Deserialize)]
struct Words {
    vocabulary: FileEntry,
    shards: Vec<FileEntry>,
}

#[derive(Deserialize)]
struct Embedding {
    shards: Vec<FileEntry>,
}

impl Outline {
    /// Reads a manifest. The text is untrusted: every name passed [`file_name::is_plain`].
    ///
    /// # Errors
    /// [`OutlineError`].
    pub fn from_json(json: &str) -> Result<Self, OutlineError> {
        let fields: Fields = serde_json::from_str(json)?;
        if fields.format != FORMAT {
            return Err(OutlineError::Format);
        }
        let files: Vec<FileEntry> =
            std::iter::once(fields.tokenizer).chain(fields.row_checks.map(|it| it.list)).chain(fields.shards).collect();
        let embedding = fields.embedding.shards;
        let words: Vec<FileEntry> =
            fields.words.into_iter().flat_map(|it| std::iter::once(it.vocabulary).chain(it.shards)).collect();
        let is_hash = |text: &str| text.len() == 64 && text.chars().all(|c| c.is_ascii_hexdigit());
        let mut all = files.iter().chain(&embedding).chain(&words);
        let wrong = all.find(|it| !file_name::is_plain(&it.file) || !is_hash(&it.sha256));
        let license_files = fields.licenses.iter().filter_map(|it| it.file.as_deref());
        let wrong = wrong
            .map(|it| it.file.as_str())
            .or_else(|| license_files.into_iter().find(|name| !file_name::is_plain(name)));
        if let Some(name) = wrong {
            return Err(OutlineError::File(name.to_owned()));
        }
        Ok(Self {
            model_name: fields.model_name,
            sae_name: fields.sae_name,
            layer: fields.layer,
            precision: fields.precision.as_str().unwrap_or("mixed").to_owned(),
            licenses: fields.licenses,
            files,
            embedding,
            words,
        })
    }
}

/// Every file that a manifest of any version names, wherever it names it; none where the bytes are
/// not a pack's manifest.
pub fn named_files(json: &[u8]) -> Option<BTreeSet<String>> {
    let manifest: Value = serde_json::from_slice(json).ok()?;
    if manifest.get("format").and_then(Value::as_str) != Some(FORMAT) {
        return None;
    }
    let mut names = BTreeSet::new();
    collect(&manifest, &mut names);
    Some(names)
}

fn collect(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(file)) = fields.get("file") {
                names.insert(file.clone());
            }
            fields.values().for_each(|field| collect(field, names));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, names)),
        _ => {}
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn manifest(shard: &str) -> String {
        let file = |file: &str| serde_json::json!({"file": file, "bytes": 9, "sha256": "a".repeat(64)});
        serde_json::json!({
            "format": FORMAT, "version": 1, "model_name": "google/gemma-2-2b", "sae_name": "temporal", "layer": 12,
            "precision": "q8", "licences": [{"covers": "Gemma", "name": "Terms", "file": "TERMS.html"}],
            "tokenizer": file("tokenizer.bin"), "shards": [file(shard)], "embedding": {"shards": [file("e.safetensors")]},
        })
        .to_string()
    }

    #[test]
    fn a_manifest_of_any_version_has_an_outline_and_named_files() {
        let outline = Outline::from_json(&manifest("shard-0000.safetensors")).unwrap();
        let names: Vec<&str> = outline.files.iter().chain(&outline.embedding).map(|it| it.file.as_str()).collect();
        assert_eq!(names, ["tokenizer.bin", "shard-0000.safetensors", "e.safetensors"]);
        assert_eq!((outline.layer, outline.precision.as_str(), outline.licenses.len()), (12, "q8", 1));
        let named = named_files(manifest("s").as_bytes()).unwrap();
        assert_eq!(named.into_iter().collect::<Vec<_>>(), ["TERMS.html", "e.safetensors", "s", "tokenizer.bin"]);
    }

    #[test]
    fn malformed_manifests_and_names_of_files_elsewhere_are_refused() {
        for name in ["../secret", "", ".hidden", "a/b", "javascript:alert(1)"] {
            let problem = Outline::from_json(&manifest(name)).unwrap_err().to_string();
            assert!(problem.contains("cannot be one of a pack"), "{problem}");
        }
        assert!(Outline::from_json("[").unwrap_err().to_string().contains("cannot be read"));
        let other = manifest("s").replace(FORMAT, "other");
        assert!(matches!(Outline::from_json(&other), Err(OutlineError::Format)));
        assert_eq!((named_files(other.as_bytes()), named_files(b"[")), (None, None));
    }
}
