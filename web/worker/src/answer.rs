//! One request, from its first byte to its answer.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::rc::Rc;

use lens_analysis::Analysis;
use lens_analysis::comparison::Comparison;
use lens_engine::check::bench::{self, LinearCase};
use lens_engine::check::self_check;
use lens_engine::{InferenceSession, InferenceStage, OpenedDevice, RunOptions, RunOutput, session};
use lens_loader::{Abort, Cache, RowSource};
use lens_pack::block::Precision;
use lens_pack::fit::Limits;
use lens_protocol::{DeviceInfo, NamedTensor, Request, Response, Stage, StageTimes};
use wasm_bindgen::JsCast;

use crate::failure::Failure;
use crate::packs::Pack;
use crate::{diagnostics, gpu};

/// Milliseconds of a clock that only goes forward.
pub fn now_ms() -> f64 {
    let scope: web_sys::WorkerGlobalScope = js_sys::global().unchecked_into();
    scope.performance().map_or(0.0, |p| p.now())
}

/// Reports progress of one request, at most some tens of times a second.
struct Reporter {
    id: u32,
    last: Option<(Stage, f64)>,
}

impl Reporter {
    /// Milliseconds between two reports of the same stage.
    const INTERVAL_MS: f64 = 40.0;

    fn report(&mut self, stage: Stage, done: u64, total: u64) {
        let now = now_ms();
        let skip = done < total && self.last.is_some_and(|(s, at)| s == stage && now - at < Self::INTERVAL_MS);
        if !skip {
            self.last = Some((stage, now));
            crate::post(&Response::Progress { id: self.id, stage, done, total });
        }
    }
}

/// Whose time it is: every moment goes to one stage.
struct Stopwatch {
    since: f64,
    stage: fn(&mut StageTimes) -> &mut f64,
    times: StageTimes,
}

impl Stopwatch {
    fn start(stage: fn(&mut StageTimes) -> &mut f64) -> Self {
        Self { since: now_ms(), stage, times: StageTimes::default() }
    }

    /// What comes now is `stage`.
    fn enter(&mut self, stage: fn(&mut StageTimes) -> &mut f64) {
        let now = now_ms();
        *(self.stage)(&mut self.times) += now - self.since;
        (self.since, self.stage) = (now, stage);
    }
}

/// The device, and the packs that were loaded on it.
pub struct Session {
    opened: OpenedDevice,
    limits: Limits,
    cache: Option<Rc<Cache>>,
    storage_note: Option<String>,
    packs: HashMap<String, Pack>,
    /// The text before this one: what they begin with in common need not be computed again.
    last: Option<LastText>,
}

/// A text that was analysed.
struct LastText {
    pack_url: String,
    token_ids: Vec<u32>,
    session: InferenceSession,
}

/// A text that was read for this request.
struct Read {
    analysis: Analysis,
    /// Bytes fetched for it.
    fetched_bytes: u64,
    /// When the model began, in milliseconds.
    compute_start: f64,
    /// Runs on until the answer is written.
    stopwatch: Stopwatch,
    /// Tokens at its beginning that were there already.
    reused_tokens: usize,
}

impl Session {
    /// Opens the device, and the folder in which files are kept.
    pub async fn open() -> Self {
        let (cache, storage_note) = match Cache::open(lens_protocol::STORAGE_FOLDER).await {
            Ok(cache) => (Some(Rc::new(cache)), None),
            Err(none) => (None, Some(none.to_string())),
        };
        let opened = gpu::open().await;
        Self { limits: gpu::limits(&opened), opened, cache, storage_note, packs: HashMap::new(), last: None }
    }

    /// What the page shows of the device and of storage.
    pub fn ready(&self) -> Response {
        let OpenedDevice { gpu, name, note, .. } = &self.opened;
        let device = DeviceInfo { webgpu: *gpu, name: name.clone(), note: note.clone() };
        Response::Ready { device, storage_note: self.storage_note.clone() }
    }

    /// Answers one request.
    pub async fn answer(&mut self, request: Request, abort: &Abort) -> Response {
        let id = request.id();
        let answered = match request {
            Request::Analyze { pack_url, text, inf_k, rows, apart, .. } => {
                let rows = match rows {
                    lens_protocol::RowSource::Host => RowSource::Host,
                    lens_protocol::RowSource::KeptOnly => RowSource::KeptOnly,
                };
                let options = RunOptions { inf_k, sync_between_stages: apart, ..RunOptions::default() };
                self.analyze(id, &pack_url, &text, rows, options, abort).await
            }
            Request::Attention { pack_url, text, inf_k, .. } => {
                self.attention(id, &pack_url, &text, inf_k, abort).await
            }
            Request::Compare { pack_url, texts, .. } => self.compare(id, &pack_url, &texts, abort).await,
            Request::Download { pack_url, .. } => self.download(id, &pack_url, abort).await,
            Request::KeepEmbedding { pack_url, .. } => self.keep_embedding(id, &pack_url, abort).await,
            Request::Diagnostics { .. } => {
                let facts = diagnostics::collect(&self.opened, self.storage_note.as_deref(), &self.packs);
                Ok(Response::Diagnostics { id, json: facts.to_string() })
            }
            Request::Fixture { pack_url, token_ids, tensors, inf_k, .. } => {
                self.fixture(id, &pack_url, &token_ids, &tensors, inf_k, abort).await
            }
            Request::CheckKernels { part, .. } => self.check_kernels(id, &part).await,
            Request::BenchLinear { tokens, rows, cols, precision, repeats, samples, .. } => {
                self.bench_linear(id, [tokens, rows, cols], &precision, repeats, samples).await
            }
            Request::Tokenize { pack_url, texts, .. } => self.tokenize(id, &pack_url, &texts, abort).await,
            // These two do not wait in the queue.
            Request::Cancel { id } | Request::LoseDevice { id } => Ok(Response::Cancelled { id }),
        };
        match answered {
            Ok(response) => response,
            Err(Failure::Stopped) => Response::Cancelled { id },
            Err(Failure::Wrong(failure, message)) => Response::Failed { id, failure, message },
        }
    }

    fn pack(&mut self, url: &str) -> &mut Pack {
        let cache = self.cache.clone();
        self.packs.entry(url.to_owned()).or_insert_with(|| Pack::new(url.to_owned(), cache))
    }

    async fn download(&mut self, id: u32, pack_url: &str, abort: &Abort) -> Result<Response, Failure> {
        let mut reporter = Reporter { id, last: None };
        let (device, limits) = (self.opened.device.clone(), self.limits);
        let report = |done, total| reporter.report(Stage::Weights, done, total);
        let bytes = self.pack(pack_url).download(&device, limits, abort, report).await?;
        Ok(Response::Downloaded { id, bytes })
    }

    async fn keep_embedding(&mut self, id: u32, pack_url: &str, abort: &Abort) -> Result<Response, Failure> {
        let mut reporter = Reporter { id, last: None };
        let (device, limits) = (self.opened.device.clone(), self.limits);
        let report = |done, total| reporter.report(Stage::Embedding, done, total);
        let bytes = self.pack(pack_url).keep_embedding(&device, limits, abort, report).await?;
        Ok(Response::EmbeddingKept { id, bytes })
    }

    /// Reads a text; it is the last one then.
    async fn read(
        &mut self,
        id: u32,
        pack_url: &str,
        text: &str,
        rows: RowSource,
        options: RunOptions,
        abort: &Abort,
    ) -> Result<Read, Failure> {
        let mut reporter = Reporter { id, last: None };
        let (device, limits) = (self.opened.device.clone(), self.limits);
        let pack = self.pack(pack_url);
        let fetched_before = pack.counts().fetched_bytes;
        let on_weights = |done, total| reporter.report(Stage::Weights, done, total);
        let tokens = pack.load(&device, limits, true, abort, on_weights).await?.tokenize(text)?;
        let common = |last: &LastText| last.token_ids.iter().zip(&tokens.ids).take_while(|(a, b)| a == b).count();
        let fits = |last: &LastText| last.pack_url == pack_url && last.session.is_compatible_with(options);
        let reused_tokens = self.last.as_ref().filter(|last| fits(last)).map_or(0, common);
        let on_rows = |done, total| reporter.report(Stage::Embedding, done, total);
        let mut stopwatch = Stopwatch::start(|times| &mut times.embedding_ms);
        // Before the last text is taken: it serves the next one where rows are missing.
        let rows = self.pack(pack_url).embedding(&tokens.ids[reused_tokens..], rows, abort, on_rows).await?;
        // Frames and tabs of this site compute one after the other: together each would take longer than both in turn.
        let _turn = match &self.cache {
            Some(cache) => Some(cache.lock(lens_protocol::GPU_LOCK, abort).await?),
            None => None,
        };
        let last = self.last.take().filter(|last| last.pack_url == pack_url);
        let pack = self.pack(pack_url);
        let fetched_bytes = pack.counts().fetched_bytes - fetched_before;
        let Some(loaded) = pack.loaded().cloned() else { return Err(Failure::device("the pack was not loaded")) };
        stopwatch.enter(|times| &mut times.gemma_ms);
        let compute_start = stopwatch.since;
        let mut session = match last {
            Some(last) if fits(&last) => last.session,
            Some(LastText { mut session, .. }) => {
                session.reset(options)?;
                session
            }
            None => InferenceSession::new(loaded.clone(), options)?,
        };
        session.truncate(reused_tokens);
        let mut step = |stage| {
            match stage {
                InferenceStage::Layer(done, total) => {
                    stopwatch.enter(|times| &mut times.gemma_ms);
                    reporter.report(Stage::Model, done as u64, total as u64);
                }
                InferenceStage::Sae => {
                    stopwatch.enter(|times| &mut times.sae_ms);
                    reporter.report(Stage::Sae, 0, 1);
                }
                InferenceStage::ReadBack => stopwatch.enter(|times| &mut times.read_back_ms),
            }
            if abort.is_stopped() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let mut flow = ControlFlow::Continue(());
        if session.options() != options {
            flow = session.reencode(options.inf_k, &mut step).await?;
        }
        if flow.is_continue() {
            flow = session.extend(&rows, &mut step).await?;
        }
        stopwatch.enter(|times| &mut times.analysis_ms);
        let stopped = flow.is_break() || abort.is_stopped();
        if !stopped {
            reporter.report(Stage::Analysis, 0, 1);
        }
        let analysis = (!stopped).then(|| loaded.analysis(text, &tokens, session.summary(), options, true));
        // A text that was stopped half-way is a beginning, too.
        let token_ids = tokens.ids[..session.len()].to_vec();
        self.last = Some(LastText { pack_url: pack_url.to_owned(), token_ids, session });
        let Some(analysis) = analysis else { return Err(Failure::Stopped) };
        Ok(Read { analysis, fetched_bytes, compute_start, stopwatch, reused_tokens })
    }

    async fn analyze(
        &mut self,
        id: u32,
        pack_url: &str,
        text: &str,
        rows: RowSource,
        options: RunOptions,
        abort: &Abort,
    ) -> Result<Response, Failure> {
        let start = now_ms();
        let read = self.read(id, pack_url, text, rows, options, abort).await?;
        let Read { analysis, fetched_bytes, compute_start, mut stopwatch, reused_tokens } = read;
        let json = lens_protocol::to_json(&analysis.compact()).map_err(|e| Failure::device(e.to_string()))?;
        stopwatch.enter(|times| &mut times.analysis_ms);
        let end = stopwatch.since;
        Ok(Response::Analysis {
            id,
            json,
            fetched_bytes,
            elapsed_ms: end - start,
            compute_ms: end - compute_start,
            stages: stopwatch.times,
            reused_tokens,
        })
    }

    async fn attention(
        &mut self,
        id: u32,
        pack_url: &str,
        text: &str,
        inf_k: Option<usize>,
        abort: &Abort,
    ) -> Result<Response, Failure> {
        let options = RunOptions { inf_k, ..RunOptions::default() };
        self.read(id, pack_url, text, RowSource::Host, options, abort).await?;
        let Some(last) = &self.last else { return Err(Failure::device("the text was not kept")) };
        let attention = last.session.attention().await?;
        let json = lens_protocol::to_json(&attention).map_err(|e| Failure::device(e.to_string()))?;
        Ok(Response::Attention { id, json })
    }

    async fn compare(
        &mut self,
        id: u32,
        pack_url: &str,
        texts: &[(String, Option<usize>); 2],
        abort: &Abort,
    ) -> Result<Response, Failure> {
        let [(first, first_k), (second, second_k)] = texts;
        let options = |inf_k: &Option<usize>| RunOptions { inf_k: *inf_k, ..RunOptions::default() };
        let a = self.read(id, pack_url, first, RowSource::Host, options(first_k), abort).await?;
        // Out of the way of the second text, which would go on from it.
        let Some(kept) = self.last.take() else { return Err(Failure::device("the first text was not kept")) };
        let between = now_ms();
        let b = self.read(id, pack_url, second, RowSource::Host, options(second_k), abort).await?;
        let Some(last) = &self.last else { return Err(Failure::device("the second text was not kept")) };
        let grams = kept.session.joint_grams(&last.session).await?;
        let comparison = Comparison::new(a.analysis, b.analysis, &grams).compact();
        let json = lens_protocol::to_json(&comparison).map_err(|e| Failure::device(e.to_string()))?;
        // The first text is the one in the box: it is what typing goes on from.
        self.last = Some(kept);
        Ok(Response::Comparison { id, json, compute_ms: between - a.compute_start + now_ms() - b.compute_start })
    }

    async fn check_kernels(&self, id: u32, part: &str) -> Result<Response, Failure> {
        let part = self_check::Part::ALL
            .into_iter()
            .find(|known| known.to_string() == part)
            .ok_or_else(|| Failure::input(format!("there are no kernels {part:?}")))?;
        let checked = self_check::thorough(&self.opened.device, part).await?;
        let checked = checked.into_iter().map(|c| (c.name, c.error.is_finite().then_some(c.error))).collect();
        Ok(Response::Kernels { id, tolerance: self_check::TOLERANCE, checked })
    }

    async fn bench_linear(
        &self,
        id: u32,
        [tokens, rows, cols]: [usize; 3],
        precision: &str,
        repeats: usize,
        samples: usize,
    ) -> Result<Response, Failure> {
        let precision = [Precision::F32, Precision::F16, Precision::Q8, Precision::Q4]
            .into_iter()
            .find(|known| known.to_string() == precision)
            .ok_or_else(|| Failure::input(format!("there is no precision {precision:?}")))?;
        let case = LinearCase { tokens, rows, cols, precision, variant: None, repeats };
        let times_ms = bench::linear(&self.opened.device, case, samples, now_ms).await?;
        Ok(Response::Bench { id, times_ms })
    }

    async fn tokenize(
        &mut self,
        id: u32,
        pack_url: &str,
        texts: &[String],
        abort: &Abort,
    ) -> Result<Response, Failure> {
        let (device, limits) = (self.opened.device.clone(), self.limits);
        let loaded = self.pack(pack_url).load(&device, limits, true, abort, |_, _| {}).await?;
        let ids: Result<_, lens_engine::Error> = texts.iter().map(|text| Ok(loaded.tokenize(text)?.ids)).collect();
        Ok(Response::Tokens { id, ids: ids? })
    }

    async fn fixture(
        &mut self,
        id: u32,
        pack_url: &str,
        token_ids: &[u32],
        names: &[String],
        inf_k: Option<usize>,
        abort: &Abort,
    ) -> Result<Response, Failure> {
        let (device, limits) = (self.opened.device.clone(), self.limits);
        let pack = self.pack(pack_url);
        pack.load(&device, limits, false, abort, |_, _| {}).await?;
        let rows = pack.embedding(token_ids, RowSource::Host, abort, |_, _| {}).await?;
        let Some(loaded) = pack.loaded() else { return Err(Failure::device("the pack was not loaded")) };
        let residuals = if names.iter().any(|n| n.starts_with("residual.")) {
            loaded.residuals(rows.clone()).await?
        } else {
            Vec::new()
        };
        let options = RunOptions { inf_k, ..RunOptions::default() };
        let run = session::run(loaded, &rows, options).await?;
        let analysis = loaded.analysis("", &loaded.describe(token_ids), &run.summary, options, false);
        let similarity = analysis.similarity.concat();
        let mut tensors = Vec::new();
        for name in names {
            let (shape, values) = named(name, &run, &residuals, &similarity)
                .ok_or_else(|| Failure::input(format!("there is no tensor named {name}")))?;
            tensors.push(NamedTensor { name: name.clone(), shape, data: lens_protocol::encode_f32(values) });
        }
        Ok(Response::Fixture { id, tensors })
    }
}

/// A tensor by the name that `temporal-lens analyze --dump` gives it.
fn named<'a>(
    name: &str,
    run: &'a RunOutput,
    residuals: &'a [Vec<f32>],
    similarity: &'a [f32],
) -> Option<(Vec<usize>, &'a [f32])> {
    let (t, d, width) = (run.tokens, run.d_model, run.width);
    let (layers, heads) = run.sae_attention;
    Some(match name {
        "residual" => (vec![t, d], &run.residual),
        "recons" => (vec![t, d], &run.recons),
        "pred_codes" => (vec![t, width], &run.pred_codes),
        "novel_codes" => (vec![t, width], &run.novel_codes),
        "pred_recons" => (vec![t, d], &run.pred_recons),
        "novel_recons" => (vec![t, d], &run.novel_recons),
        "attn_graphs" => (vec![layers, heads, t, t], &run.attn_graphs),
        "similarity" => (vec![t, t], similarity),
        layer => {
            let layer: usize = layer.strip_prefix("residual.")?.parse().ok()?;
            (vec![t, d], residuals.get(layer)?)
        }
    })
}
