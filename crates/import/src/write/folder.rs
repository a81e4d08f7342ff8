//! The output folder: replaced whole or not at all.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use lens_files::{Locked, Unfinished, lock_folder};
use lens_pack::manifest::MANIFEST_FILE;
use lens_pack::outline::named_files;

use super::leftover::is_leftover;
use crate::error::{Error, Result};

/// A folder in the making, beside the one it will become. Dropped unpublished, it is removed.
#[derive(Debug)]
pub struct OutFolder {
    partial: PathBuf,
    /// Where a folder that is replaced waits until the new one is in its place.
    old: PathBuf,
    out: PathBuf,
    published: bool,
    _listed: Unfinished,
    /// Held while the folder is in the making, so that others know a leftover from it.
    _lock: Locked,
}

fn io(action: &'static str, path: &Path) -> impl Fn(std::io::Error) -> Error {
    move |source| Error::Io { action, path: path.to_owned(), source }
}

impl OutFolder {
    /// Checks that `out` may be written (new, empty, or a pack) and makes a folder beside it.
    ///
    /// # Errors
    /// [`Error::Mismatch`] when something else is at `out`, [`Error::Io`] otherwise.
    pub fn create(out: &Path) -> Result<Self> {
        if out.as_os_str().is_empty() {
            return Err(Error::Mismatch("the output folder has no name".to_owned()));
        }
        if out.is_symlink() && !out.exists() {
            return Err(Error::Mismatch(format!("{} is a link to a folder that is not there", out.display())));
        }
        // A link is followed: what it points to is replaced, not the link.
        let out = if out.exists() {
            check_replaceable(out)?;
            out.canonicalize().map_err(io("open", out))?
        } else {
            std::path::absolute(out).map_err(io("create", out))?
        };
        let (Some(parent), Some(name)) = (out.parent(), out.file_name()) else {
            return Err(Error::Mismatch(format!("{} is not a folder that can be replaced", out.display())));
        };
        std::fs::create_dir_all(parent).map_err(io("create", parent))?;
        remove_leftovers(parent, &name.to_string_lossy(), &out);
        let beside = |kind| parent.join(format!(".{}.{kind}-{}", name.to_string_lossy(), std::process::id()));
        let (partial, old) = (beside("partial"), beside("old"));
        // Listed first: a signal may come at any time.
        let listed = Unfinished::new(&partial);
        std::fs::create_dir(&partial).map_err(io("create", &partial))?;
        let lock = lock_folder(&partial);
        Ok(Self { partial, old, out, published: false, _listed: listed, _lock: lock })
    }

    /// Where to write.
    pub fn path(&self) -> &Path {
        &self.partial
    }

    /// Puts the folder in its place.
    ///
    /// # Errors
    /// [`Error::Io`]; what was there before is there again.
    pub fn publish(mut self) -> Result<()> {
        let had_old = self.out.exists();
        if had_old {
            std::fs::rename(&self.out, &self.old).map_err(|source| match source.kind() {
                ErrorKind::ResourceBusy => Error::Mismatch(format!(
                    "{} is a mount point, which cannot be replaced; name a folder in it",
                    self.out.display()
                )),
                _ => io("replace", &self.out)(source),
            })?;
        }
        if let Err(source) = std::fs::rename(&self.partial, &self.out) {
            if had_old {
                std::fs::rename(&self.old, &self.out).map_err(io("restore", &self.out))?;
            }
            return Err(io("create", &self.out)(source));
        }
        self.published = true;
        // Its files were synchronized one by one; this makes its name durable.
        lens_files::sync_folder(self.out.parent().unwrap_or(&self.out))?;
        if had_old {
            std::fs::remove_dir_all(&self.old).map_err(io("remove", &self.old))?;
        }
        Ok(())
    }
}

/// Removes what runs left beside `out` that were killed while they wrote it; a pack that one of them had put aside is put
/// back where nothing took its place. Folders that a running process holds stay, and what cannot be removed is no hindrance.
fn remove_leftovers(parent: &Path, name: &str, out: &Path) {
    let (partial, old) = (format!(".{name}.partial-"), format!(".{name}.old-"));
    let is_process = |id: &str| !id.is_empty() && id.bytes().all(|digit| digit.is_ascii_digit());
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        let entry_name = entry.file_name().to_string_lossy().into_owned();
        let rest = |start: &str| entry_name.strip_prefix(start).is_some_and(is_process);
        let path = entry.path();
        if !path.is_dir() || path.is_symlink() || !matches!(lock_folder(&path), Locked::Ours(_)) {
            continue;
        }
        if rest(&old) && !out.exists() {
            let _ = std::fs::rename(&path, out);
        } else if rest(&partial) || rest(&old) {
            let _ = std::fs::remove_dir_all(&path);
        }
    }
}

impl Drop for OutFolder {
    fn drop(&mut self) {
        if !self.published {
            // The error that led here is the one to report; a leftover is recognized by its name.
            let _ = std::fs::remove_dir_all(&self.partial);
        }
    }
}

/// Fails unless `out` is an empty folder or holds a pack and nothing else.
fn check_replaceable(out: &Path) -> Result<()> {
    let refuse = |why: String| {
        Err(Error::Mismatch(format!("{} {why}; only a pack or an empty folder is replaced", out.display())))
    };
    if !out.is_dir() {
        return refuse("is a file".to_owned());
    }
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(out).map_err(io("read", out))? {
        names.insert(entry.map_err(io("read", out))?.file_name().to_string_lossy().into_owned());
    }
    if names.is_empty() {
        return Ok(());
    }
    let Some(named) = std::fs::read(out.join(MANIFEST_FILE)).ok().and_then(|json| named_files(&json)) else {
        return refuse("holds other files and no pack".to_owned());
    };
    names.retain(|name| name != MANIFEST_FILE && !named.contains(name) && !is_leftover(name));
    match names.first() {
        Some(name) => refuse(format!("holds {name}, which is not part of the pack there")),
        None => Ok(()),
    }
}
