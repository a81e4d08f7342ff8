//! One bar over the whole request, with bytes, and Cancel.

use lens_session::Msg;
use leptos::prelude::*;

use crate::state::State;

/// Shown while a request is under way.
#[component]
pub fn ProgressBar(state: State) -> impl IntoView {
    let under_way = Memo::new(move |_| state.progress.with(Option::is_some));
    let fraction = move || state.progress.with(|p| p.as_ref().map_or(0.0, |p| p.fraction()));
    let percent = move || format!("{:.0}", fraction() * 100.0);
    let sentence = move || state.progress.with(|p| p.as_ref().map(|p| p.sentence()).unwrap_or_default());
    let pace = move || state.progress.with(|p| p.as_ref().and_then(|p| p.pace()).unwrap_or_default());
    move || {
        under_way.get().then(|| {
            view! {
                <section class="progress" aria-label="Progress">
                    <p class="progress-label">
                        <span data-testid="progress-label">{sentence}</span>
                        <span class="progress-pace">{pace}</span>
                    </p>
                    <div
                        class="bar"
                        role="progressbar"
                        aria-label="Progress of the analysis"
                        aria-valuemin="0"
                        aria-valuemax="100"
                        aria-valuenow=percent
                        aria-valuetext=sentence
                        data-testid="progress"
                    >
                        <div class="bar-fill" style:transform=move || format!("scaleX({:.4})", fraction())></div>
                    </div>
                    <span class="progress-percent">{move || format!("{} % in all", percent())}</span>
                    <button
                        type="button"
                        data-testid="cancel"
                        disabled=move || state.is_stopping.get()
                        on:click=move |_| state.tell(Msg::Cancel)
                    >
                        "Cancel"
                    </button>
                </section>
            }
        })
    }
}
