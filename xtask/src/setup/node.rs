//! npm modules, at the versions of `xtask/node/package-lock.json`, in the cache.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::apt;
use crate::paths::Paths;
use crate::process::{Task, answer, find_on_path};

/// The oldest node that the browser's driver runs on.
const NODE_MAJOR: u32 = 20;

/// Copies of the lockfile that tell what is installed.
const SITE_MARKER: &str = ".installed-site";
const TEST_MARKER: &str = ".installed-test";

/// Which of the modules are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parts {
    /// wasm-opt.
    Site,
    /// And what drives the browser.
    Test,
}

/// Finds or installs the modules.
pub fn find_or_install(paths: &Paths, parts: Parts) -> Result<()> {
    require_node()?;
    let (source, folder) = (paths.root.join("xtask/node"), paths.node());
    let lock = read_lock(&source)?;
    let complete =
        is_installed(&folder, TEST_MARKER, &lock) || parts == Parts::Site && is_installed(&folder, SITE_MARKER, &lock);
    if !complete {
        match parts {
            Parts::Site => install("installing npm modules", &source, &folder, &["--omit=dev"])?,
            Parts::Test => install("installing npm modules", &source, &folder, &[])?,
        }
        let marker = if parts == Parts::Site { SITE_MARKER } else { TEST_MARKER };
        lens_files::write_whole(&folder.join(marker), &lock)?;
    }
    Ok(())
}

/// Finds or installs what the benches compare with, at the versions of `tests/bench/package-lock.json`,
/// in `folder`.
pub fn find_or_install_peer(paths: &Paths, folder: &Path) -> Result<()> {
    require_node()?;
    let source = paths.root.join("tests/bench");
    let lock = read_lock(&source)?;
    if !is_installed(folder, TEST_MARKER, &lock) {
        // What embedding-atlas draws with is not measured.
        install("installing the benches' peers (npm)", &source, folder, &["--legacy-peer-deps"])?;
        lens_files::write_whole(&folder.join(TEST_MARKER), &lock)?;
    }
    Ok(())
}

fn read_lock(source: &Path) -> Result<Vec<u8>> {
    let lock = source.join("package-lock.json");
    std::fs::read(&lock).with_context(|| format!("cannot read {}", lock.display()))
}

/// Whether `folder` was installed from the same lockfile.
fn is_installed(folder: &Path, marker: &str, lock: &[u8]) -> bool {
    std::fs::read(folder.join(marker)).is_ok_and(|found| found == lock)
}

/// `npm ci` of the manifest and lockfile in `source`, in `folder`.
fn install(title: &str, source: &Path, folder: &Path, options: &[&str]) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    for file in ["package.json", "package-lock.json"] {
        std::fs::copy(source.join(file), folder.join(file)).with_context(|| format!("cannot copy {file}"))?;
    }
    Task::new(title, "npm")
        .args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"])
        .args(options)
        .in_folder(folder)
        .timeout(Duration::from_secs(600))
        .run()?;
    Ok(())
}

/// Puts a `wasm-opt` and a `wasm-bindgen` for trunk into the folder that is answered: both remember results
/// (xtask/node/cached-tool.mjs). npm's wasm-opt is a script for node; `wasm_bindgen` is the real one.
pub fn write_wrappers(paths: &Paths, wasm_bindgen: &Path) -> Result<PathBuf> {
    let folder = paths.node();
    let (bin, script) = (folder.join("bin"), paths.root.join("xtask/node/cached-tool.mjs"));
    std::fs::create_dir_all(&bin).with_context(|| format!("cannot create {}", bin.display()))?;
    let wasm_opt = folder.join("node_modules/binaryen/bin/wasm-opt");
    for (tool, program) in [("wasm-opt", wasm_opt.as_path()), ("wasm-bindgen", wasm_bindgen)] {
        let results = folder.join(format!("{tool}-results"));
        let text = format!(
            "#!/bin/sh\nexec node '{}' {tool} '{}' '{}' \"$@\"\n",
            script.display(),
            results.display(),
            program.display()
        );
        let wrapper = bin.join(tool);
        if std::fs::read_to_string(&wrapper).is_ok_and(|found| found == text) {
            continue;
        }
        lens_files::WholeFile::write_with(&wrapper, |out| {
            out.write_all(text.as_bytes())?;
            // Before it has its name: another build may be about to run it.
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt;
                out.set_permissions(std::fs::Permissions::from_mode(0o755))?;
            }
            Ok(())
        })?
        .publish()?;
    }
    Ok(bin)
}

fn require_node() -> Result<()> {
    let major = || -> Option<u32> {
        find_on_path("npm")?;
        answer("node", &["--version"])?.trim_start_matches('v').split('.').next()?.parse().ok()
    };
    if major().is_none() && apt::available() {
        apt::install("node and npm", &["nodejs", "npm"])?;
    }
    match major() {
        Some(found) if found >= NODE_MAJOR => Ok(()),
        Some(found) => bail!("node {found} is too old: install node {NODE_MAJOR} or newer, with npm"),
        None => bail!("node is missing: install node {NODE_MAJOR} or newer, with npm"),
    }
}
