//! Python, which people have, and numpy for the tests of what we give to Python's users.

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::apt;
use crate::paths::Paths;
use crate::process::{Task, answer};

/// Any of its second series.
const NUMPY: &str = "numpy>=2,<3";

/// The name of a Python with pip; Debian's is installed where there is none.
pub fn require_pip() -> Result<String> {
    let with_pip = || {
        let found = |python: &&str| answer(python, &["-m", "pip", "--version"]).is_some();
        ["python3", "python"].into_iter().find(found).map(str::to_owned)
    };
    if with_pip().is_none() && apt::available() {
        apt::install("python's pip", &["python3", "python3-pip"])?;
    }
    with_pip().context("python3 with pip is missing: install it; the weights come as Python packages")
}

/// Finds or installs numpy; answers the Python, and the folder for its PYTHONPATH.
pub fn with_numpy(paths: &Paths) -> Result<(String, PathBuf)> {
    let python = require_pip()?;
    let version = answer(&python, &["-c", "import sys; print('%d.%d' % sys.version_info[:2])"]).unwrap_or_default();
    // Compiled for one version of Python.
    let folder = paths.tools().join(format!("python-{}", version.trim()));
    if !folder.join("numpy").is_dir() {
        Task::new("installing numpy", &python)
            .args(["-m", "pip", "install", "--disable-pip-version-check", "--no-compile", "--target"])
            .args([&folder])
            .args([NUMPY])
            .run()?;
    }
    Ok((python, folder))
}
