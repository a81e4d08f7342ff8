//! The model's files in this browser: how much is stored, the whole embedding, deleting; diagnostics. It lies over the
//! figure.

use lens_session::Msg;
use lens_view::number;
use leptos::prelude::*;

use super::library::Library;
use crate::state::{Phase, State};

/// Shown while it is open.
#[component]
pub fn ModelFiles(state: State) -> impl IntoView {
    let busy = move || state.phase.get() == Phase::Loading;
    let stored = move || state.stored_bytes.get().unwrap_or(0);
    let summary = move || match stored() {
        0 => "Nothing is stored in this browser".to_owned(),
        bytes => format!("{} stored in this browser", number::bytes(bytes)),
    };
    let embedding = move || state.pack.with(|pack| pack.as_ref().map_or(0, |pack| pack.embedding_bytes));
    let store_label = move || match embedding() {
        0 => "Store the whole embedding".to_owned(),
        bytes => format!("Store the whole embedding · {}", number::bytes(bytes)),
    };
    let foreign = move || state.pack.with(|pack| pack.as_ref().and_then(|pack| pack.foreign_host.clone()));
    view! {
        <section class="over model-files" tabindex="-1" data-testid="model-files" aria-labelledby="model-files-title">
            <div class="panel-head">
                <h2 id="model-files-title">"Model and storage"</h2>
                <button type="button" class="quiet small" data-testid="model-close" on:click=move |_| state.is_model_open.set(false)>
                    "Close"
                </button>
            </div>
            <p class="note" data-testid="stored">{summary}</p>
            <Library state />
            <p>
                "Weights stay in this browser, so that the next visit does not fetch them again. A text’s embedding rows "
                "are asked of the model’s host as they are needed, which tells it the text’s tokens; once the whole "
                "embedding is stored here, no text asks for rows any more."
            </p>
            {move || state.storage_note.get().map(|note| view! { <p class="note" data-testid="storage-note">{note}</p> })}
            <div class="controls">
                <button
                    type="button"
                    data-testid="store-embedding"
                    disabled=busy
                    on:click=move |_| state.tell(Msg::StoreEmbedding)
                >
                    {store_label}
                </button>
                <button
                    type="button"
                    data-testid="delete-stored"
                    disabled=move || busy() || stored() == 0
                    on:click=move |_| state.tell(Msg::DeleteStored)
                >
                    "Delete the stored files"
                </button>
                <a href="speed/" data-testid="speed">"Speed on this machine"</a>
                <button type="button" data-testid="diagnostics" on:click=move |_| state.tell(Msg::Diagnose)>
                    "Copy diagnostics"
                </button>
            </div>
            {move || foreign()
                .map(|host| {
                    view! {
                        <label class="agree">
                            <input
                                type="checkbox"
                                data-testid="rows-while-typing"
                                prop:checked=move || state.has_agreed.get()
                                on:change:target=move |event| state.tell(Msg::Agreed(event.target().checked()))
                            />
                            {format!("While typing, ask {host} for the rows of new tokens (it learns which)")}
                        </label>
                    }
                })}
            <Diagnostics state />
        </section>
    }
}

#[component]
fn Diagnostics(state: State) -> impl IntoView {
    move || {
        state.diagnostics.get().map(|shown| {
            let sentence = match shown.copied {
                None => "",
                Some(true) => "Copied:",
                Some(false) => "This browser refused the clipboard; select and copy:",
            };
            view! {
                <p class="note" role="status" data-testid="diagnostics-notice">{sentence}</p>
                <pre class="diagnostics" tabindex="0" data-testid="diagnostics-text">{shown.text}</pre>
            }
        })
    }
}
