//! The left zone: the text with its scenes, or the box in which one types; a request's progress and failure.

use lens_view::statistics;
use leptos::prelude::*;

use super::composer::Composer;
use super::examples::LookFor;
use super::problem::Problem;
use super::progress_bar::ProgressBar;
use super::token_strip::TokenStrip;
use crate::state::{Origin, State};
use crate::views::Derived;

/// Whether what is shown is not of the text in the box.
pub fn is_stale(state: State) -> Memo<bool> {
    let is_editing = state.look(|model| &model.is_editing);
    Memo::new(move |_| {
        is_editing.track();
        state.text.track();
        state.shown.track();
        state.store.model().is_stale()
    })
}

/// Whether the text box stands on the page.
pub fn has_box(state: State) -> Memo<bool> {
    let is_editing = state.look(|model| &model.is_editing);
    Memo::new(move |_| {
        is_editing.track();
        state.shown.track();
        state.is_example_pending.track();
        state.store.model().has_box()
    })
}

/// The text, or the box for one.
#[component]
pub fn TextZone(state: State) -> impl IntoView {
    let has_box = has_box(state);
    let text = move || {
        let shown = state.shown.get().filter(|_| !has_box.get())?;
        let derived = Derived::of(state, &shown);
        let count = shown.analysis.tokens.len();
        let model = statistics::reader(&shown.analysis);
        let mark = match &shown.origin {
            // A single file has nothing that were not.
            Origin::Precomputed => (!state.is_one_file).then(|| ("precomputed-mark", "precomputed".to_owned())),
            Origin::File(name) | Origin::Link(name) => Some(("file-mark", format!("from {name}"))),
            Origin::Live(_) => None,
        };
        Some(view! {
            <TokenStrip state shown derived>
                <span class="note strip-facts">
                    <span data-testid="token-count">{format!("{count} tokens")}</span>
                    {format!(" · {model}")}
                </span>
                {mark.map(|(testid, label)| view! { <span class="badge" data-testid=testid>{label}</span> })}
            </TokenStrip>
            <LookFor state />
        })
    };
    let is_stale = is_stale(state);
    view! {
        <section class="text-zone" id="text-zone" tabindex="-1" aria-label="Text">
            <Show when=move || has_box.get()>
                <Composer state />
                <Show when=move || is_stale.get()>
                    <p class="note" role="status" data-testid="stale">
                        "The figures still show the previous text."
                    </p>
                </Show>
            </Show>
            <ProgressBar state />
            <Problem state />
            <Show when=move || has_box.get()>
                <Show when=move || state.shown.with(Option::is_none)>
                    <section class="empty-state" data-testid="empty">
                        <p>"Press Analyze to see what made each word expected, and what it added."</p>
                        <p>"Or open a saved analysis: drop its JSON file anywhere on this page."</p>
                    </section>
                </Show>
            </Show>
            {text}
        </section>
    }
}
