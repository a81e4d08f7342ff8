//! trunk and wasm-bindgen, built from source into the cache.
//!
//! They come from the crates registry because a build from source works wherever cargo works.
//! They are used for seconds, so they are built without optimisation, and without the parts that
//! fetch things: together 4.5 processor minutes instead of 13. wasm-bindgen then takes a few seconds
//! for the worker instead of one.

use anyhow::{Context, Result};

use crate::paths::Paths;
use crate::process::{Task, answer, find_on_path};

/// 0.22 wants a newer compiler than this workspace.
const TRUNK: &str = "0.21.14";

/// Finds or installs both.
pub fn find_or_install(paths: &Paths) -> Result<()> {
    let bindgen = locked_version(paths, "wasm-bindgen")?;
    // Without its lock file, trunk picks up versions that do not compile.
    install(paths, "trunk", TRUNK, &["trunk", "--locked"])?;
    install(paths, "wasm-bindgen", &bindgen, &["wasm-bindgen-cli", "--bin", "wasm-bindgen"])?;
    // Gigabytes that serve nobody afterwards.
    let build = paths.cache.join("tools-build");
    if build.exists() {
        std::fs::remove_dir_all(&build).with_context(|| format!("cannot remove {}", build.display()))?;
    }
    Ok(())
}

fn install(paths: &Paths, tool: &str, version: &str, package: &[&str]) -> Result<()> {
    let own = paths.tools().join("bin").join(tool);
    let found = [Some(own), find_on_path(tool)].into_iter().flatten();
    if found.into_iter().any(|path| answer(path, &["--version"]).is_some_and(|text| names_version(&text, version))) {
        return Ok(());
    }
    Task::new(&format!("installing {tool} {version} from source"), "cargo")
        .args(["install", "--force", "--no-default-features", "--version", version])
        .args(package)
        .arg("--root")
        .arg(paths.tools())
        .envs([("CARGO_TARGET_DIR", paths.cache.join("tools-build"))])
        .envs(FAST_BUILD)
        // Flags meant for this workspace would only slow them down.
        .without_env("RUSTFLAGS")
        .in_folder(&paths.cache)
        .log_to(paths.logs().join(format!("install-{tool}.log")))
        .run()?;
    Ok(())
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
