//! Every figure as it is saved, as the view has it: SVG in the chosen ground's colors and as wide as asked for, of which
//! pictures are made, and its values as CSV.

use std::sync::Arc;

use lens_analysis::cluster::CUT;
use lens_analysis::per_token::Quantity;
use lens_view::attention::{AttentionLayout, AttentionMap};
use lens_view::choice::{Choice, technical_name};
use lens_view::feature_map::{FeatureMap, FeatureMapLayout};
use lens_view::heatmap::{Heatmap, HeatmapLayout, Viewport};
use lens_view::layout::AvailableSpace;
use lens_view::strip::Shading;
use lens_view::svg::{self, Caption, MatrixFigure, PrintWidth};
use lens_view::trajectory::{Scene, layout};
use lens_view::{dashboard, export, scene, statistics};
use leptos::prelude::*;

use crate::state::{ShownAnalysis, State};
use crate::trajectory::Drawing;
use crate::views::Derived;

/// Rows of the map of features.
pub const FEATURES: usize = 24;
/// Heights of figures for each of their widths.
const MATRIX_HEIGHT: f64 = 0.955;
const PATH_HEIGHT: f64 = 0.845;
/// Width of two matrices side by side on a screen, CSS pixels.
const COMPARED_WIDTH: f64 = 1280.0;
/// Widest map of attention, CSS pixels.
const SOURCES_WIDTH: f64 = 640.0;

/// A file's text and its name; none while there is nothing to save.
pub type TextFile = Option<(String, String)>;

/// What a figure is saved as.
#[derive(Clone, Copy)]
pub struct Saved {
    /// SVG; pictures are made of it.
    pub svg: Callback<(), TextFile>,
    /// CSV.
    pub csv: Callback<(), TextFile>,
}

/// The similarity matrix, or the part of it that is looked at.
pub fn matrix(state: State, shown: &Arc<ShownAnalysis>, derived: Derived) -> Saved {
    let (drawn, tabled) = (shown.clone(), shown.clone());
    let svg = move |()| {
        let print = state.print.get_untracked();
        let heatmap = derived.heatmap.get_untracked().ok()?;
        let clustering = derived.clustering.get_untracked();
        let boundaries = untrack(|| derived.event_starts());
        let scenes = if boundaries.is_empty() { Vec::new() } else { scene::all(&drawn.analysis) };
        let zoom = state.store.model().view.zoom;
        let viewport =
            zoom.map_or_else(|| Viewport::whole(heatmap.size()), |part| Viewport::part(heatmap.size(), part));
        let space = print.space(MATRIX_HEIGHT);
        let label_room = space.label_columns();
        let columns = heatmap.label_columns(label_room);
        let layout = HeatmapLayout::new(heatmap.size(), columns, space, viewport, clustering.is_some());
        let figure = MatrixFigure {
            heatmap: &heatmap,
            layout: &layout,
            label_room,
            boundaries: &boundaries,
            scenes: &scenes,
            tree: clustering.as_ref().map(|it| (&it.drawing, CUT)),
        };
        let (title, credit) = (matrix_title(&heatmap), statistics::credit(&drawn.analysis));
        let caption = Caption { title: &title, credit: &credit, width: print.width };
        let name = format!("temporal-lens-{}.svg", heatmap.source.key());
        Some((svg::matrix(figure, print.palette().svg_theme(), caption), name))
    };
    let csv = move |()| {
        let heatmap = derived.heatmap.get_untracked().ok()?;
        let csv = export::matrix_csv(&tabled.analysis, heatmap.matrix(), heatmap.order());
        Some((csv, format!("temporal-lens-{}-{}.csv", heatmap.source.key(), heatmap.mode.key())))
    };
    Saved { svg: Callback::new(svg), csv: Callback::new(csv) }
}

/// The title of a saved matrix.
pub fn matrix_title(heatmap: &Heatmap) -> String {
    format!("{} (first token {})", heatmap.title(), heatmap.mode.label())
}

/// The dendrogram with its tokens, as SVG.
pub fn tree(state: State, shown: &ShownAnalysis, derived: Derived) -> TextFile {
    let print = state.print.get_untracked();
    let (clustering, heatmap) = (derived.clustering.get_untracked()?, derived.heatmap.get_untracked().ok()?);
    let title = format!("Dendrogram: {}", heatmap.title().to_lowercase());
    let credit = statistics::credit(&shown.analysis);
    let caption = Caption { title: &title, credit: &credit, width: print.width };
    let svg = svg::dendrogram(&clustering.drawing, &heatmap, CUT, print.palette().svg_theme(), caption);
    Some((svg, "temporal-lens-dendrogram.svg".to_owned()))
}

/// Two matrices side by side; `heatmaps` are none where a text lacks what they are made of. The values that go with them
/// are `csv`.
pub fn compared(
    state: State,
    title: Callback<(), String>,
    credit: String,
    heatmaps: Callback<(), Option<[Arc<Heatmap>; 2]>>,
    csv: Callback<(), TextFile>,
) -> Saved {
    let svg = move |()| {
        let print = state.print.get_untracked();
        let both = heatmaps.run(())?;
        let width = if print.width == PrintWidth::Screen { COMPARED_WIDTH } else { print.width.pixels() } / 2.0;
        let space = AvailableSpace { width, max_height: MATRIX_HEIGHT * width, pixel_ratio: 2.0 };
        let label_room = space.label_columns();
        let layouts = both.each_ref().map(|heatmap| {
            let size = heatmap.size();
            HeatmapLayout::new(size, heatmap.label_columns(label_room), space, Viewport::whole(size), false)
        });
        let figure = |side: usize| MatrixFigure {
            heatmap: &both[side],
            layout: &layouts[side],
            label_room,
            boundaries: &[],
            scenes: &[],
            tree: None,
        };
        let title = title.run(());
        let caption = Caption { title: &title, credit: &credit, width: print.width };
        let svg = svg::comparison([figure(0), figure(1)], print.palette().svg_theme(), caption);
        Some((svg, "temporal-lens-comparison.svg".to_owned()))
    };
    Saved { svg: Callback::new(svg), csv }
}

/// The path, from where it is looked at; `drawing` has none while it is laid out.
pub fn path(state: State, shown: &Arc<ShownAnalysis>, derived: Derived, drawing: Drawing) -> Saved {
    let found = move || drawing.get_untracked()?.ok();
    let drawn = shown.clone();
    let svg = move |()| {
        let print = state.print.get_untracked();
        let it = found()?;
        let place = layout(it.dimensions(), print.space(PATH_HEIGHT));
        let scene = Scene::of(&it, &state.store.model().view.camera, &place);
        let begins: Vec<usize> =
            untrack(|| derived.event_starts()).into_iter().filter_map(|position| it.point_at(position)).collect();
        let (title, credit) = (path_title(state), statistics::credit(&drawn.analysis));
        let caption = Caption { title: &title, credit: &credit, width: print.width };
        let svg = svg::trajectory(&it, &scene, &begins, &place, print.palette().svg_theme(), caption);
        Some((svg, "temporal-lens-trajectory.svg".to_owned()))
    };
    let csv = move |()| Some((export::trajectory_csv(&*found()?), "temporal-lens-trajectory.csv".to_owned()));
    Saved { svg: Callback::new(svg), csv: Callback::new(csv) }
}

/// The title of a saved path.
pub fn path_title(state: State) -> String {
    let settings = state.store.model().view.trajectory;
    format!("Trajectory of {} ({})", technical_name(settings.source), settings.method.label())
}

/// The title of the map of features.
pub const FEATURES_TITLE: &str = "New features through the text";

/// The strongest new features of the text.
pub fn features(state: State, shown: &Arc<ShownAnalysis>) -> Saved {
    let (drawn, tabled) = (shown.clone(), shown.clone());
    // The figure has a map of its own: this one is made when something is saved.
    let map = |shown: &ShownAnalysis| FeatureMap::of(&shown.analysis, FEATURES);
    let svg = move |()| {
        let drawn_map = map(&drawn);
        if drawn_map.features.is_empty() {
            return None;
        }
        let print = state.print.get_untracked();
        let names = untrack(|| feature_names(state, &drawn, &drawn_map));
        let layout = FeatureMapLayout::new(drawn_map.features.len(), drawn_map.tokens, print.width.pixels());
        let credit = statistics::credit(&drawn.analysis);
        let caption = Caption { title: FEATURES_TITLE, credit: &credit, width: print.width };
        let svg = svg::feature_map(&drawn_map, &names, &layout, print.palette().svg_theme(), caption);
        Some((svg, "temporal-lens-features.svg".to_owned()))
    };
    let csv = move |()| {
        let csv = export::feature_map_csv(&tabled.analysis, &map(&tabled));
        Some((csv, "temporal-lens-features.csv".to_owned()))
    };
    Saved { svg: Callback::new(svg), csv: Callback::new(csv) }
}

/// Names of a map's features: numbers where a feature has none.
pub fn feature_names(state: State, shown: &ShownAnalysis, map: &FeatureMap) -> Vec<String> {
    let index = state.dashboards.get().index_of(&shown.analysis.model.pack_hash);
    let name = |feature: &usize| dashboard::name(index.as_deref(), *feature).map(|name| name.text);
    map.features.iter().map(|feature| name(feature).unwrap_or_else(|| format!("#{feature}"))).collect()
}

/// The SAE's attention, as it is chosen.
pub fn sources(state: State, shown: &Arc<ShownAnalysis>) -> Saved {
    let (drawn, tabled) = (shown.clone(), shown.clone());
    let map = move |shown: &ShownAnalysis| {
        let attention = state.attention.get_untracked()?;
        let chosen = state.store.model().view.attention;
        AttentionMap::of(&attention, &shown.analysis.tokens, chosen).ok()
    };
    let svg = move |()| {
        let print = state.print.get_untracked();
        let map = map(&drawn)?;
        let (title, credit) = (map.title(), statistics::credit(&drawn.analysis));
        let layout = AttentionLayout::new(drawn.analysis.tokens.len(), print.width.pixels().min(SOURCES_WIDTH));
        let caption = Caption { title: &title, credit: &credit, width: print.width };
        let svg = svg::attention(&map, &layout, print.palette().svg_theme(), caption);
        Some((svg, "temporal-lens-attention.svg".to_owned()))
    };
    let csv = move |()| Some((export::attention_csv(&map(&tabled)?), "temporal-lens-attention.csv".to_owned()));
    Saved { svg: Callback::new(svg), csv: Callback::new(csv) }
}

/// The text, shaded as on the page.
pub fn text(state: State, shown: &Arc<ShownAnalysis>, derived: Derived) -> Saved {
    let (drawn, tabled) = (shown.clone(), shown.clone());
    let shading = move |shown: &ShownAnalysis| {
        let quantity: Option<Quantity> = state.store.model().view.quantity;
        Shading::or_usual(&shown.analysis, quantity?).ok()
    };
    let svg = move |()| {
        let print = state.print.get_untracked();
        let (shading, credit) = (shading(&drawn)?, statistics::credit(&drawn.analysis));
        let begins = untrack(|| derived.event_starts());
        let caption = Caption { title: "Tokens of the text", credit: &credit, width: print.width };
        let svg = svg::strip(&drawn.analysis.tokens, &shading, &begins, print.palette().svg_theme(), caption);
        Some((svg, "temporal-lens-tokens.svg".to_owned()))
    };
    let csv = move |()| {
        Some((export::strip_csv(&tabled.analysis, &shading(&tabled)?), "temporal-lens-tokens.csv".to_owned()))
    };
    Saved { svg: Callback::new(svg), csv: Callback::new(csv) }
}
