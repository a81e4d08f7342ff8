//! The page's address: opened as a link, kept as the visitor goes on.
//!
//! What is dragged replaces the entry of the history that its first step made; everything else makes
//! an entry of its own, so that Back undoes it. An embedded page leaves its frame's history alone.

mod current;
mod open;
pub mod record;

use std::time::Duration;

use lens_session::ViewState;
use leptos::ev;
use leptos::prelude::*;
use wasm_bindgen::JsValue;

use crate::environment::{self, now, window};
use crate::state::State;

pub use current::{current, url_of};
pub use open::show_text;

/// Camera changes that follow each other faster belong to one drag.
const DRAG_PAUSE_MS: f64 = 700.0;
/// Browsers refuse more than some hundred changes of the address in half a minute.
const REPLACE_EVERY: Duration = Duration::from_millis(250);

/// Opens the address the page was loaded with, and keeps it up to date from then on.
pub fn follow(state: State) {
    open::open(state, &environment::query());
    if state.embed.is_some() {
        return;
    }
    let link = Memo::new(move |_| current(state));
    Effect::new(move |_| {
        let link = link.get();
        if !state.address.is_opening.get_value() {
            write(state, link);
        }
    });
    let _back = window_event_listener(ev::popstate, move |_| open::open(state, &environment::query()));
}

fn write(state: State, link: ViewState) {
    let address = state.address;
    let before = address.written.get_value();
    if before == link {
        return;
    }
    let is_drag = ViewState { camera: before.camera, zoom: before.zoom, ..link.clone() } == before;
    let follows = is_drag && now() - address.last_drag_ms.get_value() < DRAG_PAUSE_MS;
    if is_drag {
        address.last_drag_ms.set_value(now());
    }
    // Whoever types needs no entry for every pause.
    let is_typing = state.quiet.get_untracked() && link.subject != before.subject;
    address.written.set_value(link.clone());
    if !follows {
        return to_history(&link, !is_typing);
    }
    if !address.is_replacing.get_value() {
        address.is_replacing.set_value(true);
        let turn = address.turn();
        set_timeout(
            move || {
                address.is_replacing.set_value(false);
                // Another entry may be open by now: it is not this drag's to change.
                if address.turn() == turn && !address.is_opening.get_value() {
                    to_history(&address.written.get_value(), false);
                }
            },
            REPLACE_EVERY,
        );
    }
}

/// Where the browser refuses, the address stays behind; the page works on.
fn to_history(link: &ViewState, is_entry: bool) {
    let Some(history) = window().and_then(|window| window.history().ok()) else { return };
    let url = url_of(link);
    let _ = if is_entry {
        history.push_state_with_url(&JsValue::NULL, "", Some(&url))
    } else {
        history.replace_state_with_url(&JsValue::NULL, "", Some(&url))
    };
}
