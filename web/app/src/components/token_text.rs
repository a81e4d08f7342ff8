//! A token as it is read: visible text, and marks for what is invisible.

use lens_view::token::{Piece, after_space, pieces};
use leptos::prelude::*;

/// The pieces of a token.
#[component]
pub fn TokenText(token: String) -> impl IntoView {
    pieces(&token)
        .into_iter()
        .map(|piece| match piece {
            Piece::Text(text) => view! { <span translate="no">{text}</span> }.into_any(),
            // With a direction of their own, marks have no say in that of the text around them.
            Piece::Mark(mark) => view! { <span class="mark" translate="no" dir="ltr">{mark}</span> }.into_any(),
            Piece::Special(name) => view! { <span class="special" translate="no" dir="ltr">{name}</span> }.into_any(),
        })
        .collect_view()
}

/// Where a line may end before a token: before its space, which stands as a mark that does not break lines. Without it lines break within
/// words.
#[component]
pub fn LineBreak(token: String) -> impl IntoView {
    after_space(&token).0.then(|| view! { <wbr /> })
}
