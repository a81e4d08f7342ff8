//! Crates and their floors: a crate may depend on crates of lower floors only.

use std::path::Path;

use anyhow::{Context, Result};

use super::packages;

/// From the ground up. ARCHITECTURE.md says what each crate is.
const FLOORS: [&[&str]; 6] = [
    &["lens-analysis", "lens-files", "lens-pack", "lens-umap"],
    &["lens-import", "lens-model", "lens-protocol", "lens-tokenizer", "lens-view"],
    &["lens-engine", "lens-loader", "lens-session"],
    &["lens-app", "lens-train", "lens-worker"],
    &["temporal-lens"],
    &["xtask"],
];

fn floor_of(name: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&name))
}

/// Crates without a floor, and dependencies that do not go down.
pub fn problems(root: &Path) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    for folder in packages::folders(root)? {
        let manifest = folder.join("Cargo.toml");
        let text = std::fs::read_to_string(&manifest).with_context(|| format!("cannot read {}", manifest.display()))?;
        let package = package(&text).with_context(|| format!("{} names no package", manifest.display()))?;
        let Some(own) = floor_of(package) else {
            problems.push(format!("{package} has no floor: give it one in xtask/src/structure/floors.rs"));
            continue;
        };
        for dependency in dependencies(&text) {
            if floor_of(dependency).is_some_and(|floor| floor >= own) {
                problems.push(format!(
                    "{package} depends on {dependency}, which is not below it: see xtask/src/structure/floors.rs"
                ));
            }
        }
    }
    Ok(problems)
}

/// The lines of a section of a manifest.
fn section(text: &str, wanted: impl Fn(&str) -> bool) -> impl Iterator<Item = &str> {
    let mut is_inside = false;
    text.lines().map(str::trim).filter(move |line| {
        if let Some(name) = line.strip_prefix('[') {
            is_inside = wanted(name.trim_end_matches(']'));
            return false;
        }
        is_inside
    })
}

fn package(text: &str) -> Option<&str> {
    let line = section(text, |name| name == "package").find_map(|line| line.strip_prefix("name = "))?;
    Some(line.trim_matches('"'))
}

/// Names of what a package depends on, tests apart: they may use anything.
fn dependencies(text: &str) -> impl Iterator<Item = &str> {
    let is_dependency = |name: &str| name.ends_with("dependencies") && !name.ends_with("dev-dependencies");
    section(text, is_dependency).filter_map(|line| line.split(['.', ' ', '=']).next()).filter(|name| !name.is_empty())
}
