//! Files that appear whole or not at all.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};

/// A file written beside its place. Dropped before [`Self::publish`], it is removed.
pub struct WholeFile {
    partial: PathBuf,
    path: PathBuf,
    published: bool,
}

impl WholeFile {
    /// Writes the bytes beside `path`; devices and pipes are written at once.
    pub fn write(path: &Path, bytes: &[u8]) -> Result<Self> {
        let failed = |e: std::io::Error| anyhow!("cannot write {}: {e}", path.display());
        if path.is_dir() {
            return Err(anyhow!("cannot write {}: it is a folder", path.display()));
        }
        // A link is followed: what it points to is replaced, not the link.
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if path.exists() && !path.is_file() {
            std::fs::write(&path, bytes).map_err(failed)?;
            return Ok(Self { partial: PathBuf::new(), path, published: true });
        }
        let Some(name) = path.file_name() else {
            return Err(anyhow!("cannot write {}: it names no file", path.display()));
        };
        let partial = path.with_file_name(format!(".{}.partial-{}", name.to_string_lossy(), std::process::id()));
        let whole = Self { partial, path: path.clone(), published: false };
        std::fs::write(&whole.partial, bytes).map_err(failed)?;
        Ok(whole)
    }

    /// Gives the file its name.
    pub fn publish(mut self) -> Result<()> {
        if !self.published {
            std::fs::rename(&self.partial, &self.path)
                .map_err(|e| anyhow!("cannot write {}: {e}", self.path.display()))?;
            self.published = true;
        }
        Ok(())
    }
}

impl Drop for WholeFile {
    fn drop(&mut self) {
        if !self.published {
            // The error that brought us here is the one to report.
            let _ = std::fs::remove_file(&self.partial);
        }
    }
}
