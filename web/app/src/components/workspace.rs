//! The page's zones: the claim, the text, one figure, and the word in focus. They never leave a wide screen.

use leptos::prelude::*;

use super::examples::awaited_example;
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
    let awaited = awaited_example(state);
    let has_pin = Memo::new(move |_| state.focus.with(|focus| focus.pinned.is_some()));
    // On a narrow screen the word that the page speaks of first would stand below it.
    let can_peek = RwSignal::new(true);
    Effect::new(move |_| {
        if has_pin.get() {
            can_peek.set(false);
        }
    });
    let has_words = move || state.shown.with(|it| it.as_ref().is_some_and(|it| it.analysis.words.is_some()));
    let has_peek = Memo::new(move |_| {
        // While that word is being chosen its zone is where it will be: what stands below must not move.
        let has_word = || !state.dashboards.with(|it| it.is_settled()) || state.word.looked_at.with(Option::is_some);
        can_peek.get() && has_words() && !has_pin.get() && has_word()
    });
    lend_focus(move || state.is_model_open.get().then_some(()), ".model-files");
    view! {
        <main
            class="workspace"
            class:is-stale=move || is_stale.get()
            class:is-awaiting=move || awaited.with(Option::is_some)
            class:has-pin=move || has_pin.get()
            class:has-peek=move || has_peek.get()
            data-state=move || state.phase.get().name()
            data-analysis-tokens=tokens
            data-origin=origin
            aria-busy=move || (state.phase.get() == Phase::Loading || awaited.with(Option::is_some)).to_string()
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
                            <InspectorZone state shown can_peek />
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
