//! Dependencies that no source of their package names, and dependencies of the workspace that no package has.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use proc_macro2::{TokenStream, TokenTree};
use toml::Table;

use super::manifest::Manifest;

/// Dependencies that are there for a feature that they turn on in another crate's copy of them.
const FOR_FEATURES: [&str; 2] = ["getrandom_03", "getrandom_04"];

/// Dependencies of the package in `folder` that its sources do not name.
pub fn problems(folder: &Path, manifest: &Manifest) -> Result<Vec<String>> {
    let in_code = names_in(folder, &["src", "build.rs"])?;
    let in_tests = names_in(folder, &["tests", "benches", "examples"])?;
    let is_named = |name: &str, is_dev: bool| {
        let name = name.replace('-', "_");
        // A file of `src` may have tests, too.
        in_code.contains(&name) || is_dev && in_tests.contains(&name)
    };
    let unnamed = manifest.dependencies.iter().filter(|it| !is_named(&it.name, it.is_dev));
    let unnamed = unnamed.filter(|it| !FOR_FEATURES.contains(&it.name.as_str()));
    Ok(unnamed
        .map(|it| format!("{} does not use {}: take it out of its Cargo.toml", manifest.package, it.name))
        .collect())
}

/// Dependencies of the workspace that none of its packages has.
pub fn problems_of_workspace(workspace: &Table, manifests: &[Manifest]) -> Vec<String> {
    let used: BTreeSet<&str> = manifests.iter().flat_map(|it| &it.dependencies).map(|it| it.name.as_str()).collect();
    let unused = workspace.keys().filter(|name| !used.contains(name.as_str()));
    unused.map(|name| format!("no package has {name}: take it out of the workspace's Cargo.toml")).collect()
}

/// Every identifier in the Rust files below `places` of a package.
fn names_in(folder: &Path, places: &[&str]) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    let mut rest: Vec<PathBuf> = places.iter().map(|it| folder.join(it)).filter(|it| it.exists()).collect();
    while let Some(path) = rest.pop() {
        if path.is_dir() {
            for entry in std::fs::read_dir(&path).with_context(|| format!("cannot read {}", path.display()))? {
                rest.push(entry.with_context(|| format!("cannot read {}", path.display()))?.path());
            }
        } else if path.extension().is_some_and(|it| it == "rs") {
            let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            // A module may be a file of another package.
            for line in text.lines().filter_map(|line| line.trim().strip_prefix("#[path = \"")) {
                let named = line.split('"').next().unwrap_or_default();
                rest.push(path.parent().unwrap_or(folder).join(named));
            }
            let tokens = text.parse().map_err(|e| anyhow!("{} is not Rust: {e}", path.display()))?;
            identifiers(tokens, &mut names);
        }
    }
    Ok(names)
}

fn identifiers(tokens: TokenStream, into: &mut BTreeSet<String>) {
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => {
                into.insert(ident.to_string());
            }
            TokenTree::Group(group) => identifiers(group.stream(), into),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}
