//! The word that the page speaks of: the hovered one, else the one that the film reads, else the pinned one, else the one
//! whose story is shown first.

use std::sync::Arc;

use lens_session::ShownAnalysis;
use lens_view::first_word;
use lens_view::focus::{Cell, Focus};
use leptos::prelude::*;

use crate::store::Store;

/// The story of a shown text that is shown first: its word, once that is chosen.
type Suggestion = Option<(Arc<ShownAnalysis>, Option<usize>)>;

/// Positions in the shown text; none where no word of it is worth pointing out.
#[derive(Clone, Copy)]
pub struct WordInFocus {
    /// What is pointed at, or else pinned.
    pub looked_at: Memo<Option<usize>>,
    /// What is pinned; pointing at words does not change it.
    pub pinned: Memo<Option<usize>>,
}

impl WordInFocus {
    /// Of whatever is shown. The address does not name a word that is not pinned.
    pub fn of(store: &'static Store) -> Self {
        let focus = store.look(|model| &model.focus);
        let read_to = store.look(|model| &model.view.read_to);
        let suggested = suggested(store);
        let row = |cell: Cell| cell.row;
        let otherwise = move |focus: &Focus| focus.pinned.map(row).or_else(|| suggested.get());
        let looked_at = Memo::new(move |_| {
            let focus = focus.get();
            focus.hovered.map(row).or_else(|| read_to.get()).or_else(|| otherwise(&focus))
        });
        Self { looked_at, pinned: Memo::new(move |_| otherwise(&focus.get())) }
    }
}

/// Chosen once a text, when the names of features are here or none will come: a choice that changes under the reader's
/// eyes is worse than one without names.
fn suggested(store: &'static Store) -> Memo<Option<usize>> {
    let shown = store.look_at_shared(|model| &model.shown);
    let dashboards = store.look_by(|model| &model.dashboards, Arc::ptr_eq);
    let suggestion = Memo::new_with_compare(
        move |before: Option<&Suggestion>| {
            let shown = shown.get()?;
            let kept = before.and_then(Option::as_ref).filter(|(of, word)| word.is_some() && Arc::ptr_eq(of, &shown));
            if let Some((of, word)) = kept {
                return Some((of.clone(), *word));
            }
            let dashboards = dashboards.get();
            if !dashboards.is_settled() {
                return Some((shown, None));
            }
            let index = dashboards.index_of(&shown.analysis.model.pack_hash);
            let word = first_word::of(&shown.analysis, index.as_deref());
            Some((shown, word))
        },
        is_another,
    );
    Memo::new(move |_| suggestion.with(|it| it.as_ref().and_then(|(_, word)| *word)))
}

fn is_another(before: Option<&Suggestion>, now: Option<&Suggestion>) -> bool {
    match (before.and_then(Option::as_ref), now.and_then(Option::as_ref)) {
        (Some(before), Some(now)) => before.1 != now.1 || !Arc::ptr_eq(&before.0, &now.0),
        (None, None) => false,
        _ => true,
    }
}
