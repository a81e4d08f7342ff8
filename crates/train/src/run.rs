//! A run of many steps: batches, held-out figures, checkpoints.

use std::path::Path;
use std::time::{Duration, Instant};

use lens_files::{Locked, lock_folder};
use lens_model::ComputeDevice;

use crate::cache::{Cache, Stream, Streams};
use crate::checkpoint::{Origin, State, released};
use crate::corpus::Context;
use crate::figures::{Figures, Meter};
use crate::parameters::Parameters;
use crate::recipe::{Init, Kind};
use crate::step::{Losses, Trainer};
use crate::{Error, Recipe, Result, init};

/// Tokens per feature that initialization reads.
const INIT_TOKENS: usize = 8;

/// Predictable codes of a lower effective rank than this are about the same for every text.
pub const COLLAPSED: f64 = 3.0;

/// Contexts whose codes' rank is taken while training: it costs more than the rest.
const RANKS: usize = 4;

/// The inputs of a run.
pub struct Job<'a> {
    /// Its numbers.
    pub recipe: Recipe,
    /// Parameters to begin with, instead of the initialization of the recipe.
    pub init_from: Option<Parameters>,
    /// The layer whose output is trained on.
    pub layer: usize,
    /// d_model.
    pub d_model: usize,
    /// What to train on.
    pub train: Cache<'a>,
    /// What held-out figures are taken of.
    pub held_out: Cache<'a>,
    /// Computes residual streams that are not in the caches.
    pub streams: &'a mut dyn Streams,
    /// Where to train.
    pub device: ComputeDevice,
    /// The run's inputs as a hash: a state with others is not resumed.
    pub inputs: String,
    /// The folder that state and SAE are written to.
    pub out: &'a Path,
    /// For conf.yaml.
    pub origin: Origin,
    /// Whether to resume from the state in `out`.
    pub resume: bool,
    /// Steps between held-out figures.
    pub eval_every: usize,
    /// Time between checkpoints.
    pub checkpoint_every: Duration,
    /// Stop with a checkpoint after this time.
    pub max_duration: Option<Duration>,
}

/// Progress of a run.
pub enum Event<'e> {
    /// It resumes after this many steps.
    Resumed(usize),
    /// Residual streams for the initialization: done of all tokens.
    Initializing(usize, usize),
    /// Steps done of all, and the last one's losses.
    Step(usize, usize, Losses),
    /// Held-out figures after this many steps.
    HeldOut(usize, &'e Figures),
    /// A checkpoint was written.
    Checkpointed(usize),
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
    let _lock = match lock_folder(job.out) {
        Locked::Others => {
            let out = job.out.display();
            return Err(Error::File(format!(
                "another run is training into {out}; wait for it, or name another folder"
            )));
        }
        lock => lock,
    };
    let started = Instant::now();
    let mut trainer = trainer(&mut job, &mut on_event)?;
    let steps = job.recipe.steps();
    let mut batches = Batches::new(job.train.contexts(), job.recipe.batch_tokens)?;
    for _ in 0..trainer.steps_done() {
        batches.next();
    }
    let mut last_checkpoint = Instant::now();
    while trainer.steps_done() < steps {
        let indexes = batches.next();
        let mut batch: Vec<Stream> = Vec::with_capacity(indexes.len());
        for index in indexes {
            batch.push(job.train.stream(index, job.streams)?);
        }
        let losses = trainer.step(&batch)?;
        let done = trainer.steps_done();
        on_event(Event::Step(done, steps, losses));
        if done.is_multiple_of(job.eval_every.max(1)) || done == steps {
            on_event(Event::HeldOut(done, &evaluate(&mut job, &trainer)?));
        }
        let over = job.max_duration.is_some_and(|max| started.elapsed() >= max);
        if done == steps || over || last_checkpoint.elapsed() >= job.checkpoint_every {
            write_checkpoint(&job, &trainer)?;
            on_event(Event::Checkpointed(done));
            last_checkpoint = Instant::now();
        }
        if over && done < steps {
            return Ok(Outcome::Paused(done));
        }
    }
    Ok(Outcome::Finished)
}

fn trainer(job: &mut Job<'_>, on_event: &mut impl FnMut(Event<'_>)) -> Result<Trainer> {
    let state = if job.resume { State::read(job.out)? } else { None };
    if let Some(state) = state {
        if state.recipe != job.recipe || state.inputs != job.inputs {
            return Err(Error::File(format!(
                "the checkpoint in {} belongs to a run of other numbers, model or corpus; give the same flags, or \
                 name another folder to start over",
                job.out.display()
            )));
        }
        on_event(Event::Resumed(state.step));
        return Ok(Trainer::resume(&state, &job.device));
    }
    if let Some(parameters) = job.init_from.take() {
        return Ok(Trainer::new(job.recipe.clone(), &parameters, 1.0, &job.device));
    }
    let needed = INIT_TOKENS * job.recipe.width_factor * job.d_model;
    let mut sample = Vec::new();
    let mut tokens = 0;
    for index in 0..job.train.contexts().len() {
        let stream = job.train.stream(index, job.streams)?;
        sample.extend_from_slice(stream.get(job.d_model..).unwrap_or_default());
        tokens = sample.len() / job.d_model;
        on_event(Event::Initializing(tokens.min(needed), needed));
        if tokens >= needed {
            break;
        }
    }
    on_event(Event::Initializing(tokens, tokens));
    let mut initial = match job.recipe.init {
        Init::Data => init::from_data(&job.recipe, &sample, job.d_model)?,
        Init::Random => init::random(&job.recipe, &sample, job.d_model)?,
    };
    initial.parameters.config.target_layer = Some(job.layer);
    Ok(Trainer::new(job.recipe.clone(), &initial.parameters, initial.score_scale, &job.device))
}

fn evaluate(job: &mut Job<'_>, trainer: &Trainer) -> Result<Figures> {
    let sae = trainer.sae()?;
    let contexts = job.held_out.contexts();
    let ranks = if job.recipe.kind == Kind::TopK { 0 } else { RANKS };
    let mut meter = Meter::new(&sae, 1, ranks, &job.device.burn);
    for index in 0..contexts.len() {
        let stream = job.held_out.stream(index, job.streams)?;
        meter.add(0, &stream)?;
    }
    Ok(meter.figures().0)
}

fn write_checkpoint(job: &Job<'_>, trainer: &Trainer) -> Result<()> {
    let state = trainer.state(&job.inputs);
    state.write(job.out)?;
    let origin = Origin { tokens: state.step * job.recipe.batch_tokens + job.origin.tokens, ..job.origin.clone() };
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
