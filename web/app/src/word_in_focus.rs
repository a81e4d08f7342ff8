//! The word that the page speaks of: the hovered one, else the one that the film reads, else the pinned one, else the one
//! whose story is told first.

use std::sync::Arc;

use lens_view::first_word;
use lens_view::focus::Cell;
use leptos::prelude::*;

use crate::state::{ShownAnalysis, State};

/// Its position; none where no word of the text is worth pointing out.
pub type WordInFocus = Memo<Option<usize>>;

/// Of a shown analysis. The address does not name a word that nobody has pinned.
pub fn word_in_focus(state: State, shown: &Arc<ShownAnalysis>) -> WordInFocus {
    let suggested = suggested(state, shown);
    let read_to = state.look(|model| &model.view.read_to);
    Memo::new(move |_| {
        let (focus, row) = (state.focus.get(), |cell: Cell| cell.row);
        focus.hovered.map(row).or_else(|| read_to.get()).or(focus.pinned.map(row)).or_else(|| suggested.get())
    })
}

/// The pinned word, else the one whose story is told first.
pub fn pinned_word(state: State, shown: &Arc<ShownAnalysis>) -> WordInFocus {
    let suggested = suggested(state, shown);
    Memo::new(move |_| state.focus.get().pinned.map(|cell| cell.row).or_else(|| suggested.get()))
}

fn suggested(state: State, shown: &Arc<ShownAnalysis>) -> Memo<Option<usize>> {
    let shown = shown.clone();
    let pack_hash = shown.analysis.model.pack_hash.clone();
    Memo::new(move |_| {
        let index = state.dashboards.get().index_of(&pack_hash);
        first_word::of(&shown.analysis, index.as_deref())
    })
}
