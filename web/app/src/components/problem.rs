//! What went wrong, in place, with a way on, and what else there is to know of a request. The text stays in its box.

use lens_session::Msg;
use lens_session::requests::SILENCE;
use leptos::prelude::*;

use crate::state::State;

/// Shown after a failure, and while there is something to know: the box for a text may be closed.
#[component]
pub fn Problem(state: State) -> impl IntoView {
    let note =
        move || state.note.get().map(|note| view! { <p class="note-line" role="status" data-testid="note">{note}</p> });
    let can_retry = state.look(|model| &model.can_retry);
    let problem = move || {
        state.problem.get().map(|problem| {
            view! {
                <section class="problem" role="alert">
                    <p data-testid="error">{problem}</p>
                    <Show when=move || can_retry.get()>
                        <button type="button" data-testid="retry" on:click=move |_| state.tell(Msg::Retry)>
                            "Try again"
                        </button>
                    </Show>
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
    };
    let silence = move || {
        state.is_silent.get().then(|| {
            view! {
                <section class="problem" role="status">
                    <p data-testid="silence">{SILENCE}</p>
                    <button type="button" data-testid="restart" on:click=move |_| state.tell(Msg::Restart)>
                        "Start it again"
                    </button>
                </section>
            }
        })
    };
    view! {
        {problem}
        {silence}
        {note}
    }
}
