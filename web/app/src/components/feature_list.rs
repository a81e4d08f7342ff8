//! The novel features of the pinned token, strongest first.

use std::sync::Arc;

use lens_view::features;
use leptos::prelude::*;

use super::token_text::TokenText;
use crate::state::{Shown, State};

/// The list; hovering does not change it, pinning does.
#[component]
pub fn FeatureList(state: State, shown: Arc<Shown>) -> impl IntoView {
    let pinned = Memo::new(move |_| state.focus.get().pinned.map(|spot| spot.row));
    let titled = shown.clone();
    let title = move || {
        let position = features::position(&titled.analysis, pinned.get());
        let token = titled.analysis.tokens.get(position).cloned().unwrap_or_default();
        view! {
            <span class="position">{position}</span>
            " "
            <span class="token-name">
                <TokenText token />
            </span>
        }
    };
    let list = move || {
        let rows = features::rows(&shown.analysis, features::position(&shown.analysis, pinned.get()));
        if rows.is_empty() {
            return view! { <p class="empty">"No novel code is active at this token."</p> }.into_any();
        }
        view! {
            <ol class="features">
                {rows
                    .into_iter()
                    .map(|row| {
                        let name = format!("#{}", row.feature);
                        view! {
                            <li data-feature=row.feature.to_string()>
                                {match row.dashboard {
                                    Some(url) => {
                                        view! {
                                            <a class="feature" href=url target="_blank" rel="noreferrer">
                                                {name}
                                            </a>
                                        }
                                            .into_any()
                                    }
                                    None => view! { <span class="feature">{name}</span> }.into_any(),
                                }}
                                <span class="feature-bar" aria-hidden="true">
                                    <span style:transform=format!("scaleX({:.4})", row.share)></span>
                                </span>
                                <span class="value">{row.value}</span>
                            </li>
                        }
                    })
                    .collect_view()}
            </ol>
        }
        .into_any()
    };
    view! {
        <section class="panel" aria-labelledby="features-title">
            <h2 id="features-title">"Novel features at " {title}</h2>
            <div class="scroll" data-testid="feature-list" tabindex="0" role="region" aria-label="Features, strongest first">
                {list}
            </div>
        </section>
    }
}
