//! What a package's `Cargo.toml` says of its dependencies, in every form that cargo reads.

use std::path::Path;

use anyhow::{Context, Result};
use toml::{Table, Value};

/// A dependency of a package.
#[derive(Debug, PartialEq, Eq)]
pub struct Dependency {
    /// What sources call it, with its dashes.
    pub name: String,
    /// The package that it is: another name where it was renamed.
    pub package: String,
    /// Whether only tests, benches and examples see it.
    pub is_dev: bool,
}

/// A package's name and dependencies.
#[derive(Debug)]
pub struct Manifest {
    pub package: String,
    pub dependencies: Vec<Dependency>,
}

impl Manifest {
    /// Reads the manifest in `folder`; `workspace` are the dependencies of the workspace, which may rename, too.
    pub fn read(folder: &Path, workspace: &Table) -> Result<Self> {
        let path = folder.join("Cargo.toml");
        let manifest = read_table(&path)?;
        let package = manifest.get("package").and_then(|it| it.get("name")).and_then(Value::as_str);
        let package = package.with_context(|| format!("{} names no package", path.display()))?.to_owned();
        let targets = manifest.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values);
        let of_targets = targets.filter_map(Value::as_table);
        let mut dependencies = Vec::new();
        for table in std::iter::once(&manifest).chain(of_targets) {
            for (key, is_dev) in [("dependencies", false), ("build-dependencies", false), ("dev-dependencies", true)] {
                let listed = table.get(key).and_then(Value::as_table).into_iter().flatten();
                dependencies.extend(listed.map(|(name, value)| {
                    let is_inherited = value.get("workspace").and_then(Value::as_bool) == Some(true);
                    let value = if is_inherited { workspace.get(name).unwrap_or(value) } else { value };
                    let renamed = value.get("package").and_then(Value::as_str);
                    Dependency { name: name.clone(), package: renamed.unwrap_or(name).to_owned(), is_dev }
                }));
            }
        }
        Ok(Self { package, dependencies })
    }
}

/// The dependencies that the workspace at `root` names for its packages.
pub fn of_workspace(root: &Path) -> Result<Table> {
    let path = root.join("Cargo.toml");
    if !path.is_file() {
        return Ok(Table::new());
    }
    let dependencies = read_table(&path)?.get("workspace").and_then(|it| it.get("dependencies")).cloned();
    Ok(dependencies.and_then(|it| it.as_table().cloned()).unwrap_or_default())
}

fn read_table(path: &Path) -> Result<Table> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    text.parse().with_context(|| format!("{} is not TOML", path.display()))
}
