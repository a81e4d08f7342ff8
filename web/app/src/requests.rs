//! From the Analyze button to the answer: requests, answers, cancelling, crashes.

use std::sync::Arc;
use std::time::Duration;

use lens_analysis::events;
use lens_protocol::buffers::{self, Buffer, BufferError};
use lens_protocol::{DeviceInfo, FailureKind, Request, RequestStage, Response, RowSource, decode};
use lens_view::number;
use lens_view::progress::{self, Progress};
use lens_view::statistics::Run;
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::state::{Next, Origin, Phase, State};
use crate::worker::WorkerHandle;
use crate::{diagnostics, environment, storage};

/// A worker that is busy on the CPU reads no messages: after this long a cancelled one is ended.
const PATIENCE: Duration = Duration::from_secs(4);

/// The number of every request for diagnostics, which no job has.
const DIAGNOSTICS: u32 = u32::MAX;

/// Analyses the text in the box.
pub fn start(state: State) {
    if state.phase.get_untracked() == Phase::Loading {
        if state.quiet.get_untracked() {
            state.next.set_value(Next::Pressed);
            cancel(state);
        }
        return;
    }
    // A pause in typing that is not over yet need not ask again.
    state.typed.update_value(|typed| *typed = typed.wrapping_add(1));
    let text = state.text.get_untracked();
    if text.is_empty() {
        return state.fail("There is no text yet: type something to analyze.");
    }
    let inf_k = match parse_inf_k(&state.inf_k.get_untracked()) {
        Ok(inf_k) => inf_k,
        Err(problem) => return state.fail(problem),
    };
    let Some(pack) = state.pack.get_untracked() else {
        return state.fail("This page does not say where its model is: its temporal-lens-pack tag is missing.");
    };
    // The visitor pressed the button, and asks the host for what the text needs.
    let (pack_url, rows) = (pack.url, RowSource::Host);
    let words = state.words.get_untracked();
    begin(state, Request::Analyze { id: 0, pack_url, text, inf_k, rows, words, sync_between_stages: false });
}

/// Words are asked for, or no longer. Asked for, the text in the box is analyzed again where the model is loaded: its
/// tokens are there, so that only words are computed.
pub fn set_words(state: State, words: bool) {
    state.words.set(words);
    environment::remember_words(words);
    if words && state.loaded.get_untracked() && state.phase.get_untracked() != Phase::Loading {
        start(state);
    }
}

/// Compares the shown text with a second one.
pub fn compare(state: State, first: (String, Option<usize>), text: String, inf_k: &str) {
    if state.phase.get_untracked() == Phase::Loading {
        return;
    }
    if text.is_empty() {
        return state.fail("There is no second text yet: type something to compare with.");
    }
    let inf_k = match parse_inf_k(inf_k) {
        Ok(inf_k) => inf_k,
        Err(problem) => return state.fail(problem),
    };
    let Some(pack) = state.pack.get_untracked() else {
        return state.fail("This page does not say where its model is: its temporal-lens-pack tag is missing.");
    };
    begin(state, Request::Compare { id: 0, pack_url: pack.url, texts: [first, (text, inf_k)] });
}

/// Asks for the SAE's attention weights over the shown text.
pub fn attention(state: State, text: String, inf_k: Option<usize>) {
    if state.phase.get_untracked() == Phase::Loading {
        return;
    }
    let Some(pack) = state.pack.get_untracked() else { return };
    begin(state, Request::Attention { id: 0, pack_url: pack.url, text, inf_k });
}

/// Fetches and stores the whole embedding.
pub fn store_embedding(state: State) {
    if state.phase.get_untracked() == Phase::Loading {
        return;
    }
    let Some(pack) = state.pack.get_untracked() else { return };
    begin(state, Request::StoreEmbedding { id: 0, pack_url: pack.url });
}

/// Fetches and stores a pack's tokenizer and weights.
pub fn download(state: State, pack_url: String) {
    if state.phase.get_untracked() != Phase::Loading {
        begin(state, Request::Download { id: 0, pack_url });
    }
}

/// Asks the worker, where one runs, what it knows; shows and copies that with what the page knows.
pub fn diagnose(state: State) {
    diagnostics::copy(state, None);
    if state.engine.with_value(Option::is_some) {
        send(state, &Request::Diagnostics { id: DIAGNOSTICS });
    }
}

/// Starts what the visitor asked for.
fn begin(state: State, job: Request) {
    state.quiet.set(false);
    state.note.set(None);
    begin_any(state, job);
}

/// Starts what typing asks for.
pub fn begin_quietly(state: State, job: Request) {
    state.quiet.set(true);
    begin_any(state, job);
}

fn begin_any(state: State, job: Request) {
    state.restarted.set_value(false);
    state.problem.set(None);
    again(state, job);
}

/// Sends a job under the next number.
fn again(state: State, mut job: Request) {
    if let Err(problem) = ensure_engine(state) {
        return state.fail(problem);
    }
    let next = state.request.get_value().wrapping_add(1);
    let next = if next == DIAGNOSTICS { 1 } else { next.max(1) };
    state.request.set_value(next);
    let (load, embedding) = state.pack.with_untracked(|p| p.as_ref().map_or((0, 0), |p| (p.bytes, p.embedding_bytes)));
    let progress = match &mut job {
        Request::StoreEmbedding { id, .. } => {
            *id = next;
            Progress::storing(embedding)
        }
        Request::Download { id, pack_url } => {
            *id = next;
            Progress::downloading(state.library.bytes_of(pack_url))
        }
        Request::Analyze { id, .. } | Request::Attention { id, .. } | Request::Compare { id, .. } => {
            *id = next;
            Progress::begin(!state.loaded.get_untracked(), load)
        }
        // No others are jobs.
        _ => return,
    };
    state.stopping.set(false);
    state.progress.set((!state.quiet.get_untracked()).then_some(progress));
    state.phase.set(Phase::Loading);
    // Before it is sent: where that fails, it is this one that is asked again.
    state.job.set_value(Some(job.clone()));
    send(state, &job);
}

/// Stops the request that is under way.
pub fn cancel(state: State) {
    if state.phase.get_untracked() != Phase::Loading || state.stopping.get_untracked() {
        return;
    }
    let id = state.request.get_value();
    state.stopping.set(true);
    send(state, &Request::Cancel { id });
    if state.quiet.get_untracked() {
        // The next text waits for the worker; ending it would cost more.
        return;
    }
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

/// Gives the request under way up, because something else is shown in place of its answer, which is not waited for.
pub fn abandon(state: State) {
    if state.phase.get_untracked() != Phase::Loading {
        return;
    }
    let cancel = Request::Cancel { id: state.request.get_value() };
    // A worker that cannot be told answers nothing either.
    state.engine.with_value(|engine| engine.as_ref().map(|engine| engine.send(&cancel, &[])));
    state.job.set_value(None);
    state.next.set_value(Next::Rest);
    state.library.ended(state);
    state.progress.set(None);
    state.stopping.set(false);
    state.phase.set(Phase::Idle);
}

/// The field's number; none when it is empty.
pub fn parse_inf_k(text: &str) -> Result<Option<usize>, String> {
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
    let address = environment::address("worker-loader.js").ok_or("this page has no address of its own")?;
    let on_message = move |header: &str, buffers| {
        // Anything but a message of the protocol is not from our worker's code: not ours to act on.
        if let Ok(response) = decode::<Response>(header) {
            on_response(state, response, buffers);
        }
    };
    let on_crash = move |reason: Option<String>| {
        crash(
            state,
            match reason {
                Some(reason) => format!("The worker stopped: {reason}"),
                None => "The worker could not be started: its files could not be loaded.".to_owned(),
            },
        );
    };
    let engine = WorkerHandle::start(&address, on_message, on_crash)
        .map_err(|_| "this browser does not start module workers".to_owned())?;
    state.engine.set_value(Some(engine));
    Ok(())
}

fn send(state: State, request: &Request) {
    let sent = state.engine.with_value(|engine| match engine {
        Some(engine) => engine.send(request, &[]).map_err(|_| "the worker takes no messages"),
        None => Err("the worker is not running"),
    });
    if let Err(problem) = sent {
        crash(state, format!("The request could not be sent: {problem}."));
    }
}

fn on_response(state: State, response: Response, buffers: Vec<Buffer>) {
    let current = state.request.get_value();
    let under_way = state.phase.get_untracked() == Phase::Loading;
    match response {
        Response::Ready { device, storage_note } => {
            state.device.set(Some(device));
            state.storage_note.set(storage_note);
        }
        Response::Note { text } => state.note.set(Some(text)),
        Response::Diagnostics { facts, .. } => diagnostics::copy(state, Some(facts)),
        Response::Downloaded { id, bytes } if under_way && id == current => {
            state.note.set(Some(format!("The model ({}) is stored in this browser.", number::bytes(bytes))));
            if let Some(Request::Download { pack_url, .. }) = state.job.get_value() {
                environment::remember_loaded(&pack_url, true);
            }
            stopped(state);
        }
        Response::EmbeddingStored { id, bytes } if under_way && id == current => {
            state.note.set(Some(format!("The whole embedding ({}) is stored in this browser.", number::bytes(bytes))));
            stopped(state);
        }
        Response::Progress { id, stage, done, total } if under_way && id == current => {
            let now = environment::now();
            state.progress.update(|progress| {
                if let Some(progress) = progress {
                    progress.report(stage_of(stage), done, total, now);
                }
            });
        }
        Response::Analysis { id, analysis, fetched_bytes, elapsed_ms, compute_ms, .. }
            if under_way && id == current =>
        {
            state.loaded.set(true);
            if let Some(pack) = state.pack.get_untracked() {
                environment::remember_loaded(&pack.url, true);
            }
            storage::count(state);
            let device = state.device.get_untracked().map(|it| device_label(&it)).unwrap_or_default();
            let run = Run { device, fetched_bytes, elapsed_ms, compute_ms };
            match buffers::analysis(*analysis, buffers) {
                Ok(mut analysis) => {
                    // Asked for in words they came along.
                    if analysis.events.is_none() {
                        analysis.events = analysis.grams.as_ref().map(|it| events::of_text(it, &analysis.tokens));
                    }
                    state.show_analysis(analysis, Origin::Live(run));
                    state.progress.set(None);
                    state.stopping.set(false);
                    state.phase.set(Phase::Done);
                    (state.request_ended)(state);
                }
                Err(problem) => unreadable(state, &problem),
            }
        }
        Response::Comparison { id, first, second, .. } if under_way && id == current => {
            state.loaded.set(true);
            if let Some(pack) = state.pack.get_untracked() {
                environment::remember_loaded(&pack.url, true);
            }
            match buffers::comparison(*first, *second, buffers) {
                Ok(comparison) => {
                    state.show_comparison(comparison, false);
                    stopped(state);
                }
                Err(problem) => unreadable(state, &problem),
            }
        }
        Response::Attention { id, layers, heads, tokens } if under_way && id == current => {
            match buffers::attention(layers, heads, tokens, buffers) {
                Ok(attention) => {
                    state.attention.set(Some(Arc::new(attention)));
                    stopped(state);
                }
                Err(problem) => unreadable(state, &problem),
            }
        }
        Response::Cancelled { id } if under_way && id == current => stopped(state),
        Response::Failed { id, failure: FailureKind::Device, message } if id == 0 || id == current => {
            crash(state, message);
        }
        Response::Failed { id, failure, message } if id == 0 || (under_way && id == current) => {
            if failure == FailureKind::Capacity {
                // What the worker holds on the device is in the way of the next try.
                end_worker(state);
            }
            storage::count(state);
            if failure == FailureKind::RowsMissing && state.quiet.get_untracked() {
                // Not an error: the picture waits for Analyze, or for the visitor's agreement.
                state.note.set(Some(format!("{message} Press Analyze to ask for them.")));
                return stopped(state);
            }
            state.fail(message);
            (state.request_ended)(state);
        }
        // Late answers to requests that are over.
        _ => {}
    }
}

/// An answer whose buffers do not fit.
fn unreadable(state: State, problem: &BufferError) {
    state.fail(format!("The worker's answer cannot be read: {problem}."));
    (state.request_ended)(state);
}

/// Worker or device are gone. What was under way is asked of a fresh worker, once: it finds its
/// files in storage.
fn crash(state: State, problem: String) {
    end_worker(state);
    let problem = problem.trim_end().trim_end_matches('.');
    if state.phase.get_untracked() != Phase::Loading {
        // Missed at the next request, not before.
        state.note.set(Some(format!("{problem}. The next analysis starts it again, from the files stored here.")));
        return;
    }
    match state.job.get_value() {
        Some(job) if !state.restarted.get_value() && !state.stopping.get_untracked() => {
            state.restarted.set_value(true);
            state
                .note
                .set(Some(format!("{problem}. Starting again, from the files stored here; the text is kept, too.")));
            again(state, job);
        }
        _ => {
            state.fail(format!("{problem}. The text is kept."));
            (state.request_ended)(state);
        }
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
    state.library.ended(state);
    storage::count(state);
    state.progress.set(None);
    state.stopping.set(false);
    state.phase.set(if state.shown.with_untracked(is_live) { Phase::Done } else { Phase::Idle });
    (state.request_ended)(state);
}

fn is_live(shown: &Option<Arc<crate::state::ShownAnalysis>>) -> bool {
    shown.as_ref().is_some_and(|shown| matches!(shown.origin, Origin::Live(_)))
}

/// e.g. "WebGPU: SwiftShader".
pub fn device_label(device: &DeviceInfo) -> String {
    if device.webgpu { format!("WebGPU: {}", device.name) } else { format!("CPU (no WebGPU): {}", device.name) }
}

fn stage_of(stage: RequestStage) -> progress::LoadStage {
    match stage {
        RequestStage::Device => progress::LoadStage::Device,
        RequestStage::Weights => progress::LoadStage::Weights,
        RequestStage::Tokenizer => progress::LoadStage::Tokenizer,
        RequestStage::Embedding => progress::LoadStage::Embedding,
        RequestStage::Model => progress::LoadStage::Model,
        RequestStage::Sae => progress::LoadStage::Sae,
        RequestStage::Analysis => progress::LoadStage::Analysis,
        RequestStage::Words => progress::LoadStage::Words,
    }
}
