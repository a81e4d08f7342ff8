//! Title, opening of saved results, theme switch.

use lens_session::Msg;
use lens_session::Theme;
use lens_view::choice::Choice;
use leptos::prelude::*;

use super::share::Share;
use crate::files;
use crate::state::State;

/// The line at the top.
#[component]
pub fn Header(state: State) -> impl IntoView {
    let on_file = move |event| {
        if let Some(file) = files::first_file(&event) {
            files::open(state, file);
        }
    };
    let theme_name = move || match state.theme.get() {
        Theme::System => ("◐", " System"),
        Theme::Light => ("☀", " Light"),
        Theme::Dark => ("☾", " Dark"),
    };
    let theme_label = move || format!("Theme: {}. Switch.", state.theme.get().key());
    view! {
        <header class="header">
            <h1>"Temporal Lens"</h1>
            <p class="lede">"What each token’s past foretells, in your own text"</p>
            <div class="header-actions">
                <label class="button quiet file-button">
                    "Open result"
                    <input
                        type="file"
                        accept=".json,application/json"
                        data-testid="open-result"
                        aria-label="Open a saved result (JSON)"
                        on:change=on_file
                    />
                </label>
                <Share state />
                <button
                    type="button"
                    class="quiet"
                    data-testid="help"
                    aria-label="Help: keys and gestures"
                    on:click=move |_| state.is_help_open.set(true)
                >
                    "?"
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
                    {move || theme_name().0}
                    <span class="roomy">{move || theme_name().1}</span>
                </button>
            </div>
        </header>
    }
}
