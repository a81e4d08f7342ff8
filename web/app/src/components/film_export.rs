//! The film to take away: recorded as WebM, or as numbered pictures.

use lens_session::figure::Figure;
use lens_view::film::Speed;
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::JsValue;
use web_sys::Blob;

use super::gear::Gear;
use crate::files;
use crate::film_files::{self, Saving};
use crate::film_frames::FilmFrames;
use crate::state::State;

/// The panel behind a button.
#[component]
pub fn FilmExport(state: State, count: usize, speed: Signal<Speed>) -> impl IntoView {
    let frames = use_context::<FilmFrames>();
    let figure = state.look(|model| &model.view.figure);
    let done = RwSignal::new(None::<usize>);
    let is_canceled = RwSignal::new(false);
    let begin = move || {
        let frames = frames.filter(|frames| frames.has(figure.get_untracked()));
        let Some(frames) = frames else {
            state.report("The figure is not laid out yet; save it once it is.".to_owned());
            return None;
        };
        is_canceled.set(false);
        done.set(Some(0));
        Some(Saving { figure: figure.get_untracked(), frames, tokens: count, done, is_canceled })
    };
    let end = move |name: &str, made: Result<Option<Blob>, JsValue>| {
        let _ = done.try_set(None);
        let saved = made.and_then(|blob| blob.map_or(Ok(()), |blob| files::save_blob(name, &blob)));
        if let Err(error) = saved {
            leptos::logging::warn!("the film could not be saved: {error:?}");
            state.report("This browser could not save the film.".to_owned());
        }
    };
    let record = move |_| {
        let (Some(saving), speed) = (begin(), speed.get_untracked()) else { return };
        spawn_local(async move { end("temporal-lens-film.webm", film_files::recording(saving, speed).await) });
    };
    let save_pictures = move |_| {
        let Some(saving) = begin() else { return };
        spawn_local(async move { end("temporal-lens-film.zip", film_files::sequence(saving).await) });
    };
    // Another figure has other frames.
    Effect::new(move |before: Option<Figure>| {
        let now = figure.get();
        if before.is_some_and(|before| before != now) {
            is_canceled.set(true);
        }
        now
    });
    // A figure that goes takes its frames along.
    on_cleanup(move || {
        let _ = is_canceled.try_set(true);
    });
    let is_busy = move || done.get().is_some();
    view! {
        <Gear label="Save the film" sign="Save" testid="film-save">
            <div class="film-export">
                {if film_files::can_record() {
                    view! {
                        <button type="button" data-testid="film-webm" disabled=is_busy on:click=record>
                            "Record as WebM"
                        </button>
                        <p class="note">"Plays once at the chosen speed; keep this tab in front."</p>
                    }
                        .into_any()
                } else {
                    view! {
                        <p class="note" data-testid="film-no-webm">
                            "This browser cannot record WebM; the pictures can be saved and joined by a video program."
                        </p>
                    }
                        .into_any()
                }}
                <button type="button" data-testid="film-png" disabled=is_busy on:click=save_pictures>
                    {format!("{count} numbered PNG pictures (ZIP)")}
                </button>
                <Show when=is_busy>
                    <p class="note" data-testid="film-progress">
                        {move || format!("{} of {count} tokens", done.get().unwrap_or_default())}
                    </p>
                    <button type="button" class="quiet" data-testid="film-cancel" on:click=move |_| is_canceled.set(true)>
                        "Cancel"
                    </button>
                </Show>
            </div>
        </Gear>
    }
}
