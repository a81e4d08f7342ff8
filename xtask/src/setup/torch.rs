//! A Python with torch, and what runs notebooks in it: for the tests of what we give to Python's users.
//!
//! PyPI's torch for Linux is built for CUDA and takes gigabytes. Debian's (package python3-torch) takes 150 MB with all it needs, so that is
//! what is installed where no Python has one.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::{apt, python};
use crate::paths::Paths;
use crate::process::answer;

/// Names a Python that has torch and numpy.
const VARIABLE: &str = "TEMPORAL_LENS_TORCH_PYTHON";
/// Debian's own, which other Pythons may hide.
const USUAL: &str = "/usr/bin/python3";

/// What runs notebooks and writes them as HTML, and what checks the types of what they are written with, by the folder that each installs.
const NOTEBOOKS: [(&str, &str); 7] = [
    ("nbclient", "nbclient>=0.10,<1"),
    ("ipykernel", "ipykernel>=6.29,<8"),
    ("nbconvert", "nbconvert>=7.16,<8"),
    ("pytest", "pytest>=8,<10"),
    ("mypy", "mypy>=2,<3"),
    // What people look at notebooks with.
    ("jupyterlab", "jupyterlab>=4.4,<5"),
    ("marimo", "marimo>=0.20,<1"),
];
/// SAELens and what its TemporalSAE computes with, without what the rest of both packages needs: a newer torch, and gigabytes
/// (python/tests/with_torch/saelens.py).
const SAELENS: [(&str, &str); 4] = [
    ("sae_lens", "sae-lens==6.54.12"),
    ("transformer_lens", "transformer-lens==2.18.0"),
    ("einops", "einops>=0.7,<1"),
    ("safetensors", "safetensors>=0.5,<1"),
];

/// Finds or installs both; answers the Python, and the folder for its PYTHONPATH.
pub fn find_or_install(paths: &Paths) -> Result<(String, PathBuf)> {
    if find().is_none() && apt::available() {
        apt::install("torch", &["python3-torch"])?;
    }
    let python = find().with_context(|| {
        format!("no Python here has torch and numpy: name one that has in {VARIABLE}, or, as root on Debian, apt-get install python3-torch")
    })?;
    let folder = paths.tools().join(format!("notebooks-{}", python::version(&python)));
    python::install_missing(&python, &folder, "what runs notebooks and checks types", &NOTEBOOKS, &[])?;
    python::install_missing(&python, &folder, "SAELens' TemporalSAE", &SAELENS, &["--no-deps"])?;
    Ok((python, folder))
}

fn find() -> Option<String> {
    let named = std::env::var(VARIABLE).ok();
    let usual = ["python3", "python", USUAL].map(str::to_owned);
    let has_torch = |python: &String| answer(Path::new(python), &["-c", "import numpy, torch"]).is_some();
    named.into_iter().chain(usual).find(has_torch)
}
