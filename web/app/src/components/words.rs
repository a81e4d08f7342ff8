//! The text in words: what the past foretold at the focused token, what it added, and what each event is about.

use std::sync::Arc;

use lens_session::Msg;
use lens_view::focus::Cell;
use lens_view::number;
use lens_view::token;
use lens_view::words::{self, EventRow, TokenLines};
use leptos::prelude::*;

use crate::state::{Origin, Phase, ShownAnalysis, State};

/// The panel below the strip.
#[component]
pub fn WordsPanel(state: State, shown: Arc<ShownAnalysis>) -> impl IntoView {
    if shown.analysis.words.is_none() {
        return view! { <NoWords state shown /> }.into_any();
    }
    let rows = words::events(&shown.analysis);
    let count = rows.len();
    let lines = move || {
        let position = state.focus.get().focused().map(|cell| cell.row);
        let Some(position) = position.filter(|position| *position > 0) else {
            return view! { <p class="empty">"Point at a word: what the past foretold there, and what it added."</p> }
                .into_any();
        };
        let name = shown.analysis.tokens.get(position).map(|t| token::shortened(t, 24)).unwrap_or_default();
        match words::of_token(&shown.analysis, position) {
            Some(lines) => view! { <Lines name lines layer=shown.analysis.model.layer /> }.into_any(),
            None => ().into_any(),
        }
    };
    view! {
        <section class="panel words" aria-label="In words" data-testid="words">
            <div class="words-token" data-testid="words-token" role="status" tabindex="0" aria-label="The word in focus">
                {lines}
            </div>
            <h3>{if count == 1 { "This text reads as one event".to_owned() } else { format!("{count} events") }}</h3>
            <EventList state rows />
        </section>
    }
    .into_any()
}

#[component]
fn Lines(name: String, lines: TokenLines, layer: usize) -> impl IntoView {
    let line = |title: String, text: Option<String>, none: &'static str, testid: &'static str| {
        let is_none = text.is_none();
        view! {
            <div>
                <dt>{title}</dt>
                <dd data-testid=testid class:empty=is_none>{text.unwrap_or_else(|| none.to_owned())}</dd>
            </div>
        }
    };
    let next = lines.next.map(|next| line(format!("Next, seen from layer {layer}"), Some(next), "", "words-next"));
    let surprise = lines
        .surprise
        .map(|surprise| line(format!("Surprise, seen from layer {layer}"), Some(surprise), "", "words-surprise"));
    view! {
        <dl class="words-lines">
            <div>
                <dt>"At"</dt>
                <dd class="token-name">{name}</dd>
            </div>
            {line("From the past".to_owned(), lines.from_past, "nothing yet", "words-past")}
            {lines.sources.map(|sources| line("Taken from".to_owned(), Some(sources), "", "words-sources"))}
            {line("New here".to_owned(), lines.new_here, "nothing", "words-new")}
            {next}
            {surprise}
        </dl>
    }
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
fn NoWords(state: State, shown: Arc<ShownAnalysis>) -> impl IntoView {
    let is_live = matches!(shown.origin, Origin::Live(_));
    move || {
        if !is_live {
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

/// The names of the events, below a figure that draws them.
#[component]
pub fn EventNames(state: State, shown: Arc<ShownAnalysis>) -> impl IntoView {
    let names: Vec<(usize, String)> = shown
        .analysis
        .events
        .iter()
        .flatten()
        .filter_map(|event| Some((event.first, words::event_name(&shown.analysis, event.first)?)))
        .collect();
    let has_events = state.look(|model| &model.view.has_events);
    move || {
        // In a frame the figure has just its own space.
        (state.embed.is_none() && has_events.get() && names.len() > 1).then(|| {
            let item = |(first, name): &(usize, String)| view! { <li>{format!("from {first}: {name}")}</li> };
            view! {
                <ol class="event-names" data-testid="event-names">
                    {names.iter().map(item).collect_view()}
                </ol>
            }
        })
    }
}
