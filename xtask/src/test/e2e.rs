//! The page in a real browser: tests/e2e, run by node against our own server.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::steps::{self, Context};
use super::tally::{self, Count};
use crate::paths::Paths;
use crate::process::Task;
use crate::site::Kind;
use crate::{pack, server, setup};

/// Longer than any of the tests may take together.
const LIMIT: Duration = Duration::from_secs(45 * 60);

/// The page on a pack of some kilobytes: typed text to heatmap, other hosts, damaged files, canceling.
const SMOKE: &str = "small-packs.test.mjs";

/// With nothing at the same time: what takes both cores for minutes, and what measures the times that README states.
const ALONE: [&str; 2] = ["long-model", "page"];
/// How many of the others run at the same time: none of their assertions is about a time, and each waits for its browser, or for kernels that one
/// core compiles.
const AT_ONCE: usize = 2;
/// What takes a minute or more of the others, longest first: they begin first, so that no long one is under way alone at the end.
const LONGEST: [&str; 7] = ["gpu-kit", "loader", "engine", "words-parity", "views", "monkey", "speed"];

/// All tests of tests/e2e, or those of the files that LENS_E2E names (`views,links`), on the published site.
/// LENS_E2E_TEST limits both to the tests whose names match it.
pub fn run(context: &Context) -> Result<Count> {
    let mut files = files(context)?;
    // For work on some of them.
    if let Ok(names) = std::env::var("LENS_E2E") {
        let named: Vec<PathBuf> =
            names.split(',').map(|name| folder(context).join(format!("{name}.test.mjs"))).collect();
        if let Some(missing) = named.iter().find(|file| !files.contains(file)) {
            bail!("LENS_E2E: there is no {}", missing.display());
        }
        files.retain(|file| named.contains(file));
    }
    run_files(context, Kind::Published, &files)
}

/// One quick file of them, on the quickly built site.
pub fn smoke(context: &Context) -> Result<Count> {
    let mut files = files(context)?;
    files.retain(|file| file.file_name().is_some_and(|name| name == SMOKE));
    run_files(context, Kind::Quick, &files)
}

/// Where the tests lie.
fn folder(context: &Context) -> PathBuf {
    context.paths.root.join("tests/e2e")
}

/// The files of tests/e2e, by name.
fn files(context: &Context) -> Result<Vec<PathBuf>> {
    let folder = folder(context);
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .with_context(|| format!("cannot read {}", folder.display()))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.to_string_lossy().ends_with(".test.mjs"))
        .collect();
    files.sort();
    Ok(files)
}

/// Variables of what only some of the files need, installed for those. What cannot be installed is named to the test, which fails
/// with it, instead of keeping all others from running.
fn for_some(paths: &Paths, files: &[PathBuf]) -> Vec<(&'static str, OsString)> {
    let wanted = |name: &str| files.iter().any(|file| file.ends_with(name));
    let mut variables = Vec::new();
    if wanted("python.test.mjs") {
        match setup::torch::find_or_install(paths) {
            Ok((python, modules)) => {
                variables.extend([("LENS_TORCH_PYTHON", python.into()), ("LENS_TORCH_MODULES", modules.into())])
            }
            Err(missing) => variables.push(("LENS_TORCH_MISSING", format!("{missing:#}").into())),
        }
    }
    if wanted("one-file.test.mjs") {
        match setup::browser::find_or_install_firefox() {
            Ok(firefox) => variables.push(("LENS_FIREFOX", firefox.into())),
            Err(missing) => variables.push(("LENS_FIREFOX_MISSING", format!("{missing:#}").into())),
        }
    }
    variables
}

/// Starts the servers that the tests ask for, then the tests.
fn run_files(context: &Context, kind: Kind, files: &[PathBuf]) -> Result<Count> {
    let paths = &context.paths;
    let tests = context.tests()?;
    let dist = kind.folder(paths);
    if !dist.join("index.html").is_file() {
        bail!("there is no site to test");
    }
    let out = paths.target.join("e2e");
    let packs = out.join("packs");
    std::fs::create_dir_all(&packs).with_context(|| format!("cannot create {}", packs.display()))?;
    let program = steps::command_line(context)?;
    let full_size = pack::find_or_make_full_size(paths, &tests.gemma2_tokenizer)?;
    let folders = vec![(String::new(), dist), ("packs/".to_owned(), packs.clone())];
    let serve = |prefix: &str, ranges| {
        server::start(server::Options { port: 0, prefix: prefix.to_owned(), ranges, folders: folders.clone() })
    };
    let (site, below, plain) = (serve("/", true)?, serve("/sub/path/", true)?, serve("/", false)?);

    let (python, modules) = &tests.tools.python;
    let for_some = for_some(paths, files);

    let place_in =
        |names: &[&str], file: &Path| names.iter().position(|name| file.ends_with(format!("{name}.test.mjs")));
    let (alone, mut others): (Vec<PathBuf>, Vec<PathBuf>) =
        files.iter().cloned().partition(|file| place_in(&ALONE, file).is_some());
    // Those that are not named keep their order.
    others.sort_by_key(|file| place_in(&LONGEST, file).unwrap_or(LONGEST.len()));
    let pattern = std::env::var("LENS_E2E_TEST").ok();
    let mut count = Count::default();
    for (title, log, files, at_once) in [
        ("testing the site in a browser", "e2e.log", alone, 1),
        ("testing the site in browsers, two at a time", "e2e-others.log", others, AT_ONCE),
    ] {
        if files.is_empty() {
            continue;
        }
        let finished = Task::new(title, "node")
            .arg(folder(context).join("lib/run.mjs"))
            .arg(at_once.to_string())
            .args(pattern.iter().map(|it| format!("--name={it}")))
            .args(files)
            .in_folder(&paths.root)
            .envs([("LENS_PYTHON", python)])
            .envs(for_some.iter().map(|(name, value)| (name, value)))
            .envs([("LENS_SITE", &site.url), ("LENS_SITE_BELOW", &below.url), ("LENS_SITE_PLAIN", &plain.url)])
            .envs([
                ("LENS_DIST", &kind.folder(paths)),
                ("LENS_XTASK", &paths.own),
                ("LENS_NGINX", &tests.tools.nginx),
                ("LENS_PYTHON_MODULES", modules),
                ("LENS_CHROMIUM", &tests.tools.chromium),
                ("LENS_NODE", &tests.tools.node),
                ("LENS_OUT", &out),
                ("LENS_PACKS", &packs),
                ("LENS_DEFAULT_PACK", &tests.pack),
                ("LENS_WEIGHTS", &tests.weights),
                ("LENS_FULL_SIZE_PACK", &full_size),
                ("LENS_PROGRAM", &program),
                ("LENS_ROOT", &paths.root),
            ])
            .envs(tests.tools.vulkan_driver.iter().map(|driver| ("LENS_VULKAN_DRIVER", driver)))
            .log_to(paths.logs().join(log))
            .timeout(LIMIT)
            .echo()
            .run_to_end()?;
        let mut part = tally::node(&finished.lines);
        if !finished.success && part.failed == 0 {
            part.failed = 1;
        }
        count += part;
    }
    if pattern.is_some() && count.passed + count.failed == 0 {
        bail!("LENS_E2E_TEST: no test has such a name");
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_with_a_place_of_their_own_are_there() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/e2e");
        for name in ALONE.into_iter().chain(LONGEST) {
            assert!(folder.join(format!("{name}.test.mjs")).is_file(), "there is no {name}.test.mjs");
        }
    }
}
