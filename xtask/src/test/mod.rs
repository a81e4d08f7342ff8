//! Every check of the project, in one command: what CI runs.
//!
//! | file | what it does |
//! |---|---|
//! | [`tally`] | counts passed and failed, from what the runners print |
//! | [`steps`] | the steps themselves |
//! | [`budget`] | sizes of what a visitor downloads |
//!
//! The steps form two lanes that run side by side, because much of the web lane uses one core:
//! what is native (formatting, lints, tests) and what is for the browser (lints, the site). The
//! browser comes last, when nothing else competes for the processor.

mod budget;
mod e2e;
mod steps;
mod tally;

use std::process::ExitCode;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::console::{self, spell};
use crate::paths::Paths;
use steps::Context;
use tally::Count;

/// A named check.
struct Check {
    name: &'static str,
    run: fn(&Context) -> Result<Count>,
}

const NATIVE: [Check; 3] = [
    Check { name: "fmt", run: steps::formatting },
    Check { name: "clippy", run: steps::lints },
    Check { name: "cargo-test", run: steps::cargo_tests },
];
const WEB: [Check; 3] = [
    Check { name: "clippy-wasm", run: steps::lints_wasm },
    Check { name: "site", run: steps::site },
    Check { name: "sizes", run: budget::sizes },
];
const BROWSER: [Check; 1] = [Check { name: "e2e", run: e2e::run }];

/// How one check went.
struct Outcome {
    name: &'static str,
    count: Count,
    took: Duration,
    error: Option<String>,
}

/// Runs the checks (or those named by `--only`), prints a summary, and the closing line.
pub fn run(paths: &Paths, args: &[String]) -> Result<ExitCode> {
    let only = parse(args)?;
    let started = Instant::now();
    let setting_up = Instant::now();
    let context = Context::set_up(paths)?;
    let setup_took = setting_up.elapsed();

    let outcomes = Mutex::new(Vec::new());
    let lane = |checks: &[Check]| {
        for check in checks.iter().filter(|check| only.is_empty() || only.iter().any(|name| name == check.name)) {
            let outcome = run_one(check, &context);
            outcomes.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(outcome);
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| lane(&WEB));
        lane(&NATIVE);
    });
    lane(&BROWSER);

    let outcomes = outcomes.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    Ok(summarize(&outcomes, setup_took, started.elapsed()))
}

fn run_one(check: &Check, context: &Context) -> Outcome {
    let started = Instant::now();
    let (count, error) = match (check.run)(context) {
        Ok(count) => (count, None),
        // A check that could not even run counts as one failure.
        Err(error) => (Count { passed: 0, failed: 1 }, Some(format!("{error:#}"))),
    };
    if let Some(error) = &error {
        console::line(&format!("{}: {error}", check.name));
    }
    Outcome { name: check.name, count, took: started.elapsed(), error }
}

fn summarize(outcomes: &[Outcome], setup: Duration, total: Duration) -> ExitCode {
    let mut sum = Count::default();
    println!("\n{:<14}{:>8}{:>8}   time", "step", "passed", "failed");
    println!("{:<14}{:>8}{:>8}   {}", "set-up", "", "", spell(setup));
    for outcome in outcomes {
        sum += outcome.count;
        println!(
            "{:<14}{:>8}{:>8}   {}",
            outcome.name,
            outcome.count.passed,
            outcome.count.failed,
            spell(outcome.took)
        );
    }
    println!("{:<14}{:>8}{:>8}   {}\n", "all", "", "", spell(total));
    for outcome in outcomes.iter().filter(|outcome| outcome.count.failed > 0) {
        let why = outcome.error.as_deref().and_then(|error| error.lines().next()).unwrap_or("see above");
        println!("FAILED {}: {why}", outcome.name);
    }
    println!("{} passed, {} failed", sum.passed, sum.failed);
    if sum.failed == 0 && sum.passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn parse(args: &[String]) -> Result<Vec<String>> {
    let known: Vec<&str> = NATIVE.iter().chain(&WEB).chain(&BROWSER).map(|check| check.name).collect();
    let mut only = Vec::new();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match (arg.as_str(), args.next()) {
            ("--only", Some(name)) if known.contains(&name.as_str()) => only.push(name.clone()),
            ("--only", _) => bail!("--only takes one of: {}", known.join(" ")),
            (other, _) => bail!("test does not know {other:?}; see `cargo xtask help`"),
        }
    }
    Ok(only)
}
