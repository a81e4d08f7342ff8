//! The help sheet: keys and gestures.

use leptos::prelude::*;

use super::sheet::Sheet;
use crate::state::State;

/// What does what.
const KEYS: [(&str, &str); 12] = [
    ("?", "this sheet"),
    ("Tab", "from view to view"),
    ("← ↑ → ↓", "walk the tokens, the matrix or the feature map"),
    ("Home, End", "the first and the last"),
    ("Enter, click", "pin what is focused; again, or Esc: unpin"),
    ("Shift + arrows, Shift + click", "in the text: select a span from the pinned token; a second span compares"),
    ("Esc", "closes the open card, then selects nothing, then unpins"),
    ("+ and −", "zoom the matrix"),
    ("0", "the whole matrix"),
    ("Ctrl + wheel, pinch", "zoom at the pointer"),
    ("Drag", "pan a zoomed matrix"),
    ("Drop a file", "open a saved result"),
];

/// Opened by `?` and by the button; Esc closes it.
#[component]
pub fn Help(state: State) -> impl IntoView {
    view! {
        <Sheet is_open=state.is_help_open title="Keys and gestures" testid="help-sheet">
            <dl class="rows">
                {KEYS
                    .map(|(key, what)| {
                        view! {
                            <div>
                                <dt>{key}</dt>
                                <dd>{what}</dd>
                            </div>
                        }
                    })
                    .collect_view()}
            </dl>
        </Sheet>
    }
}
