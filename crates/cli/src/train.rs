//! `train` and `tokenize`: texts to a TemporalSAE.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};
use lens_engine::{ComputeDevice, OpenedDevice, PackFolder, ResidualReader, open_device};
use lens_files::write_whole;
use lens_pack::unpack::sha256_hex;
use lens_train::Recipe;
use lens_train::cache::{Cache, Key, Streams};
use lens_train::checkpoint::{CHECKPOINT_FILE, CONFIG_FILE, Origin, STATE_FILE, parameters_of};
use lens_train::corpus::{self, Context, Corpus, joined};
use lens_train::figures::Figures;
use lens_train::recipe::Kind;
use lens_train::run::{COLLAPSED, Event, Job, Outcome, evenly, run as train};
use lens_train::threads::side_by_side;

use crate::pack;
use crate::print::{print_line, status};
use crate::progress::Progress;
use crate::results::{self, Folder, check_folder};
use crate::run::report_unchecked;
use crate::train_args::{LanguageModel, TokenizeArgs, TrainArgs};

/// One passage in this many is held out where no held-out texts are named.
const HELD_OUT: usize = 50;

/// A run of this many passes over its corpus is worth a warning.
const MANY_PASSES: f64 = 10.0;

/// How often a step is printed.
const PRINT_EVERY: Duration = Duration::from_secs(10);

/// The language model and the device that it is on.
pub struct Opened {
    /// The language model.
    pub reader: ResidualReader,
    /// The device.
    pub device: ComputeDevice,
}

/// Opens the device, says which, and loads the language model onto it.
pub fn open(args: &LanguageModel) -> Result<Opened> {
    let OpenedDevice { device, name, note, .. } = pollster::block_on(open_device(args.device.map(Into::into)))?;
    match note {
        Some(note) => status!("device: {name} ({note})"),
        None => status!("device: {name}"),
    }
    if let Some(gemma) = &args.gemma {
        let layer = args.layer.ok_or_else(|| anyhow!("name the layer with --layer"))?;
        let (path, tokenizer) = pack::gemma_files(gemma, layer, args.tokenizer.as_deref())?;
        let mut progress = Progress::start(format!("loading {}", path.display()));
        let on_tensor = |done, total| progress.update(done, total);
        let reader = ResidualReader::of_checkpoint(&path, &tokenizer, layer, device.clone(), on_tensor)?;
        reader.warnings.iter().for_each(|warning| status!("{warning}"));
        return Ok(Opened { reader, device });
    }
    let folder = args.model.as_ref().ok_or_else(|| anyhow!("name a pack with --model, or weights with --gemma"))?;
    let mut progress = Progress::start(format!("loading {}", folder.display()));
    let pack = PackFolder::open(folder, device.clone(), |done, total| progress.update(done, total))?;
    drop(progress);
    report_unchecked(folder, &pack);
    let reader = ResidualReader::of_pack(pack);
    if let Some(layer) = args.layer.filter(|layer| *layer != reader.layer) {
        bail!(
            "{} ends at the output of layer {}, not {layer}; name the weights with --gemma",
            folder.display(),
            reader.layer
        );
    }
    Ok(Opened { reader, device })
}

/// Reads texts or token ids.
pub fn read_corpus(reader: &ResidualReader, paths: &[PathBuf]) -> Result<Corpus> {
    let files = corpus::files(paths)?;
    let tokenize = |text: &str| reader.tokenize(text).map_err(|e| lens_train::Error::Streams(e.to_string()));
    let corpus = Corpus::read(&files, tokenize, |file| status!("reading {}", file.display()))?;
    corpus.check_ids(reader.vocabulary())?;
    status!("  {} passages, {} tokens", corpus.documents.len(), corpus.tokens());
    Ok(corpus)
}

/// Residual streams by the language model.
pub struct Reader<'a>(pub &'a Opened);

impl Streams for Reader<'_> {
    /// On the CPU as many contexts side by side as there are cores: while one is in a part that has a single thread, the other cores
    /// work on the rest.
    fn read(&mut self, contexts: &[&[u32]]) -> lens_train::Result<Vec<Vec<f32>>> {
        let Opened { reader, device } = self.0;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let lanes = if device.is_cpu() { cores.clamp(1, contexts.len().max(1)) } else { 1 };
        let of =
            |ids: &&[u32]| pollster::block_on(reader.read(ids)).map_err(|e| lens_train::Error::Streams(e.to_string()));
        let lane = |first: usize| contexts.iter().skip(first).step_by(lanes).map(of).collect::<Vec<_>>().into_iter();
        let mut read = side_by_side(device, (0..lanes).collect(), lane);
        (0..contexts.len()).filter_map(|index| read[index % lanes].next()).collect()
    }
}

/// What the residual streams of `contexts` depend on.
pub fn key(reader: &ResidualReader, contexts: &[Context]) -> Key {
    let ids: Vec<u8> = contexts
        .iter()
        .flat_map(|c| std::iter::once(c.ids.len() as u32).chain(c.ids.iter().copied()))
        .flat_map(u32::to_le_bytes)
        .collect();
    Key { model: reader.identity.clone(), layer: reader.layer, d_model: reader.d_model, contexts: sha256_hex(&ids) }
}

/// Runs `tokenize`.
pub fn tokenize(args: &TokenizeArgs) -> Result<()> {
    let model = args.language_model.inputs();
    results::check(&[&args.out], &args.corpus.iter().chain(&model).map(PathBuf::as_path).collect::<Vec<_>>())?;
    let opened = open(&args.language_model)?;
    let corpus = read_corpus(&opened.reader, &args.corpus)?;
    write_whole(&args.out, &corpus.to_bytes()?)?;
    print_line!("{}: {} passages, {} tokens", args.out.display(), corpus.documents.len(), corpus.tokens())
}

/// Runs `train`.
pub fn run(args: &TrainArgs) -> Result<()> {
    check_out(args)?;
    let mut recipe = args.recipe();
    let from = args.init_from.as_deref().map(parameters_of).transpose()?;
    let opened = open(&args.language_model)?;
    let Opened { reader, device } = &opened;
    if let Some(from) = &from {
        adopt(&mut recipe, from, reader.layer, reader.d_model)?;
        check_shape(args, &recipe)?;
    }
    if let Some((flags, why)) = args.numbers.without_effect(args.kind) {
        status!("note: {why}: {} of this run stand for nothing", flags.join(", "));
    }
    // Numbers that do not fit each other are reported before the corpus is read.
    recipe.config(reader.d_model, 1.0)?;
    if recipe.steps() < recipe.warmup_steps {
        let (steps, warmup) = (recipe.steps(), recipe.warmup_steps);
        status!(
            "the learning rate rises over {warmup} steps, but the run has only {steps}, so it never reaches its full value"
        );
    }
    let mut corpus = read_corpus(reader, &args.corpus)?;
    let held_out =
        if args.heldout.is_empty() { corpus.hold_out(HELD_OUT) } else { read_corpus(reader, &args.heldout)? };
    let contexts = joined(corpus.contexts(recipe.context, Some(recipe.seed)), recipe.joined);
    let evaluated = evenly(held_out.contexts(recipe.context, None), args.eval_tokens);
    if evaluated.is_empty() {
        let passages = corpus.documents.len();
        status!(
            "no text is held out, so nothing will say how good the SAE is: the corpus has {passages} passages, of which one in \
             {HELD_OUT} would be; name texts with --heldout"
        );
    }
    let corpus_tokens: usize = contexts.iter().map(|context| context.ids.len()).sum();
    let passes = recipe.tokens as f64 / corpus_tokens.max(1) as f64;
    if corpus_tokens > 0 && passes >= MANY_PASSES {
        status!(
            "warning: the corpus has {corpus_tokens} tokens to train on, so {} tokens are {passes:.0} passes over it, and the SAE \
             will fit these texts and no others; give more texts, or fewer --tokens",
            recipe.tokens
        );
    }
    let (train_key, eval_key) = (key(reader, &contexts), key(reader, &evaluated));
    let folder = |name: &str| args.cache.as_ref().map(|cache| cache.join(name));
    let inputs = serde_json::to_string(&(&train_key, args.init_from.as_ref().map(|f| f.display().to_string())))?;
    let mut printer = ProgressPrinter::new(&recipe);
    let outcome = train(
        Job {
            layer: reader.layer,
            d_model: reader.d_model,
            train: Cache::new(&contexts, &train_key, folder("train").as_deref())?,
            held_out: Cache::new(&evaluated, &eval_key, folder("heldout").as_deref())?,
            streams: &mut Reader(&opened),
            device: device.clone(),
            inputs: sha256_hex(inputs.as_bytes()),
            out: &args.out,
            origin: Origin { model_name: reader.model_name.clone(), tokens: 0 },
            resume: args.resume,
            eval_every: args.eval_every,
            checkpoint_every: minutes(args.checkpoint_every)?,
            max_duration: args.max_minutes.map(minutes).transpose()?,
            init_from: from,
            recipe,
        },
        |event| printer.print(&event, &args.out),
    )?;
    match outcome {
        Outcome::Finished => print_line!("{}: trained", args.out.display()),
        Outcome::Paused(step) => {
            print_line!("{}: paused after step {step}; go on with the same flags and --resume", args.out.display())
        }
    }
}

/// Refuses a folder that is an input, or holds an SAE that this run would replace.
fn check_out(args: &TrainArgs) -> Result<()> {
    let has = |file| args.out.join(file).exists();
    let continues = args.resume && has(STATE_FILE);
    let model = args.language_model.inputs();
    let inputs = args.corpus.iter().chain(&args.heldout).chain(&model).map(PathBuf::as_path);
    // A run that began with the SAE in its own folder may continue there.
    let inputs: Vec<&Path> = inputs.chain(args.init_from.as_deref().filter(|_| !continues)).collect();
    let names = &[CONFIG_FILE, CHECKPOINT_FILE, STATE_FILE];
    check_folder(&Folder { out: &args.out, names, inputs: &inputs, format: None })?;
    if let Some(cache) = &args.cache {
        check_folder(&Folder { out: cache, names: &[], inputs: &inputs, format: None })?;
    }
    if continues || !(has(STATE_FILE) || has(CHECKPOINT_FILE) || has(CONFIG_FILE)) {
        return Ok(());
    }
    let out = args.out.display();
    if args.resume && has(CHECKPOINT_FILE) {
        bail!(
            "{out} holds an SAE, but not the {STATE_FILE} that its training continues from; name it with --init-from, and \
             another folder with --out"
        );
    }
    if !has(CHECKPOINT_FILE) && !has(STATE_FILE) {
        bail!("{out} holds a {CONFIG_FILE}, which would be replaced; name another folder");
    }
    bail!("{out} holds an SAE, which would be replaced; name another folder, or continue its training with --resume");
}

/// Takes over the shape of an SAE to initialize from.
fn adopt(recipe: &mut Recipe, from: &lens_train::Parameters, layer: usize, d_model: usize) -> Result<()> {
    let config = &from.config;
    if config.dimin != d_model {
        bail!("the SAE of --init-from reads {} dimensions, the language model has {d_model}", config.dimin);
    }
    if let Some(target) = config.target_layer.filter(|target| *target != layer) {
        status!(
            "the SAE of --init-from was trained on the output of layer {target}, this run is on that of layer {layer}"
        );
    }
    if recipe.kind == Kind::Temporal && config.n_attn_layers == 0 {
        bail!("the SAE of --init-from has no attention layer; use --kind topk");
    }
    if !config.width.is_multiple_of(config.dimin) || !config.tied_weights {
        bail!(
            "the SAE of --init-from cannot be trained by this program: its width must be a multiple of d_model, its \
             weights tied"
        );
    }
    recipe.width_factor = config.width / config.dimin;
    recipe.heads = config.n_heads;
    recipe.bottleneck = config.bottleneck_factor;
    recipe.k = config.kval_topk.unwrap_or(recipe.k);
    Ok(())
}

/// Refuses a shape that was asked for where the SAE of --init-from has another one.
fn check_shape(args: &TrainArgs, recipe: &Recipe) -> Result<()> {
    let n = &args.numbers;
    let numbers = [
        ("--width-factor", n.width_factor, recipe.width_factor),
        ("--heads", n.heads, recipe.heads),
        ("--bottleneck", n.bottleneck, recipe.bottleneck),
        ("--k", n.k, recipe.k),
    ];
    match numbers.iter().find(|(_, given, of)| given.is_some_and(|given| given != *of)) {
        Some((flag, Some(given), of)) => {
            bail!("{flag} is {given}, the SAE of --init-from has {of}, which stays; leave {flag} out")
        }
        _ => Ok(()),
    }
}

fn minutes(minutes: f64) -> Result<Duration> {
    Duration::try_from_secs_f64(60.0 * minutes).map_err(|_| anyhow!("{minutes} is not a number of minutes"))
}

/// Prints on stderr how far training is.
struct ProgressPrinter {
    batch: usize,
    kind: Kind,
    /// When counting began, and the steps done by then.
    begun: (Instant, usize),
    printed: Instant,
    starting: Option<Progress>,
}

impl ProgressPrinter {
    fn new(recipe: &Recipe) -> Self {
        let now = Instant::now();
        Self { batch: recipe.batch_tokens, kind: recipe.kind, begun: (now, 0), printed: now, starting: None }
    }

    fn print(&mut self, event: &Event<'_>, out: &Path) {
        match event {
            Event::Resumed(step) => {
                status!("going on after step {step}");
                self.begun = (Instant::now(), *step);
            }
            Event::Initializing(done, total) => {
                let progress = self.starting.get_or_insert_with(|| Progress::start("residual streams for the start"));
                progress.update(*done as u64, *total as u64);
                self.begun.0 = Instant::now();
            }
            Event::Step(done, steps, losses) => {
                if self.printed.elapsed() < PRINT_EVERY && done != steps {
                    return;
                }
                self.printed = Instant::now();
                let seconds = self.begun.0.elapsed().as_secs_f64() / (done - self.begun.1).max(1) as f64;
                status!(
                    "step {done} of {steps}  loss {:.4}  of prediction alone {:.4}  {:.0} tokens/s  {} left",
                    losses.reconstruction,
                    losses.prediction,
                    self.batch as f64 / seconds,
                    clock(seconds * (steps - done) as f64)
                );
            }
            Event::HeldOut(step, figures) => self.print_figures(*step, figures),
            Event::Checkpointed(step) => status!("  {} holds step {step}", out.display()),
        }
    }

    fn print_figures(&self, step: usize, f: &Figures) {
        if f.tokens == 0 {
            return;
        }
        // Too few tokens leave figures undefined.
        let number = |v: Option<f64>, digits: usize| {
            v.filter(|v| v.is_finite()).map_or_else(|| "none".to_owned(), |v| format!("{v:.digits$}"))
        };
        let share = |v: f64| number(Some(v), 3);
        status!(
            "  held out after step {step}: FVE {}, without dimension {} {}, scaled {}; prediction alone {}, {}, {}; effective \
             rank {}, share {}, dead {:.1} %",
            share(f.fve.plain),
            f.massive,
            share(f.fve.without),
            share(f.fve.scaled),
            share(f.predicted.plain),
            share(f.predicted.without),
            share(f.predicted.scaled),
            number(f.rank_pred, 1),
            number(f.share, 3),
            100.0 * f.dead
        );
        if self.kind != Kind::TopK && f.rank_pred.is_some_and(|rank| rank < COLLAPSED) {
            status!(
                "  warning: predictable codes have collapsed to {} directions; initialize from data (--init data) with a \
                 higher --init-score",
                number(f.rank_pred, 1)
            );
        }
    }
}

/// Hours, minutes and seconds.
fn clock(seconds: f64) -> String {
    let seconds = seconds as u64;
    format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}
