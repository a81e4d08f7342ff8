//! The precomputed examples to start from.

use std::sync::Arc;

use lens_session::Msg;
use lens_session::figure::Figure;
use lens_view::gallery::Example;
use leptos::prelude::*;

use crate::state::{Origin, Phase, State};

/// The value of the entry that stands for a text that is no example.
const OTHER: &str = "";

/// The example whose precomputed result is on the page.
pub fn shown_example(state: State) -> Memo<Option<Arc<Example>>> {
    Memo::new(move |_| {
        let shown = state.shown.get()?;
        if shown.origin != Origin::Precomputed {
            return None;
        }
        state.gallery.with(|gallery| gallery.with_text(&shown.analysis.text).cloned().map(Arc::new))
    })
}

/// The example that was chosen and is being fetched, while another text is shown.
pub fn awaited_example(state: State) -> Memo<Option<String>> {
    let awaited = state.look(|model| &model.awaited_example);
    Memo::new(move |_| awaited.get().filter(|_| state.shown.with(Option::is_some)))
}

/// A menu of the examples.
#[component]
pub fn Examples(state: State) -> impl IntoView {
    let current = shown_example(state);
    let awaited = awaited_example(state);
    let shown = move || current.with(|it| it.as_ref().map_or(OTHER.to_owned(), |it| it.id.clone()));
    let chosen = move || awaited.get().unwrap_or_else(shown);
    let options = move || {
        state.gallery.with(|gallery| {
            let option = |example: &Example| {
                let (id, own) = (example.id.clone(), example.id.clone());
                let title = example.title.clone();
                view! { <option value=id selected=move || chosen() == own>{title}</option> }
            };
            gallery.examples.iter().map(option).collect_view()
        })
    };
    let on_change = move |event: web_sys::Event| {
        let id = event_target_value(&event);
        if id != OTHER {
            state.tell(Msg::Example(id));
        }
        // The menu names what is awaited, and what is shown where that does not come.
        event_target::<web_sys::HtmlSelectElement>(&event).set_value(&untrack(chosen));
    };
    view! {
        <Show when=move || state.gallery.with(|gallery| !gallery.examples.is_empty())>
            <span class="examples-label" aria-hidden="true">"Example:"</span>
            <select
                class="examples"
                aria-label="Example"
                data-testid="gallery"
                prop:value=chosen
                disabled=move || state.phase.get() == Phase::Loading
                on:change=on_change
            >
                <option value=OTHER hidden selected=move || chosen() == OTHER>
                    "Example …"
                </option>
                {options}
            </select>
        </Show>
    }
}

/// What to look for in the example that is shown.
#[component]
pub fn LookFor(state: State) -> impl IntoView {
    let current = shown_example(state);
    let figure = state.look(|model| &model.view.figure);
    move || {
        // It speaks of the matrix.
        current.get().filter(|_| figure.get() == Figure::Scenes).map(|example| {
            view! {
                <p class="look-for" data-testid="look-for">
                    {example.look_for.clone()}
                </p>
            }
        })
    }
}
