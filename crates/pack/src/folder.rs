//! The manifest of a pack in a folder on disk: read, checked and hashed in one place.

use std::path::Path;

use crate::instead::{self, Wanted};
use crate::manifest::{MANIFEST_FILE, Manifest, pack_hash};
use crate::outline::named_files;
use crate::{Error, Result, text};

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
        if instead::is_missing(&path) {
            let problem =
                format!("cannot read {MANIFEST_FILE}: there is none{}", instead::instead(folder, Wanted::Pack));
            return Err(Error::Malformed { file: folder.display().to_string(), problem });
        }
        let json = text::read_data(&path)?;
        let manifest = Manifest::from_json(&json, &path.display().to_string())?;
        let hash = pack_hash(&json);
        Ok(Self { manifest, json, hash })
    }
}

/// Whether `folder` holds a pack of any version, damaged or not: other programs have a manifest.json, too.
pub fn is_pack(folder: &Path) -> bool {
    std::fs::read(folder.join(MANIFEST_FILE)).is_ok_and(|json| named_files(&json).is_some())
}
