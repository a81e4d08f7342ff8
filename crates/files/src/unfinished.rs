//! Files and folders in the making. A program that is stopped by a signal runs no destructors: it removes what is listed
//! here.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

static UNFINISHED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Something in the making, listed until this is dropped.
#[derive(Debug)]
pub struct Unfinished(PathBuf);

impl Unfinished {
    /// Lists `path`.
    pub fn new(path: &Path) -> Self {
        UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned());
        Self(path.to_owned())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.0);
    }
}

/// Removes all that is listed: for a program that is about to end.
pub fn remove_unfinished() {
    let listed = UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner);
    for path in listed.iter() {
        // Another thread may be writing into a folder: what it adds meanwhile goes in the next round.
        for _ in 0..20 {
            let removed = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
            if removed.is_ok() || !path.exists() {
                break;
            }
        }
    }
}
