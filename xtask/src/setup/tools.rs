//! trunk and wasm-bindgen: those that are installed, else prebuilt ones, else built from source into the cache.
//!
//! Prebuilt ones come by cargo-binstall, where that is installed. The crates registry works
//! wherever cargo works. What is built from source runs for seconds only, so it is built without
//! optimization, and without the parts that download things: together 4.5 processor minutes instead of 13.
//! wasm-bindgen then takes a few seconds for the worker instead of one.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::console;
use crate::paths::Paths;
use crate::process::{Task, answer, find_on_path};

/// 0.22 wants a newer compiler than this workspace.
const TRUNK: &str = "0.21.14";

/// Longer than a download of some megabytes takes.
const PREBUILT_LIMIT: Duration = Duration::from_secs(120);

/// Finds or installs both; answers where wasm-bindgen is.
pub fn find_or_install(paths: &Paths) -> Result<PathBuf> {
    let bindgen = locked_version(paths, "wasm-bindgen")?;
    // Without its lock file, trunk picks up versions that do not compile.
    find_or_install_one(paths, &Tool { name: "trunk", package: "trunk", version: TRUNK, flags: &["--locked"] })?;
    let bindgen = Tool {
        name: "wasm-bindgen",
        package: "wasm-bindgen-cli",
        version: &bindgen,
        flags: &["--bin", "wasm-bindgen"],
    };
    let program = find_or_install_one(paths, &bindgen)?;
    // Gigabytes of no further use.
    let build = paths.cache.join("tools-build");
    if build.exists() {
        std::fs::remove_dir_all(&build).with_context(|| format!("cannot remove {}", build.display()))?;
    }
    Ok(program)
}

/// A program from the crates registry.
struct Tool<'a> {
    name: &'a str,
    package: &'a str,
    version: &'a str,
    /// Flags of `cargo install`.
    flags: &'a [&'a str],
}

fn find_or_install_one(paths: &Paths, tool: &Tool<'_>) -> Result<PathBuf> {
    let find = || {
        let own = paths.tools().join("bin").join(format!("{}{}", tool.name, std::env::consts::EXE_SUFFIX));
        let mut found = [Some(own), find_on_path(tool.name)].into_iter().flatten();
        found.find(|path| answer(path, &["--version"]).is_some_and(|text| names_version(&text, tool.version)))
    };
    if let Some(found) = find() {
        return Ok(found);
    }
    if find_on_path("cargo-binstall").is_some() {
        let installed = Task::new(&format!("installing {} {}, prebuilt", tool.name, tool.version), "cargo")
            .args(["binstall", "--no-confirm", "--disable-strategies", "compile", "--version", tool.version])
            .arg(tool.package)
            .arg("--root")
            .arg(paths.tools())
            .timeout(PREBUILT_LIMIT)
            .run_to_end()?;
        if let (true, Some(found)) = (installed.success, find()) {
            return Ok(found);
        }
        console::line(&format!("    there is no prebuilt {} here", tool.name));
    }
    Task::new(&format!("installing {} {} from source", tool.name, tool.version), "cargo")
        .args(["install", "--force", "--no-default-features", "--version", tool.version, tool.package])
        .args(tool.flags)
        .arg("--root")
        .arg(paths.tools())
        .envs([("CARGO_TARGET_DIR", paths.cache.join("tools-build"))])
        .envs(FAST_BUILD)
        // Flags meant for this workspace would only slow them down.
        .without_env("RUSTFLAGS")
        .in_folder(&paths.cache)
        .log_to(paths.logs().join(format!("install-{}.log", tool.name)))
        .run()?;
    find().with_context(|| format!("{} {} was installed and is not there", tool.name, tool.version))
}

/// `cargo install` builds for speed; these settings build for a short wait instead.
const FAST_BUILD: [(&str, &str); 4] = [
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"),
    ("CARGO_PROFILE_RELEASE_LTO", "false"),
    ("CARGO_PROFILE_RELEASE_DEBUG", "false"),
];

fn names_version(answer: &str, version: &str) -> bool {
    answer.split_whitespace().any(|word| word == version)
}

/// The version of a crate in Cargo.lock: wasm-bindgen's tool and crate must be the same.
fn locked_version(paths: &Paths, name: &str) -> Result<String> {
    let lock = std::fs::read_to_string(paths.root.join("Cargo.lock")).context("cannot read Cargo.lock")?;
    version_in_lock(&lock, name).with_context(|| format!("Cargo.lock holds no {name}"))
}

fn version_in_lock(lock: &str, name: &str) -> Option<String> {
    let mut lines = lock.lines().skip_while(|line| *line != format!("name = \"{name}\""));
    Some(lines.nth(1)?.strip_prefix("version = \"")?.trim_end_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        let lock = "[[package]]\nname = \"wasm-bindgen-x\"\nversion = \"9\"\n\n[[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.130\"\n";
        assert_eq!(version_in_lock(lock, "wasm-bindgen").as_deref(), Some("0.2.130"));
        assert!(names_version("wasm-bindgen 0.2.130 (abc)", "0.2.130"));
        assert!(!names_version("trunk 0.21.1", "0.21.14"));
    }
}
