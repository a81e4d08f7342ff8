//! Altered files for every reader and every command: each is to be refused in a sentence or read, and what was read is to
//! be usable.
//!
//! | file | what it does |
//! |---|---|
//! | [`random`] | seeded changes of files |
//! | [`commands`] | the program itself over altered files |
//!
//! Seeds are the committed fixtures. A seed gives the same inputs on every machine. An input that ends the process is
//! found in the folder that is named at the start: it is written there before it is read.

mod commands;
mod random;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;
use lens_analysis::Analysis;
use lens_analysis::comparison::Comparison;
use lens_analysis::dashboard::{Chunk, Index};
use lens_analysis::document::{AnalysisFile, ComparisonFile, to_json};
use lens_import::{compact_tokenizer, gemma_config, open_gemma, open_sae};
use lens_pack::manifest::{Manifest, seal};
use lens_pack::outline::Outline;
use lens_pack::text;
use lens_pack::tokenizer::CompactTokenizer;
use lens_pack::unpack::shard_parts;
use lens_session::ViewState;
use lens_session::embed::read_message;
use lens_tokenizer::Tokenizer;

use self::commands::{Commands, SLOW};
use self::random::Random;
use crate::paths::Paths;
use crate::process::Task;

/// Of so many inputs one goes to a command: starting a program takes fifty times as long as reading a file.
const COMMAND_EVERY: usize = 8;

#[derive(Debug, Args)]
pub struct FuzzArgs {
    /// Go on until this many minutes have passed.
    #[arg(long, value_name = "N")]
    minutes: Option<f64>,
    /// Number of altered inputs, over all readers and commands.
    #[arg(long, value_name = "N", default_value_t = 2000)]
    inputs: usize,
    /// Chooses the inputs.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

/// What an input came to: whether it was read, or a rule that it broke.
type Outcome = std::result::Result<bool, String>;

/// A reader with the inputs that are altered for it.
struct Target {
    name: &'static str,
    /// Files of the tree.
    seeds: Vec<PathBuf>,
    /// Reads an input, which lies at the path, too.
    read: fn(&[u8], &Path) -> Outcome,
}

#[derive(Default)]
struct Count {
    inputs: usize,
    read: usize,
    faults: Vec<String>,
    slowest: Duration,
}

/// Runs the command.
pub fn run(paths: &Paths, args: &FuzzArgs) -> Result<()> {
    let scratch = std::env::temp_dir().join(format!("temporal-lens-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&scratch).with_context(|| format!("cannot make {}", scratch.display()))?;
    println!("the input that is being read lies in {}", scratch.display());
    let targets = targets(&paths.root)?;
    let until = args.minutes.map(|minutes| Instant::now() + Duration::from_secs_f64(60.0 * minutes));
    let mut random = Random(args.seed);
    let mut counts: BTreeMap<&str, Count> = BTreeMap::new();
    let seeds: Vec<Vec<Vec<u8>>> = targets.iter().map(read_seeds).collect::<Result<_>>()?;
    // Panics are counted, not printed.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| ()));
    let commands = Commands::prepare(program(paths)?, scratch.join("commands"), &paths.root)?;
    let (mut done, mut run) = (0, 0);
    while until.map_or(done < args.inputs, |until| Instant::now() < until) {
        if done % COMMAND_EVERY == COMMAND_EVERY - 1 {
            let ran = commands.run(run, &mut random, &scratch.join(format!("fault-{done}")))?;
            let count = counts.entry(ran.name).or_default();
            count.inputs += 1;
            count.read += usize::from(ran.was_taken);
            count.slowest = count.slowest.max(ran.took);
            count.faults.extend(ran.fault.map(|fault| format!("fault-{done}: {fault}")));
            run += 1;
            done += 1;
            continue;
        }
        let which = (done - run) % targets.len();
        let (target, seeds) = (&targets[which], &seeds[which]);
        let input = random.altered(seeds);
        let path = scratch.join(target.name);
        std::fs::write(&path, &input).with_context(|| format!("cannot write {}", path.display()))?;
        let started = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| (target.read)(&input, &path)));
        let took = started.elapsed();
        let count = counts.entry(target.name).or_default();
        count.inputs += 1;
        count.slowest = count.slowest.max(took);
        let fault = match outcome {
            Err(_) => Some("a panic".to_owned()),
            Ok(Err(broken)) => Some(broken),
            Ok(Ok(_)) if took > SLOW => Some(format!("{:.0} s", took.as_secs_f64())),
            Ok(Ok(was_read)) => {
                count.read += usize::from(was_read);
                None
            }
        };
        if let Some(fault) = fault {
            let kept = scratch.join(format!("fault-{done}-{}", target.name));
            std::fs::write(&kept, &input).with_context(|| format!("cannot write {}", kept.display()))?;
            count.faults.push(format!("{}: {fault}", kept.display()));
        }
        done += 1;
    }
    std::panic::set_hook(hook);
    println!("{:<20} {:>8} {:>8} {:>8}  slowest", "reader or command", "inputs", "read", "faults");
    for (name, it) in &counts {
        println!(
            "{name:<20} {:>8} {:>8} {:>8}  {:.2} s",
            it.inputs,
            it.read,
            it.faults.len(),
            it.slowest.as_secs_f64()
        );
    }
    let faults: Vec<&String> = counts.values().flat_map(|it| &it.faults).collect();
    match faults.first() {
        None => {
            println!("{run} of the inputs went to {} pairs of a command and a file", commands.count());
            // Nothing in it is needed any more.
            let _ = std::fs::remove_dir_all(&scratch);
            let _ = std::fs::remove_dir_all(out_of_pack());
            println!("{done} inputs, no fault");
            Ok(())
        }
        Some(first) => {
            faults.iter().for_each(|fault| println!("{fault}"));
            bail!("{} of {done} inputs show a fault, the first is {first}", faults.len())
        }
    }
}

/// The command line: beside this program where tests have built both, else it is built.
fn program(paths: &Paths) -> Result<PathBuf> {
    let name = format!("temporal-lens{}", std::env::consts::EXE_SUFFIX);
    let beside = std::env::current_exe()?.with_file_name(&name);
    if beside.is_file() {
        return Ok(beside);
    }
    Task::new("building the command line", "cargo")
        .in_folder(&paths.root)
        .envs([("CARGO_TARGET_DIR", &paths.target)])
        .args(["build", "--release", "--locked", "-p", "temporal-lens"])
        .log_to(paths.logs().join("fuzz-build.log"))
        .run()?;
    Ok(paths.target.join("release").join(name))
}

fn read_seeds(target: &Target) -> Result<Vec<Vec<u8>>> {
    let read = |path: &PathBuf| std::fs::read(path).with_context(|| format!("cannot read {}", path.display()));
    target.seeds.iter().map(read).collect()
}

/// Every reader of what comes from outside.
fn targets(root: &Path) -> Result<Vec<Target>> {
    let fixtures = root.join("tests/fixtures");
    let fixture = |names: &[&str]| names.iter().map(|name| fixtures.join(name)).collect::<Vec<_>>();
    let demo = |names: &[&str]| names.iter().map(|name| root.join("demo").join(name)).collect::<Vec<_>>();
    let pack = pack_to_alter(root)?;
    Ok(vec![
        Target {
            name: "result",
            seeds: demo(&["examples/garden-path.json", "examples/seed-prompt.json"]),
            read: result,
        },
        Target { name: "comparison", seeds: demo(&["examples/garden-path-compared.json"]), read: comparison },
        Target { name: "dashboards-index", seeds: demo(&["dashboards/index.json"]), read: index },
        Target { name: "dashboards", seeds: demo(&["dashboards/0000.json"]), read: chunk },
        Target { name: "manifest", seeds: vec![pack.join("manifest.json")], read: manifest },
        Target { name: "shard", seeds: vec![pack.join("shard-0000.safetensors")], read: shard },
        Target { name: "tokenizer.bin", seeds: vec![pack.join("tokenizer.bin")], read: packed_tokenizer },
        Target { name: "tokenizer.json", seeds: fixture(&["tokenizer/tiny.json"]), read: tokenizer },
        Target {
            name: "model.gguf",
            seeds: fixture(&["gguf/gemma3-types.gguf", "gguf/gemma3-more-types.gguf"]),
            read: gguf,
        },
        Target {
            name: "safetensors",
            seeds: fixture(&["gemma/gemma2-odd-sizes/model.safetensors"]),
            read: safetensors,
        },
        Target {
            name: "config.json",
            seeds: fixture(&["gemma/gemma2-softcap/config.json", "gemma/gemma3-nested/config.json"]),
            read: config,
        },
        Target {
            name: "conf.yaml",
            seeds: fixture(&["sae/topk-tied/conf.yaml", "sae/relu-f16/conf.yaml"]),
            read: conf_yaml,
        },
        Target { name: "cfg.json", seeds: fixture(&["sae/sae-lens-topk/cfg.json"]), read: cfg_json },
        Target { name: "address", seeds: demo(&["README.md"]), read: address },
    ])
}

/// The manifest of the pack whose files are altered.
static PACK: OnceLock<Manifest> = OnceLock::new();

fn out_of_pack() -> PathBuf {
    std::env::temp_dir().join(format!("temporal-lens-fuzz-pack-{}", std::process::id()))
}

/// A pack of fixtures, made once.
fn pack_to_alter(root: &Path) -> Result<PathBuf> {
    use lens_import::write::{PackRequest, pack};
    let fixtures = root.join("tests/fixtures");
    let out = out_of_pack();
    let (gemma, sae) =
        (open_gemma(&fixtures.join("gemma/gemma2-softcap"))?, open_sae(&fixtures.join("sae/topk-tied"))?);
    let request = PackRequest {
        gemma: &gemma,
        model_name: "fixture".to_owned(),
        sae: &sae,
        sae_name: "fixture".to_owned(),
        layer: 2,
        precision: "q8".parse()?,
        tokenizer: fixtures.join("tokenizer/tiny.json"),
        licenses: Vec::new(),
        neuronpedia: None,
        out: out.clone(),
    };
    let manifest = pack(&request, &mut |_| {})?;
    // Made once.
    let _ = PACK.set(manifest);
    Ok(out)
}

fn result(bytes: &[u8], _: &Path) -> Outcome {
    let Ok(text) = text::of_data(bytes) else { return Ok(false) };
    let Ok(read) = Analysis::from_json(&text) else { return Ok(false) };
    let again = to_json(&AnalysisFile::whole(&read)).map_err(|e| format!("what was read is not written: {e}"))?;
    Analysis::from_json(&again).map_err(|e| format!("what was written is not read: {e}"))?;
    Ok(true)
}

fn comparison(bytes: &[u8], _: &Path) -> Outcome {
    let Ok(text) = text::of_data(bytes) else { return Ok(false) };
    let Ok(read) = Comparison::from_json(&text) else { return Ok(false) };
    let again = to_json(&ComparisonFile::compact(&read)).map_err(|e| format!("what was read is not written: {e}"))?;
    Comparison::from_json(&again).map_err(|e| format!("what was written is not read: {e}"))?;
    Ok(true)
}

fn index(bytes: &[u8], _: &Path) -> Outcome {
    Ok(text::of_data(bytes).is_ok_and(|text| Index::from_json(&text).is_ok()))
}

fn chunk(bytes: &[u8], _: &Path) -> Outcome {
    let index = include_str!("../../../demo/dashboards/index.json");
    let Ok(index) = Index::from_json(index) else { return Err("the index itself is refused".to_owned()) };
    Ok(text::of_data(bytes).is_ok_and(|text| Chunk::from_json(&text, &index).is_ok()))
}

fn manifest(bytes: &[u8], _: &Path) -> Outcome {
    let Ok(text) = text::of_data(bytes) else { return Ok(false) };
    // Listed, whatever its version.
    let _ = Outline::from_json(&text);
    // A host may serve any pack, with any checksum.
    let _ = Manifest::from_json(&text, "manifest.json");
    let Ok(read) = Manifest::from_json(&seal(&text), "manifest.json") else { return Ok(false) };
    for id in [0, read.gemma.vocab_size as u32 - 1, u32::MAX] {
        let _ = read.embedding_row(id);
    }
    for shard in 0..read.shards.len() {
        shard_parts(&read, shard, &[0; 4096]).for_each(drop);
    }
    Ok(true)
}

/// A shard that passed its checksum: a host may serve any pack.
fn shard(bytes: &[u8], _: &Path) -> Outcome {
    let Some(manifest) = PACK.get() else { return Err("there is no pack".to_owned()) };
    Ok(shard_parts(manifest, 0, bytes).all(|part| part.is_ok_and(|part| part.matrix.is_finite())))
}

fn packed_tokenizer(bytes: &[u8], _: &Path) -> Outcome {
    let Ok(compact) = CompactTokenizer::from_bytes(bytes, "tokenizer.bin") else { return Ok(false) };
    encodes(compact)
}

fn tokenizer(bytes: &[u8], _: &Path) -> Outcome {
    let Ok(text) = text::of_data(bytes) else { return Ok(false) };
    let Ok(compact) = compact_tokenizer(&text, "tokenizer.json") else { return Ok(false) };
    encodes(compact)
}

/// Whether a pipeline can be built; a panic while it encodes is a fault, though it is caught.
fn encodes(compact: CompactTokenizer) -> Outcome {
    let Ok(tokenizer) = Tokenizer::new(compact) else { return Ok(false) };
    for text in ["", "the tide is in", "<bos>é🎈\u{301}", "a a a a a a a a"] {
        match tokenizer.encode(text, 2) {
            Err(error) if error.to_string().contains("failed on it") => return Err(format!("a panic on {text:?}")),
            _ => {}
        }
    }
    Ok(true)
}

fn gguf(_: &[u8], path: &Path) -> Outcome {
    Ok(open_gemma(path).is_ok_and(|gemma| every_tensor(&gemma.tensors)))
}

fn safetensors(bytes: &[u8], path: &Path) -> Outcome {
    let folder = folder_of(path, "model.safetensors", bytes)?;
    put(&folder, "config.json", include_bytes!("../../../tests/fixtures/gemma/gemma2-odd-sizes/config.json"))?;
    Ok(open_gemma(&folder).is_ok_and(|gemma| every_tensor(&gemma.tensors)))
}

fn config(bytes: &[u8], _: &Path) -> Outcome {
    Ok(text::of_data(bytes).is_ok_and(|text| gemma_config(&text, "config.json").is_ok()))
}

fn conf_yaml(bytes: &[u8], path: &Path) -> Outcome {
    let folder = folder_of(path, "conf.yaml", bytes)?;
    put(
        &folder,
        "latest_ckpt.safetensors",
        include_bytes!("../../../tests/fixtures/sae/topk-tied/latest_ckpt.safetensors"),
    )?;
    Ok(open_sae(&folder).is_ok_and(|sae| every_tensor(&sae.tensors)))
}

fn cfg_json(bytes: &[u8], path: &Path) -> Outcome {
    let folder = folder_of(path, "cfg.json", bytes)?;
    let weights = include_bytes!("../../../tests/fixtures/sae/sae-lens-topk/sae_weights.safetensors");
    put(&folder, "sae_weights.safetensors", weights)?;
    Ok(open_sae(&folder).is_ok_and(|sae| every_tensor(&sae.tensors)))
}

/// What people paste behind the page's address.
fn address(bytes: &[u8], _: &Path) -> Outcome {
    let query = String::from_utf8_lossy(bytes);
    for line in query.lines().take(50) {
        let _ = (ViewState::read(line), read_message(line));
        let _ = ViewState::read(&format!("?text={line}&k={line}&z={line}&result={line}&view={line}"));
    }
    Ok(true)
}

/// Reads every tensor; whether that went well.
fn every_tensor(tensors: &lens_import::Tensors) -> bool {
    tensors.names().all(|name| {
        let rows = match tensors.shape(name) {
            Some([_]) => 1,
            Some([rows, _]) => *rows,
            _ => 0,
        };
        tensors.read_rows(name, 0..rows).is_ok()
    })
}

/// A folder beside `path` with the input under the name that its reader looks for.
fn folder_of(path: &Path, name: &str, bytes: &[u8]) -> std::result::Result<PathBuf, String> {
    let folder = path.with_extension("folder");
    put(&folder, name, bytes)?;
    Ok(folder)
}

fn put(folder: &Path, name: &str, bytes: &[u8]) -> std::result::Result<(), String> {
    let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(folder.join(name), bytes));
    written.map_err(|e| format!("cannot write {}: {e}", folder.join(name).display()))
}
