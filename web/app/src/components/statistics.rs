//! What the notebook prints, and what made the result.

use std::sync::Arc;
use std::time::Duration;

use lens_analysis::similarity::{self, MissingError, Mode, Source};
use lens_analysis::spectrum::Tridiagonal;
use lens_session::Msg;
use lens_view::statistics::{self, StatisticsRow};
use lens_view::{export, lede, measures};
use leptos::prelude::*;

use crate::environment::now;
use crate::files;
use crate::state::{Origin, Phase, ShownAnalysis, State};
use crate::views::Derived;

/// Milliseconds of one slice of work: the page stays fluid.
const SLICE_MS: f64 = 8.0;

/// The numbers of a shown analysis.
#[component]
pub fn Statistics(state: State, shown: Arc<ShownAnalysis>, derived: Derived) -> impl IntoView {
    let run = match &shown.origin {
        Origin::Live(run) => Some(run),
        Origin::Precomputed | Origin::File(_) | Origin::Link(_) => None,
    };
    let can_shuffle = run.is_some();
    let provenance = statistics::provenance(&shown.analysis, run);
    let ranks = [Source::Predictable, Source::Novel].map(|source| (source, effective_rank(&shown, source)));
    let numbered = shown.clone();
    let rows = Memo::new(move |_| {
        let analysis = &numbered.analysis;
        let mut rows = statistics::numbers(analysis);
        if let Ok(matrix) = derived.matrix.get() {
            rows.extend(measures::shown_matrix(&matrix));
            derived.boundaries.with_value(|found| rows.extend(measures::events(analysis, found, &matrix)));
        }
        rows.extend(measures::energy(analysis));
        rows.extend(ranks.map(|(source, rank)| {
            rank.with(|rank| measures::rank(source, rank.as_ref().map(|it| it.as_deref()).map_err(|why| *why)))
        }));
        rows
    });
    let is_pending = move || rows.with(|rows| rows.iter().any(|row| row.value == measures::PENDING));
    let made_with = provenance.clone();
    let copy = move |_| {
        let all = rows.with_untracked(|rows| [rows.as_slice(), made_with.as_slice()].concat());
        files::copy(state, &export::rows_tsv(&all));
    };
    let (tokens, seen, shown_first) = (shown.clone(), shown.clone(), shown);
    let open = RwSignal::new(false);
    // Numbers of shuffled words, where there are any, are of this matrix.
    let own = similarity::similarity(&shown_first.analysis, Source::Predictable, Mode::Neuronpedia).ok();
    let sentences = move || {
        let shuffled = state.shuffled.get();
        let sentences = lede::three_sentences(&shown_first.analysis, own.as_ref(), shuffled.as_deref());
        let about = match lede::about_yardsticks(&sentences, shuffled.as_deref()) {
            Some(about) => Some(view! { <p class="note">{about}</p> }.into_any()),
            None if can_shuffle && shuffled.is_none() => Some(view! { <AskShuffled state /> }.into_any()),
            None => None,
        };
        let sentence = |it: lede::Sentence| {
            view! {
                <p>
                    {it.text} {it.yardstick.map(|yardstick| view! { <span class="note">" " {yardstick}</span> })}
                </p>
            }
        };
        view! {
            {sentences.into_iter().map(sentence).collect_view()}
            {about}
        }
    };
    view! {
        <section class="panel sentences" data-testid="sentences" aria-label="The numbers in words">
            {sentences}
        </section>
        <section class="panel" data-testid="stats" aria-labelledby="statistics-title">
            <div class="panel-head">
                <h2 id="statistics-title">"Statistics"</h2>
                <button type="button" class="quiet small" data-testid="copy-numbers" disabled=is_pending on:click=copy>
                    "Copy"
                </button>
            </div>
            {move || view! { <Rows rows=rows.with(|rows| measures::on_screen(rows, &seen.analysis)) /> }}
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

/// Numbers of the same tokens in other orders are as many analyses: they are asked for.
#[component]
fn AskShuffled(state: State) -> impl IntoView {
    let is_loading = move || state.phase.get() == Phase::Loading;
    view! {
        <button type="button" class="small" data-testid="shuffle" disabled=is_loading on:click=move |_| state.tell(Msg::AskShuffled)>
            "Compare with its words shuffled"
        </button>
    }
}

/// Eigenvalues of a source's codes, none until they are computed.
type Eigenvalues = Result<Option<Vec<f64>>, MissingError>;

/// Computes in slices while the page is shown.
fn effective_rank(shown: &Arc<ShownAnalysis>, source: Source) -> RwSignal<Eigenvalues> {
    let found = RwSignal::new(Ok(None));
    let shown = shown.clone();
    set_timeout(
        move || match measures::begin_rank(&shown.analysis, source) {
            Ok(work) => go_on(work, found),
            Err(why) => {
                let _ = found.try_set(Err(why));
            }
        },
        Duration::from_millis(50),
    );
    found
}

fn go_on(mut work: Tridiagonal, found: RwSignal<Eigenvalues>) {
    // Another result is shown by now: this one is not needed.
    if found.is_disposed() {
        return;
    }
    let end = now() + SLICE_MS;
    while now() < end {
        if !work.step() {
            let _ = found.try_set(Ok(Some(work.eigenvalues())));
            return;
        }
    }
    set_timeout(move || go_on(work, found), Duration::ZERO);
}

#[component]
fn Rows(rows: Vec<StatisticsRow>) -> impl IntoView {
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
fn L0Table(shown: Arc<ShownAnalysis>) -> impl IntoView {
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
                {statistics::tokens(&shown.analysis)
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
