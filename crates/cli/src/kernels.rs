//! `kernels`: every kernel variant against the CPU, and how fast each is. For tuning on an adapter.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use anyhow::{Result, bail};
use lens_engine::check::bench::{self, LinearCase};
use lens_engine::check::self_check;
use lens_engine::{InferenceSession, OpenedDevice, PackFolder, RunOptions, open_device};
use lens_model::kernels::config::Variant;
use lens_pack::block::Precision;

use crate::args::KernelsArgs;
use crate::print::{is_closed, print, status};
use crate::run::report_unchecked;

/// Differences listed; the others are smaller.
const LISTED: usize = 10;
/// Multiplications in a row last about this long: what starting and waiting cost on a fast GPU is shared.
const BATCH_MS: f64 = 40.0;
const MOST_REPEATS: f64 = 200.0;
/// What is timed unless the caller names something else.
const TOKENS: [usize; 4] = [1, 18, 128, 512];
/// Whole analyses of each length, after one that compiles the kernels.
const ROUNDS: usize = 5;

/// Runs the command: exit code 1 when a kernel is wrong on the device.
pub fn run(args: &KernelsArgs) -> Result<()> {
    let opened = pollster::block_on(open_device(args.device.map(Into::into)))?;
    status!("device: {}", opened.name);
    if !args.bench {
        return check(&opened);
    }
    time(&opened, args)?;
    match &args.model {
        Some(folder) => time_analyses(opened, folder, args),
        None => Ok(()),
    }
}

fn check(opened: &OpenedDevice) -> Result<()> {
    let mut checked = Vec::new();
    for part in self_check::Part::ALL {
        status!("checking {part}");
        checked.extend(pollster::block_on(self_check::thorough(&opened.device, part))?);
    }
    // NaN first.
    checked.sort_by(|a, b| b.error.total_cmp(&a.error));
    print(&format!("{} cases; the largest relative differences to the CPU:\n", checked.len()))?;
    for one in checked.iter().take(LISTED) {
        print(&format!("{:9.2e}  {}\n", one.error, one.name))?;
    }
    let wrong = checked.iter().filter(|one| one.is_wrong()).count();
    if wrong > 0 {
        bail!("{wrong} differ by more than {:.0e}", self_check::TOLERANCE);
    }
    Ok(())
}

/// What is timed.
fn tokens_of(args: &KernelsArgs) -> &[usize] {
    if args.tokens.is_empty() { &TOKENS } else { &args.tokens }
}

/// One line per size and variant: milliseconds and arithmetic throughput, the best of a few.
fn time(opened: &OpenedDevice, args: &KernelsArgs) -> Result<()> {
    for precision in [Precision::Q4, Precision::Q8, Precision::F32] {
        for [cols, rows] in [[640, 2048], [2304, 9216]] {
            for tokens in tokens_of(args).iter().copied() {
                let kernels = opened.device.kernels;
                let chosen = kernels.linear(tokens);
                for variant in Variant::LINEAR {
                    let is_for_few = matches!(variant, Variant::Gemv(_) | Variant::Tile(1 | 2, _));
                    let is_left_out = if args.chosen { variant != chosen } else { tokens > 8 && is_for_few };
                    if is_left_out || !kernels.has(variant) {
                        continue;
                    }
                    let case = LinearCase { tokens, rows, cols, precision, variant: Some(variant), repeats: 1 };
                    let once = least_ms(opened, case, 1)?;
                    let repeats = (BATCH_MS / once).ceil().clamp(1.0, MOST_REPEATS) as usize;
                    let best = least_ms(opened, LinearCase { repeats, ..case }, 3)?;
                    let reached = case.operations() / best / 1e6;
                    let mark = if variant == chosen { " (taken)" } else { "" };
                    let share =
                        args.peak.map_or_else(String::new, |peak| format!(", {:.1} % of peak", 100.0 * reached / peak));
                    print(&format!(
                        "{precision} {cols} x {rows}, {tokens} tokens, {variant:?}{mark}: {best:.3} ms, {reached:.1} GFLOP/s{share}\n"
                    ))?;
                    if is_closed() {
                        return Ok(());
                    }
                }
            }
        }
    }
    Ok(())
}

/// One line per number of tokens: a whole analysis, words included where the pack has any; least and median.
fn time_analyses(opened: OpenedDevice, folder: &Path, args: &KernelsArgs) -> Result<()> {
    let pack = PackFolder::open(folder, opened.device, |_, _| ())?;
    report_unchecked(folder, &pack);
    let has_words = pack.loaded.manifest().words.is_some();
    if has_words {
        pack.load_words()?;
    }
    let ids_in_model = pack.loaded.manifest().gemma.vocab_size as u32;
    for tokens in tokens_of(args).iter().copied() {
        // Any tokens do: no time depends on which they are.
        let ids: Vec<u32> = (0..tokens as u32).map(|i| (2 + 7919 * i) % ids_in_model).collect();
        let described = pack.loaded.describe(&ids);
        let rows = pack.embedding(&ids)?;
        let mut times = Vec::with_capacity(ROUNDS);
        for round in 0..=ROUNDS {
            let start = Instant::now();
            let mut session = InferenceSession::new(pack.loaded.clone(), RunOptions::default())?;
            // The callback never breaks.
            let _ = pollster::block_on(session.extend(&rows, |_| ControlFlow::Continue(())))?;
            let mut analysis = pack.loaded.analysis("", &described, session.summary(), RunOptions::default());
            if has_words {
                pollster::block_on(session.add_words(&mut analysis))?;
            }
            if round > 0 {
                times.push(1e3 * start.elapsed().as_secs_f64());
            }
        }
        times.sort_by(f64::total_cmp);
        let (least, median) = (times[0], times[times.len() / 2]);
        let with = if has_words { " with words" } else { "" };
        print(&format!(
            "analysis of {tokens} tokens{with}: {median:.1} ms (least {least:.1}), {:.0} tokens a second\n",
            1e3 * tokens as f64 / median
        ))?;
        if is_closed() {
            return Ok(());
        }
    }
    Ok(())
}

/// The least of a few times, in milliseconds per multiplication.
fn least_ms(opened: &OpenedDevice, case: LinearCase, samples: usize) -> Result<f64> {
    let start = Instant::now();
    let now = || 1e3 * start.elapsed().as_secs_f64();
    let times = pollster::block_on(bench::linear(&opened.device, case, samples, now))?;
    Ok(times.into_iter().fold(f64::INFINITY, f64::min))
}
