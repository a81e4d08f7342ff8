//! Title, example, own text, sharing, and a menu of what is used less.

use lens_session::{Msg, Theme};
use lens_view::choice::Choice;
use leptos::prelude::*;

use super::examples::Examples;
use super::gear::Gear;
use super::share::Share;
use super::text_zone::has_box;
use crate::files;
use crate::opener::focus_on;
use crate::state::State;

/// The line at the top.
#[component]
pub fn Header(state: State) -> impl IntoView {
    let has_box = has_box(state);
    let own_text = move || if has_box.get() { "Back to the text" } else { "Try your own text" };
    // Without a result there is nothing to go back to.
    let is_needless = move || has_box.get() && state.shown.with(Option::is_none);
    let switch = move |_| {
        let opens = !has_box.get_untracked();
        state.tell(Msg::Edit(opens));
        if opens {
            focus_on("#text");
        }
    };
    view! {
        <header class="header">
            <h1>"Temporal Lens"</h1>
            <Examples state />
            <div class="header-actions">
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
                <Gear label="More: open, model, theme, help" sign="⋯" testid="menu" class="menu">
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
        Theme::System => "◐ Theme: as the system",
        Theme::Light => "☀ Theme: light",
        Theme::Dark => "☾ Theme: dark",
    };
    let theme_label = move || format!("Theme: {}. Switch.", state.theme.get().key());
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
        <button type="button" class="quiet" data-testid="open-model" on:click=model>
            "Model and storage"
        </button>
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
    }
}
