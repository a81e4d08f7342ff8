//! Times on the CPU, natively, against PyTorch's on the same cores: `cargo xtask bench --only cpu`.

use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::console;
use crate::paths::Paths;
use crate::process::Task;

/// Tokens of the texts, unless the caller names some.
const TOKENS: [usize; 3] = [18, 141, 500];

/// Milliseconds of several rounds.
#[derive(Clone, Copy, Deserialize, Serialize)]
struct Times {
    least: f64,
    median: f64,
}

/// A line that the example `cpu_times` of `crates/engine` prints.
#[derive(Deserialize, Serialize)]
struct Ours {
    tokens: usize,
    layers: Times,
    words: Times,
    whole: Times,
}

/// A line that `tests/bench/cpu_peer.py` prints.
#[derive(Deserialize, Serialize)]
struct Peer {
    tokens: usize,
    f32: Times,
    bf16: Times,
}

/// A line that the example `train_times` of `crates/train` prints.
#[derive(Deserialize, Serialize)]
struct OurStep {
    tokens: usize,
    step: Times,
}

/// A line that `tests/bench/train_peer.py` prints.
#[derive(Deserialize, Serialize)]
struct PeerStep {
    tokens: usize,
    f32: Times,
    bf16: Times,
}

/// Measures, prints the tables, and writes them as JSON. The two take turns by text, not by round: PyTorch takes seconds to start.
pub fn run(paths: &Paths, python: &Path, pack: &Path, tokens: &[usize], rounds: usize, json: &Path) -> Result<()> {
    if let Some(folder) = json.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let tokens = if tokens.is_empty() { &TOKENS } else { tokens };
    console::line(
        "| tokens | 13 layers | PyTorch f32 | PyTorch bf16 | f32 / ours | bf16 / ours | whole analysis | of it, words |",
    );
    console::line("|---|---|---|---|---|---|---|---|");
    let mut analyses = Vec::new();
    for tokens in tokens {
        let ours: Ours = last_line(&ours(paths, pack, *tokens, rounds)?)?;
        let peer: Peer = last_line(&peer(paths, python, pack, *tokens, rounds)?)?;
        anyhow::ensure!(ours.tokens == *tokens && peer.tokens == *tokens, "the benches measured other texts");
        let shown = |times: Times| format!("{:.0} ({:.0})", times.median, times.least);
        console::line(&format!(
            "| {tokens} | {} | {} | {} | {:.2} | {:.2} | {} | {} |",
            shown(ours.layers),
            shown(peer.f32),
            shown(peer.bf16),
            peer.f32.median / ours.layers.median,
            peer.bf16.median / ours.layers.median,
            shown(ours.whole),
            shown(ours.words),
        ));
        analyses.push(serde_json::json!({ "ours": ours, "pytorch": peer }));
    }
    let ours: OurStep = last_line(&our_step(paths, rounds)?)?;
    let peer: PeerStep = last_line(&peer_step(paths, python, rounds)?)?;
    anyhow::ensure!(ours.tokens == peer.tokens, "the benches trained on other texts");
    let rate = |times: Times| 1e3 * ours.tokens as f64 / times.median;
    console::line("");
    console::line("| training, tokens a second: ours | PyTorch f32 | PyTorch bf16 | ours / f32 | ours / bf16 |");
    console::line("|---|---|---|---|---|");
    console::line(&format!(
        "| {:.0} | {:.0} | {:.0} | {:.2} | {:.2} |",
        rate(ours.step),
        rate(peer.f32),
        rate(peer.bf16),
        rate(ours.step) / rate(peer.f32),
        rate(ours.step) / rate(peer.bf16),
    ));
    let results = serde_json::json!({
        "machine": { "processor": processor(), "cores": std::thread::available_parallelism().map_or(1, usize::from) },
        "rounds": rounds,
        "milliseconds": { "analyses": analyses, "training": { "ours": ours, "pytorch": peer } },
    });
    lens_files::write_whole(json, serde_json::to_string_pretty(&results)?.as_bytes())?;
    console::line(&format!("\n{}", json.display()));
    Ok(())
}

/// The processor's name where Linux says it, else its architecture.
fn processor() -> String {
    let facts = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = facts.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    name.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.trim().to_owned())
}

/// What an example prints. It is built as the command line is: with the same features of the same crates.
fn example(paths: &Paths, package: &str, example: &str, args: &[String]) -> Result<Vec<String>> {
    Task::new(&format!("building {example}"), "cargo")
        .args(["build", "--quiet", "--release", "--locked", "--package", package, "--package", "temporal-lens"])
        .args(["--example", example])
        .in_folder(&paths.root)
        .envs([("CARGO_TARGET_DIR", &paths.target)])
        .log_to(paths.logs().join(format!("build-{example}.log")))
        .run()?;
    let program = paths.target.join("release/examples").join(example);
    let task = Task::new(&format!("measuring ours ({example})"), program)
        .args(args)
        .log_to(paths.logs().join(format!("{example}.log")));
    Ok(task.run()?.lines)
}

fn our_step(paths: &Paths, rounds: usize) -> Result<Vec<String>> {
    example(paths, "lens-train", "train_times", &[rounds.to_string()])
}

fn peer_step(paths: &Paths, python: &Path, rounds: usize) -> Result<Vec<String>> {
    let task = Task::new("measuring PyTorch's training", python)
        .arg(paths.root.join("tests/bench/train_peer.py"))
        .args(["--rounds", &rounds.to_string()])
        .log_to(paths.logs().join("train-peer.log"));
    Ok(task.run()?.lines)
}

fn ours(paths: &Paths, pack: &Path, tokens: usize, rounds: usize) -> Result<Vec<String>> {
    example(paths, "lens-engine", "cpu_times", &[pack.display().to_string(), rounds.to_string(), tokens.to_string()])
}

fn peer(paths: &Paths, python: &Path, pack: &Path, tokens: usize, rounds: usize) -> Result<Vec<String>> {
    let task = Task::new("measuring PyTorch", python)
        .arg(paths.root.join("tests/bench/cpu_peer.py"))
        .arg("--pack")
        .arg(pack)
        .args(["--rounds", &rounds.to_string(), "--tokens", &tokens.to_string()])
        .log_to(paths.logs().join("cpu-peer.log"));
    Ok(task.run()?.lines)
}

/// The figures: the last line; libraries may print warnings before.
fn last_line<'a, T: Deserialize<'a>>(lines: &'a [String]) -> Result<T> {
    let line = lines.iter().rfind(|line| line.starts_with('{')).context("the bench printed no figures")?;
    serde_json::from_str(line).with_context(|| format!("the bench printed {line}"))
}
