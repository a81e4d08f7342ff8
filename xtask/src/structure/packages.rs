//! Where the workspace's packages are.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Folders of the workspace's packages.
pub fn folders(root: &Path) -> Result<Vec<PathBuf>> {
    let mut folders = vec![root.join("xtask")];
    for group in ["crates", "web"] {
        let group = root.join(group);
        let Ok(entries) = std::fs::read_dir(&group) else { continue };
        for entry in entries {
            folders.push(entry.with_context(|| format!("cannot read {}", group.display()))?.path());
        }
    }
    folders.retain(|folder| folder.join("Cargo.toml").is_file());
    folders.sort();
    Ok(folders)
}
