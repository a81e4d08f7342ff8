//! Neuronpedia's pages of a feature and of the text, for packs whose features have a source there.
//! Nothing is asked of it before the visitor presses a button.

use std::sync::Arc;

use lens_view::{features, neuronpedia};
use leptos::prelude::*;

use crate::state::{ShownAnalysis, State};

/// What a page of another site may do in ours: run, and keep what it keeps for itself. It may not
/// navigate ours.
const SANDBOX: &str = "allow-scripts allow-same-origin allow-popups allow-forms";

/// Shown where the pack names a source.
#[component]
pub fn NeuronpediaPanel(state: State, shown: Arc<ShownAnalysis>) -> impl IntoView {
    let source = neuronpedia::source(&shown.analysis)?.to_owned();
    // Title and address of what is open.
    let open = RwSignal::new(None::<(String, String)>);
    let problem = RwSignal::new(None::<String>);
    let (listed, analyzed) = (shown.clone(), shown);
    let strongest = Memo::new(move |_| {
        let pinned = state.focus.get().pinned.map(|cell| cell.row);
        let position = features::position(&listed.analysis, pinned);
        features::rows(&listed.analysis, position).first().map(|row| row.feature)
    });
    let matrix_source = source.clone();
    let open_feature = move |feature: usize| {
        problem.set(None);
        let title = format!("Feature {feature} on Neuronpedia");
        open.set(Some((title, neuronpedia::feature_embed(&source, feature))));
    };
    let open_matrix = move |_| match neuronpedia::matrix_embed(&matrix_source, &analyzed.analysis.text) {
        Ok(url) => {
            problem.set(None);
            open.set(Some(("The text’s matrix on Neuronpedia".to_owned(), url)));
        }
        Err(why) => problem.set(Some(why.to_string())),
    };
    let feature_button = move || {
        let open_feature = open_feature.clone();
        strongest.get().map(|feature| {
            view! {
                <button type="button" class="small" data-testid="neuronpedia-feature" on:click=move |_| open_feature(feature)>
                    {format!("Dashboard of #{feature}")}
                </button>
            }
        })
    };
    Some(view! {
        <section class="panel neuronpedia" aria-labelledby="neuronpedia-title">
            <h2 id="neuronpedia-title">"On Neuronpedia"</h2>
            <p class="note">"Opening these asks neuronpedia.org; the matrix sends it the text."</p>
            <div class="toolbar">
                {feature_button}
                <button type="button" class="small" data-testid="neuronpedia-matrix" on:click=open_matrix>
                    "Matrix of this text"
                </button>
                {move || {
                    open.with(Option::is_some)
                        .then(|| {
                            view! {
                                <button type="button" class="quiet small" data-testid="neuronpedia-close" on:click=move |_| open.set(None)>
                                    "Close"
                                </button>
                            }
                        })
                }}
            </div>
            {move || problem.get().map(|why| view! { <p class="empty" role="status" data-testid="neuronpedia-problem">{why}</p> })}
            {move || {
                open.get()
                    .map(|(title, url)| {
                        view! {
                            <iframe
                                data-testid="neuronpedia-frame"
                                title=title
                                src=url
                                sandbox=SANDBOX
                                referrerpolicy="no-referrer"
                            ></iframe>
                        }
                    })
            }}
        </section>
    })
}
