//! A clock that only goes forward.

use wasm_bindgen::JsCast;

/// Milliseconds since this worker began.
pub fn now_ms() -> f64 {
    let scope: web_sys::WorkerGlobalScope = js_sys::global().unchecked_into();
    scope.performance().map_or(0.0, |p| p.now())
}
