//! Everything about the shown analysis: strip, heatmap, numbers.

use std::sync::Arc;

use lens_view::neighbors;
use leptos::prelude::*;

use super::attention::AttentionPanel;
use super::compare::ComparePanel;
use super::feature_card::FeatureCard;
use super::feature_list::FeatureList;
use super::feature_map::FeatureMapFigure;
use super::heatmap::HeatmapFigure;
use super::neuronpedia::NeuronpediaPanel;
use super::selection_panel::SelectionPanel;
use super::similarity_table::SimilarityTable;
use super::statistics::Statistics;
use super::token_strip::TokenStrip;
use super::trajectory::TrajectoryFigure;
use super::words::WordsPanel;
use crate::files;
use crate::state::{Origin, ShownAnalysis, State};
use crate::views::Derived;

/// The result, or what to expect where there is none yet.
#[component]
pub fn ResultView(state: State) -> impl IntoView {
    move || match state.shown.get() {
        Some(shown) => view! { <ResultBody state shown /> }.into_any(),
        None if state.is_example_pending.get() => ().into_any(),
        None => view! {
            <section class="empty-state" data-testid="empty">
                <p>"Press Analyze to see how the predictable codes of your text’s tokens compare."</p>
                <p>"Or open a saved result: drop its JSON file anywhere on this page."</p>
            </section>
        }
        .into_any(),
    }
}

#[component]
fn ResultBody(state: State, shown: Arc<ShownAnalysis>) -> impl IntoView {
    let count = shown.analysis.tokens.len();
    let derived = Derived::of(state, &shown);
    let listed = shown.clone();
    let mark = match &shown.origin {
        Origin::Precomputed => Some(
            view! {
                <span class="badge" data-testid="precomputed-mark">"precomputed"</span>
            }
            .into_any(),
        ),
        Origin::File(name) | Origin::Link(name) => Some(
            view! {
                <span class="badge" data-testid="file-mark">{format!("from {name}")}</span>
            }
            .into_any(),
        ),
        Origin::Live(_) => None,
    };
    view! {
        <section class="result" aria-label="Result">
            <div class="result-head">
                <h2>{format!("{count} tokens")}</h2>
                {mark}
                <button
                    type="button"
                    class="quiet"
                    data-testid="download-json"
                    on:click=move |_| files::download(state)
                >
                    "Download JSON"
                </button>
            </div>
            <TokenStrip state shown=shown.clone() derived />
            <WordsPanel state shown=shown.clone() />
            <div class="columns">
                <div class="column-main">
                    <div class="pair">
                        <div>
                            <HeatmapFigure state shown=shown.clone() derived />
                            <SimilarityTable
                                label="The heatmap as a table"
                                testid="similarity-table"
                                rows=move || neighbors::rows(&listed.analysis)
                            />
                        </div>
                        <div>
                            <TrajectoryFigure state shown=shown.clone() derived />
                        </div>
                    </div>
                    <div class="pair">
                        <div>
                            <FeatureMapFigure state shown=shown.clone() />
                        </div>
                        <div>
                            <AttentionPanel state shown=shown.clone() />
                        </div>
                    </div>
                    <ComparePanel state shown=shown.clone() />
                </div>
                <div class="column-side">
                    <SelectionPanel state shown=shown.clone() derived />
                    <FeatureList state shown=shown.clone() />
                    <FeatureCard state shown=shown.clone() />
                    <NeuronpediaPanel state shown=shown.clone() />
                    <Statistics state shown derived />
                </div>
            </div>
        </section>
    }
}
