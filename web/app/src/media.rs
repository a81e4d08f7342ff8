//! Media queries as signals.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;

use crate::environment::window;

/// CSS pixels below which zones follow each other, as in `web/style/workspace.css`.
const NARROW: f64 = 900.0;

/// Whether the screen is so narrow now that zones follow each other.
pub fn is_narrow() -> bool {
    let width = window().and_then(|window| window.inner_width().ok()).and_then(|width| width.as_f64());
    width.is_some_and(|width| width < NARROW)
}

/// Whether a media query matches, as long as the owner lives.
pub fn matches(query: &str) -> RwSignal<bool> {
    let list = window().and_then(|window| window.match_media(query).ok().flatten());
    let does_match = RwSignal::new(list.as_ref().is_some_and(|list| list.matches()));
    if let Some(list) = list {
        let asked = list.clone();
        let on_change = Closure::<dyn FnMut()>::new(move || {
            let _ = does_match.try_set(asked.matches());
        });
        list.set_onchange(Some(on_change.as_ref().unchecked_ref()));
        let kept = StoredValue::new_local(Some((list, on_change)));
        on_cleanup(move || {
            kept.update_value(|kept| {
                if let Some((list, _)) = kept.take() {
                    list.set_onchange(None);
                }
            });
        });
    }
    does_match
}
