//! From the Analyse button to the answer: requests, answers, cancelling, crashes.

use std::time::Duration;

use lens_protocol::{DeviceInfo, FailureKind, Request, Response, Stage};
use lens_view::progress::{self, Progress};
use lens_view::stats::Run;
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::environment;
use crate::state::{Origin, Phase, State};
use crate::worker::Engine;

/// A worker that is busy on the CPU reads no messages: after this long a cancelled one is ended.
const PATIENCE: Duration = Duration::from_secs(4);

/// Analyses the text in the box.
pub fn start(state: State) {
    if state.phase.get_untracked() == Phase::Loading {
        return;
    }
    let text = state.text.get_untracked();
    if text.is_empty() {
        return state.fail("There is no text yet: type something to analyse.");
    }
    let inf_k = match parse_inf_k(&state.inf_k.get_untracked()) {
        Ok(inf_k) => inf_k,
        Err(problem) => return state.fail(problem),
    };
    let Some(pack) = state.pack.get_value() else {
        return state.fail("This page does not say where its model is: its temporal-lens-pack tag is missing.");
    };
    if let Err(problem) = ensure_engine(state) {
        return state.fail(problem);
    }
    let id = state.request.get_value().wrapping_add(1).max(1);
    state.request.set_value(id);
    let cold = !state.loaded.get_untracked();
    state.problem.set(None);
    state.stopping.set(false);
    state.progress.set(Some(Progress::begin(cold, pack.bytes)));
    state.phase.set(Phase::Loading);
    send(state, &Request::Analyze { id, pack_url: pack.url, text, inf_k });
}

/// Stops the request that is under way.
pub fn cancel(state: State) {
    if state.phase.get_untracked() != Phase::Loading || state.stopping.get_untracked() {
        return;
    }
    let id = state.request.get_value();
    state.stopping.set(true);
    send(state, &Request::Cancel { id });
    set_timeout(
        move || {
            if state.stopping.get_untracked() && state.request.get_value() == id {
                end_worker(state);
                stopped(state);
            }
        },
        PATIENCE,
    );
}

/// The field's number; none when it is empty.
fn parse_inf_k(text: &str) -> Result<Option<usize>, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    match text.parse::<usize>() {
        Ok(k) if k > 0 => Ok(Some(k)),
        _ => Err(format!("inf_k is a whole number of codes to keep, at least 1 (or empty): “{text}” is not.")),
    }
}

fn ensure_engine(state: State) -> Result<(), String> {
    if state.engine.with_value(Option::is_some) {
        return Ok(());
    }
    let engine = Engine::start(move |response| on_response(state, response), move |problem| crash(state, problem))?;
    state.engine.set_value(Some(engine));
    Ok(())
}

fn send(state: State, request: &Request) {
    let sent = state.engine.with_value(|engine| match engine {
        Some(engine) => engine.send(request),
        None => Err("the worker is not running".to_owned()),
    });
    if let Err(problem) = sent {
        crash(state, format!("The request could not be sent: {problem}."));
    }
}

fn on_response(state: State, response: Response) {
    let current = state.request.get_value();
    let under_way = state.phase.get_untracked() == Phase::Loading;
    match response {
        Response::Ready { device } => state.device.set(Some(device)),
        Response::Progress { id, stage, done, total } if under_way && id == current => {
            let now = environment::now();
            state.progress.update(|progress| {
                if let Some(progress) = progress {
                    progress.report(stage_of(stage), done, total, now);
                }
            });
        }
        Response::Analysis { id, json, fetched_bytes, elapsed_ms, compute_ms, .. } if under_way && id == current => {
            state.loaded.set(true);
            let device = state.device.get_untracked().map(|it| device_label(&it)).unwrap_or_default();
            let run = Run { device, fetched_bytes, elapsed_ms, compute_ms };
            match state.show(json, Origin::Live(run)) {
                Ok(()) => {
                    state.progress.set(None);
                    state.stopping.set(false);
                    state.phase.set(Phase::Done);
                }
                Err(problem) => state.fail(format!("The worker's answer cannot be read: {problem}.")),
            }
        }
        Response::Cancelled { id } if under_way && id == current => stopped(state),
        Response::Failed { id: 0, message, .. } => crash(state, message),
        Response::Failed { id, failure, message } if under_way && id == current => {
            if failure == FailureKind::Device {
                // The next try gets a fresh worker and device.
                end_worker(state);
            }
            state.fail(message);
        }
        // Late answers to requests that are over, and the tests' fixtures.
        _ => {}
    }
}

/// The worker is gone; the next request starts a fresh one.
fn crash(state: State, problem: String) {
    end_worker(state);
    // A worker that dies while nothing is asked of it is missed at the next request, not before.
    if state.phase.get_untracked() == Phase::Loading {
        state.fail(problem);
    }
}

fn end_worker(state: State) {
    state.loaded.set(false);
    state.device.set(None);
    // The engine owns the closure that may be running now: it is dropped after that returns.
    let engine = state.engine.try_update_value(Option::take).flatten();
    spawn_local(async move { drop(engine) });
}

fn stopped(state: State) {
    state.progress.set(None);
    state.stopping.set(false);
    state.phase.set(if state.shown.with_untracked(is_live) { Phase::Done } else { Phase::Idle });
}

fn is_live(shown: &Option<std::sync::Arc<crate::state::Shown>>) -> bool {
    shown.as_ref().is_some_and(|shown| matches!(shown.origin, Origin::Live(_)))
}

/// e.g. "WebGPU: SwiftShader".
pub fn device_label(device: &DeviceInfo) -> String {
    if device.webgpu { format!("WebGPU: {}", device.name) } else { format!("CPU (no WebGPU): {}", device.name) }
}

fn stage_of(stage: Stage) -> progress::Stage {
    match stage {
        Stage::Device => progress::Stage::Device,
        Stage::Weights => progress::Stage::Weights,
        Stage::Tokenizer => progress::Stage::Tokenizer,
        Stage::Embedding => progress::Stage::Embedding,
        Stage::Model => progress::Stage::Model,
        Stage::Sae => progress::Stage::Sae,
        Stage::Analysis => progress::Stage::Analysis,
    }
}
