//! A heatmap as a table, for those who do not see it.

use lens_view::neighbors::NeighborRow;
use leptos::prelude::*;

/// Folded; filled when it is opened.
#[component]
pub fn SimilarityTable(
    /// What the table is of.
    label: &'static str,
    testid: &'static str,
    rows: impl Fn() -> Vec<NeighborRow> + Send + 'static,
) -> impl IntoView {
    let open = RwSignal::new(false);
    let rows = move || {
        rows()
            .into_iter()
            .map(|row| {
                view! {
                    <tr>
                        <th scope="row">{row.token}</th>
                        <td>{row.most_similar}</td>
                        <td>{row.least_similar}</td>
                        <td class="number">{row.mean}</td>
                    </tr>
                }
            })
            .collect_view()
    };
    view! {
        <details class="similarity-table" data-testid=testid on:toggle=move |_| open.set(true)>
            <summary>{label}</summary>
            <div class="scroll" tabindex="0" role="region" aria-label=label>
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
