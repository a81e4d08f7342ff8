//! Settings behind one button: a panel that opens below it and closes with Esc or when the focus leaves it.

use leptos::html::Details;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{FocusEvent, KeyboardEvent, Node};

/// A button and its panel. `testid` names the button for tests; `label` is read aloud, `sign` is seen.
#[component]
pub fn Gear(
    label: &'static str,
    sign: &'static str,
    testid: &'static str,
    #[prop(optional)] class: &'static str,
    children: Children,
) -> impl IntoView {
    let details = NodeRef::<Details>::new();
    let close = move || {
        if let Some(details) = details.get_untracked() {
            details.set_open(false);
        }
    };
    let on_focusout = move |event: FocusEvent| {
        // What is taken off the page while it has the focus loses it then: its reference is gone by now.
        let Some(details) = details.try_get_untracked().flatten() else { return };
        let next = event.related_target().and_then(|it| it.dyn_into::<Node>().ok());
        if !details.contains(next.as_ref()) {
            details.set_open(false);
        }
    };
    let on_key = move |event: KeyboardEvent| {
        let is_open = details.get_untracked().is_some_and(|details| details.open());
        if event.key() == "Escape" && is_open {
            // One level at a time: pins and cards stay.
            event.stop_propagation();
            close();
            let summary = details.get_untracked().and_then(|details| details.query_selector("summary").ok().flatten());
            if let Some(summary) = summary.and_then(|it| it.dyn_into::<web_sys::HtmlElement>().ok()) {
                let _ = summary.focus();
            }
        }
    };
    view! {
        <details class=format!("gear {class}") node_ref=details on:focusout=on_focusout on:keydown=on_key>
            <summary class="button quiet" data-testid=testid aria-label=label title=label>
                {sign}
            </summary>
            // Pressing on its ground keeps the focus, and so the panel.
            <div class="gear-panel" tabindex="-1">
                {children()}
            </div>
        </details>
    }
}
