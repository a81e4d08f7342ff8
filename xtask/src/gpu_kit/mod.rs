//! The kit for a machine with a GPU that has neither a network nor a compiler: `cargo xtask gpu-kit`.
//!
//! Everything that is measured there is made here: programs, browser, packs, models, token ids, and one script a stage that
//! prints its tables and ends within its limit. docs/gpu-kit.md says how it is used.
//!
//! | file | what it does |
//! |---|---|
//! | [`libraries`] | the shared libraries that programs need, without the C library |
//! | [`parts`] | one archive in parts of a size that can be carried |
//! | `stages/` | the scripts of the kit |

mod libraries;
mod parts;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use clap::builder::RangedU64ValueParser;
use lens_pack::block::Precision;

use crate::bench::{self, BenchPaths, Measurement};
use crate::paths::Paths;
use crate::process::{Task, find_on_path};
use crate::{console, gallery, model, pack, setup, site};

/// The scripts, as they lie in the kit.
const SCRIPTS: [(&str, &str); 4] = [
    ("kit.sh", include_str!("stages/kit.sh")),
    ("stage-1-native.sh", include_str!("stages/stage-1-native.sh")),
    ("stage-2-browser.sh", include_str!("stages/stage-2-browser.sh")),
    ("stage-3-training.sh", include_str!("stages/stage-3-training.sh")),
];
/// What the benches read in the tree, and the SAE that training starts from.
const TREE: [&str; 5] =
    ["tests/bench/lib", "tests/bench/page", "tests/bench/run.mjs", "tests/e2e/lib", "tests/fixtures/heldout.jsonl"];
const SAE: &str = "demo/sae";
/// The model that a small kit trains on, in the kit.
const TINY: &str = "tiny";
/// Longer than the corpus takes.
const TOKENIZE_LIMIT: Duration = Duration::from_secs(3600);

/// What goes into the kit.
#[derive(Debug, Args)]
pub struct GpuKitArgs {
    /// Where its parts go: a folder each.
    #[arg(long, value_name = "FOLDER", default_value = "gpu-kit")]
    out: PathBuf,
    /// The most that a part may take, in MB.
    #[arg(long, value_name = "MB", default_value_t = 60, value_parser = RangedU64ValueParser::<u64>::new().range(1..=4000))]
    part_mb: u64,
    /// Texts to train on, as `temporal-lens train` takes them; may be given several times. Without any there is no third stage.
    #[arg(long, value_name = "DIR|FILE")]
    corpus: Vec<PathBuf>,
    /// Gemma-2-2B's size, too: more than a gigabyte.
    #[arg(long, conflicts_with = "small")]
    full_size: bool,
    /// Small sizes, on software adapters, without other implementations: what the tests try.
    #[arg(long)]
    small: bool,
    /// The folder of a built site; built where it is not given.
    #[arg(long, value_name = "FOLDER")]
    site: Option<PathBuf>,
    /// The command line to take instead of building it.
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

/// The benches on the machine with the GPU: [`crate::bench`] without anything that installs.
#[derive(Debug, Args)]
pub struct KitBenchArgs {
    /// The unpacked kit.
    #[arg(long, value_name = "FOLDER")]
    kit: PathBuf,
    /// The browser, below the kit.
    #[arg(long, value_name = "FILE")]
    browser: PathBuf,
    /// Where the results go.
    #[arg(long, value_name = "FILE")]
    json: PathBuf,
    #[command(flatten)]
    measurement: Measurement,
}

/// Makes the kit.
///
/// # Errors
/// Those of what it is made of; a folder of other files in its place.
pub fn run(paths: &Paths, args: &GpuKitArgs) -> Result<()> {
    if !cfg!(target_os = "linux") {
        bail!("a kit is made on Linux, for Linux");
    }
    parts::check_folder(&args.out)?;
    let tools = setup::for_test(paths)?;
    let weights = model::fetch(paths)?;
    let packed = pack::find_or_make(paths, &weights)?;
    let site = match &args.site {
        Some(folder) => folder.clone(),
        None => site::build(paths, site::Kind::Published)?,
    };
    let program = match &args.program {
        Some(program) => program.clone(),
        None => gallery::build_command_line(paths)?,
    };
    let browser = setup::browser::folder(&tools.chromium)?;
    let node = find_on_path("node").context("node is not on the PATH")?;

    let kit = Kit::begin(paths.target.join("gpu-kit"))?;
    kit.put("bin/temporal-lens", &stripped(paths, &program)?)?;
    kit.put("bin/xtask", &paths.own)?;
    kit.put("bin/node", &node)?;
    kit.put("chromium", &browser.folder)?;
    for library in libraries::of(&[&program, &paths.own, &node, &browser.program()])? {
        kit.put_into("lib", &library)?;
    }
    // Programs ask for the loader of Vulkan by name; the browser brings one along.
    kit.put_into("lib", &browser.folder.join("libvulkan.so.1"))?;
    kit.put("driver/node_modules/playwright-core", &tools.node.join("node_modules/playwright-core"))?;
    for part in TREE.iter().chain([&SAE]) {
        kit.put(&format!("tree/{part}"), &paths.root.join(part))?;
    }
    kit.put("site", &site)?;
    if Path::new("/usr/share/fonts").is_dir() {
        kit.put("fonts", Path::new("/usr/share/fonts"))?;
    }
    if !args.small {
        add_peers(paths, args, &kit, &weights)?;
    }
    if !args.corpus.is_empty() {
        let pack = if args.small { tiny_pack(paths, &program)? } else { packed };
        if args.small {
            kit.put(TINY, &pack)?;
        }
        let ids = paths.target.join("gpu-kit-ids.safetensors");
        Task::new("turning the texts into token ids", &program)
            .args(["tokenize", "--model"])
            .arg(&pack)
            .args(args.corpus.iter().flat_map(|corpus| [Path::new("--corpus"), corpus]))
            .arg("--out")
            .arg(&ids)
            .timeout(TOKENIZE_LIMIT)
            .run()?;
        kit.put("ids.safetensors", &ids)?;
    }
    for (name, text) in SCRIPTS {
        kit.write(name, text)?;
    }
    kit.write("settings.sh", &settings(args, &browser.name))?;
    let written = parts::write(&kit.folder, &args.out, args.part_mb * 1_000_000)?;
    console::line(&format!(
        "the kit is in {}: {} in {} parts; docs/gpu-kit.md says how it is used",
        args.out.display(),
        console::megabytes(written.bytes),
        written.parts
    ));
    Ok(())
}

/// Runs the benches of an unpacked kit.
///
/// # Errors
/// Those of the benches.
pub fn measure(args: &KitBenchArgs) -> Result<()> {
    let kit = args.kit.canonicalize().with_context(|| format!("cannot open {}", args.kit.display()))?;
    bench::measure(
        &BenchPaths {
            root: kit.join("tree"),
            site: kit.join("site"),
            peer: kit.join("peer"),
            packs: kit.join("packs"),
            weights: kit.join("weights"),
            models: kit.join("models"),
            full_size: kit.join("full-size"),
            full_size_peer: kit.join("full-size-model"),
            points: kit.join("points"),
            driver: kit.join("driver"),
            chromium: kit.join(&args.browser),
            results: std::path::absolute(&args.json)?,
            log: kit.join("bench.log"),
        },
        &args.measurement,
    )
}

/// What ours is compared with, and the packs and models of that.
fn add_peers(paths: &Paths, args: &GpuKitArgs, kit: &Kit, weights: &Path) -> Result<()> {
    let folder = paths.cache.join("bench");
    let (peer, q4) = (folder.join("node"), folder.join("packs/q4"));
    setup::node::find_or_install_peer(paths, &peer)?;
    pack::find_or_make_at(paths, weights, Precision::Q4, &q4)?;
    for module in ["onnxruntime-web", "@wllama/wllama"] {
        let module = format!("node_modules/{module}");
        kit.put(&format!("peer/{module}"), &peer.join(&module))?;
    }
    kit.put("packs/q4", &q4)?;
    kit.put("weights", weights)?;
    kit.put("models", &bench::find_or_make_models(paths, weights, &folder)?)?;
    if args.full_size {
        let tokenizer = model::fetch_gemma2_tokenizer(paths)?;
        kit.put("full-size", &pack::find_or_make_full_size(paths, &tokenizer)?)?;
        kit.put("full-size-model", &bench::find_or_make_full_size_model(paths, &tokenizer, &folder)?)?;
    }
    Ok(())
}

/// What the scripts measure, each for the caller to change by a variable of its name.
fn settings(args: &GpuKitArgs, browser: &str) -> String {
    let mut values = vec![("BROWSER", format!("chromium/{browser}"))];
    let mut set = |all: &[(&'static str, &str)]| {
        values.extend(all.iter().map(|(name, value)| (*name, (*value).to_owned())));
    };
    if args.small {
        set(&[
            ("DEVICE", "gpu-software"),
            ("DRIVER", "chromium/vk_swiftshader_icd.json"),
            ("PEAK", ""),
            ("CHECK", "no"),
            ("KERNEL_TOKENS", "2"),
            ("KERNEL_FLAGS", "--chosen"),
            ("BENCHES", "words"),
            ("BENCH_TOKENS", "18"),
            ("ROUNDS", "1"),
            ("TRAIN_PACK", TINY),
            ("INIT_FROM", ""),
            ("TRAIN_TOKENS", "600"),
            (
                "TRAIN_FLAGS",
                "--batch-tokens 50 --context 24 --k 4 --width-factor 1 --heads 2 --bottleneck 2 --warmup-steps 3",
            ),
        ]);
    } else {
        set(&[
            ("DEVICE", "gpu"),
            ("DRIVER", ""),
            // An H200's f32 peak without tensor cores, as NVIDIA states it.
            ("PEAK", "67000"),
            ("CHECK", "yes"),
            ("KERNEL_TOKENS", "1 18 128 512"),
            ("KERNEL_FLAGS", ""),
            ("BENCHES", if args.full_size { "linear path llama full-size" } else { "linear path llama" }),
            ("BENCH_TOKENS", ""),
            ("ROUNDS", "3"),
            ("TRAIN_PACK", "site/models/default"),
            ("INIT_FROM", "tree/demo/sae"),
            ("TRAIN_TOKENS", "12000000"),
            ("TRAIN_FLAGS", "--joined 0.5 --lr 3e-4"),
        ]);
    }
    // The same in both: seconds that a stage may take.
    set(&[("SECONDS_1", "240"), ("SECONDS_2", "480"), ("SECONDS_3", "540")]);
    let line = |(name, value): &(&str, String)| format!(": \"${{{name}={value}}}\"\n");
    let lines: String = values.iter().map(line).collect();
    format!("# What is measured, where the caller sets nothing else.\n{lines}")
}

/// A model of some kilobytes: training the default one takes minutes a step on a software adapter.
fn tiny_pack(paths: &Paths, program: &Path) -> Result<PathBuf> {
    let folder = paths.target.join("gpu-kit-tiny");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    Task::new("packing a tiny model", program)
        .args(["pack", "--synthetic", "tiny", "--precision", "f32", "--tokenizer"])
        .arg(paths.root.join("tests/fixtures/tokenizer/tiny.json"))
        .arg("--out")
        .arg(&folder)
        .run()?;
    Ok(folder)
}

/// A copy without what only debuggers read: a third of the size.
fn stripped(paths: &Paths, program: &Path) -> Result<PathBuf> {
    let Some(strip) = find_on_path("strip") else { return Ok(program.to_owned()) };
    let copy = paths.target.join("gpu-kit-temporal-lens");
    Task::new("stripping the command line", strip).arg("-o").arg(&copy).arg(program).run()?;
    Ok(copy)
}

/// The kit's folder: links to what goes into it, and its scripts.
struct Kit {
    folder: PathBuf,
}

impl Kit {
    /// An empty folder in the place of an earlier one.
    fn begin(folder: PathBuf) -> Result<Self> {
        if folder.exists() {
            std::fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
        }
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        Ok(Self { folder })
    }

    /// The file or folder `source` under another name.
    fn put(&self, name: &str, source: &Path) -> Result<()> {
        let (at, context) = (self.folder.join(name), || format!("cannot put {} into the kit", source.display()));
        let source = source.canonicalize().with_context(context)?;
        if let Some(parent) = at.parent() {
            std::fs::create_dir_all(parent).with_context(context)?;
        }
        link(&source, &at).with_context(context)
    }

    /// `source` under its own name in `folder`, unless something of that name is there.
    fn put_into(&self, folder: &str, source: &Path) -> Result<()> {
        let name = source.file_name().with_context(|| format!("{} has no name", source.display()))?;
        let name = format!("{folder}/{}", name.to_string_lossy());
        if self.folder.join(&name).exists() { Ok(()) } else { self.put(&name, source) }
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        Ok(lens_files::write_whole(&self.folder.join(name), text.as_bytes())?)
    }
}

#[cfg(unix)]
fn link(source: &Path, at: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(source, at)
}

#[cfg(not(unix))]
fn link(_source: &Path, _at: &Path) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}
