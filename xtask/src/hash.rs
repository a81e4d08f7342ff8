//! Hashes of files and folders: whether what was made from them is still what they say.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Hashes the files at and below `path` into `into`, by name.
pub fn files(path: &Path, name: &str, into: &mut BTreeMap<String, String>) -> Result<()> {
    if path.is_dir() {
        for entry in std::fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))? {
            let entry = entry?;
            files(&entry.path(), &format!("{name}/{}", entry.file_name().to_string_lossy()), into)?;
        }
    } else if path.is_file() {
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        into.insert(name.to_owned(), hex(&Sha256::digest(&bytes)));
    }
    Ok(())
}
