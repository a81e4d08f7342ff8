//! The manifest of a pack in a folder on disk: read, checked and hashed in one place.

use std::path::Path;

use crate::manifest::{MANIFEST_FILE, Manifest, pack_hash};
use crate::{Error, Result};

/// A manifest as it lies in a folder.
#[derive(Debug)]
pub struct FolderManifest {
    /// Its checked content.
    pub manifest: Manifest,
    /// Its text.
    pub json: String,
    /// [`pack_hash`] of the text: the pack's identity in every document.
    pub hash: String,
}

impl FolderManifest {
    /// Reads `manifest.json` in `folder`.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be read, [`Error::Malformed`] when it is not a manifest that
    /// this program reads.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(MANIFEST_FILE);
        let bytes = std::fs::read(&path).map_err(|source| Error::Io { action: "read", path: path.clone(), source })?;
        let file = path.display().to_string();
        let json = String::from_utf8(bytes)
            .map_err(|_| Error::Malformed { file: file.clone(), problem: "not UTF-8 text".to_owned() })?;
        let manifest = Manifest::from_json(&json, &file)?;
        let hash = pack_hash(&json);
        Ok(Self { manifest, json, hash })
    }
}
