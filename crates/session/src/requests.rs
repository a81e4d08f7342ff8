//! From the Analyze button to the answer: requests, answers, canceling, crashes.

use std::sync::Arc;

use lens_analysis::Analysis;
use lens_protocol::buffers::{self, Buffer, BufferError};
use lens_protocol::{DeviceInfo, DeviceWish, FailureKind, Request, RequestStage, Response, RowSource, TOKENS_MAX};
use lens_view::progress::{LoadStage, Progress};
use lens_view::statistics::Run;
use lens_view::{estimate, number};

use crate::figure::Figure;
use crate::library::PackSummary;
use crate::message::{Effect, Timer, WorkerError};
use crate::model::{Model, Next, Phase};
use crate::shown::Origin;

/// A worker that is busy on the CPU reads no messages: after this long a canceled one is ended.
const PATIENCE_MS: u32 = 4000;

/// So often the progress is looked at: a step on the GPU reports nothing until it is done.
const WAIT_MS: u32 = 1000;

/// Browsers do not report that they ended a worker. One that sends nothing for so long while a request is under way has
/// been ended, or waits, or computes something long: the page cannot tell which, so it offers to start it again.
const SILENCE_MS: u32 = 30_000;

/// What is said then.
pub const SILENCE: &str = "Nothing has come from the engine for 30 seconds. It may be waiting for the network or for another \
     tab, or computing something long, and then goes on by itself; or the browser has ended it.";

/// Other orders of a text's tokens, as the precomputed examples have them.
const SHUFFLED_ORDERS: u16 = 3;

/// The number of every request for diagnostics, which no job has.
const DIAGNOSTICS: u32 = u32::MAX;

const NO_PACK: &str = "This page does not give its model’s address: its temporal-lens-pack tag is missing.";

impl Model {
    pub(crate) fn is_loading(&self) -> bool {
        self.phase == Phase::Loading
    }

    /// Whether something that the visitor asked for is under way, and not only what typing or a figure asks for.
    pub(crate) fn is_asked_for(&self) -> bool {
        self.is_loading() && !self.is_quiet
    }

    /// Analyzes the text in the box.
    pub(crate) fn submit(&mut self) {
        if self.is_loading() {
            if self.is_quiet && self.next != Next::Pressed {
                self.next = Next::Pressed;
                self.cancel();
                // Typing waits as long as it takes; the visitor does not.
                self.ask_for_patience();
            }
            return;
        }
        // A pause in typing that is not over yet need not ask again.
        self.typed = self.typed.wrapping_add(1);
        if self.text.is_empty() {
            return self.fail("There is no text yet: type something to analyze.");
        }
        if let Some(problem) = self.too_long() {
            return self.fail(problem);
        }
        let inf_k = match parse_inf_k(&self.inf_k) {
            Ok(inf_k) => inf_k,
            Err(problem) => return self.fail(problem.to_string()),
        };
        // The visitor pressed the button, and asks the host for what the text needs.
        match self.analyze(inf_k, RowSource::Host) {
            Some(job) => {
                self.give_up_opening();
                self.begin(job);
            }
            None => self.fail(NO_PACK),
        }
    }

    /// Why the text in the box is certainly too long, as a sentence: nothing is fetched for it.
    pub(crate) fn too_long(&self) -> Option<String> {
        let least = estimate::token_count(&self.text).least;
        (least > TOKENS_MAX).then(|| {
            let [least, most] = [least, TOKENS_MAX].map(|count| number::count(count as u64));
            format!(
                "This text has at least {least} tokens, and {most} can be analyzed: keep its beginning, or shorten it."
            )
        })
    }

    /// A request for the text in the box; none without a pack.
    pub(crate) fn analyze(&self, inf_k: Option<usize>, rows: RowSource) -> Option<Request> {
        self.analyze_text(self.text.clone(), inf_k, rows)
    }

    fn analyze_text(&self, text: String, inf_k: Option<usize>, rows: RowSource) -> Option<Request> {
        let pack_url = self.pack.as_ref()?.url.clone();
        Some(Request::Analyze { id: 0, pack_url, text, inf_k, rows, words: self.words })
    }

    /// Words are asked for, or no longer. Asked for, the text that is seen is analyzed again where the model is loaded:
    /// its tokens are there, so that only words are computed. What a box holds that is not seen stays there.
    pub(crate) fn set_words(&mut self, words: bool) {
        (self.words, self.wants_words) = (words, words);
        self.ask(Effect::RememberWords(words));
        if !words || !self.is_loaded || self.is_loading() {
            return;
        }
        let seen = self.shown.as_ref().filter(|_| !self.is_editing);
        match seen.map(|shown| (shown.analysis.text.clone(), shown.analysis.inf_k)) {
            None => self.submit(),
            Some((text, inf_k)) => match self.analyze_text(text, inf_k, RowSource::Host) {
                Some(job) => {
                    self.give_up_opening();
                    self.begin(job);
                }
                None => self.fail(NO_PACK),
            },
        }
    }

    /// Compares the shown text with the second one.
    pub(crate) fn compare(&mut self) {
        let Some(shown) = &self.shown else { return };
        if self.is_loading() {
            return;
        }
        let first = (shown.analysis.text.clone(), shown.analysis.inf_k);
        let text = self.second_text.clone().unwrap_or_else(|| first.0.clone());
        if text.is_empty() {
            return self.fail("There is no second text yet: type something to compare with.");
        }
        let inf_k = match parse_inf_k(&self.second_inf_k) {
            Ok(inf_k) => inf_k,
            Err(problem) => return self.fail(problem.to_string()),
        };
        match &self.pack {
            Some(pack) => {
                let pack_url = pack.url.clone();
                self.begin(Request::Compare { id: 0, pack_url, texts: [first, (text, inf_k)] });
            }
            None => self.fail(NO_PACK),
        }
    }

    /// Asks for the SAE's attention weights over the shown text.
    pub(crate) fn ask_attention(&mut self) {
        if let Some(job) = self.attention_of_shown() {
            self.begin(job);
        }
    }

    /// The figure of the sources needs attention weights: they are asked for once it is looked at, from a model that is
    /// loaded, and give way to what is typed meanwhile.
    pub(crate) fn want_attention(&mut self) {
        let is_live = self.shown.as_ref().is_some_and(|shown| matches!(shown.origin, Origin::Live(_)));
        let is_wanted = is_live && self.is_loaded && self.view.figure == Figure::Sources && self.attention.is_none();
        if is_wanted
            && !self.is_attention_asked
            && let Some(job) = self.attention_of_shown()
        {
            self.is_attention_asked = true;
            self.begin_quietly(job);
        }
    }

    fn attention_of_shown(&self) -> Option<Request> {
        let (false, Some(shown), Some(pack)) = (self.is_loading(), &self.shown, &self.pack) else { return None };
        let (pack_url, text, inf_k) = (pack.url.clone(), shown.analysis.text.clone(), shown.analysis.inf_k);
        Some(Request::Attention { id: 0, pack_url, text, inf_k })
    }

    /// Asks for the shown text's statistics next to those of other orders of its tokens.
    pub(crate) fn ask_shuffled(&mut self) {
        let (false, Some(shown), Some(pack)) = (self.is_loading(), &self.shown, &self.pack) else { return };
        let analysis = &shown.analysis;
        self.begin(Request::Shuffled {
            id: 0,
            pack_url: pack.url.clone(),
            text: analysis.text.clone(),
            inf_k: analysis.inf_k,
            words: analysis.words.is_some(),
            orders: SHUFFLED_ORDERS,
        });
    }

    /// Fetches and stores the whole embedding.
    pub(crate) fn store_embedding(&mut self) {
        if let (false, Some(pack)) = (self.is_loading(), &self.pack) {
            let pack_url = pack.url.clone();
            self.begin(Request::StoreEmbedding { id: 0, pack_url });
        }
    }

    /// Fetches and stores a pack's tokenizer and weights.
    pub(crate) fn download(&mut self, pack_url: String) {
        // It may have been given up, or another one asked for, while the browser asked the visitor.
        if !self.is_loading() && self.library.downloading.as_ref() == Some(&pack_url) {
            self.begin(Request::Download { id: 0, pack_url, words: self.words });
        }
    }

    /// Asks the worker, where one runs, what it knows, to be copied with what the page knows.
    pub(crate) fn diagnose(&mut self) {
        self.ask(Effect::CopyDiagnostics(None));
        if self.has_worker {
            self.ask(Effect::Send(Request::Diagnostics { id: DIAGNOSTICS }));
        }
    }

    /// Starts what the visitor asked for.
    fn begin(&mut self, job: Request) {
        self.is_quiet = false;
        self.note = None;
        self.begin_any(job);
    }

    /// Starts what typing asks for.
    pub(crate) fn begin_quietly(&mut self, job: Request) {
        self.is_quiet = true;
        self.begin_any(job);
    }

    fn begin_any(&mut self, job: Request) {
        self.has_restarted = false;
        if !matches!(job, Request::Download { .. }) {
            // One that has not begun gives way.
            self.library.downloading = None;
        }
        // Whatever waited for an earlier request, this one is what the visitor wants now.
        self.next = Next::Rest;
        self.problem = None;
        self.send(job);
    }

    /// Sends a job under the next number.
    fn send(&mut self, mut job: Request) {
        let next = self.request.wrapping_add(1);
        self.request = if next == DIAGNOSTICS { 1 } else { next.max(1) };
        let (bytes, embedding_bytes) = self.pack.as_ref().map_or((0, 0), |pack| (pack.bytes, pack.embedding_bytes));
        let progress = match &mut job {
            Request::StoreEmbedding { id, .. } => {
                *id = self.request;
                Progress::storing(embedding_bytes)
            }
            Request::Download { id, pack_url, words } => {
                *id = self.request;
                let bytes = |facts: &PackSummary| facts.bytes() + if *words { facts.words_bytes() } else { 0 };
                Progress::downloading(self.library.facts(pack_url).map_or(0, bytes))
            }
            Request::Shuffled { id, .. } => {
                *id = self.request;
                Progress::ordering(!self.is_loaded, bytes)
            }
            Request::Analyze { id, .. } | Request::Attention { id, .. } | Request::Compare { id, .. } => {
                *id = self.request;
                Progress::begin(!self.is_loaded, bytes)
            }
            // No others are jobs.
            Request::Diagnostics { .. } | Request::Cancel { .. } => return,
        };
        self.is_stopping = false;
        self.progress = (!self.is_quiet).then(|| progress.at(self.now_ms));
        self.wait(self.request);
        self.phase = Phase::Loading;
        self.has_worker = true;
        self.job = Some(job.clone());
        self.ask(Effect::Send(job));
        self.listen();
    }

    /// Time goes on while a request's progress is shown.
    pub(crate) fn wait(&mut self, request: u32) {
        if request != self.request {
            return;
        }
        if let Some(progress) = &mut self.progress {
            progress.wait(self.now_ms);
            self.ask(Effect::SetTimer(Timer::Wait(request), WAIT_MS));
        }
    }

    /// Something came from the worker, or was sent to it: its silence is counted from now on.
    fn listen(&mut self) {
        self.last_active_ms = self.now_ms;
        if !std::mem::replace(&mut self.is_listening, true) {
            self.ask(Effect::SetTimer(Timer::Silence, SILENCE_MS));
        }
        self.is_silent = false;
    }

    /// The worker was listened to for a while.
    pub(crate) fn has_listened(&mut self) {
        self.is_listening = false;
        if !self.is_loading() {
            return;
        }
        let left = f64::from(SILENCE_MS) - (self.now_ms - self.last_active_ms);
        if left > 0.0 {
            self.is_listening = true;
            self.ask(Effect::SetTimer(Timer::Silence, left.ceil() as u32));
        } else {
            self.is_silent = true;
        }
    }

    /// The visitor takes a silent worker for ended.
    pub(crate) fn restart(&mut self) {
        if self.is_silent {
            self.crashed("The engine stopped answering.");
        }
    }

    /// Asks for what failed once more; of a text that is edited since, as it is now.
    pub(crate) fn retry(&mut self) {
        match self.job.clone() {
            _ if self.is_loading() => {}
            Some(Request::Analyze { .. }) if self.has_box() => self.submit(),
            Some(job) => self.begin(job),
            None => self.submit(),
        }
    }

    /// Stops the request that is under way.
    pub(crate) fn cancel(&mut self) {
        if !self.is_loading() {
            // A download that has not begun.
            self.library.downloading = None;
            return;
        }
        if self.is_stopping {
            return;
        }
        self.is_stopping = true;
        self.ask(Effect::Send(Request::Cancel { id: self.request }));
        // The next text waits for a worker that types along; ending it would cost more.
        if !self.is_quiet {
            self.ask_for_patience();
        }
    }

    fn ask_for_patience(&mut self) {
        self.ask(Effect::SetTimer(Timer::Patience(self.request), PATIENCE_MS));
    }

    /// A canceled request was waited for long enough.
    pub(crate) fn lose_patience(&mut self, request: u32) {
        if self.is_stopping && self.request == request {
            self.end_worker();
            self.stopped();
        }
    }

    /// Gives the request under way up, because something else is shown in place of its answer, which is not waited
    /// for.
    pub(crate) fn abandon(&mut self) {
        if !self.is_loading() {
            return;
        }
        self.ask(Effect::SendIfPossible(Request::Cancel { id: self.request }));
        self.job = None;
        self.next = Next::Rest;
        self.download_ended();
        self.progress = None;
        (self.is_stopping, self.is_silent) = (false, false);
        self.phase = Phase::Idle;
    }

    /// The worker sent a message.
    pub(crate) fn answered(&mut self, response: Response, buffers: Vec<Buffer>) {
        if self.is_loading() {
            self.listen();
        }
        let is_current = |id: u32| self.is_loading() && id == self.request;
        match response {
            Response::Ready { device, storage_note } => {
                self.device = Some(device);
                self.storage_note = storage_note;
            }
            Response::Note { text } => self.note = Some(text),
            Response::Diagnostics { facts, .. } => self.ask(Effect::CopyDiagnostics(Some(facts))),
            Response::Downloaded { id, bytes } if is_current(id) => {
                self.note = Some(format!("The model ({}) is stored in this browser.", number::bytes(bytes)));
                if let Some(Request::Download { pack_url, .. }) = &self.job {
                    self.effects.push(Effect::RememberLoaded(pack_url.clone(), true));
                }
                self.stopped();
            }
            Response::EmbeddingStored { id, bytes } if is_current(id) => {
                self.note = Some(format!("The whole embedding ({}) is stored in this browser.", number::bytes(bytes)));
                self.stopped();
            }
            // A worker that opens its device does not know yet what for.
            Response::Progress { id, stage, done, total }
                if is_current(id) || (id == 0 && stage == RequestStage::Device && self.is_loading()) =>
            {
                if let Some(progress) = &mut self.progress {
                    progress.report(stage_of(stage), done, total, self.now_ms);
                }
            }
            Response::Analysis { id, analysis, fetched_bytes, elapsed_ms, compute_ms, .. } if is_current(id) => {
                self.loaded();
                self.ask(Effect::CountStorage);
                let device = self.device.as_ref().map(device_label).unwrap_or_default();
                let run = Run { device, fetched_bytes, elapsed_ms, compute_ms };
                match buffers::analysis(*analysis, buffers) {
                    Ok(analysis) => self.analyzed(analysis, run),
                    Err(problem) => self.unreadable(&problem),
                }
            }
            Response::Comparison { id, first, second, .. } if is_current(id) => {
                self.loaded();
                match buffers::comparison(*first, *second, buffers) {
                    Ok(comparison) => {
                        self.show_comparison(comparison, false);
                        self.stopped();
                    }
                    Err(problem) => self.unreadable(&problem),
                }
            }
            Response::Attention { id, layers, heads, tokens } if is_current(id) => {
                match buffers::attention(layers, heads, tokens, buffers) {
                    Ok(attention) => {
                        self.attention = Some(Arc::new(attention));
                        self.stopped();
                    }
                    Err(problem) => self.unreadable(&problem),
                }
            }
            Response::Shuffled { id, shuffled } if is_current(id) => {
                self.shuffled = Some(Arc::new(shuffled));
                self.stopped();
            }
            Response::Canceled { id } if is_current(id) => self.stopped(),
            Response::Failed { id, failure: FailureKind::Device, message } if id == 0 || id == self.request => {
                self.crashed(&message);
            }
            Response::Failed { id, failure, message } if id == 0 || is_current(id) => self.failed(failure, message),
            // Late answers to requests that are over.
            _ => {}
        }
    }

    /// The worker has the weights.
    fn loaded(&mut self) {
        self.is_loaded = true;
        if let Some(pack) = &self.pack {
            self.effects.push(Effect::RememberLoaded(pack.url.clone(), true));
        }
    }

    fn analyzed(&mut self, analysis: Analysis, run: Run) {
        self.show_analysis(analysis, Origin::Live(run));
        self.progress = None;
        (self.is_stopping, self.is_silent) = (false, false);
        self.phase = Phase::Done;
        self.request_ended();
    }

    fn failed(&mut self, failure: FailureKind, message: String) {
        if failure == FailureKind::Capacity {
            // What the worker holds on the device is in the way of the next try.
            self.end_worker();
        }
        self.ask(Effect::CountStorage);
        if failure == FailureKind::RowsMissing && self.is_quiet {
            // Not an error: the picture waits for Analyze, or for the visitor's agreement.
            self.note = Some(format!("{message} Press Analyze to ask for them."));
            return self.stopped();
        }
        if self.is_quiet && matches!(self.job, Some(Request::Attention { .. })) {
            // Nobody pressed anything: the figure has a button.
            self.note = Some(message);
            return self.stopped();
        }
        match failure {
            // The same text is refused again.
            FailureKind::Input => self.fail(message),
            _ => self.fail_for_now(message),
        }
        self.request_ended();
    }

    /// An answer whose buffers do not fit.
    fn unreadable(&mut self, problem: &BufferError) {
        self.fail_for_now(format!("The worker's answer cannot be read: {problem}."));
        self.request_ended();
    }

    /// Worker or device are gone. What was under way is asked of a fresh worker, once: it finds its
    /// files in storage.
    pub(crate) fn crashed(&mut self, problem: &str) {
        self.end_worker();
        let problem = problem.trim_end().trim_end_matches('.');
        if !self.is_loading() {
            // Missed at the next request, not before.
            self.note = Some(format!("{problem}. The next analysis starts it again, from the files stored here."));
            return;
        }
        match self.job.clone() {
            Some(job) if !self.has_restarted && !self.is_stopping => {
                self.has_restarted = true;
                self.note =
                    Some(format!("{problem}. Starting again, from the files stored here; the text is kept, too."));
                self.send(job);
            }
            _ => {
                self.fail_for_now(format!("{problem}. The text is kept."));
                self.request_ended();
            }
        }
    }

    /// There is no worker, and there will be none.
    pub(crate) fn has_no_worker(&mut self, why: WorkerError) {
        (self.has_worker, self.job) = (false, None);
        self.fail_for_now(why.to_string());
    }

    /// Another device was chosen. What is under way is asked of a worker that runs on it, from the files stored here.
    pub(crate) fn device_chosen(&mut self) {
        if !self.has_worker {
            return;
        }
        self.end_worker();
        match self.job.clone() {
            Some(job) if self.is_loading() && !self.is_stopping => self.send(job),
            _ if self.is_loading() => self.stopped(),
            _ => {
                let on = match self.view.device {
                    Some(DeviceWish::Webgpu) => "with WebGPU",
                    Some(DeviceWish::Cpu) => "on the CPU",
                    None => "on the faster device",
                };
                self.note = Some(format!("The next analysis is computed {on}, from the files stored here."));
            }
        }
    }

    fn end_worker(&mut self) {
        (self.is_loaded, self.has_worker, self.device) = (false, false, None);
        self.ask(Effect::EndWorker);
    }

    /// A request ended without an analysis.
    fn stopped(&mut self) {
        self.download_ended();
        self.ask(Effect::CountStorage);
        self.progress = None;
        (self.is_stopping, self.is_silent) = (false, false);
        let is_live = self.shown.as_ref().is_some_and(|shown| matches!(shown.origin, Origin::Live(_)));
        self.phase = if is_live { Phase::Done } else { Phase::Idle };
        self.request_ended();
    }

    /// Goes on with what came up meanwhile.
    fn request_ended(&mut self) {
        match std::mem::take(&mut self.next) {
            Next::Rest => {}
            Next::Typed => self.follow(),
            Next::Pressed => self.submit(),
        }
    }

    /// Says what went wrong; the text and what is shown stay.
    pub(crate) fn fail(&mut self, problem: impl Into<String>) {
        self.progress = None;
        (self.is_stopping, self.is_silent) = (false, false);
        self.download_ended();
        self.problem = Some(problem.into());
        self.can_retry = false;
        self.phase = Phase::Error;
    }

    /// The same, of what may go well another time.
    fn fail_for_now(&mut self, problem: impl Into<String>) {
        self.fail(problem);
        self.can_retry = true;
    }
}

/// Why an `inf_k` field has no number of codes, as a sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("inf_k is a whole number of codes to keep, at least 1 (or empty): “{text}” is not.")]
pub struct InfKError {
    /// The text, without the spaces around it.
    pub text: String,
}

/// The field's number; none when it is empty.
///
/// # Errors
/// [`InfKError`] for what is not a number of codes.
pub fn parse_inf_k(text: &str) -> Result<Option<usize>, InfKError> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    match text.parse::<usize>() {
        Ok(k) if k > 0 => Ok(Some(k)),
        _ => Err(InfKError { text: text.to_owned() }),
    }
}

/// e.g. "WebGPU: SwiftShader".
pub fn device_label(device: &DeviceInfo) -> String {
    if device.webgpu { format!("WebGPU: {}", device.name) } else { format!("{}, in WebAssembly", device.name) }
}

fn stage_of(stage: RequestStage) -> LoadStage {
    match stage {
        RequestStage::Device => LoadStage::Device,
        RequestStage::Weights => LoadStage::Weights,
        RequestStage::Tokenizer => LoadStage::Tokenizer,
        RequestStage::Embedding => LoadStage::Embedding,
        RequestStage::Model => LoadStage::Model,
        RequestStage::Sae => LoadStage::Sae,
        RequestStage::Analysis => LoadStage::Analysis,
        RequestStage::Words => LoadStage::Words,
        RequestStage::Orders => LoadStage::Orders,
    }
}
