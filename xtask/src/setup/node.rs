//! npm modules, at the versions of `xtask/node/package-lock.json`, in the cache.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::apt;
use crate::paths::Paths;
use crate::process::{Task, answer, find_on_path};

/// The oldest node that the browser's driver runs on.
const NODE_MAJOR: u32 = 20;

/// Which of the modules are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parts {
    /// wasm-opt.
    Site,
    /// And what drives the browser.
    Test,
}

/// Finds or installs the modules, and puts a `wasm-opt` for trunk into `node/bin`.
pub fn find_or_install(paths: &Paths, parts: Parts) -> Result<()> {
    require_node()?;
    let (source, folder) = (paths.root.join("xtask/node"), paths.node());
    let lock = std::fs::read(source.join("package-lock.json")).context("cannot read xtask/node/package-lock.json")?;
    let installed = |marker: &str| std::fs::read(folder.join(marker)).is_ok_and(|found| found == lock);
    let complete = installed(".installed-test") || parts == Parts::Site && installed(".installed-site");
    if !complete {
        std::fs::create_dir_all(&folder)?;
        for file in ["package.json", "package-lock.json"] {
            std::fs::copy(source.join(file), folder.join(file)).with_context(|| format!("cannot copy {file}"))?;
        }
        let (marker, omit): (_, &[&str]) = match parts {
            Parts::Site => (".installed-site", &["--omit=dev"]),
            Parts::Test => (".installed-test", &[]),
        };
        Task::new("installing npm modules", "npm")
            .args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"])
            .args(omit)
            .in_folder(&folder)
            .timeout(Duration::from_secs(600))
            .run()?;
        std::fs::write(folder.join(marker), &lock)?;
    }
    install_wasm_opt(&source, &folder)
}

/// trunk looks for a program named wasm-opt; npm's is a script for node. Ours also remembers results.
fn install_wasm_opt(source: &Path, folder: &Path) -> Result<()> {
    let bin = folder.join("bin");
    std::fs::create_dir_all(&bin)?;
    let program = bin.join("wasm-opt");
    let text =
        format!("#!/bin/sh\nexec node '{}' '{}' \"$@\"\n", source.join("wasm-opt.mjs").display(), folder.display());
    if std::fs::read_to_string(&program).is_ok_and(|found| found == text) {
        return Ok(());
    }
    std::fs::write(&program, text)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
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
