//! A sheet over the page: the browser's own dialog, opened and closed by a signal.

use leptos::html::Dialog;
use leptos::prelude::*;

/// Shown while `is_open`; Esc and its button close it. `class` is beside the sheets' own.
#[component]
pub fn Sheet(
    is_open: RwSignal<bool>,
    title: &'static str,
    testid: &'static str,
    #[prop(optional)] class: &'static str,
    children: Children,
) -> impl IntoView {
    let dialog = NodeRef::<Dialog>::new();
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
    let title_id = format!("{testid}-title");
    let labelled_by = title_id.clone();
    view! {
        <dialog
            class=format!("help {class}")
            node_ref=dialog
            data-testid=testid
            aria-labelledby=labelled_by
            on:close=move |_| is_open.set(false)
            // The browser closes it on Esc, which is the page's key, too: one level at a time.
            on:keydown=move |event| {
                if event.key() == "Escape" {
                    event.stop_propagation();
                }
            }
        >
            <div class="panel-head">
                <h2 id=title_id>{title}</h2>
                <button type="button" class="quiet small" on:click=move |_| is_open.set(false)>
                    "Close"
                </button>
            </div>
            {children()}
        </dialog>
    }
}
