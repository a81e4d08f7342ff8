//! The heatmap's choices, zoom buttons and files.

use std::sync::Arc;

use lens_analysis::cluster::CUT;
use lens_analysis::similarity::{Mode, Source};
use lens_view::choice::Choice;
use lens_view::export;
use lens_view::film::{self, Reading};
use lens_view::heatmap::{Heatmap, HeatmapLayout, Scale};
use lens_view::layout::AvailableSpace;
use lens_view::svg::{self, Caption, MatrixFigure, PrintWidth};
use lens_view::{scene, statistics};
use leptos::prelude::*;
use wasm_bindgen::JsValue;
use web_sys::HtmlCanvasElement;

use super::heatmap_stage::{HeatmapStage, ZOOM_STEP};
use super::picker::{Picker, Toggle};
use super::save_figure::{Picture, SaveFigure, Vector};
use crate::environment::document;
use crate::files;
use crate::palette::Palette;
use crate::part::Part;
use crate::state::{ShownAnalysis, State};
use crate::views::Derived;
use crate::{canvas, heatmap_canvas};

/// Space of a saved figure: a page's width.
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
    let csv_of = shown.clone();
    let save_csv = move |_| {
        if let Ok(heatmap) = derived.heatmap.get_untracked() {
            let csv = export::matrix_csv(&csv_of.analysis, heatmap.matrix(), heatmap.order());
            let name = format!("temporal-lens-{}-{}.csv", heatmap.source.key(), heatmap.mode.key());
            files::save_text(state, &name, "text/csv", &csv);
        }
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
        if let Some(svg) = tree_svg(&drawn, derived, stage) {
            files::save_text(state, "temporal-lens-dendrogram.svg", "image/svg+xml", &svg);
        }
    };
    let begun = shown.clone();
    let save_events = move |_| {
        derived.boundaries.with_value(|found| {
            if let Ok(found) = found {
                let csv = export::events_csv(&begun.analysis, found);
                files::save_text(state, "temporal-lens-events.csv", "text/csv", &csv);
            }
        });
    };
    let vector_of = shown.clone();
    let svg = Callback::new(move |()| vector(&vector_of, derived, stage));
    let picture = move || picture(state, &shown, derived, stage);
    view! {
        <div class="toolbar" role="group" aria-label="What the heatmap shows">
            <Picker<Source> label="Part" testid="source" chosen=source.signal() choose=source.chooser() />
            <Picker<Mode> label="First token" testid="mode" chosen=mode.signal() choose=mode.chooser() />
            <Picker<Scale> label="Colors" testid="scale" chosen=scale.signal() choose=scale.chooser() />
            <Toggle label="Scene lines" testid="events" is_on=has_events.signal() turn=has_events.chooser() />
            <Toggle label="Group similar words" testid="dendrogram" is_on=is_ordered.signal() turn=is_ordered.chooser() />
        </div>
        <div class="toolbar" role="group" aria-label="Zoom and save">
            <button type="button" class="small" data-testid="zoom-in" aria-label="Zoom in" on:click=move |_| zoom(ZOOM_STEP)>
                "+"
            </button>
            <button type="button" class="small" data-testid="zoom-out" aria-label="Zoom out" on:click=move |_| zoom(1.0 / ZOOM_STEP)>
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
                <SaveFigure state testid="heatmap" picture svg />
                <button type="button" class="quiet small" data-testid="heatmap-csv" on:click=save_csv>
                    "CSV"
                </button>
                <Show when=move || has_events.get()>
                    <button type="button" class="quiet small" data-testid="events-csv" on:click=save_events.clone()>
                        "Events CSV"
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

/// The dendrogram with its tokens, as SVG.
fn tree_svg(shown: &ShownAnalysis, derived: Derived, stage: HeatmapStage) -> Option<String> {
    let palette = Palette::of(&*stage.base.get_untracked()?);
    let (clustering, heatmap) = (derived.clustering.get_untracked()?, derived.heatmap.get_untracked().ok()?);
    let (title, credit) =
        (format!("Dendrogram: {}", heatmap.title().to_lowercase()), statistics::credit(&shown.analysis));
    let caption = Caption { title: &title, credit: &credit, width: PrintWidth::Screen };
    Some(svg::dendrogram(&clustering.drawing, &heatmap, CUT, palette.svg_theme(), caption))
}

/// The shown part of the figure as SVG.
fn vector(shown: &ShownAnalysis, derived: Derived, stage: HeatmapStage) -> Vector {
    let palette = Palette::of(&*stage.base.get_untracked()?);
    let heatmap = derived.heatmap.get_untracked().ok()?;
    let clustering = derived.clustering.get_untracked();
    let boundaries = untrack(|| derived.event_starts());
    let scenes = if boundaries.is_empty() { Vec::new() } else { scene::all(&shown.analysis) };
    let label_room = SAVED_SPACE.label_columns();
    let (columns, viewport) = (heatmap.label_columns(label_room), stage.viewport.get_untracked());
    let layout = HeatmapLayout::new(heatmap.size(), columns, SAVED_SPACE, viewport, clustering.is_some());
    let figure = MatrixFigure {
        heatmap: &heatmap,
        layout: &layout,
        label_room,
        boundaries: &boundaries,
        scenes: &scenes,
        tree: clustering.as_ref().map(|it| (&it.drawing, CUT)),
    };
    let (title, credit) = (saved_title(&heatmap), statistics::credit(&shown.analysis));
    let caption = Caption { title: &title, credit: &credit, width: PrintWidth::Screen };
    let name = format!("temporal-lens-{}.svg", heatmap.source.key());
    Some((svg::matrix(figure, palette.svg_theme(), caption), name))
}

/// The title of a saved figure.
fn saved_title(heatmap: &Heatmap) -> String {
    format!("{} (first token {})", heatmap.title(), heatmap.mode.label())
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

/// The figure as it is to be saved, and its file's name.
fn picture(state: State, shown: &ShownAnalysis, derived: Derived, stage: HeatmapStage) -> Picture {
    let name = format!("temporal-lens-{}.png", state.store.model().view.source.key());
    Ok((drawn(shown, derived, stage, None)?, name))
}

/// The shown part of the figure at twice the size, with title, model and pack; as a frame of the film it has the words read
/// last for a title.
///
/// # Errors
/// The browser's.
pub fn drawn(
    shown: &ShownAnalysis,
    derived: Derived,
    stage: HeatmapStage,
    reading: Option<Reading>,
) -> Result<HtmlCanvasElement, JsValue> {
    let base = stage.base.get_untracked().ok_or(JsValue::NULL)?;
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
        let title = match reading {
            Some(reading) => film::caption(&shown.analysis.tokens, reading.position),
            None => saved_title(heatmap),
        };
        let palette = Palette::of(&base);
        let credit = statistics::credit(&shown.analysis);
        canvas::saved_figure(
            (layout.figure.width, layout.figure.height),
            &palette,
            &title,
            &credit,
            |context, ratio| {
                heatmap_canvas::draw_on(context, &figure, &palette, ratio)?;
                if let Some(reading) = reading {
                    heatmap_canvas::cover_unread(context, heatmap, &layout, reading.position, &palette);
                }
                Ok(())
            },
        )
    })
}
