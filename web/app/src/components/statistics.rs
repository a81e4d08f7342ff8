//! What the notebook prints, and what made the result.

use std::sync::Arc;

use lens_view::stats::{self, Row};
use leptos::prelude::*;

use crate::state::{Origin, Shown};

/// The numbers of a shown analysis.
#[component]
pub fn Statistics(shown: Arc<Shown>) -> impl IntoView {
    let run = match &shown.origin {
        Origin::Live(run) => Some(run),
        Origin::Precomputed | Origin::File(_) => None,
    };
    let provenance = stats::provenance(&shown.analysis, run);
    let tokens = shown.clone();
    let open = RwSignal::new(false);
    view! {
        <section class="panel" data-testid="stats" aria-labelledby="statistics-title">
            <h2 id="statistics-title">"Statistics"</h2>
            <Rows rows=stats::numbers(&shown.analysis) />
            <details on:toggle=move |_| open.set(true)>
                <summary>"L0 of every token"</summary>
                <div class="scroll" tabindex="0" role="region" aria-label="L0 of every token">
                    {move || open.get().then(|| view! { <L0Table shown=tokens.clone() /> })}
                </div>
            </details>
        </section>
        <section class="panel" data-testid="provenance" aria-labelledby="provenance-title">
            <h2 id="provenance-title">"Made with"</h2>
            <Rows rows=provenance />
        </section>
    }
}

#[component]
fn Rows(rows: Vec<Row>) -> impl IntoView {
    view! {
        <dl class="rows">
            {rows
                .into_iter()
                .map(|row| {
                    view! {
                        <div>
                            <dt>{row.label}</dt>
                            <dd>
                                <span class="value" data-testid=format!("stat-{}", row.key)>{row.value}</span>
                                {(!row.note.is_empty()).then(|| view! { <span class="note">{row.note}</span> })}
                            </dd>
                        </div>
                    }
                })
                .collect_view()}
        </dl>
    }
}

#[component]
fn L0Table(shown: Arc<Shown>) -> impl IntoView {
    view! {
        <table data-testid="l0-table">
            <thead>
                <tr>
                    <th scope="col">"Token"</th>
                    <th scope="col" class="number">"novel"</th>
                    <th scope="col" class="number">"pred."</th>
                    <th scope="col" class="number">"total"</th>
                </tr>
            </thead>
            <tbody>
                {stats::tokens(&shown.analysis)
                    .into_iter()
                    .map(|row| {
                        view! {
                            <tr>
                                <th scope="row">
                                    <span class="position">{row.position}</span>
                                    " "
                                    {row.token}
                                </th>
                                {row.l0.map(|count| view! { <td class="number">{count}</td> }).collect_view()}
                            </tr>
                        }
                    })
                    .collect_view()}
            </tbody>
        </table>
    }
}
