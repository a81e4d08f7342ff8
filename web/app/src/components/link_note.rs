//! What the page says about the link it was opened with.

use lens_session::Msg;
use lens_view::neuronpedia;
use leptos::prelude::*;

use crate::state::State;

/// What of the link was left out, and where Neuronpedia's demo is.
#[component]
pub fn LinkNote(state: State) -> impl IntoView {
    let dropped = move || {
        let dropped = state.dropped.get();
        (!dropped.is_empty()).then(|| format!("This link was opened without a part of it: {}.", dropped.join("; ")))
    };
    view! {
        {move || {
            dropped()
                .map(|sentence| {
                    view! {
                        <p class="link-note" role="status" data-testid="link-note">
                            {sentence}
                            <button
                                type="button"
                                class="quiet small"
                                data-testid="link-note-close"
                                on:click=move |_| state.tell(Msg::DismissDropped)
                            >
                                "Close"
                            </button>
                        </p>
                    }
                })
        }}
        {move || {
            state
                .demo
                .get()
                .map(|demo| {
                    view! {
                        <p class="link-note" role="status" data-testid="demo-note">
                            "This link asks for a demo of Neuronpedia’s, “" {demo.clone()} "”. The nearest here is the example below; "
                            <a href=neuronpedia::demo_page(&demo) rel="noreferrer" target="_blank">
                                "open theirs"
                            </a> "."
                        </p>
                    }
                })
        }}
    }
}
