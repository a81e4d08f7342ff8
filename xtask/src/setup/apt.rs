//! Debian packages, where they are the last resort and we may install them.

use anyhow::{Result, bail};

use crate::process::{Task, answer, find_on_path};

/// Whether packages can be installed without asking anyone: apt-get is there and we are root.
pub fn available() -> bool {
    find_on_path("apt-get").is_some() && answer("id", &["-u"]).is_some_and(|user| user == "0")
}

/// Installs packages; `purpose` ends the sentence "installing ... for".
pub fn install(purpose: &str, packages: &[&str]) -> Result<()> {
    if !available() {
        bail!("{purpose} is missing; as root: apt-get install {}", packages.join(" "));
    }
    // With this run level nothing is started because it was installed.
    let quiet = [("DEBIAN_FRONTEND", "noninteractive"), ("RUNLEVEL", "1")];
    let title = format!("installing {purpose} (Debian packages)");
    let install = || {
        Task::new(&title, "apt-get")
            .args(["install", "-y", "--no-install-recommends", "-o", "APT::Status-Fd=1"])
            .args(packages)
            .envs(quiet)
    };
    // Fresh machines have no package lists, others have old ones: both fail at first.
    if install().run_to_end()?.success {
        return Ok(());
    }
    Task::new("updating Debian's package lists", "apt-get").args(["update", "-o", "APT::Status-Fd=1"]).run()?;
    install().run()?;
    Ok(())
}
