//! The page's zones: the claim, the text, one figure, and the word in focus. They never leave a wide screen.

use leptos::prelude::*;

use super::figure_zone::FigureZone;
use super::inspector::InspectorZone;
use super::lede::Lede;
use super::link_note::LinkNote;
use super::model_files::ModelFiles;
use super::tabs::Tabs;
use super::text_zone::{TextZone, is_stale};
use super::update_note::UpdateNote;
use crate::opener::lend_focus;
use crate::state::{Phase, State};

/// Everything below the header.
#[component]
pub fn Workspace(state: State) -> impl IntoView {
    let tokens = move || state.shown.with(|shown| shown.as_ref().map(|shown| shown.analysis.tokens.len()));
    let origin = move || state.shown.with(|shown| shown.as_ref().map(|shown| shown.origin.name()));
    let is_stale = is_stale(state);
    let has_pin = Memo::new(move |_| state.focus.with(|focus| focus.pinned.is_some()));
    lend_focus(move || state.is_model_open.get().then_some(()), ".model-files");
    view! {
        <main
            class="workspace"
            class:is-stale=move || is_stale.get()
            class:has-pin=move || has_pin.get()
            data-state=move || state.phase.get().name()
            data-analysis-tokens=tokens
            data-origin=origin
            aria-busy=move || (state.phase.get() == Phase::Loading).to_string()
        >
            <div class="claim">
                <UpdateNote />
                <LinkNote state />
                {move || state.shown.get().map(|shown| view! { <Lede shown /> })}
            </div>
            <TextZone state />
            {move || {
                state
                    .shown
                    .get()
                    .map(|shown| {
                        view! {
                            <FigureZone state shown=shown.clone() />
                            <InspectorZone state shown />
                        }
                    })
            }}
            // It needs no result: a visitor may choose a model first.
            <Show when=move || state.is_model_open.get()>
                <div class="model-zone">
                    <ModelFiles state />
                </div>
            </Show>
            <Tabs state />
        </main>
    }
}
