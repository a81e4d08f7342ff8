//! What went wrong, in place, with a way on. The text stays in its box.

use lens_session::Msg;
use leptos::prelude::*;

use crate::state::State;

/// ShownAnalysis after a failure.
#[component]
pub fn Problem(state: State) -> impl IntoView {
    move || {
        state.problem.get().map(|problem| {
            view! {
                <section class="problem" role="alert">
                    <p data-testid="error">{problem}</p>
                    <button type="button" data-testid="retry" on:click=move |_| state.tell(Msg::Submit)>"Try again"</button>
                    <button
                        type="button"
                        class="quiet"
                        on:click=move |_| state.tell(Msg::DismissProblem)
                        aria-label="Dismiss the message"
                    >
                        "Dismiss"
                    </button>
                </section>
            }
        })
    }
}
