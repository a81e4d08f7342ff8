//! The browser's interfaces that web-sys has not, or only as unstable ones; and small helpers.
//!
//! Everything here may be missing in a browser: then the call is an error, never a trap.

use js_sys::{Function, Object, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{FileSystemFileHandle, FileSystemSyncAccessHandle, StorageManager};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(extends = FileSystemFileHandle)]
    type SyncFile;
    #[wasm_bindgen(method, catch, js_name = createSyncAccessHandle)]
    fn create_sync_access_handle(this: &SyncFile, options: &JsValue) -> Result<Promise, JsValue>;

    pub(crate) type Locks;
    #[wasm_bindgen(method, catch)]
    pub(crate) fn request(this: &Locks, name: &str, options: &JsValue, granted: &Function) -> Result<Promise, JsValue>;

    #[wasm_bindgen(catch, js_name = setTimeout)]
    fn set_timeout(callback: &Function, milliseconds: f64) -> Result<JsValue, JsValue>;
}

/// A property, where there is one.
pub(crate) fn get(object: &JsValue, key: &str) -> Option<JsValue> {
    let value = Reflect::get(object, &JsValue::from_str(key)).ok()?;
    (!value.is_undefined() && !value.is_null()).then_some(value)
}

fn navigator() -> Option<JsValue> {
    get(&js_sys::global(), "navigator")
}

/// `navigator.storage`; missing outside secure contexts.
pub(crate) fn storage() -> Option<StorageManager> {
    Some(get(&navigator()?, "storage")?.unchecked_into())
}

/// Whether the browser reports that there is no network.
pub(crate) fn is_offline() -> bool {
    navigator().and_then(|navigator| get(&navigator, "onLine")).is_some_and(|online| online.is_falsy())
}

/// `navigator.locks`; missing outside secure contexts.
pub(crate) fn locks() -> Option<Locks> {
    Some(get(&navigator()?, "locks")?.unchecked_into())
}

/// The origin of this worker's own address, e.g. "https://example.org".
pub(crate) fn own_origin() -> Option<String> {
    get(&get(&js_sys::global(), "location")?, "origin")?.as_string()
}

/// Opens a file for reading and writing without waiting. Several readers of one file exclude each
/// other only in browsers that do not know `mode`.
pub(crate) async fn open(file: FileSystemFileHandle, read_only: bool) -> Result<FileSystemSyncAccessHandle, JsValue> {
    let options = Object::new();
    let mode = if read_only { "read-only" } else { "readwrite" };
    Reflect::set(&options, &"mode".into(), &mode.into())?;
    let file: SyncFile = file.unchecked_into();
    Ok(JsFuture::from(file.create_sync_access_handle(&options)?).await?.unchecked_into())
}

/// Lets other events of this worker be handled for at least so long.
pub(crate) async fn pause(milliseconds: f64) {
    let promise = Promise::new(&mut |resolve, _| {
        // Without a timer there is no pause, which is all that goes wrong.
        if set_timeout(&resolve, milliseconds).is_err() {
            let _ = resolve.call0(&JsValue::NULL);
        }
    });
    let _ = JsFuture::from(promise).await;
}

/// The message of an exception.
pub(crate) fn describe(error: &JsValue) -> String {
    get(error, "message").and_then(|m| m.as_string()).unwrap_or_else(|| format!("{error:?}"))
}
