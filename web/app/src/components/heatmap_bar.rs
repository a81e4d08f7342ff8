//! The heatmap's choices, zoom buttons and files.

use std::sync::Arc;

use lens_analysis::cluster::CUT;
use lens_analysis::events;
use lens_analysis::similarity::{Mode, Source};
use lens_view::export;
use lens_view::film::{self, Reading};
use lens_view::heatmap::{HeatmapLayout, Scale};
use lens_view::layout::AvailableSpace;
use lens_view::{scene, statistics};
use leptos::prelude::*;
use wasm_bindgen::JsValue;
use web_sys::HtmlCanvasElement;

use super::heatmap_stage::{HeatmapStage, ZOOM_STEP};
use super::picker::{Picker, Toggle};
use super::save_figure::SaveFigure;
use crate::environment::document;
use crate::part::Part;
use crate::state::{ShownAnalysis, State};
use crate::views::Derived;
use crate::{canvas, files, heatmap_canvas, saved};

/// Space of a frame of the film.
const SAVED_SPACE: AvailableSpace = AvailableSpace { width: 900.0, max_height: 860.0, pixel_ratio: 2.0 };

/// Two rows: what is drawn, and what can be done with it.
#[component]
pub fn HeatmapBar(state: State, shown: Arc<ShownAnalysis>, derived: Derived, stage: HeatmapStage) -> impl IntoView {
    let source = Part::new(state, state.look(|model| &model.view.source), |view, source| view.source = source);
    let mode = Part::new(state, state.look(|model| &model.view.mode), |view, mode| view.mode = mode);
    let scale = Part::new(state, state.look(|model| &model.view.scale), |view, scale| view.scale = scale);
    let has_events = Part::new(state, state.look(|model| &model.view.has_events), |view, on| view.has_events = on);
    let is_ordered = Part::new(state, state.look(|model| &model.view.is_ordered), |view, on| view.is_ordered = on);
    let zoom = move |factor: f64| {
        stage.look(|viewport| viewport.zoomed(factor, 0.5, 0.5));
    };
    let tree_of = shown.clone();
    let save_tree = move |_| {
        if let (Some(it), Ok(matrix)) = (derived.clustering.get_untracked(), derived.matrix.get_untracked()) {
            let json = export::dendrogram_json(&tree_of.analysis, &it.tree, matrix.first, CUT);
            files::save_text(state, "temporal-lens-dendrogram.json", "application/json", &json);
        }
    };
    let drawn = shown.clone();
    let save_tree_svg = move |_| {
        if let Some((svg, name)) = saved::tree(state, &drawn, derived) {
            files::save_text(state, &name, "image/svg+xml", &svg);
        }
    };
    let begun = shown.clone();
    let save_events = move |_| match events::boundaries(&begun.analysis) {
        Ok(found) => {
            let csv = export::events_csv(&begun.analysis, &found);
            files::save_text(state, "temporal-lens-events.csv", "text/csv", &csv);
        }
        Err(why) => state.report(format!("The scenes are not written: {why}.")),
    };
    let figure = saved::matrix(state, &shown, derived);
    view! {
        <div class="toolbar" role="group" aria-label="What the heatmap shows">
            <Picker<Source> label="Part" testid="source" chosen=source.signal() choose=source.chooser() />
            <Picker<Mode> label="First token" testid="mode" chosen=mode.signal() choose=mode.chooser() />
            <Picker<Scale> label="Colors" testid="scale" chosen=scale.signal() choose=scale.chooser() />
            <Toggle
                label="Scene lines"
                testid="events"
                is_on=has_events.signal()
                turn=has_events.chooser()
                is_disabled=Signal::derive(move || is_ordered.get())
            />
            <Toggle label="Group similar words" testid="dendrogram" is_on=is_ordered.signal() turn=is_ordered.chooser() />
        </div>
        <div class="toolbar" role="group" aria-label="Zoom and save">
            <button
                type="button"
                class="small"
                data-testid="zoom-in"
                aria-label="Zoom in"
                disabled=move || stage.viewport.get().is_closest()
                on:click=move |_| zoom(ZOOM_STEP)
            >
                "+"
            </button>
            <button
                type="button"
                class="small"
                data-testid="zoom-out"
                aria-label="Zoom out"
                disabled=move || stage.viewport.get().is_whole()
                on:click=move |_| zoom(1.0 / ZOOM_STEP)
            >
                "−"
            </button>
            <button
                type="button"
                class="small"
                data-testid="zoom-reset"
                disabled=move || stage.viewport.get().is_whole()
                on:click=move |_| zoom(f64::INFINITY)
            >
                "Whole matrix"
            </button>
            <button type="button" class="small" data-testid="full-screen" on:click=move |_| full_screen(stage)>
                "Full screen"
            </button>
            <span class="end">
                <SaveFigure state testid="heatmap" saved=figure />
                <Show when=move || has_events.get()>
                    <button type="button" class="quiet small" data-testid="events-csv" on:click=save_events.clone()>
                        "Scenes CSV"
                    </button>
                </Show>
                <Show when=move || is_ordered.get()>
                    <button type="button" class="quiet small" data-testid="dendrogram-svg" on:click=save_tree_svg.clone()>
                        "Tree SVG"
                    </button>
                    <button type="button" class="quiet small" data-testid="dendrogram-json" on:click=save_tree.clone()>
                        "Tree JSON"
                    </button>
                </Show>
            </span>
        </div>
    }
}

/// Into the full screen and out of it; a browser that refuses stays as it is.
fn full_screen(stage: HeatmapStage) {
    let Some(document) = document() else { return };
    if document.fullscreen_element().is_some() {
        document.exit_fullscreen();
    } else if let Some(figure) = stage.figure.get_untracked() {
        let _ = figure.request_fullscreen();
    }
}

/// A frame of the film: the shown part of the figure at twice the size, with the words read last for a title, model and
/// pack.
///
/// # Errors
/// The browser's.
pub fn drawn(
    state: State,
    shown: &ShownAnalysis,
    derived: Derived,
    stage: HeatmapStage,
    reading: Reading,
) -> Result<HtmlCanvasElement, JsValue> {
    let clustering = derived.clustering.get_untracked();
    let boundaries = untrack(|| derived.event_starts());
    let scenes = if boundaries.is_empty() { Vec::new() } else { scene::all(&shown.analysis) };
    stage.raster.with_value(|raster| {
        let (heatmap, raster) = raster.as_ref().ok_or(JsValue::NULL)?;
        let label_room = SAVED_SPACE.label_columns();
        let columns = heatmap.label_columns(label_room);
        let viewport = stage.viewport.get_untracked();
        let layout = HeatmapLayout::new(heatmap.size(), columns, SAVED_SPACE, viewport, clustering.is_some());
        let tree = clustering.as_ref().map(|it| (&it.drawing, CUT));
        let figure = heatmap_canvas::DrawnHeatmap {
            heatmap,
            raster,
            layout: &layout,
            label_room,
            boundaries: &boundaries,
            scenes: &scenes,
            tree,
        };
        let title = film::caption(&shown.analysis.tokens, reading.position);
        let palette = state.print.get_untracked().palette();
        let credit = statistics::credit(&shown.analysis);
        canvas::saved_figure(
            (layout.figure.width, layout.figure.height),
            &palette,
            &title,
            &credit,
            |context, ratio| {
                heatmap_canvas::draw_on(context, &figure, &palette, ratio)?;
                heatmap_canvas::cover_unread(context, heatmap, &layout, reading.position, &palette);
                Ok(())
            },
        )
    })
}
