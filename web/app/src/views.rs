//! What the visitor chose about the views, and what the views share of the shown analysis.

use std::sync::Arc;

use lens_analysis::cluster::{self, Tree};
use lens_analysis::events::{self, Boundary};
use lens_analysis::per_token::Quantity;
use lens_analysis::similarity::{self, Matrix, MissingError, Mode, Source};
use lens_view::attention::AttentionSelection;
use lens_view::dendrogram::Dendrogram;
use lens_view::heatmap::{Heatmap, Scale};
use lens_view::selection::Selection;
use lens_view::trajectory::{Camera, TrajectorySettings};
use leptos::prelude::*;

use crate::shown::ShownAnalysis;

/// Choices of the visitor; they outlive the shown analysis.
#[derive(Clone, Copy)]
pub struct Views {
    /// What is compared.
    pub source: RwSignal<Source>,
    /// How the matrix is made.
    pub mode: RwSignal<Mode>,
    /// How similarity becomes color.
    pub scale: RwSignal<Scale>,
    /// What shades the token strip; none for no shade.
    pub quantity: RwSignal<Option<Quantity>>,
    /// What colors the trajectory; none for the position.
    pub trajectory_color: RwSignal<Option<Quantity>>,
    /// What is asked of the trajectory.
    pub trajectory: RwSignal<TrajectorySettings>,
    /// From where the trajectory is looked at.
    pub camera: RwSignal<Camera>,
    /// Whether event boundaries are drawn.
    pub has_events: RwSignal<bool>,
    /// Whether the matrix stands in the dendrogram's order, with the dendrogram beside it.
    pub is_ordered: RwSignal<bool>,
    /// The part of the matrix that is looked at; none for all of it.
    pub zoom: RwSignal<Option<[f64; 3]>>,
    /// Selected spans of the shown text.
    pub selection: RwSignal<Selection>,
    /// Which of the SAE's attention weights are shown.
    pub attention: RwSignal<AttentionSelection>,
    /// Selected spans of both compared texts.
    pub compared_selections: [RwSignal<Selection>; 2],
    /// The second text as it was typed; none until then, when it begins as the shown text.
    pub second_text: RwSignal<Option<String>>,
    /// The second text's `inf_k` field as it was typed.
    pub second_inf_k: RwSignal<String>,
    /// Whether the help sheet is open.
    pub is_help_open: RwSignal<bool>,
}

impl Views {
    /// As the page opens: the notebook's heatmap.
    pub fn new() -> Self {
        Self {
            source: RwSignal::new(Source::default()),
            mode: RwSignal::new(Mode::default()),
            scale: RwSignal::new(Scale::default()),
            quantity: RwSignal::new(Some(Quantity::default())),
            trajectory_color: RwSignal::new(None),
            trajectory: RwSignal::new(TrajectorySettings::default()),
            camera: RwSignal::new(Camera::default()),
            has_events: RwSignal::new(true),
            is_ordered: RwSignal::new(false),
            zoom: RwSignal::new(None),
            selection: RwSignal::new(Selection::default()),
            attention: RwSignal::new(AttentionSelection::default()),
            compared_selections: [RwSignal::new(Selection::default()), RwSignal::new(Selection::default())],
            second_text: RwSignal::new(None),
            second_inf_k: RwSignal::new(String::new()),
            is_help_open: RwSignal::new(false),
        }
    }
}

/// A clustering with its drawing.
#[derive(Debug)]
pub struct Clustering {
    /// The tree.
    pub tree: Tree,
    /// Where its lines go.
    pub drawing: Dendrogram,
}

/// What several views need of the shown analysis, computed once a change of settings.
#[derive(Clone, Copy)]
pub struct Derived {
    /// The chosen matrix.
    pub matrix: Memo<Result<Arc<Matrix>, MissingError>>,
    /// Its tree, while it is shown.
    pub clustering: Memo<Option<Arc<Clustering>>>,
    /// The matrix as it is drawn.
    pub heatmap: Memo<Result<Arc<Heatmap>, MissingError>>,
    /// Event boundaries of the text, strongest first.
    pub boundaries: StoredValue<Result<Vec<Boundary>, MissingError>>,
}

impl Derived {
    /// Of one analysis, as `views` say.
    pub fn of(shown: &Arc<ShownAnalysis>, views: Views) -> Self {
        let boundaries = StoredValue::new(events::boundaries(&shown.analysis));
        let compared = shown.clone();
        let matrix = always(move || {
            similarity::similarity(&compared.analysis, views.source.get(), views.mode.get()).map(Arc::new)
        });
        let clustering = always(move || {
            if !views.is_ordered.get() {
                return None;
            }
            let tree = matrix.with(|matrix| matrix.as_ref().ok().map(|it| cluster::average_linkage(it)))?;
            let drawing = Dendrogram::of(&tree, cluster::CUT);
            Some(Arc::new(Clustering { tree, drawing }))
        });
        let drawn = shown.clone();
        let heatmap = always(move || {
            let matrix = matrix.get()?;
            let kind = (views.source.get_untracked(), views.mode.get_untracked());
            let clustering = clustering.get();
            let order = clustering.as_ref().map(|it| it.drawing.order.as_slice());
            Ok(Arc::new(Heatmap::new(&drawn.analysis, matrix, kind, views.scale.get(), order)))
        });
        Self { matrix, clustering, heatmap, boundaries }
    }

    /// First positions of events, where they are shown.
    pub fn event_starts(self, are_shown: bool) -> Vec<usize> {
        self.boundaries.with_value(|found| {
            found.iter().flatten().filter(|_| are_shown).map(|boundary| boundary.position).collect()
        })
    }
}

/// A memo that passes every recomputation on: comparing matrices costs more than drawing them.
fn always<T: Send + Sync + 'static>(compute: impl Fn() -> T + Send + Sync + 'static) -> Memo<T> {
    Memo::new_with_compare(move |_| compute(), |_, _| true)
}
