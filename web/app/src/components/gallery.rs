//! The precomputed examples to start from.

use std::sync::Arc;

use lens_session::Msg;
use lens_view::gallery::Example;
use leptos::prelude::*;

use crate::state::{Origin, Phase, State};

/// A button an example, and what to look for in the one that is shown.
#[component]
pub fn GalleryBar(state: State) -> impl IntoView {
    // The example whose precomputed result is on the page.
    let current = Memo::new(move |_| -> Option<Arc<Example>> {
        let shown = state.shown.get()?;
        if shown.origin != Origin::Precomputed {
            return None;
        }
        state.gallery.with(|gallery| gallery.with_text(&shown.analysis.text).cloned().map(Arc::new))
    });
    let buttons = move || {
        state.gallery.with(|gallery| {
            gallery
                .examples
                .iter()
                .map(|example| {
                    let (id, title) = (example.id.clone(), example.title.clone());
                    let testid = format!("example-{id}");
                    let (own, asked) = (id.clone(), id);
                    let is_current = move || current.with(|it| it.as_ref().is_some_and(|it| it.id == own));
                    view! {
                        <li>
                            <button
                                type="button"
                                class="small"
                                data-testid=testid
                                aria-pressed=move || is_current().to_string()
                                disabled=move || state.phase.get() == Phase::Loading
                                on:click=move |_| state.tell(Msg::Example(asked.clone()))
                            >
                                {title}
                            </button>
                        </li>
                    }
                })
                .collect_view()
        })
    };
    view! {
        <Show when=move || state.gallery.with(|gallery| !gallery.examples.is_empty())>
            <section class="gallery" aria-label="Examples, computed beforehand">
                <ul data-testid="gallery">{buttons}</ul>
                {move || {
                    current
                        .get()
                        .map(|example| {
                            view! {
                                <p class="look-for" data-testid="look-for">
                                    {example.look_for.clone()}
                                </p>
                            }
                        })
                }}
            </section>
        </Show>
    }
}
