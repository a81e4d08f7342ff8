//! Crates and their floors: a crate may depend on crates of lower floors only.

use super::manifest::Manifest;

/// From the ground up. ARCHITECTURE.md says what each crate is.
const FLOORS: [&[&str]; 6] = [
    &["lens-analysis", "lens-files", "lens-pack", "lens-umap"],
    &["lens-import", "lens-model", "lens-protocol", "lens-tokenizer", "lens-view"],
    &["lens-engine", "lens-loader", "lens-session"],
    &["lens-app", "lens-layouts", "lens-train", "lens-worker"],
    &["temporal-lens"],
    &["xtask"],
];

fn floor_of(name: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&name))
}

/// That a crate has no floor, and dependencies that do not go down; those of tests apart: they may use anything.
pub fn problems(manifest: &Manifest) -> Vec<String> {
    let package = &manifest.package;
    let Some(own) = floor_of(package) else {
        return vec![format!("{package} has no floor: give it one in xtask/src/structure/floors.rs")];
    };
    let goes_up = |package: &str| floor_of(package).is_some_and(|floor| floor >= own);
    let upward = manifest.dependencies.iter().filter(|it| !it.is_dev && goes_up(&it.package));
    upward
        .map(|it| {
            format!("{package} depends on {}, which is not below it: see xtask/src/structure/floors.rs", it.package)
        })
        .collect()
}
