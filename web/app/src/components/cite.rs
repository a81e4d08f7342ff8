//! The sheet with the paper to cite.

use lens_view::methods::PAPER;
use leptos::prelude::*;

use super::sheet::Sheet;
use crate::files;
use crate::state::State;

/// Opened from the menu.
#[component]
pub fn Cite(state: State) -> impl IntoView {
    let notice = RwSignal::new(None::<&str>);
    let copy = move |_| {
        files::copy_then(PAPER.to_owned(), move |is_copied| {
            notice.set(Some(if is_copied { "Copied." } else { "This browser does not let the page copy." }));
        });
    };
    view! {
        <Sheet is_open=state.is_cite_open title="Cite" testid="cite-sheet">
            <p>"The method is Temporal Feature Analysis. How an analysis was made is a sentence under " <b>"Export"</b> "."</p>
            <pre class="cite" translate="no" data-testid="cite-paper">{PAPER}</pre>
            <button type="button" data-testid="cite-copy" on:click=copy>
                "Copy BibTeX"
            </button>
            <span class="note" role="status">" " {move || notice.get()}</span>
        </Sheet>
    }
}
