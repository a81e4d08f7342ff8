//! The reading as a film: play, a scrubber, the speed, and what of it can be saved. Space plays and pauses wherever the focus
//! is not in something that takes it; arrows step while the focus is in the bar.

use std::sync::Arc;

use lens_session::{FilmMsg, Msg};
use lens_view::film::Speed;
use lens_view::token;
use leptos::ev;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, EventTarget, KeyboardEvent};

use super::film_export::FilmExport;
use super::picker::Picker;
use crate::environment::document;
use crate::media;
use crate::state::{ShownAnalysis, State};

/// What takes Space itself.
const TAKES_SPACE: &str = "input:not([type=range]), textarea, select, button, summary, a, dialog, [contenteditable], [role=application], [role=listbox], [role=tab], [role=region]";

/// The film's bar. It is one button until it is pressed, or a link opens the film.
#[component]
pub fn FilmBar(state: State, shown: Arc<ShownAnalysis>, is_covered: Memo<bool>) -> impl IntoView {
    let tell = move |msg: FilmMsg| state.tell(Msg::Film(msg));
    let film = state.look(|model| &model.film);
    let read_to = state.look(|model| &model.view.read_to);
    let position = Memo::new(move |_| film.with(|film| film.position()));
    let is_playing = Memo::new(move |_| film.with(|film| film.is_playing()));
    let speed = Memo::new(move |_| film.with(|film| film.speed));
    let is_reduced = media::matches("(prefers-reduced-motion: reduce)");
    Effect::new(move |_| tell(FilmMsg::ReduceMotion(is_reduced.get())));
    run(state, is_playing);

    // Once opened it stays, so that the end of the film does not take the controls from under the hand.
    let is_unfolded = RwSignal::new(false);
    Effect::new(move |_| {
        if read_to.get().is_some() {
            is_unfolded.set(true);
        }
    });
    let space = window_event_listener(ev::keydown, move |event| {
        let is_plain =
            !(event.repeat() || event.ctrl_key() || event.meta_key() || event.alt_key() || event.shift_key());
        if event.key() == " "
            && is_plain
            && !event.default_prevented()
            && !is_covered.get_untracked()
            && !has_dialog()
            && !takes_space(event.target())
        {
            event.prevent_default();
            tell(FilmMsg::Toggle);
        }
    });
    on_cleanup(move || space.remove());
    let on_key = move |event: KeyboardEvent| {
        // A menu has arrows of its own.
        let is_menu = element(event.target()).is_some_and(|it| it.tag_name() == "SELECT");
        if is_menu || event.ctrl_key() || event.meta_key() || event.alt_key() {
            return;
        }
        match event.key().as_str() {
            "ArrowRight" => tell(FilmMsg::Step(1)),
            "ArrowLeft" => tell(FilmMsg::Step(-1)),
            _ => return,
        }
        event.prevent_default();
    };
    let count = shown.analysis.tokens.len();
    let (last, has_no_words) = (count.saturating_sub(1), count < 2);
    let tokens = shown.clone();
    let word = move || {
        let position = position.get();
        let name = token::name_in_text(&tokens.analysis.tokens, position);
        format!("{position} of {last}: {name}")
    };
    let label = move || match (is_reduced.get(), is_playing.get()) {
        (true, _) => "▶ Step",
        (false, true) => "❚❚ Pause",
        (false, false) => "▶ Play",
    };
    view! {
        <div class="film" class:is-unfolded=move || is_unfolded.get() role="group" aria-label="The reading as a film" inert=move || is_covered.get() on:keydown=on_key>
            <button
                type="button"
                class="play"
                data-testid="play"
                title="Read word by word (Space)"
                disabled=has_no_words
                on:click=move |_| tell(FilmMsg::Toggle)
            >
                {label}
            </button>
            <Show when=move || is_unfolded.get()>
                <input
                    type="range"
                    data-testid="film-scrubber"
                    aria-label="Read up to this word"
                    aria-valuetext=word.clone()
                    min="1"
                    max=last.to_string()
                    prop:value=move || position.get().to_string()
                    on:input=move |event| {
                        if let Ok(position) = event_target_value(&event).parse() {
                            tell(FilmMsg::Seek(position));
                        }
                    }
                />
                <span class="film-at" aria-hidden="true" data-testid="film-at">
                    {move || format!("{} of {last}", position.get())}
                </span>
                <Picker<Speed>
                    label="Speed"
                    testid="film-speed"
                    chosen=speed.into()
                    choose=Callback::new(move |speed| tell(FilmMsg::Speed(speed)))
                />
                <FilmExport state count speed=speed.into() />
                <button
                    type="button"
                    class="quiet"
                    data-testid="film-close"
                    aria-label="Show all of the text"
                    title="Show all of the text (Esc)"
                    on:click=move |_| {
                        tell(FilmMsg::Close);
                        is_unfolded.set(false);
                    }
                >
                    "×"
                </button>
            </Show>
        </div>
    }
}

/// Draws frame after frame while the film plays.
fn run(state: State, is_playing: Memo<bool>) {
    // Counts how often it began: frames that an earlier beginning asked for are none of the later one's.
    let turns = StoredValue::new(0u32);
    fn frame(state: State, is_playing: Memo<bool>, turns: StoredValue<u32>, turn: u32) {
        // The bar may be gone.
        if is_playing.try_get_untracked() == Some(true) && turns.try_get_value() == Some(turn) {
            state.tell(Msg::Film(FilmMsg::Frame));
            request_animation_frame(move || frame(state, is_playing, turns, turn));
        }
    }
    Effect::new(move |_| {
        if is_playing.get() {
            turns.update_value(|turns| *turns = turns.wrapping_add(1));
            let turn = turns.get_value();
            request_animation_frame(move || frame(state, is_playing, turns, turn));
        }
    });
}

/// Whether a dialog lies over the page.
fn has_dialog() -> bool {
    document().and_then(|document| document.query_selector("dialog[open]").ok().flatten()).is_some()
}

fn element(target: Option<EventTarget>) -> Option<Element> {
    target?.dyn_into().ok()
}

fn takes_space(target: Option<EventTarget>) -> bool {
    element(target).is_some_and(|it| it.closest(TAKES_SPACE).is_ok_and(|found| found.is_some()))
}
