//! The page: what stands where.

use lens_session::Msg;
use leptos::ev;
use leptos::prelude::*;
use web_sys::DragEvent;

use crate::components::cite::Cite;
use crate::components::embedded::Embedded;
use crate::components::header::Header;
use crate::components::help::Help;
use crate::components::workspace::Workspace;
use crate::opener::focus_now;
use crate::state::State;
use crate::{embedding, environment, files, storage};

/// Everything.
#[component]
pub fn App() -> impl IntoView {
    let state = State::new();
    state.tell(environment::url_changed());
    if state.embed.is_none() {
        let _back = window_event_listener(ev::popstate, move |_| state.tell(environment::url_changed()));
    }
    storage::count(state);
    Effect::new(move |_| environment::apply_theme(state.theme.get()));

    let _esc = window_event_listener(ev::keydown, move |event| match event.key().as_str() {
        // An input method's own: it drops what is being composed.
        "Escape" if event.is_composing() => {}
        // Pressed in a text field: it is left to the field.
        "Escape" if is_typing(&event) => {}
        "Escape" if state.is_model_open.get_untracked() => state.is_model_open.set(false),
        "Escape" => state.tell(Msg::Escape),
        "?" if !is_typing(&event) => state.is_help_open.set(true),
        _ => {}
    });

    // A saved result may be dropped anywhere on the page.
    let dropping = RwSignal::new(false);
    let on_drag = move |event: DragEvent| {
        event.prevent_default();
        dropping.set(true);
    };
    let on_drop = move |event: DragEvent| {
        event.prevent_default();
        dropping.set(false);
        if let Some(file) = event.data_transfer().and_then(|data| data.files()).and_then(|files| files.get(0)) {
            files::open(state, file);
        }
    };

    if let Some(embed) = state.embed {
        embedding::listen(state);
        return view! { <Embedded state embed /> }.into_any();
    }
    if state.is_one_file {
        embedding::follow_theme(state);
    }
    view! {
        <div
            class="page"
            class:is-dropping=move || dropping.get()
            on:dragover=on_drag
            on:dragleave=move |_: DragEvent| dropping.set(false)
            on:drop=on_drop
        >
            // Its fragment would be another address, which the page would open again.
            <a
                class="skip-link"
                href="#text-zone"
                on:click=move |event| {
                    event.prevent_default();
                    focus_now("#text-zone");
                }
            >
                "Skip to the text"
            </a>
            <Header state />
            <Workspace state />
            <Help state />
            <Cite state />
        </div>
    }
    .into_any()
}

/// Whether a key goes into a text.
fn is_typing(event: &web_sys::KeyboardEvent) -> bool {
    use wasm_bindgen::JsCast;
    const TEXTS: &str = "textarea, input:not([type=range], [type=checkbox], [type=radio], [type=file], [type=button])";
    let target = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    target.is_some_and(|element| element.matches(TEXTS).unwrap_or(false))
}
