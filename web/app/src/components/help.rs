//! The help sheet: what the views say, keys and gestures.

use leptos::prelude::*;

use super::sheet::Sheet;
use crate::state::State;

/// What does what.
const KEYS: [(&str, &str); 14] = [
    ("?", "this sheet"),
    ("Tab", "from view to view"),
    ("← ↑ → ↓", "walk the tokens, the matrix or the feature map"),
    ("Home, End", "the first and the last"),
    ("Enter, click", "pin what is focused; again, or Esc: unpin"),
    (
        "Drag over words",
        "selects a span of them; a second span compares. By touch: a long press, then a tap on the last word",
    ),
    ("Shift + arrows, Shift + click", "select a span from the pinned word"),
    ("Space", "plays and pauses the reading; in its bar ← and → step"),
    ("Esc", "closes the open card, then ends the film, then clears the selection, then unpins"),
    ("+ and −", "zoom the matrix"),
    ("0", "the whole matrix"),
    ("Ctrl + wheel, pinch", "zoom at the pointer"),
    ("Drag", "pan a zoomed matrix"),
    ("Drop a file", "open a saved analysis"),
];

/// What the views say.
const READING: [(&str, &str); 6] = [
    (
        "Expected and new.",
        "A language model’s state at a word has a part that follows from the words before (the paper’s predictable codes) and a part \
         that this word adds (novel codes). A temporal SAE, a TemporalSAE, tells the two apart.",
    ),
    ("Color of a word:", "how new it was: the share of the new part in the energy of both."),
    (
        "Underlined words",
        "are those that the expectation at the word in focus was taken from, each with its share of the SAE’s attention.",
    ),
    (
        "Words in lists",
        "are read from one of the parts through the model’s own vocabulary: a hint at its content, not what the model would say.",
    ),
    (
        "Scenes.",
        "Where the text turns to something else, found in the model’s state alone. In the matrix a line stands where the scene \
         changes, a broken line where the expectation follows.",
    ),
    (
        "Features",
        "are directions of the SAE, named by the words at which they are strongest; the percentage is of the largest value in the corpus.",
    ),
];

/// Opened by `?` and by the button; Esc closes it.
#[component]
pub fn Help(state: State) -> impl IntoView {
    view! {
        <Sheet is_open=state.is_help_open title="How to read this" testid="help-sheet">
            <ul class="reading">
                {READING
                    .map(|(what, says)| {
                        view! {
                            <li>
                                <strong>{what}</strong>
                                " "
                                {says}
                            </li>
                        }
                    })
                    .collect_view()}
            </ul>
            <h3>"Keys and gestures"</h3>
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
