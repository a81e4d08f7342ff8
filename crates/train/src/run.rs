//! A run of many steps: batches, held-out figures, checkpoints.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use burn::tensor::Device;

use crate::cache::{Cache, Streams};
use crate::checkpoint::{Origin, State, released};
use crate::corpus::Context;
use crate::figures::{Figures, Meter};
use crate::parameters::Parameters;
use crate::recipe::{Kind, Start};
use crate::step::{Losses, Trainer};
use crate::{Error, Recipe, Result, Stream, start};

/// Tokens that a start looks at for each feature.
const START_TOKENS: usize = 8;

/// Predictable codes of fewer directions than this say one thing about every text.
pub const COLLAPSED: f64 = 3.0;

/// Contexts whose codes' rank is taken while training: it costs more than the rest.
const RANKS: usize = 4;

/// What a run is made of.
pub struct Job<'a> {
    /// Its numbers.
    pub recipe: Recipe,
    /// What to begin at instead of what the recipe says.
    pub from: Option<Parameters>,
    /// The layer whose output is trained on.
    pub layer: usize,
    /// d_model.
    pub d_model: usize,
    /// What to train on.
    pub train: Cache<'a>,
    /// What to look at now and then.
    pub held_out: Cache<'a>,
    /// Computes residual streams that are not kept.
    pub streams: &'a mut dyn Streams,
    /// Where to train.
    pub device: Device,
    /// The run's inputs as a hash: a state of others is not gone on from.
    pub inputs: String,
    /// The folder that state and SAE are written to.
    pub out: &'a Path,
    /// What conf.yaml says.
    pub origin: Origin,
    /// Whether to go on from the state in `out`.
    pub resume: bool,
    /// Steps between held-out figures.
    pub look_every: usize,
    /// Time between checkpoints.
    pub keep_every: Duration,
    /// Stop with a checkpoint after this time.
    pub stretch: Option<Duration>,
}

/// What a run says while it goes.
pub enum Event<'e> {
    /// It goes on from this many steps.
    Resumed(usize),
    /// Residual streams for the start: done of all tokens.
    Starting(usize, usize),
    /// Steps done of all, and the last one's losses.
    Step(usize, usize, Losses),
    /// Held-out figures after this many steps.
    HeldOut(usize, &'e Figures),
    /// A checkpoint was written.
    Kept(usize),
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// With its last step.
    Finished,
    /// Because its time was over, after this many steps.
    Paused(usize),
}

/// Trains; writes state and SAE into `job.out`.
///
/// # Errors
/// [`Error`], with the last checkpoint in its place.
pub fn run(mut job: Job<'_>, mut on_event: impl FnMut(Event<'_>)) -> Result<Outcome> {
    std::fs::create_dir_all(job.out)
        .map_err(|e| Error::File(format!("cannot make the folder {}: {e}", job.out.display())))?;
    let begun = Instant::now();
    let mut trainer = begin(&mut job, &mut on_event)?;
    let steps = job.recipe.steps();
    let mut batches = Batches::new(job.train.contexts(), job.recipe.batch)?;
    for _ in 0..trainer.steps_done() {
        batches.next();
    }
    let mut kept = Instant::now();
    while trainer.steps_done() < steps {
        let indexes = batches.next();
        let mut batch: Vec<Stream> = Vec::with_capacity(indexes.len());
        for index in indexes {
            batch.push(job.train.stream(index, job.streams)?);
        }
        let losses = trainer.step(&batch)?;
        let done = trainer.steps_done();
        on_event(Event::Step(done, steps, losses));
        if done.is_multiple_of(job.look_every.max(1)) || done == steps {
            on_event(Event::HeldOut(done, &look(&mut job, &trainer)?));
        }
        let over = job.stretch.is_some_and(|stretch| begun.elapsed() >= stretch);
        if done == steps || over || kept.elapsed() >= job.keep_every {
            keep(&job, &trainer)?;
            on_event(Event::Kept(done));
            kept = Instant::now();
        }
        if over && done < steps {
            return Ok(Outcome::Paused(done));
        }
    }
    Ok(Outcome::Finished)
}

fn begin(job: &mut Job<'_>, on_event: &mut impl FnMut(Event<'_>)) -> Result<Trainer> {
    let state = if job.resume { State::read(job.out)? } else { None };
    if let Some(state) = state {
        if state.recipe != job.recipe || state.inputs != job.inputs {
            return Err(Error::File(format!(
                "the checkpoint in {} belongs to a run of other numbers, model or corpus; give the same flags, or leave \
                 --resume out to start anew",
                job.out.display()
            )));
        }
        on_event(Event::Resumed(state.step));
        return Ok(Trainer::resume(&state, &job.device));
    }
    if let Some(from) = job.from.take() {
        return Ok(Trainer::new(job.recipe.clone(), &from, 1.0, &job.device));
    }
    let wanted = START_TOKENS * job.recipe.width_factor * job.d_model;
    let mut sample = Vec::new();
    let mut tokens = 0;
    for index in 0..job.train.contexts().len() {
        let stream = job.train.stream(index, job.streams)?;
        sample.extend_from_slice(stream.get(job.d_model..).unwrap_or_default());
        tokens = sample.len() / job.d_model;
        on_event(Event::Starting(tokens.min(wanted), wanted));
        if tokens >= wanted {
            break;
        }
    }
    on_event(Event::Starting(tokens, tokens));
    let mut started = match job.recipe.start {
        Start::Data => start::from_data(&job.recipe, &sample, job.d_model)?,
        Start::Random => start::random(&job.recipe, &sample, job.d_model)?,
    };
    started.parameters.config.target_layer = Some(job.layer);
    Ok(Trainer::new(job.recipe.clone(), &started.parameters, started.score_scale, &job.device))
}

fn look(job: &mut Job<'_>, trainer: &Trainer) -> Result<Figures> {
    let sae = trainer.sae()?;
    let contexts = job.held_out.contexts();
    let ranks = if job.recipe.kind == Kind::TopK { 0 } else { RANKS };
    let mut meter = Meter::new(&sae, 1, ranks, &job.device);
    for index in 0..contexts.len() {
        let stream = job.held_out.stream(index, job.streams)?;
        meter.add(0, &stream)?;
    }
    Ok(meter.figures().0)
}

fn keep(job: &Job<'_>, trainer: &Trainer) -> Result<()> {
    let state = trainer.state(&job.inputs);
    state.write(job.out)?;
    let origin = Origin { tokens: state.step * job.recipe.batch + job.origin.tokens, ..job.origin.clone() };
    released(&state.parameters, &origin)?.write(job.out)
}

/// Which contexts each step learns from: in their order, again and again.
struct Batches<'a> {
    contexts: &'a [Context],
    batch: usize,
    next: usize,
}

impl<'a> Batches<'a> {
    fn new(contexts: &'a [Context], batch: usize) -> Result<Self> {
        if contexts.is_empty() {
            return Err(Error::Recipe("the corpus holds no context that is long enough to train on".to_owned()));
        }
        Ok(Self { contexts, batch, next: 0 })
    }

    /// Contexts of about `batch` tokens together, BOS not counted.
    fn next(&mut self) -> Vec<usize> {
        let mut indexes = Vec::new();
        let mut tokens = 0;
        loop {
            let index = self.next % self.contexts.len();
            let more = self.contexts[index].ids.len() - 1;
            // The nearer of one context less and one more.
            if tokens > 0 && tokens + more / 2 > self.batch {
                return indexes;
            }
            tokens += more;
            indexes.push(index);
            self.next += 1;
            if tokens >= self.batch {
                return indexes;
            }
        }
    }
}

/// About `tokens` tokens of `contexts`, evenly over them.
pub fn evenly(contexts: Vec<Context>, tokens: usize) -> Vec<Context> {
    let all: usize = contexts.iter().map(|c| c.ids.len()).sum();
    let stride = (all / tokens.max(1)).max(1);
    contexts.into_iter().step_by(stride).collect()
}

/// The parameters of an SAE in a folder, to go on from.
///
/// # Errors
/// What is wrong with the folder, or an SAE that is not tied.
pub fn parameters_of(folder: &Path) -> Result<Parameters> {
    let failed = |e: lens_import::Error| Error::File(e.to_string());
    let checkpoint = lens_import::open_sae(folder).map_err(failed)?;
    let config = checkpoint.published.config;
    let mut arrays = BTreeMap::new();
    let mut needed = lens_pack::tensor_spec::sae_tensors(&config);
    if checkpoint.tensors.shape(lens_pack::tensor_spec::SCALING).is_some() {
        needed.push((lens_pack::tensor_spec::SCALING.to_owned(), (1, config.dimin)));
    }
    for (name, (rows, cols)) in needed {
        let values = checkpoint.tensors.read(&name, (rows, cols)).map_err(failed)?;
        let array = crate::parameters::Array { shape: if rows == 1 { vec![cols] } else { vec![rows, cols] }, values };
        arrays.insert(name.trim_start_matches("sae.").to_owned(), array);
    }
    Ok(Parameters { config, arrays })
}

impl Parameters {
    /// The viewer's module over them.
    ///
    /// # Errors
    /// A parameter that is missing or of another shape.
    pub fn sae(&self, device: &Device) -> Result<lens_model::TemporalSae> {
        crate::parameters::module(&self.config, &self.leaves(device), device)
    }
}
