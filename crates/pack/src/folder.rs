//! The manifest of a pack in a folder on disk: read, checked and hashed in one place.

use std::path::Path;

use crate::instead::{self, ExpectedInput};
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
            let problem = if instead::is_missing(folder) {
                format!("there is no such folder; a pack is a folder with a {MANIFEST_FILE} in it")
            } else {
                format!("cannot read {MANIFEST_FILE}: there is none{}", instead::instead(folder, ExpectedInput::Pack))
            };
            return Err(Error::Malformed { file: folder.display().to_string(), problem });
        }
        check_is_file(&path, u64::MAX)?;
        let json = text::read_data(&path)?;
        let manifest = Manifest::from_json(&json, &path.display().to_string())?;
        for entry in manifest.files() {
            check_is_file(&folder.join(&entry.file), entry.bytes)?;
        }
        let hash = pack_hash(&json);
        Ok(Self { manifest, json, hash })
    }
}

/// Refuses what would be read without an end: a pipe, a device, or a file larger than its entry says. One that is missing or
/// shorter is refused where it is read.
fn check_is_file(path: &Path, bytes: u64) -> Result<()> {
    let Ok(found) = path.metadata() else { return Ok(()) };
    let problem = if !found.is_file() {
        "it is a folder, a pipe or a device, where a file of the pack belongs".to_owned()
    } else if found.len() > bytes {
        format!("{} bytes long, the manifest says {bytes}: it is another file", found.len())
    } else {
        return Ok(());
    };
    Err(Error::Malformed { file: path.display().to_string(), problem })
}

/// Whether `folder` holds a pack of any version, damaged or not: other programs have a manifest.json, too.
pub fn is_pack(folder: &Path) -> bool {
    let path = folder.join(MANIFEST_FILE);
    path.is_file() && std::fs::read(path).is_ok_and(|json| named_files(&json).is_some())
}
