//! What of an analysis can be taken away: its file, a sentence on how it was made, a link, code to embed.

use std::sync::Arc;

use lens_view::methods;
use leptos::prelude::*;

use super::share::Ways;
use crate::files;
use crate::state::{ShownAnalysis, State};

/// Pictures and tables of a figure are saved where the figure is: its settings have them.
#[component]
pub fn ExportPanel(state: State, shown: Arc<ShownAnalysis>) -> impl IntoView {
    let said = RwSignal::new(None::<String>);
    let sentence = methods::sentence(&shown.analysis);
    let copied = sentence.clone();
    let copy = move |_| {
        files::copy_then(copied.clone(), move |is_copied| {
            said.set(Some(if is_copied { "Copied." } else { "This browser does not let the page copy." }.to_owned()));
        });
    };
    view! {
        <section class="export" aria-labelledby="export-title" data-testid="export">
            <h2 id="export-title">"Take it with you"</h2>
            <div class="controls">
                <button type="button" data-testid="download-json" on:click=move |_| files::download(state)>
                    "Save analysis"
                </button>
                <p class="note">"Everything that is shown, as JSON: it opens here again, without a model."</p>
            </div>
            <h3>"How it was made"</h3>
            <p class="methods" data-testid="methods">{sentence}</p>
            <button type="button" class="small" data-testid="methods-copy" on:click=copy>
                "Copy"
            </button>
            <Ways state said />
            <p class="note" role="status" data-testid="export-said">{move || said.get()}</p>
            <p class="note">
                "Pictures (PNG, SVG) and tables (CSV) of a figure are in its settings, ⚙; those of the text are in the text’s."
            </p>
        </section>
    }
}
