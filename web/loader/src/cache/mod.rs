//! Files by content hash in the origin's private file system.
//!
//! A file's name is the sha256 that its pack's manifest gives; a shorter file is a
//! download that goes on where it stopped. Readers open files for reading only and do not wait for each
//! other; a writer holds a lock of the file's name. A reader compares the checksum.
//!
//! | file | what it is |
//! |---|---|
//! | `mod.rs` | the stored files: reading, writing, deleting, and how much they take |
//! | `lock` | one writer at a time, over all tabs and frames of the origin |
//! | `place` | where a file's bytes are while they arrive |

mod lock;
mod place;

use std::cell::Cell;

use js_sys::AsyncIterator;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    FileSystemDirectoryHandle, FileSystemFileHandle, FileSystemGetDirectoryOptions, FileSystemGetFileOptions,
};

use crate::abort::Abort;
use crate::browser;
use crate::error::{Error, NoStorage};
pub use lock::Guard;
pub use place::{OpenFile, Place};

/// A file that another tab has open is tried again this often,
const OPEN_TRIES: usize = 5;
/// each time after so many milliseconds.
const OPEN_PAUSE_MS: f64 = 60.0;

/// The folder of all stored files.
pub struct Cache {
    folder: FileSystemDirectoryHandle,
    /// Storage is full: nothing new is stored in this visit.
    full: Cell<bool>,
}

impl Cache {
    /// Opens the folder `name`.
    ///
    /// # Errors
    /// [`NoStorage`] where this browser stores no files for the page.
    pub async fn open(name: &str) -> Result<Self, NoStorage> {
        let none = |problem: &str| NoStorage(problem.to_owned());
        let storage = browser::storage().ok_or_else(|| none("no storage; a private window?"))?;
        browser::get(&storage, "getDirectory").ok_or_else(|| none("no private file system"))?;
        let failed = |e: JsValue| NoStorage(browser::describe(&e));
        let root: FileSystemDirectoryHandle =
            JsFuture::from(storage.get_directory()).await.map_err(failed)?.unchecked_into();
        let options = FileSystemGetDirectoryOptions::new();
        options.set_create(true);
        let folder = JsFuture::from(root.get_directory_handle_with_options(name, &options)).await.map_err(failed)?;
        Ok(Self { folder: folder.unchecked_into(), full: Cell::new(false) })
    }

    /// Storage is full: stores nothing new from here on.
    pub fn set_full(&self) {
        self.full.set(true);
    }

    /// The lock of a file's writers.
    ///
    /// # Errors
    /// [`Error::Stopped`].
    pub async fn lock(&self, name: &str, abort: &Abort) -> Result<Guard, Error> {
        lock::hold(&format!("temporal-lens {name}"), abort).await
    }

    async fn handle(&self, name: &str, create: bool) -> Option<FileSystemFileHandle> {
        let options = FileSystemGetFileOptions::new();
        options.set_create(create);
        let promise = self.folder.get_file_handle_with_options(name, &options);
        Some(JsFuture::from(promise).await.ok()?.unchecked_into())
    }

    /// Length of a file; `None` where there is none. A writer may be at work on it.
    pub async fn bytes(&self, name: &str) -> Option<u64> {
        let handle = self.handle(name, false).await?;
        let file = JsFuture::from(handle.get_file()).await.ok()?;
        browser::get(&file, "size")?.as_f64().map(|size| size as u64)
    }

    async fn try_open(&self, handle: FileSystemFileHandle, read_only: bool) -> Option<OpenFile> {
        for attempt in 0..OPEN_TRIES {
            if attempt > 0 {
                browser::pause(OPEN_PAUSE_MS).await;
            }
            if let Ok(opened) = browser::open(handle.clone(), read_only).await {
                return Some(OpenFile::new(opened));
            }
        }
        None
    }

    /// Opens a file for reading; `None` where there is none, or a writer has it.
    pub async fn read(&self, name: &str) -> Option<OpenFile> {
        self.try_open(self.handle(name, false).await?, true).await
    }

    /// Opens a file for writing, a new one too; `None` where storage is full or it is open elsewhere.
    /// The caller holds its lock.
    pub async fn write(&self, name: &str) -> Option<OpenFile> {
        if self.full.get() {
            return None;
        }
        self.try_open(self.handle(name, true).await?, false).await
    }

    /// Removes a file; one that is open stays.
    pub async fn remove(&self, name: &str) {
        // Nothing depends on it: content is compared whenever it is read.
        let _ = JsFuture::from(self.folder.remove_entry(name)).await;
    }

    /// Names of all files.
    pub async fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        let keys: AsyncIterator = self.folder.keys();
        while let Ok(promise) = keys.next() {
            let Ok(step) = JsFuture::from(promise).await else { break };
            match browser::get(&step, "value").and_then(|name| name.as_string()) {
                Some(name) => names.push(name),
                None => break,
            }
        }
        names
    }

    /// The whole of a small file.
    pub async fn read_all(&self, name: &str) -> Option<Vec<u8>> {
        let file = self.read(name).await?;
        let mut content = vec![0; usize::try_from(file.bytes()).ok()?];
        file.read(0, &mut content).then_some(content)
    }

    /// Puts `content` in place of a small file.
    pub async fn write_all(&self, name: &str, content: &[u8], abort: &Abort) -> Result<(), Error> {
        let _guard = self.lock(name, abort).await?;
        if let Some(file) = self.write(name).await {
            let stored = file.truncate(0).and_then(|()| file.write(0, &js_sys::Uint8Array::from(content)));
            if stored.is_err() {
                self.set_full();
            }
        }
        Ok(())
    }

    /// Adds `content` to the end of a file of records of `record_bytes` bytes; a record that was cut
    /// short before gives way.
    pub async fn append(&self, name: &str, content: &[u8], record_bytes: u64, abort: &Abort) -> Result<(), Error> {
        let _guard = self.lock(name, abort).await?;
        if let Some(file) = self.write(name).await {
            let end = file.bytes() / record_bytes * record_bytes;
            if file.write(end, &js_sys::Uint8Array::from(content)).is_err() {
                // What was written of it is damaged content, which readers leave out.
                let _ = file.truncate(end);
                self.set_full();
            }
        }
        Ok(())
    }
}
