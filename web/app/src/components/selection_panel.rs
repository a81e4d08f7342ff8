//! The selected spans and how alike they are.

use std::sync::Arc;

use lens_view::selection;
use leptos::prelude::*;

use crate::state::{ShownAnalysis, State};
use crate::views::Derived;

/// Shown while `is_seen`.
#[component]
pub fn SelectionPanel(state: State, shown: Arc<ShownAnalysis>, derived: Derived, is_seen: Memo<bool>) -> impl IntoView {
    let (spans, source) = (state.look(|model| &model.view.spans), state.look(|model| &model.view.source));
    let rows = move || {
        let Ok(matrix) = derived.matrix.get() else { return Vec::new() };
        spans.with(|selection| selection::rows(&shown.analysis, selection, &matrix, source.get()))
    };
    let rows = StoredValue::new_local(rows);
    view! {
        <Show when=move || is_seen.get()>
            <section class="panel" data-testid="selection" aria-labelledby="selection-title">
                <div class="panel-head">
                    <h2 id="selection-title">"Selected spans"</h2>
                    <button
                        type="button"
                        class="quiet small"
                        data-testid="selection-clear"
                        on:click=move |_| state.choose(|view| view.spans.clear())
                    >
                        "Clear"
                    </button>
                </div>
                <dl class="rows">
                    {move || {
                        rows.with_value(|rows| rows())
                            .into_iter()
                            .map(|row| {
                                view! {
                                    <div>
                                        <dt>{row.label}</dt>
                                        <dd class="value">{row.value}</dd>
                                    </div>
                                }
                            })
                            .collect_view()
                    }}
                </dl>
            </section>
        </Show>
    }
}
