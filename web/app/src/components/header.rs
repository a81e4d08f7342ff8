//! Title, example, own text, sharing, and a menu of what is used less.

use lens_session::{Msg, Theme};
use lens_view::choice::Choice;
use leptos::html::Div;
use leptos::prelude::*;

use super::examples::Examples;
use super::gear::Gear;
use super::share::Share;
use super::text_zone::has_box;
use crate::files;
use crate::opener::select_text;
use crate::state::State;
use crate::walk::{self, Along};

/// The buttons of the line at the top, which are one stop of the Tab key.
const ACTIONS: &str = ":scope > button, :scope > details > summary";

/// The line at the top.
#[component]
pub fn Header(state: State) -> impl IntoView {
    let has_box = has_box(state);
    let own_text = move || if has_box.get() { "Back to the text" } else { "Try your own text" };
    // Without a result there is nothing to go back to.
    let is_needless = move || has_box.get() && state.shown.with(Option::is_none);
    let menu = if state.is_one_file { "More: open, theme, help" } else { "More: open, model, theme, help" };
    let has_text_box = !state.is_one_file;
    let switch = move |_| {
        let opens = !has_box.get_untracked();
        state.tell(Msg::Edit(opens));
        if opens {
            // What is typed replaces the text that is there.
            select_text("#text");
        }
    };
    let actions = NodeRef::<Div>::new();
    let keep_one_stop = move || {
        if let Some(actions) = actions.get_untracked() {
            walk::keep_one_stop(&actions, ACTIONS);
        }
    };
    // After the page has them, and again when one of them can be pressed or no longer.
    Effect::new(move |_| {
        is_needless();
        request_animation_frame(keep_one_stop);
    });
    view! {
        <header class="header">
            <h1>"Temporal Lens"</h1>
            <Examples state />
            <div
                class="header-actions"
                role="toolbar"
                aria-label="Own text, sharing, and more"
                node_ref=actions
                on:focusin=move |_| keep_one_stop()
                on:keydown=move |event| walk::walk(&event, ".header-actions", ACTIONS, Along::Row)
            >
                {has_text_box
                    .then(|| {
                        view! {
                            <button
                                type="button"
                                class="primary"
                                data-testid="own-text"
                                aria-expanded=move || has_box.get().to_string()
                                disabled=is_needless
                                on:click=switch
                            >
                                {own_text}
                            </button>
                            <Share state />
                        }
                    })}
                <Gear label=menu sign="⋯" testid="menu" class="menu">
                    <Menu state />
                </Gear>
            </div>
        </header>
    }
}

#[component]
fn Menu(state: State) -> impl IntoView {
    let on_file = move |event| {
        if let Some(file) = files::first_file(&event) {
            files::open(state, file);
        }
    };
    let theme_name = move || match state.theme.get() {
        Theme::System => "◐ Theme: system",
        Theme::Light => "☀ Theme: light",
        Theme::Dark => "☾ Theme: dark",
    };
    let theme_label = move || format!("Theme: {}. Switch.", state.theme.get().key());
    let has_model = !state.is_one_file;
    let model = move |_| {
        state.is_model_open.set(true);
        state.tell(Msg::LibraryOpened);
    };
    view! {
        <label class="button quiet file-button">
            "Open a saved analysis"
            <input
                type="file"
                accept=".json,application/json"
                data-testid="open-result"
                aria-label="Open a saved analysis (JSON)"
                on:change=on_file
            />
        </label>
        {has_model
            .then(|| {
                view! {
                    <button type="button" class="quiet" data-testid="open-model" on:click=model>
                        "Model and storage"
                    </button>
                }
            })}
        <button
            type="button"
            class="quiet"
            data-testid="theme"
            aria-label=theme_label
            on:click=move |_| {
                state.tell(Msg::SwitchTheme);
            }
        >
            {theme_name}
        </button>
        <button type="button" class="quiet" data-testid="help" on:click=move |_| state.is_help_open.set(true)>
            "How to read this, and keys"
        </button>
        <button type="button" class="quiet" data-testid="cite" on:click=move |_| state.is_cite_open.set(true)>
            "Cite"
        </button>
    }
}
