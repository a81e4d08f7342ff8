//! Scenes in words, and why there are none.

use std::sync::Arc;

use lens_session::Msg;
use lens_view::focus::Cell;
use lens_view::number;
use lens_view::words::{self, EventRow};
use leptos::prelude::*;

use crate::state::{Origin, Phase, ShownAnalysis, State};

/// What each scene of the text is about, in words; nothing for results without them.
#[component]
pub fn ScenesInWords(state: State, shown: Arc<ShownAnalysis>) -> impl IntoView {
    let rows = words::events(&shown.analysis);
    let count = rows.len();
    (count > 0).then(|| {
        view! {
            <section class="panel" aria-labelledby="scenes-title" data-testid="words">
                <h2 id="scenes-title">
                    {if count == 1 { "This text reads as one scene".to_owned() } else { format!("{count} scenes") }}
                </h2>
                <EventList state rows />
            </section>
        }
    })
}

#[component]
fn EventList(state: State, rows: Vec<EventRow>) -> impl IntoView {
    let item = move |row: EventRow| {
        let pin = move |_| state.point(|focus| focus.pinned = Some(Cell::token(row.first)));
        view! {
            <li>
                <button type="button" class="quiet small" on:click=pin>
                    {row.tokens}
                </button>
                <span class="event-about" class:is-unclear=row.is_unclear>
                    {row.is_unclear.then_some("unclear: ")}
                    {row.about}
                </span>
                {row.expected_from.map(|text| view! { <span class="note">{text}</span> })}
                {row.expected.map(|words| view! { <span class="event-expected">{format!("expected: {words}")}</span> })}
            </li>
        }
    };
    view! {
        <ol class="event-list" data-testid="event-words">
            {rows.into_iter().map(item).collect_view()}
        </ol>
    }
}

/// Why there are no words, and how to get them.
#[component]
pub fn NoWords(state: State, shown: Arc<ShownAnalysis>) -> impl IntoView {
    let is_live = matches!(shown.origin, Origin::Live(_));
    let has_words = shown.analysis.words.is_some();
    move || {
        if !is_live || has_words {
            return ().into_any();
        }
        let bytes = state.pack.with(|pack| pack.as_ref().map_or(0, |pack| pack.words_bytes));
        if bytes == 0 {
            return view! {
                <p class="note" data-testid="no-words">
                    "This model’s files have no words. "<code>"temporal-lens words --model PACK --corpus TEXTS"</code>
                    " adds them."
                </p>
            }
            .into_any();
        }
        if state.words.get() {
            return ().into_any();
        }
        view! {
            <button
                type="button"
                class="quiet small"
                data-testid="get-words"
                disabled=move || state.phase.get() == Phase::Loading
                on:click=move |_| state.tell(Msg::Words(true))
            >
                {format!("Show it in words · {} once", number::bytes(bytes))}
            </button>
        }
        .into_any()
    }
}
