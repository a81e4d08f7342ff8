//! `fidelity`: what a pack's precision does to the answer, against the f32 pack of the same weights.

use std::path::Path;

use anyhow::{Result, anyhow, bail};
use lens_engine::fidelity::Fidelity;
use lens_engine::{PackFolder, Run, RunOptions};
use serde::Deserialize;

use crate::analyze::{open_pack, print, run_tokens};
use crate::args::FidelityArgs;

/// A line of the file of texts; other fields (source, licence) are its business.
#[derive(Deserialize)]
struct Passage {
    text: String,
}

/// Runs the command: a line of a Markdown table for each pack.
pub fn run(args: &FidelityArgs) -> Result<()> {
    let texts = passages(&args.texts)?;
    let reference = runs(&open_pack(&args.reference, args.device)?, &texts)?;
    let mut table = String::from(
        "| pack | weights, MB | residual, relative RMS | similarity, mean absolute error | novel top-k overlap | variance explained (reference) |\n|---|---|---|---|---|---|\n",
    );
    for folder in &args.model {
        let pack = open_pack(folder, args.device)?;
        let here = runs(&pack, &texts)?;
        let each: Vec<Fidelity> =
            here.iter().zip(&reference).map(|(run, reference)| Fidelity::of(run, reference)).collect();
        let mean = Fidelity::mean(&each);
        table.push_str(&format!(
            "| {} | {:.0} | {:.4} | {:.4} | {:.3} | {:.4} ({:.4}) |\n",
            pack.lens.manifest().precision,
            pack.lens.weight_bytes() as f64 / 1e6,
            mean.residual_relative_rms,
            mean.similarity_mean_absolute,
            mean.novel_overlap,
            mean.variance_explained,
            mean.variance_explained_reference,
        ));
    }
    print(&table)
}

fn passages(path: &Path) -> Result<Vec<String>> {
    let content = std::fs::read_to_string(path).map_err(|e| anyhow!("cannot read {}: {e}", path.display()))?;
    let mut texts = Vec::new();
    for (number, line) in content.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let passage: Passage = serde_json::from_str(line)
            .map_err(|e| anyhow!("{}, line {}: not a passage with a \"text\": {e}", path.display(), number + 1))?;
        texts.push(passage.text);
    }
    if texts.is_empty() {
        bail!("{} holds no passages", path.display());
    }
    Ok(texts)
}

fn runs(pack: &PackFolder, texts: &[String]) -> Result<Vec<Run>> {
    texts.iter().map(|text| run_tokens(pack, &pack.lens.tokenize(text)?, RunOptions::default())).collect()
}
