//! `kernels`: every kernel variant against the CPU, and how fast each is. For tuning on an adapter.

use std::time::Instant;

use anyhow::{Result, bail};
use lens_engine::check::bench::{self, LinearCase};
use lens_engine::check::self_check;
use lens_engine::{OpenedDevice, open_device};
use lens_model::kernels::config::Variant;
use lens_pack::block::Precision;

use crate::args::KernelsArgs;
use crate::run::print;

/// Differences listed; the others are smaller.
const LISTED: usize = 10;
/// Multiplications in a row last about this long: what starting and waiting cost on a fast GPU is shared.
const BATCH_MS: f64 = 40.0;
const MOST_REPEATS: f64 = 200.0;

/// Runs the command: exit code 1 when a kernel is wrong on the device.
pub fn run(args: &KernelsArgs) -> Result<()> {
    let opened = pollster::block_on(open_device(args.device.map(Into::into)))?;
    eprintln!("device: {}", opened.name);
    if args.bench { time(&opened) } else { check(&opened) }
}

fn check(opened: &OpenedDevice) -> Result<()> {
    let mut checked = Vec::new();
    for part in self_check::Part::ALL {
        eprintln!("checking {part}");
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

/// One line per size and variant: milliseconds and arithmetic throughput, the best of a few.
fn time(opened: &OpenedDevice) -> Result<()> {
    for precision in [Precision::Q4, Precision::Q8, Precision::F32] {
        for [cols, rows] in [[640, 2048], [2304, 9216]] {
            for tokens in [1, 18, 128, 512] {
                for variant in Variant::LINEAR {
                    if !opened.device.kernels.has(variant)
                        || tokens > 8 && matches!(variant, Variant::Gemv(_) | Variant::Tile(1 | 2, _))
                    {
                        continue;
                    }
                    let case = LinearCase { tokens, rows, cols, precision, variant: Some(variant), repeats: 1 };
                    let once = least_ms(opened, case, 1)?;
                    let repeats = (BATCH_MS / once).ceil().clamp(1.0, MOST_REPEATS) as usize;
                    let best = least_ms(opened, LinearCase { repeats, ..case }, 3)?;
                    print(&format!(
                        "{precision} {cols} x {rows}, {tokens} tokens, {variant:?}: {best:.2} ms, {:.1} GFLOP/s\n",
                        case.operations() / best / 1e6
                    ))?;
                }
            }
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
