//! Chromium for the end-to-end tests, and Firefox for those of single files.

use std::path::{Path, PathBuf};

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

/// Finds Firefox (`TEMPORAL_LENS_FIREFOX` names another one) or installs Debian's.
pub fn find_or_install_firefox() -> Result<PathBuf> {
    if let Some(named) = std::env::var_os("TEMPORAL_LENS_FIREFOX").map(PathBuf::from) {
        if !named.is_file() {
            bail!("TEMPORAL_LENS_FIREFOX names {}, which is not there", named.display());
        }
        return Ok(named);
    }
    let application = PathBuf::from("/Applications/Firefox.app/Contents/MacOS/firefox");
    let find = || {
        let found = ["firefox-esr", "firefox"].iter().find_map(|name| find_on_path(name));
        found.or_else(|| application.is_file().then(|| application.clone()))
    };
    if let Some(found) = find() {
        return Ok(found);
    }
    if !apt::available() {
        bail!("Firefox is missing: install it, or name one in TEMPORAL_LENS_FIREFOX");
    }
    apt::install("Firefox", &["firefox-esr"])?;
    find().context("Firefox was installed but is not on the PATH")
}

/// Vulkan on the processor, as Chromium brings it along: the manifest of its driver.
pub fn vulkan_driver(chromium: &Path) -> Option<PathBuf> {
    let own = chromium.canonicalize().ok()?;
    [own.parent()?, Path::new("/usr/lib/chromium"), Path::new("/usr/lib/chromium-browser")]
        .iter()
        .map(|folder| folder.join("vk_swiftshader_icd.json"))
        .find(|driver| driver.is_file())
}

/// A browser that can be copied: a folder with all that it consists of.
pub struct Portable {
    /// The folder.
    pub folder: PathBuf,
    /// The program's name in it.
    pub name: String,
}

impl Portable {
    /// The program.
    pub fn program(&self) -> PathBuf {
        self.folder.join(&self.name)
    }
}

/// The folder of `chromium`, which may be a script that starts the program in it.
///
/// # Errors
/// A browser that does not lie in a folder of its own.
pub fn folder(chromium: &Path) -> Result<Portable> {
    let folder = vulkan_driver(chromium).and_then(|driver| Some(driver.parent()?.to_owned()));
    let found = folder.and_then(|folder| {
        let name = ["chromium", "chrome"].into_iter().find(|name| folder.join(name).is_file())?;
        Some(Portable { folder, name: name.to_owned() })
    });
    found.with_context(|| format!("no folder of a whole browser belongs to {}", chromium.display()))
}

fn find() -> Option<PathBuf> {
    let application = PathBuf::from("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome");
    NAMES.iter().find_map(|name| find_on_path(name)).or_else(|| application.is_file().then_some(application))
}
