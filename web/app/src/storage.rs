//! What this browser stores of models, seen from the page: how much, whether it is whole, deleting it.
//!
//! The worker reads and writes the files (web/loader). Counting, comparing and deleting need no worker.

use std::collections::HashMap;

use js_sys::{Array, Function, Promise, Reflect, Uint8Array};
use lens_session::Msg;
use lens_session::packs::StorageEstimate;
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

/// What a method that a browser may lack answers.
async fn call(object: &JsValue, method: &str, arguments: &[JsValue]) -> Option<JsValue> {
    let function: Function = get(object, method)?.dyn_into().ok()?;
    let arguments: Array = arguments.iter().collect();
    let answer: Promise = function.apply(object, &arguments).ok()?.dyn_into().ok()?;
    JsFuture::from(answer).await.ok()
}

/// `navigator.storage`; missing outside secure contexts, whatever its type says.
fn manager() -> Option<StorageManager> {
    Some(get(&environment::window()?.navigator(), "storage")?.unchecked_into())
}

/// The folder of stored files; `None` where there is none.
async fn folder() -> Option<FileSystemDirectoryHandle> {
    let storage = manager()?;
    get(&storage, "getDirectory")?;
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

async fn file(folder: &FileSystemDirectoryHandle, name: &str) -> Option<JsValue> {
    let handle: FileSystemFileHandle = JsFuture::from(folder.get_file_handle(name)).await.ok()?.unchecked_into();
    JsFuture::from(handle.get_file()).await.ok()
}

/// Bytes of every stored file, by name.
pub async fn sizes() -> HashMap<String, u64> {
    let mut sizes = HashMap::new();
    let Some(folder) = folder().await else { return sizes };
    for name in names(&folder).await {
        let size = file(&folder, &name).await.and_then(|file| get(&file, "size")?.as_f64());
        sizes.insert(name, size.unwrap_or(0.0) as u64);
    }
    sizes
}

/// Counts what is stored, for the page to show.
pub fn count(state: State) {
    spawn_local(async move {
        state.tell(Msg::Counted(sizes().await));
    });
}

/// Deletes everything that is stored; files that are in use stay.
pub fn delete(state: State) {
    spawn_local(async move {
        if let Some(folder) = folder().await {
            remove(&names(&folder).await).await;
        }
        count(state);
    });
}

/// Deletes files; one that is open elsewhere stays, and is counted again.
pub async fn remove(names: &[String]) {
    let Some(folder) = folder().await else { return };
    for name in names {
        let _ = JsFuture::from(folder.remove_entry(name)).await;
    }
}

/// The checksum of a stored file, hexadecimal; none where it is gone, or the browser computes none.
pub async fn checksum(name: &str) -> Option<String> {
    let file = file(&folder().await?, name).await?;
    digest(&call(&file, "arrayBuffer", &[]).await?).await
}

/// SHA-256 of bytes, hexadecimal.
pub async fn sha256(bytes: &[u8]) -> Option<String> {
    digest(&Uint8Array::from(bytes)).await
}

async fn digest(bytes: &JsValue) -> Option<String> {
    // Secure contexts only.
    let subtle = get(&get(&environment::window()?.into(), "crypto")?, "subtle")?;
    let sum = call(&subtle, "digest", &["SHA-256".into(), bytes.clone()]).await?;
    Some(Uint8Array::new(&sum).to_vec().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// What the browser says of its storage.
pub async fn estimate() -> Option<StorageEstimate> {
    let storage = manager()?;
    let answer = call(&storage, "estimate", &[]).await?;
    let number = |key: &str| get(&answer, key).and_then(|it| it.as_f64()).map(|it| it as u64);
    let is_persisted = call(&storage, "persisted", &[]).await.is_some_and(|it| it.is_truthy());
    Some(StorageEstimate { usage_bytes: number("usage")?, quota_bytes: number("quota")?, is_persisted })
}

/// Asks the browser not to clear what is stored when space is short; it may ask the visitor.
pub async fn persist() -> bool {
    match manager() {
        Some(storage) => call(&storage, "persist", &[]).await.is_some_and(|it| it.is_truthy()),
        None => false,
    }
}
