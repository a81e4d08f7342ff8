//! The tabs that choose the figure.

use lens_session::figure::Figure;
use lens_view::choice::Choice;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, KeyboardEvent};

use crate::environment::document;
use crate::media;
use crate::state::State;

/// One stop of the Tab key; arrows walk.
#[component]
pub fn Tabs(state: State) -> impl IntoView {
    let chosen = state.look(|model| &model.view.figure);
    let choose = move |figure: Figure| {
        if chosen.get_untracked() != figure {
            // What lies over the figure gives way to the one that is asked for.
            state.choose(|view| {
                view.figure = figure;
                view.feature = None;
            });
        }
        state.is_model_open.set(false);
        show_figure();
    };
    let on_key = move |event: KeyboardEvent| {
        let all = Figure::CHOICES;
        let at = all.iter().position(|it| *it == chosen.get_untracked()).unwrap_or(0);
        let next = match event.key().as_str() {
            "ArrowRight" => (at + 1) % all.len(),
            "ArrowLeft" => (at + all.len() - 1) % all.len(),
            "Home" => 0,
            "End" => all.len() - 1,
            _ => return,
        };
        event.prevent_default();
        choose(all[next]);
        let tab = document().and_then(|document| document.get_element_by_id(&tab_id(all[next])));
        if let Some(tab) = tab.and_then(|tab| tab.dyn_into::<HtmlElement>().ok()) {
            let _ = tab.focus();
        }
    };
    let tab = move |figure: Figure| {
        let is_chosen = move || chosen.get() == figure;
        view! {
            <button
                type="button"
                role="tab"
                id=tab_id(figure)
                class="tab"
                data-testid=tab_id(figure)
                aria-selected=move || is_chosen().to_string()
                aria-controls="figure"
                tabindex=move || if is_chosen() { "0" } else { "-1" }
                on:click=move |_| choose(figure)
            >
                {figure.label()}
            </button>
        }
    };
    view! {
        <nav class="tabs" aria-label="Figures">
            <div role="tablist" aria-label="Figures" on:keydown=on_key>
                {Figure::CHOICES.iter().map(|figure| tab(*figure)).collect_view()}
            </div>
        </nav>
    }
}

/// On a narrow screen the figure stands below the text: it is scrolled to.
fn show_figure() {
    let figure = document().and_then(|document| document.get_element_by_id("figure"));
    if let Some(figure) = figure.filter(|_| media::is_narrow()) {
        figure.scroll_into_view();
    }
}

/// The id of a figure's tab.
pub fn tab_id(figure: Figure) -> String {
    format!("tab-{}", figure.key())
}
