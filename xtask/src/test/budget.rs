//! Sizes of what a visitor downloads, as a host that compresses well sends it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::steps::Context;
use super::tally::Count;
use crate::console;
use crate::process::command;

/// A module and the most it may weigh, in bytes after brotli at its best.
const BUDGETS: [(&str, u64); 3] = [("app", 546_000), ("layouts", 72_000), ("worker", 2_000_000)];

/// Every module is within its budget.
pub fn sizes(context: &Context) -> Result<Count> {
    let mut count = Count::default();
    for (module, budget) in BUDGETS {
        let file = find_module(&context.paths.dist(), module)?;
        let raw = file.metadata()?.len();
        let compressed = brotli_bytes(&file)?;
        let within = compressed <= budget;
        let verdict = if within { "within" } else { "OVER" };
        console::line(&format!("    {module}.wasm: {raw} bytes, {compressed} after brotli, {verdict} its {budget}"));
        count += Count::one(within);
    }
    Ok(count)
}

/// Trunk adds a hash to the name: app-0123456789abcdef_bg.wasm; a worker keeps its plain name.
fn find_module(dist: &Path, module: &str) -> Result<PathBuf> {
    let found = std::fs::read_dir(dist)
        .with_context(|| format!("cannot read {}", dist.display()))?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.ends_with("_bg.wasm")
                && (name.starts_with(&format!("{module}-")) || name.starts_with(&format!("{module}_")))
        });
    match found {
        Some(path) => Ok(path),
        None => bail!("{} holds no wasm module of {module}", dist.display()),
    }
}

/// node's zlib has brotli, and the tests need node anyway.
fn brotli_bytes(file: &Path) -> Result<u64> {
    let script = "const { brotliCompressSync, constants: c } = require('node:zlib');\
                  const bytes = require('node:fs').readFileSync(process.argv[1]);\
                  console.log(brotliCompressSync(bytes, { params: { [c.BROTLI_PARAM_QUALITY]: 11, \
                  [c.BROTLI_PARAM_SIZE_HINT]: bytes.length } }).length);";
    let output = command("node").args(["-e", script]).arg(file).output().context("cannot run node")?;
    if !output.status.success() {
        bail!("node could not compress {}: {}", file.display(), String::from_utf8_lossy(&output.stderr));
    }
    String::from_utf8_lossy(&output.stdout).trim().parse().context("node printed no number")
}
