//! The checks that cargo and trunk run.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use super::tally::{self, Count};
use crate::paths::Paths;
use crate::process::Task;
use crate::setup::wasm::TARGET;
use crate::setup::{self, TestTools};
use crate::{console, model, pack, site, structure};

/// What the checks share.
pub struct Context {
    /// Where things lie.
    pub paths: Paths,
    /// What builds for the browser.
    pub web_env: Vec<(OsString, OsString)>,
    /// What only tests need.
    tests: Option<TestContext>,
}

/// What tests run with.
pub struct TestContext {
    /// What drives a browser.
    pub tools: TestTools,
    /// The default model's folder.
    pub weights: PathBuf,
    /// The default pack.
    pub pack: PathBuf,
    /// The folder of Gemma 2's tokenizer.
    pub gemma2_tokenizer: PathBuf,
}

/// Crates that compile for the browser only.
const WASM_ONLY: [&str; 3] = ["lens-app", "lens-layouts", "lens-worker"];

/// Linted with the worker, which it is a part of.
const PART_OF_WORKER: &str = "lens-loader";

impl Context {
    /// Installs what formatting and lints need.
    pub fn for_check(paths: &Paths) -> Result<Self> {
        Ok(Self { paths: paths.clone(), web_env: setup::for_wasm_lints(paths)?, tests: None })
    }

    /// Installs nothing: for steps that need no tool.
    #[cfg(test)]
    pub fn of_tree(paths: Paths) -> Self {
        Self { paths, web_env: Vec::new(), tests: None }
    }

    /// Installs, fetches and packs what the tests need.
    pub fn for_test(paths: &Paths) -> Result<Self> {
        let web_env = setup::for_site(paths)?.env;
        let tools = setup::for_test(paths)?;
        let weights = model::fetch(paths)?;
        let pack = pack::find_or_make(paths, &weights)?;
        let gemma2_tokenizer = model::fetch_gemma2_tokenizer(paths)?;
        let tests = Some(TestContext { tools, weights, pack, gemma2_tokenizer });
        Ok(Self { paths: paths.clone(), web_env, tests })
    }

    /// What the tests run with.
    pub fn tests(&self) -> Result<&TestContext> {
        self.tests.as_ref().context("this step needs the model")
    }

    /// A cargo task in the tree.
    fn cargo(&self, title: &str) -> Task {
        let log = title.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        Task::new(title, "cargo")
            .in_folder(&self.paths.root)
            .envs([("CARGO_TARGET_DIR", &self.paths.target)])
            .log_to(self.paths.logs().join(format!("{log}.log")))
    }
}

/// rustfmt has nothing to change.
pub fn formatting(context: &Context) -> Result<Count> {
    context.cargo("checking the formatting").args(["fmt", "--all", "--check"]).run()?;
    Ok(Count::one(true))
}

/// No import cycle between files, no upward dependency between crates.
pub fn structure(context: &Context) -> Result<Count> {
    let problems = structure::problems(&context.paths.root)?;
    problems.iter().for_each(|problem| console::line(problem));
    Ok(Count::one(problems.is_empty()))
}

/// No lint on native code, tests and examples included.
pub fn lints(context: &Context) -> Result<Count> {
    // The release profile, so that macros and build scripts are shared with the tests' build.
    let excluded = WASM_ONLY.iter().chain([&PART_OF_WORKER]).flat_map(|name| ["--exclude", name]);
    context
        .cargo("linting native code")
        .args(["clippy", "--workspace", "--all-targets", "--release", "--locked"])
        .args(excluded)
        .args(["--", "-D", "warnings"])
        .run()?;
    // The other choice of features: without it nothing would notice that the program for the CPU alone needs a GPU's crates.
    context
        .cargo("linting the command line for the CPU alone")
        .args(["clippy", "--release", "--locked", "-p", "temporal-lens", "--no-default-features"])
        .args(["--", "-D", "warnings"])
        .run()?;
    Ok(Count::one(true))
}

/// No lint on what runs in the browser.
pub fn lints_wasm(context: &Context) -> Result<Count> {
    // One by one, as trunk builds them: together their dependencies would have other features, and
    // macros and build scripts would be compiled once more.
    for package in WASM_ONLY {
        context
            .cargo(&format!("linting {package} for the browser"))
            .args(["clippy", "--profile", "web", "--target", TARGET, "--locked", "-p", package])
            .args(["--", "-D", "warnings"])
            .envs(context.web_env.iter().map(|(key, value)| (key, value)))
            .run()?;
    }
    Ok(Count::one(true))
}

/// One choice of crates and profile for everything native: another one would give some dependencies
/// other features, and with them compile most of the tree again.
const TEST_BUILD: [&str; 3] = ["test", "--release", "--locked"];

/// The command line, as the tests' build makes it.
pub fn command_line(context: &Context) -> Result<PathBuf> {
    context.cargo("building the command line").args(TEST_BUILD).arg("--no-run").run()?;
    let program = context.paths.target.join("release/temporal-lens");
    if !program.is_file() {
        bail!("{} was not built", program.display());
    }
    Ok(program)
}

/// Unit and parity tests of all native crates.
pub fn cargo_tests(context: &Context) -> Result<Count> {
    let tests = context.tests()?;
    let finished = context
        .cargo("running native tests")
        .args(TEST_BUILD)
        .arg("--no-fail-fast")
        // Where the real model is.
        .envs([
            ("TEMPORAL_LENS_MODEL_DIR", &tests.weights),
            ("TEMPORAL_LENS_PACK_DIR", &tests.pack),
            ("TEMPORAL_LENS_GEMMA2_DIR", &tests.gemma2_tokenizer),
        ])
        .envs(tests.tools.vulkan_driver.iter().map(|driver| ("TEMPORAL_LENS_VULKAN_DRIVER", driver)))
        .echo()
        .run_to_end()?;
    let mut count = tally::cargo(&finished.lines);
    if !finished.success && count.failed == 0 {
        count.failed = 1;
    }
    Ok(count)
}

/// The site builds as it is published.
pub fn site(context: &Context) -> Result<Count> {
    site::build(&context.paths, site::Kind::Published)?;
    Ok(Count::one(true))
}

/// The site builds as `serve` builds it.
pub fn quick_site(context: &Context) -> Result<Count> {
    site::build(&context.paths, site::Kind::Quick)?;
    Ok(Count::one(true))
}
