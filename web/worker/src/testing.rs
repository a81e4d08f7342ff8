//! What only tests, benches and the page of speeds ask.

use std::ops::ControlFlow;

use lens_analysis::similarity;
use lens_engine::check::bench::{self, LinearCase};
use lens_engine::check::self_check;
use lens_engine::{InferenceSession, RunOptions, RunOutput, session as inference};
use lens_loader::{Abort, RowSource};
use lens_pack::block::Precision;
use lens_protocol::testing::{NamedTensor, TestRequest, TestResponse};
use lens_protocol::{RequestStage, Response, TOKENS_MAX};

use crate::answer::Session;
use crate::clock::now_ms;
use crate::failure::Failure;
use crate::outbox::{Reply, post};
use crate::{arrays, gpu};

/// Answers one request of a test or a bench.
///
/// # Errors
/// Why there is no answer.
pub async fn answer(session: &mut Session, request: TestRequest, abort: &Abort) -> Result<Reply, Failure> {
    let id = request.id();
    match request {
        TestRequest::Fixture { pack_url, token_ids, tensors, inf_k, .. } => {
            fixture(session, id, &pack_url, &token_ids, &tensors, inf_k, abort).await
        }
        TestRequest::AnalyzeInStages { pack_url, text, .. } => {
            session.analyze_in_stages(id, &pack_url, &text, abort).await
        }
        TestRequest::CheckKernels { part, .. } => check_kernels(session, id, &part).await,
        TestRequest::BenchLinear { tokens, rows, cols, precision, repeats, samples, .. } => {
            bench_linear(session, id, [tokens, rows, cols], &precision, repeats, samples).await
        }
        TestRequest::Speed { pack_url, tokens, samples, .. } => {
            speed(session, id, &pack_url, &tokens, samples, abort).await
        }
        TestRequest::Tokenize { pack_url, texts, .. } => tokenize(session, id, &pack_url, &texts, abort).await,
        // It does not wait in the queue; its answer is the loss.
        TestRequest::LoseDevice { .. } => {
            gpu::lose();
            Err(Failure::Stopped)
        }
    }
}

async fn check_kernels(session: &Session, id: u32, part: &str) -> Result<Reply, Failure> {
    let part = self_check::Part::ALL
        .into_iter()
        .find(|known| known.to_string() == part)
        .ok_or_else(|| Failure::input(format!("there are no kernels {part:?}")))?;
    let checked = self_check::thorough(session.device(), part).await?;
    let checked = checked.into_iter().map(|c| (c.name, c.error.is_finite().then_some(c.error))).collect();
    Ok(Reply::new(&TestResponse::Kernels { id, tolerance: self_check::TOLERANCE, checked }))
}

async fn bench_linear(
    session: &Session,
    id: u32,
    [tokens, rows, cols]: [usize; 3],
    precision: &str,
    repeats: usize,
    samples: usize,
) -> Result<Reply, Failure> {
    let precision = [Precision::F32, Precision::F16, Precision::Q8, Precision::Q4]
        .into_iter()
        .find(|known| known.to_string() == precision)
        .ok_or_else(|| Failure::input(format!("there is no precision {precision:?}")))?;
    let case = LinearCase { tokens, rows, cols, precision, variant: None, repeats };
    let times_ms = bench::linear(session.device(), case, samples, now_ms).await?;
    Ok(Reply::new(&TestResponse::Bench { id, times_ms }))
}

/// The most analyses of a text, so that a request for more ends in a reasonable time.
const SAMPLES_MAX: usize = 50;
/// Of a text that takes longer one analysis after the first will do.
const TEXT_MS: f64 = 3000.0;

async fn speed(
    session: &Session,
    id: u32,
    pack_url: &str,
    tokens: &[usize],
    samples: usize,
    abort: &Abort,
) -> Result<Reply, Failure> {
    let start = now_ms();
    let loaded = session.without_weights(pack_url, abort).await?;
    let load_ms = now_ms() - start;
    let d_model = loaded.manifest().gemma.hidden_size;
    let mut times_ms = Vec::with_capacity(tokens.len());
    let tokens_count = tokens.len() as u64;
    for (done, tokens) in tokens.iter().enumerate() {
        let (done, total) = (done as u64, tokens_count);
        post(&Response::Progress { id, stage: RequestStage::Model, done, total });
        let rows: Vec<f32> = (0..tokens.min(&TOKENS_MAX) * d_model).map(|i| (i % 13) as f32 - 6.0).collect();
        let mut times = Vec::new();
        for _ in 0..=samples.min(SAMPLES_MAX) {
            let start = now_ms();
            let mut text = InferenceSession::new(loaded.clone(), RunOptions::default())?;
            let goes_on = || if abort.is_stopped() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
            if text.extend(&rows, |_| goes_on()).await?.is_break() {
                return Err(Failure::Stopped);
            }
            times.push(now_ms() - start);
            if times.iter().skip(1).sum::<f64>() > TEXT_MS {
                break;
            }
        }
        times_ms.push(times);
    }
    Ok(Reply::new(&TestResponse::Speed { id, load_ms, times_ms }))
}

async fn tokenize(
    session: &mut Session,
    id: u32,
    pack_url: &str,
    texts: &[String],
    abort: &Abort,
) -> Result<Reply, Failure> {
    let pack = session.load(pack_url, Some(&[]), abort).await?;
    let Some(loaded) = pack.loaded() else { return Err(Failure::device("the pack was not loaded")) };
    let ids: Result<_, lens_engine::Error> = texts.iter().map(|text| Ok(loaded.tokenize(text)?.ids)).collect();
    Ok(Reply::new(&TestResponse::Tokens { id, ids: ids? }))
}

async fn fixture(
    session: &mut Session,
    id: u32,
    pack_url: &str,
    token_ids: &[u32],
    names: &[String],
    inf_k: Option<usize>,
    abort: &Abort,
) -> Result<Reply, Failure> {
    let pack = session.load(pack_url, None, abort).await?;
    let rows = pack.embedding(token_ids, RowSource::Host, abort, |_, _| {}).await?;
    let Some(loaded) = pack.loaded() else { return Err(Failure::device("the pack was not loaded")) };
    let residuals = if names.iter().any(|n| n.starts_with("residual.")) {
        loaded.residuals(rows.clone()).await?
    } else {
        Vec::new()
    };
    let options = RunOptions { inf_k, ..RunOptions::default() };
    let run = inference::run(loaded, &rows, options).await?;
    let analysis = loaded.analysis("", &loaded.describe(token_ids), &run.summary, options);
    let similarity: Vec<f32> = similarity::document_rows(&analysis).flatten().collect();
    let (mut tensors, mut values) = (Vec::new(), Vec::new());
    for name in names {
        let (shape, tensor) = named(name, &run, &residuals, &similarity)
            .ok_or_else(|| Failure::input(format!("there is no tensor named {name}")))?;
        tensors.push(NamedTensor { name: name.clone(), shape });
        values.push(arrays::floats(tensor));
    }
    Ok(Reply::with(&TestResponse::Fixture { id, tensors }, values))
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
