//! `fidelity`: what precisions do to the answer, against an f32 pack of the same weights.

use std::path::Path;

use anyhow::{Result, anyhow, bail};
use lens_engine::check::fidelity::Fidelity;
use lens_engine::{PackFolder, PrecisionPlan, RunOptions, RunOutput, session};
use lens_pack::block::Precision;
use lens_pack::text::{from_json, line_problem, read_data};
use serde::Deserialize;

use crate::args::FidelityArgs;
use crate::print::print;
use crate::run::{open_mixed, open_pack};

/// A line of the file of texts; other fields (source, license) are ignored.
#[derive(Deserialize)]
struct Passage {
    text: String,
}

/// Runs the command: a line of a Markdown table for each mix of precisions.
pub fn run(args: &FidelityArgs) -> Result<()> {
    // Each with its place, for errors.
    let texts = passages(&args.texts)?;
    let full = open_pack(&args.reference, args.device)?;
    let stored = full.loaded.manifest().precision.clone();
    if stored != PrecisionPlan::from(Precision::F32) {
        bail!(
            "{}: a pack of precision {stored}; the reference must be packed with --precision f32",
            args.reference.display()
        );
    }
    let reference = runs(&full, None, &texts)?;
    let mut table = String::from(
        "| precision | weights, MB | residual, relative RMS | similarity, mean absolute error | novel top-k overlap \
         | variance explained |\n|---|---|---|---|---|---|\n",
    );
    for mix in &args.mix {
        let pack = open_mixed(&args.reference, args.device, Some(mix.clone()))?;
        let here = runs(&pack, Some(mix), &texts)?;
        let each: Vec<Fidelity> = here.iter().zip(&reference).map(|(run, wanted)| Fidelity::of(run, wanted)).collect();
        let mean = Fidelity::mean(&each);
        table.push_str(&format!(
            "| {mix} | {:.1} | {:.4} | {:.4} | {:.3} | {:.4} |\n",
            pack.loaded.weight_bytes() as f64 / 1e6,
            mean.residual_relative_rms,
            mean.similarity_mean_absolute,
            mean.novel_overlap,
            mean.variance_explained,
        ));
    }
    print(&table)
}

fn passages(path: &Path) -> Result<Vec<(String, String)>> {
    let content = read_data(path)?;
    let mut texts = Vec::new();
    for (number, line) in content.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let at = format!("{}, line {}", path.display(), number + 1);
        let passage: Passage = from_json(line)
            .map_err(|e| anyhow!("{at}: {}", line_problem(line, &format!("not a passage with a \"text\": {e}"))))?;
        if passage.text.is_empty() {
            bail!("{at}: the text is empty");
        }
        texts.push((at, passage.text));
    }
    if texts.is_empty() {
        bail!("{} holds no passages", path.display());
    }
    Ok(texts)
}

fn runs(pack: &PackFolder, mix: Option<&PrecisionPlan>, texts: &[(String, String)]) -> Result<Vec<RunOutput>> {
    let one = |(at, text): &(String, String)| -> Result<RunOutput> {
        let tokens = pack.loaded.tokenize(text).map_err(|e| anyhow!("{at}: {e}"))?;
        let rows = pack.embedding(&tokens.ids).map_err(|e| anyhow!("{at}: {e}"))?;
        let rows = match mix {
            Some(mix) => mix.apply_to_rows(&rows, pack.loaded.manifest().gemma.hidden_size)?,
            None => rows,
        };
        Ok(pollster::block_on(session::run(&pack.loaded, &rows, RunOptions::default()))?)
    };
    texts.iter().map(one).collect()
}
