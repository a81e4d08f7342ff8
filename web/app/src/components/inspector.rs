//! The lower zone: the word in focus, what made it expected and what it added.

use std::sync::Arc;

use lens_session::Msg;
use lens_view::focus::{Cell, Step};
use lens_view::inspector::{AddedRow, Inspector, SourceRow};
use lens_view::number;
use leptos::html::Details;
use leptos::prelude::*;
use web_sys::KeyboardEvent;

use super::selection_panel::SelectionPanel;
use super::token_strip::scroll_to;
use super::words::NoWords;
use crate::state::{Origin, ShownAnalysis, State};
use crate::views::Derived;
use crate::walk::{Along, walk};

/// The word in focus, in three columns: itself, what made it expected, what it added.
#[component]
pub fn InspectorZone(
    state: State,
    shown: Arc<ShownAnalysis>,
    /// Whether the word's beginning may stand at the foot of a narrow page.
    #[prop(optional)]
    can_peek: Option<RwSignal<bool>>,
) -> impl IntoView {
    let pack_hash = shown.analysis.model.pack_hash.clone();
    let inspected = shown.clone();
    let layer = shown.analysis.model.layer;
    // Of a text that was just analyzed the button that gets its words is what is needed.
    let explained = shown.clone();
    let is_explained = matches!(shown.origin, Origin::Live(_)) && shown.analysis.words.is_none();
    // Cards that come meanwhile change nothing here: buttons stay, and with them the focus.
    let found = Memo::new(move |_| {
        let index = state.dashboards.get().index_of(&pack_hash);
        state.word.looked_at.get().and_then(|position| Inspector::of(&inspected.analysis, index.as_deref(), position))
    });
    let body = move || {
        match found.get() {
            Some(it) => view! { <Word state it layer explained=is_explained.then(|| explained.clone()) /> }.into_any(),
            None if is_explained => view! { <NoWords state shown=explained.clone() /> }.into_any(),
            None => view! {
                <p class="empty" data-testid="inspector-hint">"Point at a word to see what made it expected and what it added."</p>
            }
            .into_any(),
        }
    };
    // Before a word is chosen to look at first: that one is chosen by its features' names.
    state.tell(Msg::WantFeatureNames);
    let spoken = move || found.with(|it| it.as_ref().map(Inspector::spoken));
    let spans = state.look(|model| &model.view.spans);
    // Two spans are compared while no word is pointed at.
    let has_spans = Memo::new(move |_| {
        let is_pointing = state.focus.with(|focus| focus.hovered.is_some());
        !is_pointing && spans.with(|spans| !spans.spans().is_empty())
    });
    let derived = Derived::of(state, &shown);
    // What stands below waits where it will be.
    let is_waiting = move || state.dashboards.with(|dashboards| !dashboards.is_settled());
    view! {
        <section class="inspector" class:is-waiting=is_waiting aria-label="The word in focus">
            <SelectionPanel state shown=shown.clone() derived is_seen=has_spans />
            <SheetBar state count=shown.analysis.tokens.len() />
            {can_peek.map(|can_peek| view! { <PeekBar state can_peek /> })}
            // One sentence is read aloud, not every list.
            <p class="unseen" role="status" data-testid="inspector-spoken">{spoken}</p>
            <div class="inspector-word" data-testid="inspector" hidden=move || has_spans.get() on:keydown=move |event| walk_rows(&event)>
                {body}
            </div>
        </section>
    }
}

/// On narrow screens the pinned word's zone is a sheet: on to the words beside it, and away with it.
#[component]
fn SheetBar(state: State, count: usize) -> impl IntoView {
    let walk = move |step: Step| {
        state.point(|focus| {
            focus.walk_tokens(step, count);
            focus.pinned = focus.hovered.take().or(focus.pinned);
        });
        if let Some(cell) = state.focus.with_untracked(|focus| focus.pinned) {
            scroll_to(cell.row);
        }
    };
    view! {
        <div class="sheet-bar">
            <button type="button" class="quiet" data-testid="word-before" aria-label="The word before" on:click=move |_| walk(Step::Left)>
                "‹"
            </button>
            <button type="button" class="quiet" data-testid="word-after" aria-label="The next word" on:click=move |_| walk(Step::Right)>
                "›"
            </button>
            <button type="button" class="quiet" data-testid="sheet-close" on:click=move |_| state.point(|focus| focus.pinned = None)>
                "Close"
            </button>
        </div>
    }
}

/// On narrow screens the word that the page speaks of first shows its beginning at the foot: all of it, or away with it.
#[component]
fn PeekBar(state: State, can_peek: RwSignal<bool>) -> impl IntoView {
    let open = move |_| {
        if let Some(position) = state.word.looked_at.get_untracked() {
            state.point(|focus| focus.pinned = Some(Cell::token(position)));
        }
    };
    view! {
        <div class="peek-bar">
            <button type="button" class="quiet small" data-testid="peek-open" on:click=open>
                "More about it"
            </button>
            <button type="button" class="quiet small" data-testid="peek-close" on:click=move |_| can_peek.set(false)>
                "Close"
            </button>
        </div>
    }
}

#[component]
fn Word(state: State, it: Inspector, layer: usize, explained: Option<Arc<ShownAnalysis>>) -> impl IntoView {
    let place = match &it.scene {
        Some(scene) => format!("token {} · scene {}", it.position, scene.number),
        None => format!("token {}", it.position),
    };
    let shares = it.shares.map(|[expected, new]| {
        let percent = |share: f32| number::fixed(100.0 * share, 0);
        view! {
            <p class="shares" data-testid="inspector-shares">
                <span class="shares-bar" aria-hidden="true">
                    <span style:width=format!("{:.2}%", 100.0 * expected)></span>
                </span>
                {format!("{} % of its state was expected, {} % is new", percent(expected), percent(new))}
            </p>
        }
    });
    let seen_from = format!("As a fitted lens reads it from the state after layer {layer}");
    let next = it.next.map(|next| {
        view! {
            <p class="note" title=seen_from.clone()>
                "A fitted lens’s guesses for the next word: " <span data-testid="words-next">{next}</span>
            </p>
        }
    });
    let likelihood = it.likelihood.map(|likelihood| {
        view! {
            <p class="note" title=seen_from.clone()>
                "Not its chance as the very next word: that was " <span class="whole" data-testid="words-likelihood">{likelihood}</span>
            </p>
        }
    });
    let sources = it.sources.into_iter().map(|row| view! { <Source state row /> }).collect_view();
    let rest = [("the start of the text", it.from_start), ("all else", it.from_rest)];
    let rest = rest.map(|(name, share)| share.map(|share| format!("{name}: {} %", number::fixed(100.0 * share, 0))));
    let rest = rest.into_iter().flatten().collect::<Vec<_>>().join(" · ");
    let rest = (!rest.is_empty()).then(|| view! { <li class="note">{rest}</li> });
    let expected_features = it.expected_features;
    let expected = NodeRef::<Details>::new();
    // The zone may end right below what was pressed.
    let show_opened = move || {
        if let Some(details) = expected.get_untracked().filter(|details| details.open()) {
            details.scroll_into_view_with_bool(true);
        }
    };
    let has_expected = !expected_features.is_empty();
    // Without dashboards nothing is known of a feature's largest value.
    let is_compared = it.added.iter().any(|row| row.percent.is_some());
    let order = if is_compared {
        "its features, each as a share of its largest value in other texts"
    } else {
        "its features, by strength"
    };
    view! {
        <div class="inspector-name">
            <h2 data-testid="inspector-name" dir="auto" translate="no">{it.name}</h2>
            <p class="note">{place}</p>
            {shares}
            {likelihood}
            {next}
        </div>
        <div class="inspector-past">
            <h3>"What the past made expected"</h3>
            {it.no_words.filter(|_| explained.is_none()).map(|why| view! { <p class="empty">{why}</p> })}
            {explained.map(|shown| view! { <NoWords state shown /> })}
            {it
                .from_past
                .map(|words| {
                    view! {
                        <p class="in-words" data-testid="words-past">
                            {words}
                        </p>
                    }
                })}
            <h4>"because of"</h4>
            {it.no_sources.map(|why| view! { <p class="empty">{why}</p> })}
            <ol class="ranked" data-testid="words-sources">
                {sources}
                {rest}
            </ol>
        </div>
        <div class="inspector-new">
            <h3>"What this word added"</h3>
            {it
                .new_here
                .map(|words| {
                    view! {
                        <p class="in-words" data-testid="words-new">
                            {words}
                        </p>
                    }
                })}
            <h4>{order}</h4>
            <Features state rows=it.added testid="added-features" />
            {has_expected
                .then(|| {
                    view! {
                        <details node_ref=expected on:toggle=move |_| show_opened()>
                            <summary>"Expected features, by magnitude"</summary>
                            <Features state rows=expected_features testid="predictable-features" />
                        </details>
                    }
                })}
        </div>
    }
}

/// A word that the prediction was taken from; pressing it looks at that word.
#[component]
fn Source(state: State, row: SourceRow) -> impl IntoView {
    let position = row.position;
    view! {
        <li>
            <span class="ranked-name" dir="auto" translate="no">
                {row.name}
            </span>
            <span class="feature-bar" aria-hidden="true">
                <span style:transform=format!("scaleX({:.4})", row.share)></span>
            </span>
            <span class="value">{format!("{} %", number::fixed(100.0 * row.share, 0))}</span>
            <button
                type="button"
                class="quiet small ranked-go"
                tabindex="-1"
                aria-label=format!("Look at token {position}")
                on:click=move |_| state.point(|focus| focus.pinned = Some(Cell::token(position)))
            >
                {position}
            </button>
        </li>
    }
}

/// The words that it came from and its features are one stop of the Tab key; arrows walk all of them.
fn walk_rows(event: &KeyboardEvent) {
    walk(event, ".inspector-word", "button", Along::Column);
}

/// Features by name; pressing one opens its card.
#[component]
fn Features(state: State, rows: Vec<AddedRow>, testid: &'static str) -> impl IntoView {
    let row = move |(index, row): (usize, AddedRow)| {
        let feature = row.feature;
        let has_name = row.name.is_some();
        let name = match row.name {
            // No words that it is active at, but words that its direction points to.
            Some(name) if row.is_weak => format!("toward {name}"),
            Some(name) => name,
            None => "no name".to_owned(),
        };
        let spoken = format!("Feature {feature}, {name}: what it is active at");
        let hint = row.is_weak.then_some("Read out of its direction: it has no words that it is clearly active at");
        let percent = row.percent.map_or(row.value, |percent| format!("{} %", number::fixed(percent, 0)));
        view! {
            <li data-feature=feature.to_string()>
                <button
                    type="button"
                    class="quiet small feature"
                    class:is-weak=row.is_weak || !has_name
                    title=hint
                    tabindex=if index == 0 { "0" } else { "-1" }
                    aria-label=spoken
                    on:click=move |_| state.choose(|view| view.feature = Some(feature))
                >
                    {name}
                </button>
                <span class="feature-bar" aria-hidden="true">
                    <span style:transform=format!("scaleX({:.4})", row.bar)></span>
                </span>
                <span class="value">{percent}</span>
                <span class="note">{format!("#{feature}")}</span>
            </li>
        }
    };
    view! {
        <ol class="ranked ranked-features" data-testid=testid>
            {rows.into_iter().enumerate().map(row).collect_view()}
        </ol>
    }
}
