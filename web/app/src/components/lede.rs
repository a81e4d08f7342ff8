//! What the page claims about the shown text.

use std::sync::Arc;

use leptos::prelude::*;

use crate::state::ShownAnalysis;

/// Two lines above everything else.
#[component]
pub fn Lede(shown: Arc<ShownAnalysis>) -> impl IntoView {
    let _ = shown;
    view! { <p class="lede" data-testid="lede"></p> }
}
