//! One process at a time in a folder.

use std::fs::{File, TryLockError};
use std::path::Path;

/// Held as long as this is alive, and no longer than the process.
#[derive(Debug)]
pub struct FolderLock {
    _opened: File,
}

/// What asking for a lock came to.
#[derive(Debug)]
pub enum Locked {
    /// It is ours.
    Ours(FolderLock),
    /// Another process, or another part of this one, holds it.
    Others,
    /// The system or its file system locks no folders, or there is none.
    Unknown,
}

/// Locks `folder`, without waiting. Nothing is written.
pub fn lock_folder(folder: &Path) -> Locked {
    let Ok(opened) = File::open(folder) else { return Locked::Unknown };
    match opened.try_lock() {
        Ok(()) => Locked::Ours(FolderLock { _opened: opened }),
        Err(TryLockError::WouldBlock) => Locked::Others,
        Err(TryLockError::Error(_)) => Locked::Unknown,
    }
}
