//! What the model asks of the browser is done.

use std::time::Duration;

use lens_protocol::{DeviceWish, Request, Response, decode};
use lens_session::{Effect, Msg, WorkerError};
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::JsValue;

use crate::environment::{self, window};
use crate::state::State;
use crate::worker::WorkerHandle;
use crate::{diagnostics, embedding, files, pack_files, storage};

impl State {
    /// Something happened: the model takes it, and what it asks for is done.
    pub fn tell(self, msg: Msg) {
        for effect in self.store.update(msg, environment::now()) {
            run(self, effect);
        }
    }
}

/// Runs it; the outcome goes to the model as a message.
fn run(state: State, effect: Effect) {
    match effect {
        Effect::Send(request) => send(state, &request),
        Effect::SendIfPossible(request) => {
            state.engine.with_value(|engine| engine.as_ref().map(|engine| engine.send(&request, &[])));
        }
        Effect::EndWorker => {
            // The engine owns the closure that may be running now: it is dropped after that returns.
            let engine = state.engine.try_update_value(Option::take).flatten();
            spawn_local(async move { drop(engine) });
        }
        Effect::SetTimer(timer, ms) => {
            set_timeout(move || state.tell(Msg::Timer(timer)), Duration::from_millis(ms.into()));
        }
        Effect::Fetch(what, turn) => spawn_local(async move {
            let found = files::fetch_named(&what).await;
            state.tell(Msg::Fetched(what, turn, found));
        }),
        Effect::WriteUrl { link, is_entry } => write_url(&link, is_entry),
        Effect::RememberLoaded(url, is_loaded) => environment::remember_loaded(&url, is_loaded),
        Effect::RememberWords(wanted) => environment::remember_words(wanted),
        Effect::RememberAgreement(agreed) => environment::remember_agreement(agreed),
        Effect::RememberTheme(theme) => environment::remember_theme(theme),
        Effect::CountStorage => storage::count(state),
        Effect::EstimateStorage => {
            spawn_local(async move { state.tell(Msg::Estimated(storage::estimate().await)) });
        }
        Effect::PersistStorage(url) => spawn_local(async move {
            storage::persist().await;
            state.tell(Msg::Persisted(url));
        }),
        Effect::LocatePacks(packs) => {
            let located = packs.into_iter().filter_map(|(title, url)| Some((title, environment::pack_at(&url)?)));
            state.tell(Msg::PacksListed(located.collect()));
        }
        Effect::DeletePack(url, facts) => pack_files::delete(state, url, *facts),
        Effect::VerifyPack(facts) => pack_files::verify(state, *facts),
        Effect::DeleteStored => storage::delete(state),
        Effect::CopyDiagnostics(facts) => diagnostics::copy(state, facts),
        Effect::Refuse(problem) => embedding::refuse(state, problem),
        Effect::Warn(problem) => leptos::logging::warn!("{problem}"),
    }
}

fn send(state: State, request: &Request) {
    if let Err(why) = ensure_engine(state) {
        return state.tell(Msg::NoWorker(why));
    }
    let is_sent =
        state.engine.with_value(|engine| engine.as_ref().is_some_and(|engine| engine.send(request, &[]).is_ok()));
    if !is_sent {
        state.tell(Msg::NotSent("the worker takes no messages".to_owned()));
    }
}

fn ensure_engine(state: State) -> Result<(), WorkerError> {
    if state.engine.with_value(Option::is_some) {
        return Ok(());
    }
    let address = environment::address("worker-loader.js").ok_or(WorkerError::NoAddress)?;
    let on_message = move |header: &str, buffers| {
        // Anything but a message of the protocol is not from our worker's code: not ours to act on.
        if let Ok(response) = decode::<Response>(header) {
            state.tell(Msg::Worker(response, buffers));
        }
    };
    let on_crash = move |reason: Option<String>| state.tell(Msg::Crashed(reason));
    let name = state.store.model().view.device.map(DeviceWish::key).unwrap_or_default();
    let engine = WorkerHandle::start(&address, name, on_message, on_crash).map_err(|_| WorkerError::Unsupported)?;
    state.engine.set_value(Some(engine));
    Ok(())
}

/// Where the browser refuses, the address stays behind; the page works on.
fn write_url(link: &str, is_entry: bool) {
    let Some(history) = window().and_then(|window| window.history().ok()) else { return };
    let url = environment::page_at(link);
    let _ = if is_entry {
        history.push_state_with_url(&JsValue::NULL, "", Some(&url))
    } else {
        history.replace_state_with_url(&JsValue::NULL, "", Some(&url))
    };
}
