//! An analysis, a comparison or a problem comes onto the page; what a link pins and selects is placed on it.

use std::sync::Arc;

use lens_analysis::Analysis;
use lens_analysis::comparison::Comparison;
use lens_view::comparison;
use lens_view::focus::Focus;
use lens_view::selection::Selection;
use leptos::prelude::*;

use crate::address::record::Pending;
use crate::state::{Origin, Phase, ShownAnalysis, ShownComparison, State};

/// Analyses, and comparisons, kept for Back.
const RECENT: usize = 8;

impl State {
    /// Puts an analysis on the page. Reads the document; the string is untrusted.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the document.
    pub fn show(self, json: &str, origin: Origin) -> Result<(), String> {
        let analysis = Analysis::from_json(json).map_err(|e| e.to_string())?;
        self.show_analysis(analysis, origin);
        Ok(())
    }

    /// Puts an analysis on the page.
    pub fn show_analysis(self, analysis: Analysis, origin: Origin) {
        self.focus.set(Focus::default());
        self.choose(|view| view.spans.clear());
        self.attention.set(analysis.attention.clone().map(Arc::new));
        let shown = Arc::new(ShownAnalysis { analysis, origin });
        self.shown.set(Some(shown.clone()));
        arrived(self, &shown);
    }

    /// Puts an analysis on the page that was there before.
    pub fn show_again(self, shown: Arc<ShownAnalysis>) {
        self.focus.set(Focus::default());
        self.choose(|view| view.spans.clear());
        self.attention.set(shown.analysis.attention.clone().map(Arc::new));
        self.problem.set(None);
        self.phase.set(if shown.origin == Origin::Precomputed { Phase::Idle } else { Phase::Done });
        self.shown.set(Some(shown));
    }

    /// Puts a comparison on the page.
    pub fn show_comparison(self, comparison: Comparison, is_precomputed: bool) {
        // The second text is the one in the second box, wherever the comparison comes from.
        let second = &comparison.second;
        self.views.second_text.set(Some(second.text.clone()));
        self.views.second_inf_k.set(second.inf_k.map(|k| k.to_string()).unwrap_or_default());
        let compared = Arc::new(ShownComparison { comparison, is_precomputed });
        comparison_arrived(self, &compared);
        self.compared.set(Some(compared));
    }

    /// Says what went wrong; the text and what is shown stay.
    pub fn fail(self, problem: impl Into<String>) {
        self.progress.set(None);
        self.stopping.set(false);
        self.library.ended(self);
        self.problem.set(Some(problem.into()));
        self.phase.set(Phase::Error);
    }
}

/// The latest of `recent`, in place of what is the same.
fn keep<T: Send + Sync + 'static>(recent: StoredValue<Vec<Arc<T>>>, latest: &Arc<T>, is_same: impl Fn(&T) -> bool) {
    recent.update_value(|recent| {
        recent.retain(|it| !is_same(it));
        recent.push(latest.clone());
        if recent.len() > RECENT {
            recent.remove(0);
        }
    });
}

/// An analysis is shown from now on: keeps it for Back, and puts the link's pins on it.
fn arrived(state: State, shown: &Arc<ShownAnalysis>) {
    let is_same =
        |it: &ShownAnalysis| it.analysis.text == shown.analysis.text && it.analysis.inf_k == shown.analysis.inf_k;
    keep(state.address.recent, shown, is_same);
    // Another text's part means nothing here; a link's own comes with its pins.
    state.choose(|view| view.zoom = None);
    place_pins(state);
}

/// Pin and spans of the link, where the shown text has them.
pub fn place_pins(state: State) {
    let Some(tokens) = state.shown.with_untracked(|it| it.as_ref().map(|it| it.analysis.tokens.len())) else { return };
    // Once: what is shown later has pins of its own.
    let Some(pending) = state.address.pending.try_update_value(Option::take).flatten() else { return };
    let Pending { pin, selection, zoom } = pending;
    state.choose(|view| view.zoom = zoom);
    let fits = pin.is_none_or(|pin| pin.row < tokens && pin.column < tokens);
    let all_fit = fits && selection.spans().iter().all(|span| span.end <= tokens);
    if !all_fit {
        state.address.dropped.update(|dropped| {
            dropped.push(format!("what it pins or selects lies past the text’s {tokens} tokens"));
        });
    }
    if fits && (pin.is_some() || state.address.is_opening.get_value()) {
        state.focus.update(|focus| focus.pinned = pin);
    }
    let inside = Selection::of(selection.spans().iter().filter(|span| span.end <= tokens).cloned().collect());
    if state.address.is_opening.get_value() || !inside.spans().is_empty() {
        state.choose(|view| view.spans = inside);
    }
}

/// A comparison is shown from now on: keeps it for Back, and selects what the link does.
fn comparison_arrived(state: State, compared: &Arc<ShownComparison>) {
    keep(state.address.recent_comparisons, compared, |it| it.is_same_as(compared));
    let second = &compared.comparison.second;
    let asked = state.address.second.get_untracked().map(|(_, asked)| asked);
    let asked = asked.filter(|asked| (&asked.text, asked.inf_k) == (&second.text, second.inf_k));
    select(state, compared, asked.and_then(|asked| asked.spans));
}

/// Selects in both texts, where they have what is asked for.
pub fn select(state: State, compared: &ShownComparison, asked: Option<[Selection; 2]>) {
    let it = &compared.comparison;
    let mut selections = comparison::shared_ending(it);
    if let Some(asked) = asked {
        let sizes = [it.first.tokens.len(), it.second.tokens.len()];
        let fits = asked.iter().zip(sizes).all(|(spans, size)| spans.spans().iter().all(|span| span.end <= size));
        if fits {
            selections = asked;
        } else {
            state.address.dropped.update(|dropped| {
                dropped.push("what it selects in the compared texts lies past their ends".to_owned());
            });
        }
    }
    for (signal, selection) in state.views.compared_selections.into_iter().zip(selections) {
        signal.set(selection);
    }
}
