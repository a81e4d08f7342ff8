//! The page: what stands where.

use lens_session::Msg;
use leptos::ev;
use leptos::prelude::*;
use web_sys::DragEvent;

use crate::components::composer::Composer;
use crate::components::embedded::Embedded;
use crate::components::gallery::GalleryBar;
use crate::components::header::Header;
use crate::components::help::Help;
use crate::components::link_note::LinkNote;
use crate::components::model_files::ModelFiles;
use crate::components::problem::Problem;
use crate::components::progress_bar::ProgressBar;
use crate::components::result::ResultView;
use crate::components::update_note::UpdateNote;
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

    let tokens = move || state.shown.with(|shown| shown.as_ref().map(|shown| shown.analysis.tokens.len()));
    let origin = move || state.shown.with(|shown| shown.as_ref().map(|shown| shown.origin.name()));

    if let Some(embed) = state.embed {
        embedding::listen(state);
        return view! { <Embedded state embed /> }.into_any();
    }
    view! {
        <div
            class="page"
            class:is-dropping=move || dropping.get()
            on:dragover=on_drag
            on:dragleave=move |_: DragEvent| dropping.set(false)
            on:drop=on_drop
        >
            <Header state />
            <UpdateNote />
            <main
                data-state=move || state.phase.get().name()
                data-analysis-tokens=tokens
                data-origin=origin
                aria-busy=move || (state.phase.get() == crate::state::Phase::Loading).to_string()
            >
                <Composer state />
                <LinkNote state />
                <GalleryBar state />
                <ProgressBar state />
                <Problem state />
                <ResultView state />
                <ModelFiles state />
            </main>
            <footer class="footer">
                <p>
                    "Predictable codes are what a token’s past foretells, novel codes what is new in it. "
                    "The heatmap compares the predictable codes of every two tokens. "
                    <a href="https://www.neuronpedia.org/gemma-2-2b/12-temporal-res" rel="noreferrer" target="_blank">
                        "Temporal SAE on Neuronpedia"
                    </a>
                </p>
            </footer>
            <Help state />
        </div>
    }
    .into_any()
}

/// Whether a key goes into a field.
fn is_typing(event: &web_sys::KeyboardEvent) -> bool {
    use wasm_bindgen::JsCast;
    let target = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    target.is_some_and(|element| matches!(element.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT"))
}
