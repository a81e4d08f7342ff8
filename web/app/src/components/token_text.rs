//! A token as it is read: visible text, and marks for what is invisible.

use lens_view::token::{Piece, pieces};
use leptos::prelude::*;

/// The pieces of a token.
#[component]
pub fn TokenText(token: String) -> impl IntoView {
    pieces(&token)
        .into_iter()
        .map(|piece| match piece {
            Piece::Text(text) => view! { <span>{text}</span> }.into_any(),
            Piece::Mark(mark) => view! { <span class="mark">{mark}</span> }.into_any(),
            Piece::Special(name) => view! { <span class="special">{name}</span> }.into_any(),
        })
        .collect_view()
}
