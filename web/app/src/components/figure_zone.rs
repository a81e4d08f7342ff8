//! The right zone: one figure, chosen by a tab, two on very wide screens. A feature's card lies over it.

use std::sync::Arc;

use lens_session::figure::Figure;
use leptos::prelude::*;

use super::attention::AttentionPanel;
use super::compare::ComparePanel;
use super::export_panel::ExportPanel;
use super::feature_card::FeatureCard;
use super::feature_list::FeatureList;
use super::feature_map::FeatureMapFigure;
use super::film::FilmBar;
use super::heatmap::HeatmapFigure;
use super::neuronpedia::NeuronpediaPanel;
use super::statistics::Statistics;
use super::tabs::tab_id;
use super::trajectory::TrajectoryFigure;
use super::words::ScenesInWords;
use crate::film_frames::FilmFrames;
use crate::media;
use crate::opener::lend_focus;
use crate::state::{ShownAnalysis, State};
use crate::views::Derived;

/// CSS pixels from which two figures stand side by side.
const TWO_FIGURES: &str = "(min-width: 1920px)";

/// The chosen figure, and what lies over it.
#[component]
pub fn FigureZone(state: State, shown: Arc<ShownAnalysis>) -> impl IntoView {
    let derived = Derived::of(state, &shown);
    let chosen = state.look(|model| &model.view.figure);
    let has_two = media::matches(TWO_FIGURES);
    // Beside the matrix stands the path, beside everything else the matrix.
    let beside = Memo::new(move |_| {
        has_two.get().then(|| if chosen.get() == Figure::Scenes { Figure::Path } else { Figure::Scenes })
    });
    // What opens takes the focus, so that keys and screen readers are where the eye is.
    let over = Memo::new(move |_| state.feature.get().is_some());
    lend_focus(move || state.feature.get(), ".feature-card");
    let is_covered = Memo::new(move |_| over.get() || state.is_model_open.get());
    // The figures hand out what the bar saves.
    provide_context(FilmFrames::default());
    let (first, second, filmed, carded) = (shown.clone(), shown.clone(), shown.clone(), shown);
    view! {
        <section
            class="figure-zone"
            id="figure"
            role="tabpanel"
            aria-labelledby=move || tab_id(chosen.get())
            inert=move || state.is_model_open.get()
        >
            <div class="figure-main" inert=move || over.get()>
                {move || figure(state, &first, derived, chosen.get())}
            </div>
            {move || {
                beside
                    .get()
                    .map(|it| view! { <div class="figure-main figure-beside">{figure(state, &second, derived, it)}</div> })
            }}
            // Above the figure for the eye, after it for the Tab key.
            <Show when=move || chosen.get().has_film()>
                <FilmBar state shown=filmed.clone() is_covered />
            </Show>
            <FeatureCard state shown=carded />
        </section>
    }
}

/// The figure of a tab.
pub fn figure(state: State, shown: &Arc<ShownAnalysis>, derived: Derived, figure: Figure) -> AnyView {
    let shown = shown.clone();
    match figure {
        Figure::Scenes => view! { <HeatmapFigure state shown derived /> }.into_any(),
        Figure::Path => view! { <TrajectoryFigure state shown derived /> }.into_any(),
        Figure::Features => view! {
            <FeatureMapFigure state shown=shown.clone() />
            <FeatureList state shown=shown.clone() />
            {(!state.is_one_file).then(|| view! { <NeuronpediaPanel state shown /> })}
        }
        .into_any(),
        Figure::Sources => view! { <AttentionPanel state shown /> }.into_any(),
        Figure::Compare => view! { <ComparePanel state shown /> }.into_any(),
        Figure::Numbers => view! {
            <Statistics state shown=shown.clone() derived />
            <ScenesInWords state shown />
        }
        .into_any(),
        Figure::Export => view! { <ExportPanel state shown derived /> }.into_any(),
    }
}
