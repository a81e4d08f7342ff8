//! The help sheet: keys and gestures.

use leptos::html::Dialog;
use leptos::prelude::*;

use crate::state::State;

/// What does what.
const KEYS: [(&str, &str); 12] = [
    ("?", "this sheet"),
    ("Tab", "from view to view"),
    ("← ↑ → ↓", "walk the tokens, the matrix or the feature map"),
    ("Home, End", "the first and the last"),
    ("Enter, click", "pin what is focused; again, or Esc: unpin"),
    ("Shift + arrows, Shift + click", "in the text: select a span from the pinned token; a second span compares"),
    ("Esc", "nothing is pinned or selected"),
    ("+ and −", "zoom the matrix"),
    ("0", "the whole matrix"),
    ("Ctrl + wheel, pinch", "zoom at the pointer"),
    ("Drag", "pan a zoomed matrix"),
    ("Drop a file", "open a saved result"),
];

/// Opened by `?` and by the button; Esc closes it.
#[component]
pub fn Help(state: State) -> impl IntoView {
    let dialog = NodeRef::<Dialog>::new();
    let is_open = state.views.is_help_open;
    Effect::new(move |_| {
        let Some(dialog) = dialog.get() else { return };
        if is_open.get() && !dialog.open() {
            // A browser that cannot show it modally shows it in place.
            if dialog.show_modal().is_err() {
                dialog.set_open(true);
            }
        } else if !is_open.get() && dialog.open() {
            dialog.close();
        }
    });
    view! {
        <dialog
            class="help"
            node_ref=dialog
            data-testid="help-sheet"
            aria-labelledby="help-title"
            on:close=move |_| is_open.set(false)
        >
            <div class="panel-head">
                <h2 id="help-title">"Keys and gestures"</h2>
                <button type="button" class="quiet small" on:click=move |_| is_open.set(false)>
                    "Close"
                </button>
            </div>
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
        </dialog>
    }
}
