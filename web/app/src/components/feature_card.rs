//! A feature's card: what it fires on, what it raises and lowers, where it fires in the shown text.

use std::sync::Arc;

use lens_analysis::dashboard::{Dashboard, Excerpt, Index};
use lens_session::Msg;
use lens_session::dashboards::Lookup;
use lens_view::dashboard::{self as card, ShadedToken};
use lens_view::neuronpedia;
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::token_text::TokenText;
use crate::fetch::fetch;
use crate::state::{ShownAnalysis, State};

/// Shown while a feature is open.
#[component]
pub fn FeatureCard(state: State, shown: Arc<ShownAnalysis>) -> impl IntoView {
    move || {
        let shown = shown.clone();
        state.feature.get().map(|feature| view! { <Card state shown feature /> })
    }
}

#[component]
fn Card(state: State, shown: Arc<ShownAnalysis>, feature: usize) -> impl IntoView {
    let dashboards = state.dashboards;
    let pack_hash = StoredValue::new(shown.analysis.model.pack_hash.clone());
    let label = move || {
        let index = dashboards.get().index_of(&pack_hash.get_value())?;
        let label = index.label(feature)?;
        Some(view! {
            <p class="feature-label" data-testid="feature-label">
                {label.text.clone()}
            </p>
            <p class="note" title=index.rule.clone()>
                {card::label_note(label)}
            </p>
        })
    };
    // A label is shown with how good it is; other names with what they are made of.
    let name = move || {
        let index = dashboards.get().index_of(&pack_hash.get_value())?;
        let name = card::name(Some(&index), feature).filter(|_| index.label(feature).is_none())?;
        Some(view! {
            <p class="feature-label" data-testid="feature-name">{name.text}</p>
            <p class="note" title=index.name_rule.clone()>{name.note}</p>
        })
    };
    let body = move || match dashboards.get().lookup(&pack_hash.get_value(), feature) {
        _ if state.is_one_file => {
            view! { <p class="empty">"This file has the text’s analysis alone, without dashboards of features."</p> }
                .into_any()
        }
        Lookup::None => {
            view! { <p class="empty">"There is no dashboard of this model’s features here."</p> }.into_any()
        }
        Lookup::Pending => view! { <p class="empty" role="status">"Fetching …"</p> }.into_any(),
        Lookup::Failed(problem) => view! {
            <p class="empty" role="status">{format!("{problem}.")}</p>
            <button type="button" class="small" on:click=move |_| state.tell(Msg::RetryDashboards)>"Try again"</button>
        }
        .into_any(),
        Lookup::Ready(index, chunk) => match chunk.get(feature) {
            Some(dashboard) => view! { <Known state index dashboard=dashboard.clone() /> }.into_any(),
            None => view! { <p class="empty">"This feature has no dashboard."</p> }.into_any(),
        },
    };
    let here = match card::in_text(&shown.analysis, feature) {
        Some(tokens) => view! {
            <div class="excerpt scroll" dir="auto" tabindex="0" role="region" aria-label="The feature in this text" data-testid="feature-in-text">
                <Tokens tokens />
            </div>
        }
        .into_any(),
        None => view! { <p class="empty">"It is among the strongest of no token here."</p> }.into_any(),
    };
    let theirs = neuronpedia::source(&shown.analysis).map(str::to_owned);
    view! {
        <section class="over panel feature-card" tabindex="-1" data-testid="feature-card" aria-labelledby="feature-card-title">
            <div class="panel-head">
                <h2 id="feature-card-title">{format!("Feature {feature}")}</h2>
                <button type="button" class="quiet small" data-testid="feature-close" on:click=move |_| state.choose(|view| view.feature = None)>
                    "Close"
                </button>
            </div>
            {name}
            {label}
            {body}
            <h3>"In this text"</h3>
            {here}
            {theirs.map(|source| view! { <FromNeuronpedia state source feature /> })}
        </section>
    }
}

#[component]
fn Known(state: State, index: Arc<Index>, dashboard: Dashboard) -> impl IntoView {
    let source =
        |excerpt: &Excerpt| index.sources.get(excerpt.source).map(|s| s.attribution.clone()).unwrap_or_default();
    let list = |excerpts: &[Excerpt], largest: f32| {
        excerpts
            .iter()
            .map(|excerpt| {
                let quantile =
                    excerpt.quantile.map(|q| view! { <span class="quantile">{format!("{:.0} %", 100.0 * q)}</span> });
                view! {
                    <li class="excerpt" dir="auto" title=source(excerpt)>
                        {quantile}
                        <Tokens tokens=card::shaded(excerpt, largest) />
                    </li>
                }
            })
            .collect_view()
    };
    let predictable = dashboard.predictable_top.iter().map(|e| e.values[e.at]).fold(0.0, f32::max);
    let near = dashboard
        .near
        .iter()
        .map(|(other, cosine)| {
            let other = *other;
            let label = index.label(other).map(|label| label.text.clone()).unwrap_or_default();
            view! {
                <li>
                    <button type="button" class="quiet small" on:click=move |_| state.choose(|view| view.feature = Some(other))>
                        {format!("#{other} {label}")}
                        <span class="value">{format!("{cosine:.2}")}</span>
                    </button>
                </li>
            }
        })
        .collect_view();
    view! {
        <p class="note">{card::frequency_note(&dashboard, &index)}</p>
        <div class="bars" role="img" aria-label="Histogram of the feature’s codes, small to large, counts on a logarithmic scale">
            {card::bars(&dashboard)
                .into_iter()
                .map(|bar| view! { <span title=bar.title style:height=format!("{:.1}%", 100.0 * bar.height)></span> })
                .collect_view()}
        </div>
        <h3>"Active most at"</h3>
        <ol class="excerpts" data-testid="feature-contexts">{list(&dashboard.top, dashboard.largest)}</ol>
        <Show when={ let any = !dashboard.lower.is_empty(); move || any }>
            <h3>"Weaker examples"</h3>
        </Show>
        <ol class="excerpts">{list(&dashboard.lower, dashboard.largest)}</ol>
        <Logits dashboard=dashboard.clone() />
        <h3>"Similar features"</h3>
        <ul class="occurrences">{near}</ul>
        <Show when={ let any = !dashboard.predictable_top.is_empty(); move || any }>
            <h3>"Most expected at"</h3>
        </Show>
        <ol class="excerpts">{list(&dashboard.predictable_top, predictable)}</ol>
    }
}

/// Tokens that the feature raises and lowers.
#[component]
fn Logits(dashboard: Dashboard) -> impl IntoView {
    let list = |tokens: &[(String, f32)]| {
        tokens
            .iter()
            .map(|(token, logit)| {
                // Its size is in the SAE's own units; the order is what it says.
                let logit = format!("logit {}", lens_view::number::significant(*logit));
                view! {
                    <li title=logit>
                        <span class="token-name">
                            <TokenText token=token.clone() />
                        </span>
                    </li>
                }
            })
            .collect_view()
    };
    view! {
        <div class="logits" data-testid="feature-logits">
            <div>
                <h3>"Makes likelier"</h3>
                <ul>{list(&dashboard.raised)}</ul>
            </div>
            <div>
                <h3>"Less likely"</h3>
                <ul>{list(&dashboard.lowered)}</ul>
            </div>
        </div>
    }
}

/// Tokens with a ground as strong as the feature.
#[component]
fn Tokens(tokens: Vec<ShadedToken>) -> impl IntoView {
    tokens
        .into_iter()
        .map(|it| {
            // Lines break where words begin, and nowhere else: what marks a space is no space.
            let begins = it.token.starts_with(['▁', ' ', '\n']);
            view! {
                {begins.then(|| view! { <wbr /> })}
                <span class="shaded" class:is-focus=it.is_focus title=it.value style=("--share", format!("{:.3}", it.share))>
                    <TokenText token=it.token />
                </span>
            }
        })
        .collect_view()
}

/// Neuronpedia's public answer, asked for on a click.
#[component]
fn FromNeuronpedia(state: State, source: String, feature: usize) -> impl IntoView {
    let page = neuronpedia::feature_page(&source, feature);
    let answer = RwSignal::new(None::<Result<card::FromNeuronpedia, String>>);
    let ask = move |_| {
        let url = neuronpedia::feature_json(&source, feature);
        spawn_local(async move {
            let json = fetch(&url).await;
            answer.set(Some(match json {
                Some(json) => card::from_neuronpedia(&json).map_err(|it| it.to_string()),
                None => Err("Neuronpedia did not answer; its page may still open.".to_owned()),
            }));
        });
    };
    let body = move || {
        answer.get().map(|answer| match answer {
            Err(problem) => {
                view! { <p class="empty" role="status" data-testid="neuronpedia-problem">{problem}</p> }.into_any()
            }
            Ok(theirs) => {
                let largest = theirs.dashboard.largest;
                let contexts = theirs
                    .dashboard
                    .top
                    .iter()
                    .map(|excerpt| view! { <li class="excerpt" dir="auto"><Tokens tokens=card::shaded(excerpt, largest) /></li> })
                    .collect_view();
                view! {
                    <ul data-testid="neuronpedia-explanations">
                        {theirs.explanations.into_iter().map(|text| view! { <li>{text}</li> }).collect_view()}
                    </ul>
                    <ol class="excerpts">{contexts}</ol>
                    <Logits dashboard=theirs.dashboard />
                }
                .into_any()
            }
        })
    };
    view! {
        <h3>"On Neuronpedia"</h3>
        <div class="toolbar">
            // A single file asks no host for anything; its reader may follow the link.
            {(!state.is_one_file)
                .then(|| {
                    view! {
                        <button type="button" class="small" data-testid="neuronpedia-fill" on:click=ask>
                            "Show its contexts"
                        </button>
                    }
                })}
            <a href=page target="_blank" rel="noreferrer">"Its page"</a>
        </div>
        {body}
    }
}
