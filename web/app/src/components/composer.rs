//! The text box, its controls, and the line that says what the page is doing.

use lens_protocol::{DeviceWish, TOKENS_MAX};
use lens_session::Msg;
use lens_session::requests::device_label;
use lens_view::progress::analyze_label;
use lens_view::{estimate, number};
use leptos::prelude::*;
use web_sys::KeyboardEvent;

use super::picker::InfKField;
use crate::environment;
use crate::state::{Origin, Pack, Phase, State};

/// Text, `inf_k`, Analyze.
#[component]
pub fn Composer(state: State) -> impl IntoView {
    let loading = move || state.phase.get() == Phase::Loading && !state.is_quiet.get();
    let words_bytes = move || state.pack.with(|pack| pack.as_ref().map_or(0, |pack| pack.words_bytes));
    let expected = move || {
        let bytes = state.pack.with(|pack| pack.as_ref().map_or(0, |pack| pack.bytes));
        // Where the model's bytes are not known, nothing is said of the words', either.
        if state.words.get() && bytes > 0 { bytes + words_bytes() } else { bytes }
    };
    let words_label = move || match words_bytes() {
        bytes if bytes > 0 && !state.words.get() => format!("Words ({} once)", number::bytes(bytes)),
        _ => "Words".to_owned(),
    };
    let is_composing = StoredValue::new(false);
    let compose = move |begins: bool| {
        is_composing.set_value(begins);
        state.tell(Msg::Composing(begins));
    };
    // A box that goes away ends what is composed in it without an event.
    on_cleanup(move || {
        if is_composing.try_get_value() == Some(true) {
            state.tell(Msg::Composing(false));
        }
    });
    let on_key = move |event: KeyboardEvent| {
        if event.key() == "Enter" && (event.ctrl_key() || event.meta_key()) && !event.is_composing() {
            event.prevent_default();
            state.tell(Msg::Submit);
        }
    };
    view! {
        <form
            class="composer"
            on:submit=move |event| {
                event.prevent_default();
                state.tell(Msg::Submit);
            }
        >
            <label class="composer-label" for="text">"Text"</label>
            <textarea
                id="text"
                rows="3"
                dir="auto"
                spellcheck="false"
                data-testid="text-input"
                prop:value=move || state.text.get()
                on:input:target=move |event| {
                    // What an input method composes is not finished text.
                    if !is_composing.get_value() {
                        state.tell(Msg::Typed(event.target().value()));
                    }
                }
                on:compositionstart=move |_| compose(true)
                on:compositionend:target=move |event| {
                    compose(false);
                    state.tell(Msg::Typed(event.target().value()));
                }
                on:keydown=on_key
            ></textarea>
            <div class="controls">
                <button type="submit" class="primary" data-testid="analyze" disabled=move || loading() || state.text.with(|text| text.trim().is_empty())>
                    {move || analyze_label(is_here(state, expected()), expected())}
                </button>
                <InfKField title="Novel codes kept at each token" testid="inf-k" inf_k=state.inf_k typed=Msg::InfKTyped state />
                <label class="field toggle" title="Once the model is loaded">
                    <input
                        type="checkbox"
                        data-testid="live"
                        prop:checked=move || state.is_live.get()
                        on:change:target=move |event| {
                            state.tell(Msg::Live(event.target().checked()));
                        }
                    />
                    <span>"Follow while I type"</span>
                </label>
                <label class="field toggle" title="Also show in words what the past made expected at each word, and what the word added">
                    <input
                        type="checkbox"
                        data-testid="words-toggle"
                        prop:checked=move || state.words.get()
                        on:change:target=move |event| state.tell(Msg::Words(event.target().checked()))
                    />
                    <span>{words_label}</span>
                </label>
                <Length state />
                <p class="status" role="status" data-testid="status">{move || status(state)}</p>
                <Device state />
            </div>
        </form>
    }
}

/// About how long the text is; for one that is too long, its beginning is offered.
#[component]
fn Length(state: State) -> impl IntoView {
    let count = Memo::new(move |_| state.text.with(|text| estimate::token_count(text)));
    let is_too_long = Memo::new(move |_| count.get().about > TOKENS_MAX);
    let cut = move |_| {
        let kept = state.text.with_untracked(|text| estimate::beginning(text, TOKENS_MAX).to_owned());
        state.tell(Msg::Typed(kept));
    };
    view! {
        <p class="length" class:is-too-long=move || is_too_long.get() data-testid="length">
            {move || estimate::sentence(count.get(), TOKENS_MAX)}
        </p>
        <Show when=move || is_too_long.get()>
            <button type="button" class="small" data-testid="keep-beginning" on:click=cut>
                "Keep its beginning"
            </button>
        </Show>
    }
}

/// What the worker runs on, once it has said so.
#[component]
fn Device(state: State) -> impl IntoView {
    let wish = state.look(|model| &model.view.device);
    move || {
        state.device.get().map(|device| {
            // Where one of them is slower than the other, which of them is for the visitor to say.
            let is_chosen = wish.get().is_some();
            let is_choosable = is_chosen || device.was_preferred;
            let (label, other) =
                if is_chosen { ("Take the faster one", None) } else { ("Use WebGPU", Some(DeviceWish::Webgpu)) };
            let choose = move |_| state.choose(|view| view.device = other);
            view! {
                <p class="device" class:is-cpu=!device.webgpu && !device.was_preferred>
                    <span data-testid="device">{device_label(&device)}</span>
                    {is_choosable.then(|| view! {
                        <button type="button" class="small" data-testid="device-choice" on:click=choose>
                            {label}
                        </button>
                    })}
                    {device.note.map(|note| view! { <span class="device-note" data-testid="device-note">{note}</span> })}
                </p>
            }
        })
    }
}

fn status(state: State) -> String {
    match state.phase.get() {
        Phase::Loading if state.is_stopping.get() => "Stopping …".to_owned(),
        Phase::Loading => "Analyzing …".to_owned(),
        // Its reason stands below.
        Phase::Error => String::new(),
        Phase::Done => state.shown.with(|shown| match shown.as_deref() {
            Some(shown) => {
                let tokens = shown.analysis.tokens.len();
                match &shown.origin {
                    Origin::Live(run) => format!("{tokens} tokens in {}", number::duration(run.compute_ms)),
                    Origin::File(name) => format!("{tokens} tokens from {name}"),
                    Origin::Link(url) => format!("{tokens} tokens from {url}"),
                    Origin::Precomputed => String::new(),
                }
            }
            None => String::new(),
        }),
        Phase::Idle => "Runs in this browser. Nothing is fetched before you press Analyze; then the model’s host is asked for the rows of your text’s tokens, unless they are stored here.".to_owned(),
    }
}

/// Whether the model is loaded, or as good as that: `expected` bytes of it are stored, and nothing is fetched again.
pub fn is_here(state: State, expected: u64) -> bool {
    let enough = state.stored_bytes.get().is_some_and(|stored| stored >= expected);
    let loaded = |pack: &Option<Pack>| pack.as_ref().is_some_and(|pack| environment::was_loaded(&pack.url));
    state.is_loaded.get() || enough && state.pack.with(loaded)
}
