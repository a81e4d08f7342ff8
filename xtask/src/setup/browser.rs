//! Chromium for the end-to-end tests.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use super::apt;
use crate::process::find_on_path;

const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

/// Finds it (`TEMPORAL_LENS_CHROMIUM` names another one) or installs Debian's.
pub fn find_or_install() -> Result<PathBuf> {
    if let Some(named) = std::env::var_os("TEMPORAL_LENS_CHROMIUM").map(PathBuf::from) {
        if !named.is_file() {
            bail!("TEMPORAL_LENS_CHROMIUM names {}, which is not there", named.display());
        }
        return Ok(named);
    }
    if let Some(found) = find() {
        return Ok(found);
    }
    if !apt::available() {
        bail!("Chromium is missing: install it, or name one in TEMPORAL_LENS_CHROMIUM");
    }
    apt::install("Chromium", &["chromium"])?;
    find().context("Chromium was installed but is not on the PATH")
}

fn find() -> Option<PathBuf> {
    let application = PathBuf::from("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome");
    NAMES.iter().find_map(|name| find_on_path(name)).or_else(|| application.is_file().then_some(application))
}
