//! "Copy diagnostics": what people who look into a failure ask for. Nothing of the text is in it.

use js_sys::{Function, Promise, Reflect};
use leptos::prelude::*;
use leptos::task::spawn_local;
use serde_json::{Value, json};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use crate::environment;
use crate::state::{CopiedDiagnostics, State};

/// Collects what the page knows, with the worker's answer where there is one, and copies it.
pub fn copy(state: State, worker: Option<Value>) {
    let facts = json!({
        "temporal_lens": { "version": env!("CARGO_PKG_VERSION"), "commit": environment::commit() },
        "browser": environment::window().and_then(|window| window.navigator().user_agent().ok()),
        "secure_context": environment::window().map(|window| window.is_secure_context()),
        "pack": state.pack.with_untracked(|pack| pack.as_ref().map(|pack| pack.url.clone())),
        "storage": { "stored_bytes": state.stored_bytes.get_untracked(), "note": state.storage_note.get_untracked() },
        "problem": state.problem.get_untracked(),
        "note": state.note.get_untracked(),
        "worker": worker,
    });
    let text = serde_json::to_string_pretty(&facts).unwrap_or_default();
    state.diagnostics.set(Some(CopiedDiagnostics { text: text.clone(), copied: None }));
    spawn_local(async move {
        let copied = Some(write_clipboard(&text).await.is_some());
        state.diagnostics.set(Some(CopiedDiagnostics { text, copied }));
    });
}

/// Fails where the browser has no clipboard for this page: outside secure contexts, in frames that
/// were not given it, or without a recent click.
pub async fn write_clipboard(text: &str) -> Option<()> {
    let get = |object: &JsValue, key: &str| Reflect::get(object, &JsValue::from_str(key)).ok();
    let clipboard = get(&environment::window()?.navigator(), "clipboard")?;
    let write: Function = get(&clipboard, "writeText")?.dyn_into().ok()?;
    let promise: Promise = write.call1(&clipboard, &JsValue::from_str(text)).ok()?.dyn_into().ok()?;
    JsFuture::from(promise).await.ok().map(|_| ())
}
