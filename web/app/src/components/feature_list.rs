//! The features of the pinned token, strongest first: those it added, and those that its past expected.

use std::sync::Arc;

use lens_session::Msg;
use lens_view::dashboard;
use lens_view::features::FeatureRow;
use lens_view::focus::Cell;
use lens_view::{export, feature_map, features, number, token};
use leptos::prelude::*;

use super::token_text::TokenText;
use crate::files;
use crate::state::{ShownAnalysis, State};

/// The list; hovering does not change it, pinning does.
#[component]
pub fn FeatureList(state: State, shown: Arc<ShownAnalysis>) -> impl IntoView {
    let pinned = state.word.pinned;
    let titled = shown.clone();
    let searched = shown.clone();
    let listed = shown.clone();
    let save = move |_| {
        let position = features::position(&listed.analysis, pinned.get_untracked());
        let csv = export::features_csv(&listed.analysis, position);
        files::save_text(state, &format!("temporal-lens-features-at-{position}.csv"), "text/csv", &csv);
    };
    let title = move || {
        let position = features::position(&titled.analysis, pinned.get());
        let token = titled.analysis.tokens.get(position).cloned().unwrap_or_default();
        view! {
            <span class="position">{position}</span>
            " "
            <span class="token-name">
                <TokenText token />
            </span>
        }
    };
    // Nothing is fetched for names before the visitor pins a token.
    Effect::new(move |_| {
        if state.focus.get().pinned.is_some() {
            state.tell(Msg::WantFeatureNames);
        }
    });
    let pack_hash = shown.analysis.model.pack_hash.clone();
    let list = move |rows: Vec<FeatureRow>| {
        let index = state.dashboards.get().index_of(&pack_hash);
        let item = move |row: FeatureRow| {
            let name = dashboard::name(index.as_deref(), row.feature);
            view! {
                <li data-feature=row.feature.to_string()>
                    <button
                        type="button"
                        class="quiet small feature"
                        aria-label=format!("Feature {}: what it fires on", row.feature)
                        on:click=move |_| state.choose(|view| view.feature = Some(row.feature))
                    >
                        {format!("#{}", row.feature)}
                    </button>
                    <span class="feature-bar" aria-hidden="true">
                        <span style:transform=format!("scaleX({:.4})", row.share)></span>
                    </span>
                    <span class="value">{row.value}</span>
                    {name.map(|name| view! { <span class="feature-name" title=name.note>{name.text}</span> })}
                </li>
            }
        };
        view! { <ol class="features">{rows.into_iter().map(item).collect_view()}</ol> }
    };
    let (of_novel, of_predictable) = (list.clone(), shown.clone());
    let novel = move || {
        let rows = features::rows(&shown.analysis, features::position(&shown.analysis, pinned.get()));
        if rows.is_empty() {
            return view! { <p class="empty">"This word adds no feature."</p> }.into_any();
        }
        of_novel(rows).into_any()
    };
    let predictable = move || {
        let position = features::position(&of_predictable.analysis, pinned.get());
        let rows = features::predictable_rows(&of_predictable.analysis, position);
        (!rows.is_empty()).then(|| {
            view! {
                <h3>"Expected features, by magnitude"</h3>
                <div
                    class="scroll"
                    data-testid="predictable-features"
                    tabindex="0"
                    role="region"
                    aria-label="Expected features, by magnitude"
                >
                    {list(rows)}
                </div>
            }
        })
    };
    view! {
        <section class="panel" aria-labelledby="features-title">
            <div class="panel-head">
                <h2 id="features-title">"New features at " {title}</h2>
                <button type="button" class="quiet small" data-testid="feature-list-csv" on:click=save>
                    "CSV"
                </button>
            </div>
            <FeatureSearch state shown=searched />
            <div class="scroll" data-testid="feature-list" tabindex="0" role="region" aria-label="Features, strongest first">
                {novel}
            </div>
            {predictable}
        </section>
    }
}

/// Words are looked for in labels, numbers in the text.
fn is_number(typed: &str) -> bool {
    typed.trim().trim_start_matches('#').parse::<usize>().is_ok()
}

/// Where a feature is among the strongest of a token, and whose label says what was typed.
#[component]
fn FeatureSearch(state: State, shown: Arc<ShownAnalysis>) -> impl IntoView {
    let typed = RwSignal::new(String::new());
    let labeled = shown.clone();
    let by_label = move || {
        let typed = typed.get();
        if typed.trim().is_empty() {
            return ().into_any();
        }
        let Some(index) = state.dashboards.get().index_of(&labeled.analysis.model.pack_hash) else {
            return if is_number(&typed) {
                ().into_any()
            } else {
                view! { <p class="empty">"This model’s features have no labels here; a number finds one."</p> }
                    .into_any()
            };
        };
        match dashboard::search(&index, &typed) {
            // What is wrong with a number is said below.
            Err(_) if is_number(&typed) => ().into_any(),
            Err(problem) => view! { <p class="empty">{problem.to_string()}</p> }.into_any(),
            Ok(found) => view! {
                <ul class="occurrences" data-testid="feature-labels">
                    {found
                        .into_iter()
                        .map(|(feature, label)| {
                            view! {
                                <li>
                                    <button type="button" class="quiet small" on:click=move |_| state.choose(|view| view.feature = Some(feature))>
                                        {format!("#{feature} {label}")}
                                    </button>
                                </li>
                            }
                        })
                        .collect_view()}
                </ul>
            }
            .into_any(),
        }
    };
    let answer = move || {
        let typed = typed.get();
        if !is_number(&typed) {
            return ().into_any();
        }
        let found = match feature_map::search(&shown.analysis, &typed) {
            Err(problem) => return view! { <p class="empty">{problem.to_string()}</p> }.into_any(),
            Ok(found) => found,
        };
        if found.is_empty() {
            return view! { <p class="empty">"It is among the strongest of no token here."</p> }.into_any();
        }
        let tokens = &shown.analysis.tokens;
        view! {
            <ul class="occurrences">
                {found
                    .into_iter()
                    .map(|(position, value)| {
                        let name = tokens.get(position).map(|t| token::shortened(t, 18)).unwrap_or_default();
                        let pin = move |_| state.point(|focus| focus.pinned = Some(Cell::token(position)));
                        view! {
                            <li>
                                <button type="button" class="quiet small" on:click=pin>
                                    {format!("{position} {name}")}
                                    <span class="value">{number::significant(value)}</span>
                                </button>
                            </li>
                        }
                    })
                    .collect_view()}
            </ul>
        }
        .into_any()
    };
    view! {
        <label class="field search">
            <span>"Find feature"</span>
            <input
                type="text"
                placeholder="number or label"
                data-testid="feature-search"
                on:focus=move |_| state.tell(Msg::WantFeatureNames)
                on:input=move |event| typed.set(event_target_value(&event))
            />
        </label>
        <div data-testid="feature-found" role="status">
            {by_label}
            {answer}
        </div>
    }
}
