//! The wasm32 target: from rustup where its server answers, else from Debian's packages.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, bail};

use super::apt;
use crate::console;
use crate::process::{Task, answer, find_on_path};

/// The one target of the web crates.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// Debian's compiler with the standard library's source, which cargo then builds for wasm32.
const DEBIAN_PACKAGES: [&str; 6] =
    ["rustc-web", "cargo-web", "rust-web-src", "rust-web-llvm", "rust-web-clippy", "lld-19"];

/// Where Debian's compiler lies.
const DEBIAN_BIN: &str = "/usr/bin";

/// How to compile for wasm32 here.
#[derive(Debug, Default)]
pub struct WasmToolchain {
    /// Folder whose cargo and rustc go before all others.
    pub first_on_path: Option<PathBuf>,
    /// Variables for cargo.
    pub env: Vec<(&'static str, &'static str)>,
}

/// Finds the target, or installs it.
pub fn find_or_install() -> Result<WasmToolchain> {
    if has_target() {
        return Ok(WasmToolchain::default());
    }
    if debian_is_complete() {
        return Ok(debian());
    }
    if find_on_path("rustup").is_some() {
        // Without a network rustup retries for minutes by default.
        let added = Task::new("installing the wasm32 target (rustup)", "rustup")
            .args(["target", "add", TARGET])
            .envs([("RUSTUP_MAX_RETRIES", "1")])
            .timeout(Duration::from_secs(180))
            .run_to_end()?;
        if added.success && has_target() {
            return Ok(WasmToolchain::default());
        }
        console::line("    rustup could not fetch the wasm32 target");
    }
    if !apt::available() {
        bail!(
            "the wasm32 target is missing and could not be installed. Either `rustup target add {TARGET}`, or on \
             Debian, as root: apt-get install --no-install-recommends {}",
            DEBIAN_PACKAGES.join(" ")
        );
    }
    apt::install("a compiler for wasm32", &DEBIAN_PACKAGES)?;
    if !debian_is_complete() {
        bail!("Debian's wasm32 compiler was installed but is not complete; see `dpkg -L rust-web-src`");
    }
    Ok(debian())
}

/// Whether the compiler that cargo uses here has the target's standard library.
fn has_target() -> bool {
    answer("rustc", &["--print", "sysroot"])
        .is_some_and(|root| Path::new(&root).join("lib/rustlib").join(TARGET).join("lib").is_dir())
}

fn debian_is_complete() -> bool {
    let bin = Path::new(DEBIAN_BIN);
    let sources = || {
        let root = answer(bin.join("rustc"), &["--print", "sysroot"])?;
        Path::new(&root).join("lib/rustlib/src/rust/library/std/Cargo.toml").canonicalize().ok()
    };
    ["rustc", "cargo", "cargo-clippy", "wasm-ld-19"].iter().all(|tool| bin.join(tool).is_file()) && sources().is_some()
}

fn debian() -> WasmToolchain {
    WasmToolchain {
        first_on_path: Some(PathBuf::from(DEBIAN_BIN)),
        env: vec![
            // Debian ships the standard library's source only; building it is still unstable.
            ("RUSTC_BOOTSTRAP", "1"),
            ("CARGO_UNSTABLE_BUILD_STD", "std,panic_abort"),
            ("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", "wasm-ld-19"),
        ],
    }
}
