//! The text as tokens. Hovering one focuses it in all views, a click pins it.

use std::sync::Arc;

use lens_view::focus::{Spot, Step};
use lens_view::token::breaks_line;
use leptos::html::Div;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, Event, KeyboardEvent};

use super::token_text::TokenText;
use crate::environment::document;
use crate::state::{Shown, State};

/// The strip of a shown analysis.
#[component]
pub fn TokenStrip(state: State, shown: Arc<Shown>) -> impl IntoView {
    let count = shown.analysis.tokens.len();
    let strip = NodeRef::<Div>::new();

    // Marks are set on the few tokens concerned: one reactive class a token would make hovering
    // slow in long texts.
    Effect::new(move |marked: Option<Vec<(usize, &'static str)>>| {
        for (position, class) in marked.unwrap_or_default() {
            if let Some(token) = token_element(position) {
                let _ = token.class_list().remove_1(class);
                let _ = token.set_attribute("aria-selected", "false");
            }
        }
        let focus = state.focus.get();
        let mut marks = Vec::new();
        if let Some(spot) = focus.pinned {
            marks.extend([(spot.row, "is-pinned"), (spot.column, "is-pinned")]);
        }
        if let Some(spot) = focus.focused() {
            marks.extend([(spot.row, "is-focused"), (spot.column, "is-focused")]);
        }
        for (position, class) in &marks {
            if let Some(token) = token_element(*position) {
                let _ = token.class_list().add_1(class);
                if *class == "is-pinned" {
                    let _ = token.set_attribute("aria-selected", "true");
                }
            }
        }
        marks
    });

    let on_over = move |event: web_sys::PointerEvent| {
        let spot = position_of(&event).map(Spot::token);
        if event.pointer_type() == "mouse" && state.focus.with_untracked(|focus| focus.hovered) != spot {
            state.focus.update(|focus| focus.hovered = spot);
        }
    };
    let on_leave = move |_| {
        if state.focus.with_untracked(|focus| focus.hovered.is_some()) {
            state.focus.update(|focus| focus.hovered = None);
        }
    };
    let on_click = move |event: web_sys::MouseEvent| {
        if let Some(position) = position_of(&event) {
            state.focus.update(|focus| focus.click(Spot::token(position)));
        }
    };
    let on_key = move |event: KeyboardEvent| {
        if let Some(step) = Step::from_key(&event.key()) {
            event.prevent_default();
            state.focus.update(|focus| focus.walk_tokens(step, count));
            if let Some(token) = state.focus.with_untracked(|f| f.focused()).and_then(|spot| token_element(spot.row)) {
                let options = web_sys::ScrollIntoViewOptions::new();
                options.set_block(web_sys::ScrollLogicalPosition::Nearest);
                token.scroll_into_view_with_scroll_into_view_options(&options);
            }
        } else if matches!(event.key().as_str(), "Enter" | " ") {
            event.prevent_default();
            state.focus.update(|focus| {
                if let Some(spot) = focus.focused() {
                    focus.click(Spot::token(spot.row));
                }
            });
        }
    };
    let active = move || state.focus.get().focused().map(|spot| token_id(spot.row));

    view! {
        <div
            class="token-strip"
            node_ref=strip
            role="listbox"
            tabindex="0"
            aria-label="Tokens of the text: arrow keys walk, Enter pins"
            aria-activedescendant=active
            data-testid="token-strip"
            on:pointerover=on_over
            on:pointerleave=on_leave
            on:blur=on_leave_focus(state)
            on:click=on_click
            on:keydown=on_key
        >
            {shown
                .analysis
                .tokens
                .iter()
                .enumerate()
                .map(|(position, token)| {
                    let breaks = breaks_line(token);
                    view! {
                        <span
                            class="token"
                            role="option"
                            aria-selected="false"
                            id=token_id(position)
                            data-testid=token_id(position)
                            data-position=position.to_string()
                        >
                            <TokenText token=token.clone() />
                        </span>
                        {breaks.then(|| view! { <br /> })}
                    }
                })
                .collect_view()}
        </div>
    }
}

/// The keyboard's cursor goes when the keyboard goes elsewhere.
fn on_leave_focus(state: State) -> impl Fn(web_sys::FocusEvent) {
    move |_| {
        if state.focus.with_untracked(|focus| focus.hovered.is_some()) {
            state.focus.update(|focus| focus.hovered = None);
        }
    }
}

fn token_id(position: usize) -> String {
    format!("token-{position}")
}

fn token_element(position: usize) -> Option<Element> {
    document()?.get_element_by_id(&token_id(position))
}

/// The position of the token an event is about.
fn position_of(event: &Event) -> Option<usize> {
    let element: Element = event.target()?.dyn_into().ok()?;
    element.closest("[data-position]").ok().flatten()?.get_attribute("data-position")?.parse().ok()
}
