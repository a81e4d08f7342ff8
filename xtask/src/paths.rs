//! Where things lie: the tree, the build folder, and the cache outside the tree.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The folders every chore needs.
#[derive(Debug, Clone)]
pub struct Paths {
    /// Root of the repository.
    pub root: PathBuf,
    /// Cargo's target folder (`CARGO_TARGET_DIR` is respected).
    pub target: PathBuf,
    /// This program. Asked for at the start: the tests' build puts another copy in its place.
    pub own: PathBuf,
    /// Downloads, tools and packs, kept between clones: `TEMPORAL_LENS_CACHE` or the user's cache folder.
    pub cache: PathBuf,
}

impl Paths {
    /// Finds them; the cache folder is created.
    pub fn find() -> Result<Self> {
        // The manifest folder was true when xtask was built; a moved tree rebuilds xtask anyway.
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies in the tree")?.to_owned();
        let cache = match (std::env::var_os("TEMPORAL_LENS_CACHE"), std::env::var_os("XDG_CACHE_HOME")) {
            (Some(own), _) => PathBuf::from(own),
            (None, Some(user)) => PathBuf::from(user).join("temporal-lens"),
            (None, None) => {
                let home = std::env::var_os("HOME").or_else(|| std::env::var_os("USERPROFILE"));
                PathBuf::from(home.context("neither TEMPORAL_LENS_CACHE nor HOME is set")?).join(".cache/temporal-lens")
            }
        };
        std::fs::create_dir_all(&cache).with_context(|| format!("cannot create {}", cache.display()))?;
        let cache = cache.canonicalize().with_context(|| format!("cannot open {}", cache.display()))?;
        let own = std::env::current_exe().context("cannot find xtask itself")?;
        Ok(Self { target: target_dir(&root)?, root, own, cache })
    }

    /// Tools that setup installs itself; `bin/` inside goes on PATH.
    pub fn tools(&self) -> PathBuf {
        self.cache.join("tools")
    }

    /// npm modules, `node_modules/` inside.
    pub fn node(&self) -> PathBuf {
        self.cache.join("node")
    }

    /// Packed models, one folder each.
    pub fn packs(&self) -> PathBuf {
        self.cache.join("packs")
    }

    /// The site that Trunk builds.
    pub fn dist(&self) -> PathBuf {
        self.root.join("dist")
    }

    /// What a tool printed, for when its step failed.
    pub fn logs(&self) -> PathBuf {
        self.target.join("xtask-logs")
    }
}

/// What `cargo metadata` with a flag prints of the workspace in `root`, as JSON.
pub fn cargo_metadata(root: &Path, flag: &str) -> Result<Vec<u8>> {
    let output = Command::new("cargo")
        .args(["metadata", flag, "--format-version", "1"])
        .current_dir(root)
        .output()
        .context("cannot run cargo")?;
    if !output.status.success() {
        bail!("cargo metadata failed:\n{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(output.stdout)
}

fn target_dir(root: &Path) -> Result<PathBuf> {
    // Cargo knows best: the folder may come from the environment or from a user's configuration.
    let metadata = cargo_metadata(root, "--no-deps")?;
    let metadata: serde_json::Value = serde_json::from_slice(&metadata).context("cargo metadata")?;
    let folder = metadata["target_directory"].as_str().context("cargo metadata names no target folder")?;
    Ok(PathBuf::from(folder))
}
