//! A newer version of the page waits (web/offline.js): the visitor takes it when it suits.

use leptos::ev::Custom;
use leptos::prelude::*;
use web_sys::Event;

use crate::environment::{document, window};

/// Offers the update.
#[component]
pub fn UpdateNote() -> impl IntoView {
    let root = || document().and_then(|document| document.document_element());
    let waits = root().and_then(|root| root.get_attribute("data-update")).is_some();
    let is_ready = RwSignal::new(waits);
    let _update = window_event_listener(Custom::<Event>::new("temporal-lens-update"), move |_| is_ready.set(true));
    let take = move |_| {
        if let (Some(window), Ok(event)) = (window(), Event::new("temporal-lens-take-update")) {
            // Nobody cancels it.
            let _ = window.dispatch_event(&event);
        }
    };
    view! {
        <Show when=move || is_ready.get()>
            <p class="link-note" role="status" data-testid="update-note">
                "A newer version of this page is here. "
                <button type="button" class="small" data-testid="update" on:click=take>
                    "Load it"
                </button>
            </p>
        </Show>
    }
}
