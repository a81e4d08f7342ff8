//! What the page's address is about beyond the views.

use std::sync::Arc;

use lens_session::{Second, Subject, Theme, ViewState};
use lens_view::focus::Cell;
use lens_view::selection::Selection;
use leptos::prelude::*;

use crate::environment::{self, Pack};
use crate::shown::{ShownAnalysis, ShownComparison};

/// What of a link waits until its text is shown.
#[derive(Debug, Clone)]
pub struct Pending {
    /// The pinned cell.
    pub pin: Option<Cell>,
    /// The selected spans.
    pub selection: Selection,
    /// The part of the matrix.
    pub zoom: Option<[f64; 3]>,
}

/// What the page's address is about beyond the views.
#[derive(Clone, Copy)]
pub struct Address {
    /// What a link asks for and is not shown: a text that no model has seen yet, a result under way.
    pub asked: RwSignal<Option<Subject>>,
    /// A second text that a link asks for, with what it is compared with.
    pub second: RwSignal<Option<(Option<Subject>, Second)>>,
    /// What of the link could not be opened, a phrase each.
    pub dropped: RwSignal<Vec<String>>,
    /// A demo of Neuronpedia's that the link asked for.
    pub demo: RwSignal<Option<String>>,
    /// Pin and spans of the link, until their text is shown.
    pub pending: StoredValue<Option<Pending>>,
    /// The page's own pack: the link names only another one.
    pub own_pack: StoredValue<Option<Pack>>,
    /// The theme that needs no word in the link: the visitor's own.
    pub own_theme: StoredValue<Theme>,
    /// The address as it was last written.
    pub written: StoredValue<ViewState>,
    /// Counts what was asked for: what comes late gives way to what was asked since.
    turn: StoredValue<u32>,
    /// A link is being opened: what changes meanwhile is not written to the address.
    pub is_opening: StoredValue<bool>,
    /// When the view was last dragged.
    pub last_drag_ms: StoredValue<f64>,
    /// The entry of the history is about to be replaced.
    pub is_replacing: StoredValue<bool>,
    /// Analyses for Back, the latest last.
    pub recent: StoredValue<Vec<Arc<ShownAnalysis>>>,
    /// Comparisons for Back, the latest last.
    pub recent_comparisons: StoredValue<Vec<Arc<ShownComparison>>>,
}

impl Address {
    /// Nothing is opened yet.
    pub fn new() -> Self {
        Self {
            asked: RwSignal::new(None),
            second: RwSignal::new(None),
            dropped: RwSignal::new(Vec::new()),
            demo: RwSignal::new(None),
            pending: StoredValue::new(None),
            own_pack: StoredValue::new(environment::pack()),
            own_theme: StoredValue::new(environment::remembered_theme()),
            written: StoredValue::new(ViewState::default()),
            turn: StoredValue::new(0),
            is_opening: StoredValue::new(true),
            last_drag_ms: StoredValue::new(f64::NEG_INFINITY),
            is_replacing: StoredValue::new(false),
            recent: StoredValue::new(Vec::new()),
            recent_comparisons: StoredValue::new(Vec::new()),
        }
    }

    /// Something else is asked for from here on.
    pub fn next_turn(self) -> u32 {
        self.turn.update_value(|turn| *turn = turn.wrapping_add(1));
        self.turn.get_value()
    }

    /// No link is being opened any more.
    pub fn opened(self) {
        self.is_opening.set_value(false);
    }

    /// What was asked for last.
    pub fn turn(self) -> u32 {
        self.turn.get_value()
    }
}
