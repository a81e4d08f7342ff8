//! The Python package as a wheel, with the template of single files of a built site in it: `cargo xtask wheel`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use lens_view::one_file::TEMPLATE;

use crate::paths::Paths;
use crate::process::Task;
use crate::{console, setup, site};

/// The most that a wheel may take.
const BYTES_MAX: u64 = 12_000_000;
/// What the package is made of, in `python/`.
const FILES: [&str; 3] = ["pyproject.toml", "README.md", "temporal_lens"];

#[derive(Debug, Args)]
pub struct WheelArgs {
    /// The folder of a built site; built where it is not given.
    #[arg(long, value_name = "FOLDER")]
    site: Option<PathBuf>,
    /// Where the wheel goes.
    #[arg(long, value_name = "FOLDER", default_value = "dist-python")]
    out: PathBuf,
}

/// Refuses a folder without the template that goes into the wheel.
fn check_site(folder: &Path) -> Result<()> {
    if !folder.join(TEMPLATE).is_file() {
        bail!("{} is not a built site: it has no {TEMPLATE}; `cargo xtask dist` builds one", folder.display());
    }
    Ok(())
}

/// Makes the wheel.
///
/// # Errors
/// Those of building, and a wheel that is too large.
pub fn run(paths: &Paths, args: &WheelArgs) -> Result<()> {
    let folder = match &args.site {
        Some(folder) => {
            check_site(folder)?;
            folder.clone()
        }
        None => site::build(paths, site::Kind::Published)?,
    };
    let (python, modules) = setup::python::with_packages(paths)?;
    // A copy: the template is no file of the checkout.
    let source = paths.target.join("wheel");
    if source.exists() {
        std::fs::remove_dir_all(&source).with_context(|| format!("cannot remove {}", source.display()))?;
    }
    for name in FILES {
        copy(&paths.root.join("python").join(name), &source.join(name))?;
    }
    copy(&folder.join(TEMPLATE), &source.join("temporal_lens").join(TEMPLATE))?;
    Task::new("building the wheel", &python)
        .args(["-m", "pip", "wheel", "--disable-pip-version-check", "--no-deps", "--no-build-isolation", "--wheel-dir"])
        .args([&args.out, &source])
        .envs([("PYTHONPATH", &modules)])
        .run()?;
    for entry in std::fs::read_dir(&args.out).with_context(|| format!("cannot read {}", args.out.display()))? {
        let (file, bytes) = entry.and_then(|it| Ok((it.path(), it.metadata()?.len())))?;
        if file.extension().is_some_and(|it| it == "whl") {
            if bytes > BYTES_MAX {
                bail!("{} has {bytes} bytes, at most {BYTES_MAX} are allowed", file.display());
            }
            console::line(&format!("the wheel is {} ({} kB)", file.display(), bytes / 1000));
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let context = || format!("cannot copy {} to {}", from.display(), to.display());
    if from.is_dir() {
        for entry in std::fs::read_dir(from).with_context(context)? {
            let name = entry?.file_name();
            if name != "__pycache__" {
                copy(&from.join(&name), &to.join(&name))?;
            }
        }
        return Ok(());
    }
    if let Some(parent) = to.parent() {
        std::fs::create_dir_all(parent).with_context(context)?;
    }
    std::fs::copy(from, to).with_context(context)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_no_built_site_is_named() {
        let site = tempfile::tempdir().unwrap();
        for folder in [Path::new("/nope"), site.path()] {
            let refused = check_site(folder).unwrap_err().to_string();
            assert!(refused.contains("is not a built site") && refused.contains("cargo xtask dist"), "{refused}");
        }
        std::fs::write(site.path().join(TEMPLATE), "").unwrap();
        assert!(check_site(site.path()).is_ok());
    }
}
