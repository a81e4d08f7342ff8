//! The heatmap as a table, for those who do not see it.

use std::sync::Arc;

use lens_view::neighbours;
use leptos::prelude::*;

use crate::state::Shown;

/// Folded; filled when it is opened.
#[component]
pub fn SimilarityTable(shown: Arc<Shown>) -> impl IntoView {
    let open = RwSignal::new(false);
    let rows = move || {
        neighbours::rows(&shown.analysis)
            .into_iter()
            .map(|row| {
                view! {
                    <tr>
                        <th scope="row">{row.token}</th>
                        <td>{row.likest}</td>
                        <td>{row.least}</td>
                        <td class="number">{row.mean}</td>
                    </tr>
                }
            })
            .collect_view()
    };
    view! {
        <details class="similarity-table" data-testid="similarity-table" on:toggle=move |_| open.set(true)>
            <summary>"The heatmap as a table"</summary>
            <div class="scroll" tabindex="0" role="region" aria-label="The heatmap as a table">
                <table>
                    <thead>
                        <tr>
                            <th scope="col">"Token"</th>
                            <th scope="col">"Most like it"</th>
                            <th scope="col">"Least like it"</th>
                            <th scope="col" class="number">"Mean to others"</th>
                        </tr>
                    </thead>
                    <tbody>{move || open.get().then(&rows)}</tbody>
                </table>
            </div>
        </details>
    }
}
