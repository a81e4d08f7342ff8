//! What this browser keeps of models, seen from the page: how much, and deleting it.
//!
//! The worker reads and writes the files (web/loader). Counting and deleting need no worker.

use js_sys::Reflect;
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{FileSystemDirectoryHandle, FileSystemFileHandle, StorageManager};

use crate::environment;
use crate::state::State;

fn get(object: &JsValue, key: &str) -> Option<JsValue> {
    let value = Reflect::get(object, &JsValue::from_str(key)).ok()?;
    (!value.is_undefined() && !value.is_null()).then_some(value)
}

/// The folder of kept files; `None` where there is none.
async fn folder() -> Option<FileSystemDirectoryHandle> {
    let navigator = environment::window()?.navigator();
    // Missing outside secure contexts, whatever its type says.
    let storage = get(&navigator, "storage")?;
    get(&storage, "getDirectory")?;
    let storage: StorageManager = storage.unchecked_into();
    let root: FileSystemDirectoryHandle = JsFuture::from(storage.get_directory()).await.ok()?.unchecked_into();
    let folder = JsFuture::from(root.get_directory_handle(lens_protocol::STORAGE_FOLDER)).await.ok()?;
    Some(folder.unchecked_into())
}

async fn names(folder: &FileSystemDirectoryHandle) -> Vec<String> {
    let mut names = Vec::new();
    let keys = folder.keys();
    while let Ok(promise) = keys.next() {
        let Ok(step) = JsFuture::from(promise).await else { break };
        match get(&step, "value").and_then(|name| name.as_string()) {
            Some(name) => names.push(name),
            None => break,
        }
    }
    names
}

async fn kept_bytes() -> u64 {
    let Some(folder) = folder().await else { return 0 };
    let mut total = 0.0;
    for name in names(&folder).await {
        let Ok(handle) = JsFuture::from(folder.get_file_handle(&name)).await else { continue };
        let handle: FileSystemFileHandle = handle.unchecked_into();
        if let Ok(file) = JsFuture::from(handle.get_file()).await {
            total += get(&file, "size").and_then(|size| size.as_f64()).unwrap_or(0.0);
        }
    }
    total as u64
}

/// Counts what is kept, for the page to show.
pub fn count(state: State) {
    spawn_local(async move { state.kept.set(Some(kept_bytes().await)) });
}

/// Deletes what is kept; files that are in use stay.
pub fn delete(state: State) {
    if let Some(pack) = state.pack.get_value() {
        environment::remember_loaded(&pack.url, false);
    }
    spawn_local(async move {
        if let Some(folder) = folder().await {
            for name in names(&folder).await {
                // One that is open elsewhere stays, and is counted below.
                let _ = JsFuture::from(folder.remove_entry(&name)).await;
            }
        }
        state.kept.set(Some(kept_bytes().await));
    });
}
