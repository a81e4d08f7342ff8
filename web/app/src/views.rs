//! What the views share of the shown analysis.

use std::sync::Arc;

use lens_analysis::cluster::{self, Tree};
use lens_analysis::events;
use lens_analysis::similarity::{self, Matrix, MissingError};
use lens_view::dendrogram::Dendrogram;
use lens_view::heatmap::Heatmap;
use leptos::prelude::*;

use crate::state::{ShownAnalysis, State};
use crate::store::Look;

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
    /// First positions of the text's events but the first, in order.
    pub boundaries: StoredValue<Result<Vec<usize>, MissingError>>,
    /// Whether they are shown.
    pub has_events: Look<bool>,
}

impl Derived {
    /// Of one analysis, as the view says.
    pub fn of(state: State, shown: &Arc<ShownAnalysis>) -> Self {
        let (source, mode) = (state.look(|model| &model.view.source), state.look(|model| &model.view.mode));
        let (scale, is_ordered) = (state.look(|model| &model.view.scale), state.look(|model| &model.view.is_ordered));
        let boundaries = StoredValue::new(events::starts(&shown.analysis));
        let compared = shown.clone();
        let matrix = always(move || similarity::similarity(&compared.analysis, source.get(), mode.get()).map(Arc::new));
        let clustering = always(move || {
            if !is_ordered.get() {
                return None;
            }
            let tree = matrix.with(|matrix| matrix.as_ref().ok().map(|it| cluster::average_linkage(it)))?;
            let drawing = Dendrogram::of(&tree, cluster::CUT);
            Some(Arc::new(Clustering { tree, drawing }))
        });
        let drawn = shown.clone();
        let heatmap = always(move || {
            let matrix = matrix.get()?;
            let kind = (source.get_untracked(), mode.get_untracked());
            let clustering = clustering.get();
            let order = clustering.as_ref().map(|it| it.drawing.order.as_slice());
            Ok(Arc::new(Heatmap::new(&drawn.analysis, matrix, kind, scale.get(), order)))
        });
        Self { matrix, clustering, heatmap, boundaries, has_events: state.look(|model| &model.view.has_events) }
    }

    /// First positions of events, where they are shown.
    pub fn event_starts(self) -> Vec<usize> {
        let are_shown = self.has_events.get();
        self.boundaries.with_value(|found| found.iter().flatten().filter(|_| are_shown).copied().collect())
    }
}

/// A memo that passes every recomputation on: comparing matrices costs more than drawing them.
fn always<T: Send + Sync + 'static>(compute: impl Fn() -> T + Send + Sync + 'static) -> Memo<T> {
    Memo::new_with_compare(move |_| compute(), |_, _| true)
}
