//! One request, from its first byte to its answer.

use std::collections::HashMap;

use js_sys::{Function, Promise, Reflect};
use lens_engine::bench::{self, LinearCase};
use lens_engine::{Continue, OpenedDevice, Reading, Run, RunOptions, device, open_device, self_check};
use lens_protocol::{DeviceInfo, FailureKind, NamedTensor, Request, Response, Stage};
use lens_weights::block::Precision;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use crate::fetch::{Abort, FetchError};
use crate::packs::Pack;

/// Why a request did not get its answer.
#[derive(Debug)]
pub enum Failure {
    /// The visitor stopped it.
    Stopped,
    /// Something is wrong: which way out to offer, and a sentence.
    Wrong(FailureKind, String),
}

impl Failure {
    /// The device or the engine failed.
    pub fn device(message: impl Into<String>) -> Self {
        Self::Wrong(FailureKind::Device, message.into())
    }

    /// The input does not fit.
    pub fn input(message: impl Into<String>) -> Self {
        Self::Wrong(FailureKind::Input, message.into())
    }
}

impl From<FetchError> for Failure {
    fn from(error: FetchError) -> Self {
        match error {
            FetchError::Stopped => Self::Stopped,
            FetchError::Failed(message) => Self::Wrong(FailureKind::Network, message),
        }
    }
}

impl From<lens_engine::Error> for Failure {
    fn from(error: lens_engine::Error) -> Self {
        use lens_engine::Error;
        let kind = match &error {
            Error::Pack(_) | Error::Tokenizer(_) => FailureKind::Pack,
            Error::Input(_) | Error::Model(lens_model::Error::Input(_)) => FailureKind::Input,
            Error::Model(lens_model::Error::Missing(_) | lens_model::Error::Shape { .. }) => FailureKind::Pack,
            Error::Model(lens_model::Error::Device(_)) | Error::NoDevice(_) => FailureKind::Device,
        };
        Self::Wrong(kind, error.to_string())
    }
}

fn now_ms() -> f64 {
    let scope: web_sys::WorkerGlobalScope = js_sys::global().unchecked_into();
    scope.performance().map_or(0.0, |p| p.now())
}

/// What the browser tells of the adapter (vendor, architecture, description): wgpu has no name for it
/// on the web. `None` where the browser tells nothing.
async fn adapter_name() -> Option<String> {
    let info = Reflect::get(&adapter().await?, &JsValue::from_str("info")).ok()?;
    let parts: Vec<String> = ["vendor", "architecture", "device", "description"]
        .into_iter()
        .filter_map(|key| Reflect::get(&info, &JsValue::from_str(key)).ok()?.as_string())
        .filter(|part| !part.is_empty())
        .collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

/// The browser's adapter, as it is: wgpu passes on neither its name nor all of its features.
async fn adapter() -> Option<JsValue> {
    let get = |object: &JsValue, key: &str| Reflect::get(object, &JsValue::from_str(key)).ok();
    let gpu = get(&get(&js_sys::global(), "navigator")?, "gpu")?;
    let request: Function = get(&gpu, "requestAdapter")?.dyn_into().ok()?;
    JsFuture::from(request.call0(&gpu).ok()?.dyn_into::<Promise>().ok()?).await.ok()
}

/// Whether the device has subgroup operations: the loader of this worker asks for them wherever the
/// adapter has them.
async fn has_subgroups() -> Option<bool> {
    let features = Reflect::get(&adapter().await?, &JsValue::from_str("features")).ok()?;
    let has: Function = Reflect::get(&features, &JsValue::from_str("has")).ok()?.dyn_into().ok()?;
    has.call1(&features, &JsValue::from_str("subgroups")).ok()?.as_bool()
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

/// The device, and the packs that were loaded on it.
pub struct Session {
    opened: OpenedDevice,
    packs: HashMap<String, Pack>,
    /// The text before this one: what they begin with in common need not be computed again.
    last: Option<LastText>,
}

/// A text that was analysed.
struct LastText {
    pack_url: String,
    token_ids: Vec<u32>,
    reading: Reading,
}

impl Session {
    /// Opens WebGPU and checks its kernels; falls back to the CPU, with a note that says why.
    pub async fn open() -> Self {
        let cpu = |note: String| OpenedDevice {
            device: burn::tensor::Device::flex(),
            gpu: false,
            name: "CPU".to_owned(),
            note: Some(note),
        };
        let opened = match open_device(None).await {
            Ok(opened) if opened.gpu => {
                let name = adapter_name().await.unwrap_or(opened.name);
                device::say_adapter(&name, has_subgroups().await.unwrap_or(false));
                match self_check::check(&opened.device).await {
                    Ok(()) => OpenedDevice { name, ..opened },
                    Err(e) => cpu(format!("WebGPU was not used: {e}")),
                }
            }
            Ok(opened) => opened,
            Err(e) => cpu(e.to_string()),
        };
        Self { opened, packs: HashMap::new(), last: None }
    }

    /// What the page shows of the device.
    pub fn device_info(&self) -> DeviceInfo {
        DeviceInfo { webgpu: self.opened.gpu, name: self.opened.name.clone(), note: self.opened.note.clone() }
    }

    /// Answers one request.
    pub async fn answer(&mut self, request: Request, abort: &Abort) -> Response {
        let id = request.id();
        let answered = match request {
            Request::Analyze { pack_url, text, inf_k, .. } => {
                self.analyze(id, &pack_url, &text, RunOptions { inf_k, ..RunOptions::default() }, abort).await
            }
            Request::Fixture { pack_url, token_ids, tensors, inf_k, .. } => {
                self.fixture(id, &pack_url, &token_ids, &tensors, inf_k, abort).await
            }
            Request::CheckKernels { .. } => self.check_kernels(id).await,
            Request::BenchLinear { tokens, rows, cols, precision, repeats, samples, .. } => {
                self.bench_linear(id, [tokens, rows, cols], &precision, repeats, samples).await
            }
            Request::Cancel { id } => Ok(Response::Cancelled { id }),
        };
        match answered {
            Ok(response) => response,
            Err(Failure::Stopped) => Response::Cancelled { id },
            Err(Failure::Wrong(failure, message)) => Response::Failed { id, failure, message },
        }
    }

    fn pack(&mut self, url: &str) -> &mut Pack {
        self.packs.entry(url.to_owned()).or_insert_with(|| Pack::new(url.to_owned()))
    }

    async fn analyze(
        &mut self,
        id: u32,
        pack_url: &str,
        text: &str,
        options: RunOptions,
        abort: &Abort,
    ) -> Result<Response, Failure> {
        let start = now_ms();
        let mut reporter = Reporter { id, last: None };
        let device = self.opened.device.clone();
        let pack = self.pack(pack_url);
        let fetched_before = pack.fetched_bytes;
        let lens = pack.load(&device, true, abort, |done, total| reporter.report(Stage::Weights, done, total)).await?;
        let tokens = lens.tokenize(text)?;
        let common = |last: &LastText| last.token_ids.iter().zip(&tokens.ids).take_while(|(a, b)| a == b).count();
        let last = self.last.take().filter(|last| last.pack_url == pack_url && last.reading.options() == options);
        let reused_tokens = last.as_ref().map_or(0, common);
        let new_ids = &tokens.ids[reused_tokens..];
        let pack = self.packs.entry(pack_url.to_owned()).or_insert_with(|| Pack::new(pack_url.to_owned()));
        let rows = pack.embedding(new_ids, abort, |done, total| reporter.report(Stage::Embedding, done, total)).await?;
        let fetched_bytes = pack.fetched_bytes - fetched_before;
        let Some(lens) = pack.lens() else { return Err(Failure::device("the pack was not loaded")) };
        let compute_start = now_ms();
        let mut reading = match last {
            Some(last) => last.reading,
            None => lens.start(options)?,
        };
        reading.truncate(reused_tokens);
        let extended = lens
            .extend(&mut reading, &rows, |stage| {
                match stage {
                    lens_engine::Stage::Layer(done, total) => {
                        reporter.report(Stage::Model, done as u64, total as u64);
                    }
                    lens_engine::Stage::Sae => reporter.report(Stage::Sae, 0, 1),
                }
                if abort.is_stopped() { Continue::No } else { Continue::Yes }
            })
            .await;
        let stopped = extended? == Continue::No || abort.is_stopped();
        if !stopped {
            reporter.report(Stage::Analysis, 0, 1);
        }
        let analysis = (!stopped).then(|| lens.analysis(text, &tokens, reading.summary(), options, true));
        // A text that was stopped half-way is a beginning, too.
        let token_ids = tokens.ids[..reading.len()].to_vec();
        self.last = Some(LastText { pack_url: pack_url.to_owned(), token_ids, reading });
        let Some(analysis) = analysis else { return Err(Failure::Stopped) };
        let json = serde_json::to_string(&analysis).map_err(|e| Failure::device(e.to_string()))?;
        let end = now_ms();
        Ok(Response::Analysis {
            id,
            json,
            fetched_bytes,
            elapsed_ms: end - start,
            compute_ms: end - compute_start,
            reused_tokens,
        })
    }

    async fn check_kernels(&self, id: u32) -> Result<Response, Failure> {
        let checked = self_check::thorough(&self.opened.device).await?;
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

    async fn fixture(
        &mut self,
        id: u32,
        pack_url: &str,
        token_ids: &[u32],
        names: &[String],
        inf_k: Option<usize>,
        abort: &Abort,
    ) -> Result<Response, Failure> {
        let device = self.opened.device.clone();
        let pack = self.pack(pack_url);
        pack.load(&device, false, abort, |_, _| {}).await?;
        let rows = pack.embedding(token_ids, abort, |_, _| {}).await?;
        let Some(lens) = pack.lens() else { return Err(Failure::device("the pack was not loaded")) };
        let residuals = if names.iter().any(|n| n.starts_with("residual.")) {
            lens.residuals(rows.clone()).await?
        } else {
            Vec::new()
        };
        let options = RunOptions { inf_k, everything: true, attn_graphs: names.iter().any(|n| n == "attn_graphs") };
        let run = lens.run(&rows, options).await?;
        let analysis = lens.analysis("", &lens.describe(token_ids), &run.summary, options, false);
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
    run: &'a Run,
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
