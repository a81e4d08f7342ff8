//! Messages between an embedded page and the page around it (docs/embed.md).
//!
//! Only the parent window is listened to. Until it has said hello nothing but "ready" goes out; from
//! then on events go to it, at the origin that it spoke from and no other.

use lens_session::Msg;
use lens_session::embed::{EmbedCommand, EmbedEvent, read_message, write_message};
use lens_view::token;
use leptos::ev;
use leptos::prelude::*;
use wasm_bindgen::JsValue;
use web_sys::MessageEvent;

use crate::carried;
use crate::environment::window;
use crate::state::State;

/// No result is larger.
const MESSAGE_BYTES_MAX: usize = 512 << 20;

/// Listens, and says that it does.
pub fn listen(state: State) {
    let Some((own, parent)) = window().and_then(|own| own.parent().ok().flatten().map(|parent| (own, parent))) else {
        return;
    };
    if JsValue::from(&own) == JsValue::from(&parent) {
        return;
    }
    // Of the page around, once it has said hello.
    let partner = RwSignal::new(None::<String>);
    let tell = move |event: EmbedEvent| {
        if let Some(origin) = partner.get_untracked() {
            post(&event, &origin);
        }
    };
    let _messages = window_event_listener(ev::message, move |event: MessageEvent| {
        let parent = window().and_then(|own| own.parent().ok().flatten()).map(JsValue::from);
        let is_parents = event.source().map(JsValue::from) == parent;
        let origin = event.origin();
        // Nobody can be answered who has no origin.
        if !is_parents || origin == "null" || partner.get_untracked().is_some_and(|partner| partner != origin) {
            return;
        }
        let json = js_sys::JSON::stringify(&event.data()).ok().and_then(|json| json.as_string());
        let Some(asked) = json.filter(|json| json.len() <= MESSAGE_BYTES_MAX).and_then(|json| read_message(&json))
        else {
            return;
        };
        state.asked_from.set_value(origin.clone());
        match asked {
            Ok(EmbedCommand::Hello) => partner.set(Some(origin)),
            Ok(command) => state.tell(Msg::Message(command)),
            Err(problem) => refuse(state, problem.to_string()),
        }
    });
    Effect::new(move |_| {
        partner.track();
        state.shown.with(|shown| {
            if let Some(shown) = shown {
                tell(EmbedEvent::Shown {
                    text: shown.analysis.text.clone(),
                    tokens: shown.analysis.tokens.len(),
                    origin: shown.origin.name(),
                });
            }
        });
    });
    let pinned = Memo::new(move |_| state.focus.with(|focus| focus.pinned));
    Effect::new(move |before: Option<()>| {
        let cell = pinned.get().map(|cell| [cell.row, cell.column]);
        let tokens = state.shown.with_untracked(|shown| {
            let token = |position: usize| shown.as_ref()?.analysis.tokens.get(position).map(|it| token::plain(it));
            let [row, column] = cell?;
            Some([token(row)?, token(column)?])
        });
        // Nothing is pinned as the page opens.
        if before.is_some() || cell.is_some() {
            tell(EmbedEvent::Selected { cell, tokens });
        }
    });
    Effect::new(move |_| {
        if let Some(message) = state.problem.get() {
            tell(EmbedEvent::Problem { message });
        }
    });
    post(&EmbedEvent::Ready, "*");
}

/// Shows the theme that the notebook around a single file changes to: web/one-file.js sees the change.
pub fn follow_theme(state: State) {
    let _changes = window_event_listener_untyped("temporal-lens-theme", move |_| {
        if let Some(theme) = carried::theme() {
            state.tell(Msg::Message(EmbedCommand::SetTheme { theme }));
        }
    });
}

/// Tells the page around that its last message was refused.
pub fn refuse(state: State, message: String) {
    post(&EmbedEvent::Problem { message }, &state.asked_from.get_value());
}

fn post(event: &EmbedEvent, origin: &str) {
    let parent = window().and_then(|own| own.parent().ok().flatten());
    // A message is an object there, not a string.
    if let (Some(parent), Ok(message)) = (parent, js_sys::JSON::parse(&write_message(event))) {
        let _ = parent.post_message(&message, origin);
    }
}
