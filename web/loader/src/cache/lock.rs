//! One writer at a time, over all tabs and frames of this origin.

use js_sys::{Array, Function, Object, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use crate::abort::Abort;
use crate::browser;
use crate::error::Error;

/// Held until it is dropped. The browser frees it, too, when its owner ends.
pub struct Guard {
    release: Option<Function>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(release) = &self.release {
            // Resolving a promise of ours cannot fail.
            let _ = release.call0(&JsValue::NULL);
        }
    }
}

/// Waits until `name` is free. Where the browser has no locks nothing is held: writers
/// then only find files that are open elsewhere, and go on without them.
///
/// # Errors
/// [`Error::Stopped`] when the visitor stops waiting.
pub async fn hold(name: &str, abort: &Abort) -> Result<Guard, Error> {
    let none = Guard { release: None };
    let Some(locks) = browser::locks() else { return Ok(none) };
    let mut release = None;
    let held = Promise::new(&mut |resolve, _| release = Some(resolve));
    let mut grant = None;
    let granted = Promise::new(&mut |resolve, _| grant = Some(resolve));
    let guard = Guard { release };
    let callback = Closure::once_into_js(move |_lock: JsValue| -> JsValue {
        if let Some(grant) = grant {
            let _ = grant.call0(&JsValue::NULL);
        }
        held.into()
    });
    let options = Object::new();
    if let Some(signal) = abort.signal() {
        // A plain object of our own takes any property.
        let _ = Reflect::set(&options, &"signal".into(), &signal);
    }
    let Ok(request) = locks.request(name, &options, callback.unchecked_ref()) else { return Ok(none) };
    // The request itself ends with the lock's release, or at once when it is refused.
    match JsFuture::from(Promise::race(&Array::of2(&granted, &request))).await {
        Ok(_) => Ok(guard),
        Err(_) if abort.is_stopped() => Err(Error::Stopped),
        Err(_) => Ok(none),
    }
}
