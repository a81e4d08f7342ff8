//! The checks of the project, in three sizes: `check`, `test --quick`, and `test`, which CI runs.
//!
//! | file | what it does |
//! |---|---|
//! | [`tally`] | counts passed, failed and skipped, from what the runners print |
//! | [`steps`] | the steps themselves |
//! | [`budget`] | sizes of what a visitor downloads |
//! | [`e2e`] | the page in a real browser |
//!
//! The steps form two lanes that run at the same time, because much of the web lane uses one core:
//! what is native (formatting, lints, tests) and what is for the browser (lints, the site). The
//! browser comes last, when nothing else competes for the processor.

mod budget;
mod e2e;
mod steps;
mod tally;

use std::process::ExitCode;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;
use clap::builder::PossibleValuesParser;

use crate::console::{self, spell};
use crate::paths::Paths;
use steps::Context;
use tally::Count;

/// Which checks to run.
#[derive(Debug, Args)]
pub struct TestArgs {
    /// Native tests, and the page in a browser on a small pack: minutes, while you work.
    #[arg(long, conflicts_with = "only")]
    quick: bool,
    /// Only this step; may be given several times. `LENS_E2E=engine` chooses one file of tests/e2e.
    #[arg(long, value_name = "STEP", value_parser = PossibleValuesParser::new(names()))]
    only: Vec<String>,
}

/// A named check.
struct Check {
    name: &'static str,
    run: fn(&Context) -> Result<Count>,
}

const FMT: Check = Check { name: "fmt", run: steps::formatting };
const STRUCTURE: Check = Check { name: "structure", run: steps::structure };
const CLIPPY: Check = Check { name: "clippy", run: steps::lints };
const CLIPPY_WASM: Check = Check { name: "clippy-wasm", run: steps::lints_wasm };
const CARGO_TEST: Check = Check { name: "cargo-test", run: steps::cargo_tests };
const SITE: Check = Check { name: "site", run: steps::site };
const SIZES: Check = Check { name: "sizes", run: budget::sizes };
const E2E: Check = Check { name: "e2e", run: e2e::run };

/// Checks in the order in which they run: two lanes at the same time, then the browser.
struct Plan {
    native: &'static [Check],
    web: &'static [Check],
    browser: &'static [Check],
}

/// What needs neither a model nor a test.
const CHECK: Plan = Plan { native: &[FMT, STRUCTURE, CLIPPY], web: &[CLIPPY_WASM], browser: &[] };
/// What tells in minutes whether a change broke something.
const QUICK: Plan = Plan {
    native: &[CARGO_TEST],
    web: &[Check { name: "quick-site", run: steps::quick_site }],
    browser: &[Check { name: "smoke", run: e2e::smoke }],
};
/// Everything.
const WHOLE: Plan =
    Plan { native: &[FMT, STRUCTURE, CLIPPY, CARGO_TEST], web: &[CLIPPY_WASM, SITE, SIZES], browser: &[E2E] };

fn names() -> Vec<&'static str> {
    [WHOLE.native, WHOLE.web, WHOLE.browser].into_iter().flatten().map(|check| check.name).collect()
}

/// How one check went.
struct Outcome {
    name: &'static str,
    count: Count,
    took: Duration,
    error: Option<String>,
}

/// Runs formatting, structure and lints.
pub fn check(paths: &Paths) -> Result<ExitCode> {
    let started = Instant::now();
    let context = Context::for_check(paths)?;
    Ok(run_plan(&CHECK, &[], &context, started))
}

/// Runs the checks (or those named by `--only`), prints a summary, and the closing line.
pub fn run(paths: &Paths, args: &TestArgs) -> Result<ExitCode> {
    let started = Instant::now();
    let context = Context::for_test(paths)?;
    let plan = if args.quick { &QUICK } else { &WHOLE };
    Ok(run_plan(plan, &args.only, &context, started))
}

fn run_plan(plan: &Plan, only: &[String], context: &Context, started: Instant) -> ExitCode {
    let setup_took = started.elapsed();
    let outcomes = Mutex::new(Vec::new());
    let lane = |checks: &[Check]| {
        for check in checks.iter().filter(|check| only.is_empty() || only.iter().any(|name| name == check.name)) {
            let outcome = run_one(check, context);
            outcomes.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(outcome);
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| lane(plan.web));
        lane(plan.native);
    });
    lane(plan.browser);

    let outcomes = outcomes.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    summarize(&outcomes, setup_took, started.elapsed())
}

fn run_one(check: &Check, context: &Context) -> Outcome {
    let started = Instant::now();
    let (count, error) = match (check.run)(context) {
        Ok(count) => (count, None),
        // A check that could not even run counts as one failure.
        Err(error) => (Count::one(false), Some(format!("{error:#}"))),
    };
    if let Some(error) = &error {
        console::line(&format!("{}: {error}", check.name));
    }
    Outcome { name: check.name, count, took: started.elapsed(), error }
}

fn summarize(outcomes: &[Outcome], setup: Duration, total: Duration) -> ExitCode {
    let mut sum = Count::default();
    println!("\n{:<14}{:>8}{:>8}{:>9}   time", "step", "passed", "failed", "skipped");
    println!("{:<14}{:>8}{:>8}{:>9}   {}", "set-up", "", "", "", spell(setup));
    for outcome in outcomes {
        sum += outcome.count;
        let Count { passed, failed, skipped } = outcome.count;
        println!("{:<14}{passed:>8}{failed:>8}{skipped:>9}   {}", outcome.name, spell(outcome.took));
    }
    println!("{:<14}{:>8}{:>8}{:>9}   {}\n", "all", "", "", "", spell(total));
    for outcome in outcomes.iter().filter(|outcome| outcome.count.failed > 0) {
        let why = outcome.error.as_deref().and_then(|error| error.lines().next()).unwrap_or("see above");
        println!("FAILED {}: {why}", outcome.name);
    }
    let skipped = if sum.skipped == 0 { String::new() } else { format!(", {} skipped", sum.skipped) };
    println!("{} passed, {} failed{skipped}", sum.passed, sum.failed);
    if sum.failed == 0 && sum.passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The exit status of `cargo xtask check`'s structure step on a tree of two crates, of which `files` are changed.
    fn status_of(files: &[(&str, &str)]) -> String {
        let root = tempfile::tempdir().unwrap();
        let sound = [
            ("crates/pack/Cargo.toml", "[package]\nname = \"lens-pack\"\n"),
            ("crates/pack/src/lib.rs", "mod bytes;\nmod rows;\npub use rows::Rows;\n"),
            ("crates/pack/src/bytes.rs", "pub struct Bytes;"),
            ("crates/pack/src/rows.rs", "use crate::bytes::Bytes;\npub struct Rows(Bytes);"),
            ("crates/model/Cargo.toml", "[package]\nname = \"lens-model\"\n"),
            ("crates/model/src/lib.rs", "pub struct Model;"),
        ];
        for (file, text) in sound.iter().chain(files) {
            let path = root.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let folder = root.path().to_owned();
        let context = Context::of_tree(Paths {
            root: folder.clone(),
            target: folder.join("target"),
            own: folder.join("xtask"),
            cache: folder,
        });
        format!("{:?}", run_plan(&CHECK, &[STRUCTURE.name.to_owned()], &context, Instant::now()))
    }

    #[test]
    fn check_fails_on_a_planted_cycle_and_on_a_planted_upward_dependency() {
        assert_eq!(status_of(&[]), format!("{:?}", ExitCode::SUCCESS));
        let cycle = [("crates/pack/src/bytes.rs", "pub struct Bytes;\nfn f(_: &crate::rows::Rows) {}")];
        assert_eq!(status_of(&cycle), format!("{:?}", ExitCode::FAILURE));
        let upward = [
            (
                "crates/pack/Cargo.toml",
                "[package]\nname = \"lens-pack\"\n[dependencies]\nlens-model = { path = \"../model\" }\n",
            ),
            ("crates/pack/src/lib.rs", "mod bytes;\nmod rows;\npub use rows::Rows;\nuse lens_model as _;\n"),
        ];
        assert_eq!(status_of(&upward), format!("{:?}", ExitCode::FAILURE));
    }
}
