//! nginx, which many sites are hosted with.

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::apt;
use crate::process::find_on_path;

/// Debian puts it where only root looks.
const USUAL: &str = "/usr/sbin/nginx";

/// Finds or installs it.
pub fn find_or_install() -> Result<PathBuf> {
    let find = || find_on_path("nginx").or_else(|| Some(PathBuf::from(USUAL)).filter(|path| path.is_file()));
    if let Some(found) = find() {
        return Ok(found);
    }
    apt::install("nginx", &["nginx-light"])?;
    find().context("nginx was installed and is not there")
}
