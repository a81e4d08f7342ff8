//! The page inside another page: what its flags ask for, in as much room as the frame has.

use lens_session::Msg;
use std::sync::Arc;

use lens_session::embed::Embed;
use lens_session::figure::Figure;
use lens_view::focus::Cell;
use lens_view::progress::analyze_label;
use leptos::prelude::*;

use super::composer::Composer;
use super::feature_card::FeatureCard;
use super::feature_list::FeatureList;
use super::figure_zone::figure;
use super::inspector::InspectorZone;
use super::lede::Lede;
use super::link_note::LinkNote;
use super::problem::Problem;
use super::progress_bar::ProgressBar;
use super::token_strip::{TokenStrip, scroll_to};
use super::trajectory::TrajectoryFigure;
use crate::environment;
use crate::opener::lend_focus;
use crate::state::{Phase, ShownAnalysis, State};
use crate::views::Derived;

/// Everything.
#[component]
pub fn Embedded(state: State, embed: Embed) -> impl IntoView {
    let tokens = move || state.shown.with(|shown| shown.as_ref().map(|shown| shown.analysis.tokens.len()));
    let origin = move || state.shown.with(|shown| shown.as_ref().map(|shown| shown.origin.name()));
    let has_figure = embed.has_heatmap || embed.has_trajectory || embed.has_features || embed.has_input;
    // What a link pins opens no sheet over the figure; another word that the reader pins does.
    let (has_pressed, is_tapped) = (StoredValue::new(false), RwSignal::new(false));
    let pinned = Memo::new(move |_| state.focus.with(|focus| focus.pinned));
    Effect::new(move |before: Option<Option<Cell>>| {
        let now = pinned.get();
        if has_pressed.get_value() && now.is_some() && before.is_some_and(|before| before != now) {
            is_tapped.set(true);
        }
        now
    });
    // Once the sheet is there, and room to scroll below the text.
    Effect::new(move |_| {
        if let Some(cell) = pinned.get().filter(|_| is_tapped.get()) {
            request_animation_frame(move || scroll_to(cell.row));
        }
    });
    lend_focus(move || state.feature.get(), ".feature-card");
    let result = move || {
        let shown = state.shown.get()?;
        let derived = Derived::of(state, &shown);
        let chosen = state.store.model().view.of_frame(&embed).figure;
        Some(view! {
            {embed.has_tokens.then(|| view! { <TokenStrip state shown=shown.clone() derived /> })}
            {embed.has_heatmap.then(|| figure(state, &shown, derived, chosen))}
            {(embed.has_trajectory && !(embed.has_heatmap && chosen == Figure::Path)).then(|| view! { <TrajectoryFigure state shown=shown.clone() derived /> })}
            {embed.has_word.then(|| view! { <InspectorZone state shown=shown.clone() /> })}
            {embed.has_features.then(|| view! { <FeatureList state shown=shown.clone() /> })}
            <WordSheet state shown=shown.clone() is_tapped=is_tapped.into() has_word=embed.has_word />
            <FeatureCard state shown />
        })
    };
    // Nothing is fetched before this is pressed.
    let ask = move || {
        let is_empty = state.shown.with(Option::is_none) && !state.is_example_pending.get();
        let is_idle = state.phase.get() != Phase::Loading;
        let expected = state.pack.with(|pack| pack.as_ref().map_or(0, |pack| pack.bytes));
        (is_empty && is_idle && !embed.has_input).then(|| {
            view! {
                <blockquote class="embed-text" data-testid="embed-text">{move || state.text.get()}</blockquote>
                <button type="button" class="primary" data-testid="analyze" on:click=move |_| state.tell(Msg::Submit)>
                    {move || analyze_label(state.is_loaded.get(), expected)}
                </button>
            }
        })
    };
    let caption = move || state.shown.get().filter(|_| embed.has_caption);
    let has_link = embed.has_link && !state.is_one_file;
    let whole_page = move || environment::page_at(&state.address.with(|address| address.of_frame(&embed).link()));
    view! {
        <div class="embed" class:has-controls=embed.has_controls class:is-words=!has_figure data-testid="embed">
            <main
                on:pointerdown=move |_| has_pressed.set_value(true)
                on:keydown=move |_| has_pressed.set_value(true)
                data-state=move || state.phase.get().name()
                data-analysis-tokens=tokens
                data-origin=origin
                aria-busy=move || (state.phase.get() == Phase::Loading).to_string()
            >
                {embed.has_input.then(|| view! { <Composer state /> })}
                <LinkNote state />
                <ProgressBar state />
                <Problem state />
                {ask}
                {result}
            </main>
            {(embed.has_caption || has_link)
                .then(|| {
                    view! {
                        <footer class="embed-foot">
                            {move || caption().map(|shown| view! { <Lede shown is_caption=true /> })}
                            {has_link
                                .then(|| {
                                    view! {
                                        <p class="embed-link">
                                            <a href=whole_page target="_blank" rel="noopener" data-testid="embed-link">
                                                "Open in Temporal Lens"
                                            </a>
                                        </p>
                                    }
                                })}
                        </footer>
                    }
                })}
        </div>
    }
}

/// The pinned word's sheet, once a reader has pressed a word; a frame that shows the word in focus needs none.
#[component]
fn WordSheet(state: State, shown: Arc<ShownAnalysis>, is_tapped: Signal<bool>, has_word: bool) -> impl IntoView {
    let has_pin = Memo::new(move |_| state.focus.with(|focus| focus.pinned.is_some()));
    view! {
        <Show when=move || !has_word && is_tapped.get() && has_pin.get()>
            <div class="word-sheet" data-testid="word-sheet">
                <InspectorZone state shown=shown.clone() />
            </div>
        </Show>
    }
}
