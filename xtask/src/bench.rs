//! Times in a real browser, against others': tests/bench, run by node against our own server.
//!
//! Nothing here passes or fails by a time: CI never runs it. What it needs beyond the tests (the peer
//! from npm, the tools that export its model from PyPI, models) lies in the cache under `bench/`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use clap::builder::{PossibleValuesParser, RangedU64ValueParser};
use lens_pack::block::Precision;
use sha2::{Digest, Sha256};

use crate::console;
use crate::cpu_bench;
use crate::hash;
use crate::model;
use crate::pack;
use crate::paths::Paths;
use crate::process::{Task, find_on_path};
use crate::server;
use crate::setup;
use crate::site;

/// Long texts under SwiftShader take minutes a round.
const LIMIT: Duration = Duration::from_secs(4 * 3600);
const BENCHES: [&str; 14] = [
    "cpu",
    "linear",
    "path",
    "llama",
    "profile",
    "full-size",
    "typing",
    "umap",
    "drawing",
    "picture",
    "start",
    "answer",
    "words",
    "page",
];
/// The one without a browser.
const CPU: &str = "cpu";
/// What the peer's models are made by and of, in addition to the weights.
const MODEL_SOURCES: [&str; 5] = [
    "tests/bench/linear_model.py",
    "tests/bench/peer_model.py",
    "tests/bench/requirements.txt",
    "tests/reference/gguf_model.py",
    "tests/fixtures/heldout.jsonl",
];
/// The same for the peer's model of Gemma-2-2B's size.
const FULL_SIZE_SOURCES: [&str; 3] =
    ["tests/bench/peer_full_size.py", "tests/bench/peer_model.py", "tests/bench/requirements.txt"];

/// What the scripts write of a model.
const PEER_FILE: &str = "peer.json";

/// What to measure, and how.
#[derive(Debug, Clone, Args)]
pub struct Measurement {
    /// Only this bench; may be given several times.
    #[arg(long, value_name = "BENCH", value_parser = PossibleValuesParser::new(BENCHES))]
    only: Vec<String>,
    /// Tokens of the texts instead of the benches' own; may be given several times.
    #[arg(long, value_name = "N")]
    tokens: Vec<usize>,
    /// Rounds; the tables have their medians.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    rounds: usize,
    /// The machine's own GPU instead of SwiftShader.
    #[arg(long)]
    gpu: bool,
}

/// What to measure, and of what.
#[derive(Debug, Args)]
pub struct BenchArgs {
    #[command(flatten)]
    measurement: Measurement,
    /// Measure the site in this folder instead of building it.
    #[arg(long, value_name = "FOLDER")]
    dist: Option<PathBuf>,
    /// Where the results go; target/bench/results.json by default. Those of `cpu` go into cpu.json in the same folder.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Where what is measured lies. Folders that a bench does not need may be missing.
pub struct BenchPaths {
    /// `tests/bench` and `tests/e2e/lib` are below it.
    pub root: PathBuf,
    /// The built site.
    pub site: PathBuf,
    /// `node_modules` of the peers is in it.
    pub peer: PathBuf,
    /// Packs in addition to the site's.
    pub packs: PathBuf,
    /// The GGUF file of the default model.
    pub weights: PathBuf,
    /// The peer's models of the default model and of single layers.
    pub models: PathBuf,
    /// The pack of Gemma-2-2B's size, and the peer's model of it.
    pub full_size: PathBuf,
    /// See `full_size`.
    pub full_size_peer: PathBuf,
    /// Points that are laid out and drawn.
    pub points: PathBuf,
    /// `node_modules` of the browser's driver is in it.
    pub driver: PathBuf,
    /// The browser.
    pub chromium: PathBuf,
    /// The JSON file of results.
    pub results: PathBuf,
    /// What the benches printed.
    pub log: PathBuf,
}

/// Sets up, measures, prints tables and writes the JSON file.
pub fn run(paths: &Paths, options: BenchArgs) -> Result<()> {
    let BenchArgs { measurement: mut options, dist, json } = options;
    if options.only.is_empty() {
        options.only = BENCHES.map(str::to_owned).to_vec();
    }
    if options.only.iter().any(|it| it == CPU) {
        let weights = model::fetch(paths)?;
        let python = find_or_install_python(paths, &paths.cache.join("bench/python"))?;
        let pack = pack::find_or_make(paths, &weights)?;
        let json = json.clone().unwrap_or_else(|| paths.target.join("bench/results.json")).with_file_name("cpu.json");
        cpu_bench::run(paths, &python, &pack, &options.tokens, options.rounds, &json)?;
        options.only.retain(|it| it != CPU);
        if options.only.is_empty() {
            return Ok(());
        }
    }
    // The benches run in the tree's root, whatever the folder that this was called from.
    let results = json.as_deref().map(std::path::absolute).transpose()?;
    let tools = setup::for_test(paths)?;
    let weights = model::fetch(paths)?;
    let site = match dist {
        Some(folder) => folder,
        None => site::build(paths, site::Kind::Published)?,
    };
    let folder = paths.cache.join("bench");
    let (peer, packs) = (folder.join("node"), folder.join("packs"));
    setup::node::find_or_install_peer(paths, &peer)?;
    std::fs::create_dir_all(&packs).with_context(|| format!("cannot create {}", packs.display()))?;
    pack::find_or_make_at(paths, &weights, Precision::Q4, &packs.join("q4"))?;
    let needs = |benches: &[&str]| options.only.iter().any(|it| benches.contains(&it.as_str()));
    // Exporting the peer's models takes several gigabytes of tools.
    let models = if needs(&["linear", "path", "profile", "typing"]) {
        find_or_make_models(paths, &weights, &folder)?
    } else {
        folder.join("models")
    };
    std::fs::create_dir_all(&models).with_context(|| format!("cannot create {}", models.display()))?;
    let points = folder.join("points");
    if needs(&["umap", "drawing"]) {
        write_points(paths, &points)?;
    }
    let (full_size, full_size_peer) = if needs(&["full-size"]) {
        let tokenizer = model::fetch_gemma2_tokenizer(paths)?;
        (pack::find_or_make_full_size(paths, &tokenizer)?, find_or_make_full_size_model(paths, &tokenizer, &folder)?)
    } else {
        (models.clone(), models.clone())
    };

    let results = results.unwrap_or_else(|| paths.target.join("bench/results.json"));
    if let Some(parent) = results.parent() {
        std::fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
    }
    let places = BenchPaths {
        root: paths.root.clone(),
        site,
        peer,
        packs,
        weights,
        models,
        full_size,
        full_size_peer,
        points,
        driver: tools.node,
        chromium: tools.chromium,
        results,
        log: paths.logs().join("bench.log"),
    };
    measure(&places, &options)?;
    if options.only.iter().any(|it| it == "umap") {
        Task::new("umap-learn on the same points", find_or_install_python(paths, &folder.join("python"))?)
            .arg(paths.root.join("tests/reference/umap_times.py"))
            .arg(&places.points)
            .log_to(paths.logs().join("umap-learn.log"))
            .timeout(LIMIT)
            .echo()
            .run()?;
    }
    console::line(&format!("the results are in {}", places.results.display()));
    Ok(())
}

/// Measures what is at its place, prints tables and writes the JSON file.
pub fn measure(places: &BenchPaths, options: &Measurement) -> Result<()> {
    let bench = places.root.join("tests/bench");
    let of_peer = |folder: &str| places.peer.join("node_modules").join(folder);
    let served = server::start(server::Options {
        port: 0,
        prefix: "/".to_owned(),
        ranges: true,
        folders: vec![
            (String::new(), places.site.clone()),
            ("bench/".to_owned(), bench.join("page")),
            ("umap-js/".to_owned(), of_peer("umap-js/lib")),
            ("embedding-atlas/".to_owned(), of_peer("embedding-atlas/dist")),
            ("ort/".to_owned(), of_peer("onnxruntime-web/dist")),
            ("wllama/".to_owned(), of_peer("@wllama/wllama/esm")),
            ("gguf/".to_owned(), places.weights.clone()),
            ("packs/".to_owned(), places.packs.clone()),
            ("full-size/".to_owned(), places.full_size.clone()),
            ("peer/".to_owned(), places.models.clone()),
            ("peer-full-size/".to_owned(), places.full_size_peer.clone()),
        ],
    })?;
    Task::new("measuring", "node")
        .arg(bench.join("run.mjs"))
        .in_folder(&places.root)
        .envs([
            ("LENS_SITE", served.url.clone()),
            ("LENS_GPU", options.gpu.to_string()),
            ("LENS_ROUNDS", options.rounds.to_string()),
            ("LENS_BENCHES", options.only.join(",")),
            ("LENS_TOKENS", options.tokens.iter().map(usize::to_string).collect::<Vec<_>>().join(",")),
        ])
        .envs([
            ("LENS_CHROMIUM", &places.chromium),
            ("LENS_NODE", &places.driver),
            ("LENS_MODELS", &places.models),
            ("LENS_FULL_SIZE_MODEL", &places.full_size_peer),
            ("LENS_POINTS", &places.points),
            ("LENS_RESULTS", &places.results),
        ])
        .log_to(places.log.clone())
        .timeout(LIMIT)
        .echo()
        .run()?;
    Ok(())
}

/// The points that are laid out and drawn; prints lens-umap's native times on them.
fn write_points(paths: &Paths, folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    Task::new("laying out points natively", "cargo")
        .args(["run", "--release", "--locked", "--package", "lens-umap", "--example", "times", "--", "--write"])
        .arg(folder)
        .in_folder(&paths.root)
        .envs([("CARGO_TARGET_DIR", &paths.target)])
        .log_to(paths.logs().join("umap-native.log"))
        .timeout(LIMIT)
        .echo()
        .run()?;
    Ok(())
}

/// The peer's models of the default model and of single layers.
pub fn find_or_make_models(paths: &Paths, weights: &Path, folder: &Path) -> Result<PathBuf> {
    let key = models_key(paths, &MODEL_SOURCES, &[model::WEIGHTS.sha256, model::TOKENIZER.sha256])?;
    let models = folder.join("models");
    pack::make_again_if(&models, PEER_FILE, &key, || {
        let python = &find_or_install_python(paths, &folder.join("python"))?;
        script(paths, python, "making the peer's linear layers", "linear_model.py", &models).run()?;
        script(paths, python, "exporting the peer's model (onnxruntime-genai)", "peer_model.py", &models)
            .arg("--gguf")
            .arg(weights.join(model::WEIGHTS.file))
            .arg("--tokenizer")
            .arg(weights.join(model::TOKENIZER.file))
            .run()?;
        Ok(())
    })?;
    Ok(models)
}

/// The peer's model of Gemma-2-2B's size.
pub fn find_or_make_full_size_model(paths: &Paths, tokenizer: &Path, folder: &Path) -> Result<PathBuf> {
    let key = models_key(paths, &FULL_SIZE_SOURCES, &[model::GEMMA2_TOKENIZER.sha256])?;
    let models = folder.join("full-size-model");
    pack::make_again_if(&models, PEER_FILE, &key, || {
        let python = &find_or_install_python(paths, &folder.join("python"))?;
        script(paths, python, "exporting the peer's model of Gemma-2-2B's size", "peer_full_size.py", &models)
            .arg("--tokenizer")
            .arg(tokenizer.join(model::GEMMA2_TOKENIZER.file))
            .run()?;
        Ok(())
    })?;
    Ok(models)
}

/// A script of tests/bench that writes into `out`.
fn script(paths: &Paths, python: &Path, title: &str, script: &str, out: &Path) -> Task {
    Task::new(title, python)
        .arg(paths.root.join("tests/bench").join(script))
        .arg("--out")
        .arg(out)
        .log_to(paths.logs().join(format!("{script}.log")))
}

fn models_key(paths: &Paths, sources: &[&str], downloads: &[&str]) -> Result<String> {
    let mut files = BTreeMap::new();
    for source in sources {
        hash::files(&paths.root.join(source), source, &mut files)?;
    }
    let mut hasher = Sha256::new();
    hasher.update(format!("{}\n", downloads.join(" ")));
    for (name, hash) in files {
        hasher.update(format!("{name} {hash}\n"));
    }
    Ok(hash::hex(&hasher.finalize()))
}

/// A Python with tests/bench/requirements.txt: `TEMPORAL_LENS_BENCH_PYTHON` names one, else an
/// environment of its own in `folder` (PyTorch makes it several gigabytes).
fn find_or_install_python(paths: &Paths, folder: &Path) -> Result<PathBuf> {
    if let Some(named) = std::env::var_os("TEMPORAL_LENS_BENCH_PYTHON").map(PathBuf::from) {
        if !named.is_file() {
            bail!("TEMPORAL_LENS_BENCH_PYTHON names {}, which is not there", named.display());
        }
        return Ok(named);
    }
    let (python, stamp) = (folder.join("bin/python"), folder.join(".installed"));
    let requirements = paths.root.join("tests/bench/requirements.txt");
    let wanted = std::fs::read(&requirements).with_context(|| format!("cannot read {}", requirements.display()))?;
    if std::fs::read(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(python);
    }
    let system = ["python3", "python"].into_iter().find_map(find_on_path);
    let system = system.context("python3 is missing: install it, with pip and venv; it exports the peer's model")?;
    Task::new("making a Python environment", &system).args(["-m", "venv"]).arg(folder).run()?;
    Task::new("installing what exports the peer's model (several GB)", &python)
        .args(["-m", "pip", "install", "--disable-pip-version-check", "--requirement"])
        .arg(&requirements)
        .run()?;
    lens_files::write_whole(&stamp, &wanted)?;
    Ok(python)
}
