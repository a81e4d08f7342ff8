//! What the page claims about the shown text, in the reader's words.

use std::sync::Arc;

use lens_view::lede::{self, Part};
use lens_view::scene;
use leptos::prelude::*;

use crate::media;
use crate::state::ShownAnalysis;

/// The claim, or a frame's caption; names of scenes have the color that they have beside the text.
#[component]
pub fn Lede(shown: Arc<ShownAnalysis>, #[prop(optional)] is_caption: bool) -> impl IntoView {
    let has_finger = media::matches("(pointer: coarse)").get_untracked();
    let part = |part: Part| match part {
        Part::Text(text) if has_finger => text.replace("Point at a word", "Tap a word").into_any(),
        Part::Text(text) => text.into_any(),
        Part::Scene(number, name) => view! {
            <span class="scene-word" data-scene=scene::color(number).to_string()>
                {name}
            </span>
        }
        .into_any(),
    };
    view! {
        <p class="lede" data-testid="lede">
            {if is_caption { lede::caption(&shown.analysis) } else { lede::claim(&shown.analysis) }.into_iter().map(part).collect_view()}
        </p>
    }
}
