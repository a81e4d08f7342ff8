//! `verify`: our figures next to published ones.

use std::fmt::Write as _;

use anyhow::{Result, bail};
use lens_analysis::Analysis;
use lens_engine::RunOptions;
use lens_pack::text::read_data;

use crate::args::VerifyArgs;
use crate::figures::{self, Figures, Prompt, Tolerances};
use crate::print::{print, status};
use crate::run::{open_pack, read_tokens};
use crate::sentence::name;

/// Runs the command: exit code 1 when a figure lies outside its tolerance.
pub fn run(args: &VerifyArgs) -> Result<()> {
    let golden = match &args.golden {
        Some(path) => {
            let text = read_data(path)?;
            Some(figures::read(&text, &path.display().to_string())?)
        }
        None => None,
    };
    let pack = open_pack(&args.model, args.device)?;
    let manifest = pack.loaded.manifest();
    let sae = figures::sae_identity(&args.model, manifest)?;
    let figures = match golden {
        Some(figures) if !figures.of.has_shape(manifest) => bail!(
            "the figures are of {} at layer {} with an SAE of width {}, the pack is of {} at layer {} with width {}",
            figures.of.model,
            figures.of.layer,
            figures.of.width,
            manifest.model_name,
            manifest.layer,
            manifest.sae.width
        ),
        Some(figures) if !figures.of.is_of_sae(&sae) => {
            bail!("the figures are of another SAE of the same shape than the pack's, {:?}", manifest.sae_name)
        }
        Some(figures) => figures,
        None => figures::of_pack(manifest, &sae)?,
    };
    if args.golden.is_none() && figures.of.sae_b_sha256.is_none() {
        status!(
            "note: that the pack's SAE ({}) is the published one is known by its shape alone",
            name(&manifest.sae_name)
        );
    }
    let mut report = Report::new(&figures, figures.tolerances_of(manifest)?);
    for prompt in &figures.prompts {
        let tokens = pack.loaded.tokenize(&prompt.text)?;
        let options = RunOptions::default();
        let session = read_tokens(&pack, &tokens, options)?;
        report.compare(prompt, &pack.loaded.analysis(&prompt.text, &tokens, session.summary(), options));
    }
    print(&report.text)?;
    match report.outside {
        0 => Ok(()),
        n => bail!("{n} of {} figures lie outside their tolerances", report.compared),
    }
}

/// The table, and how many figures are in it and off.
struct Report {
    text: String,
    tolerances: Tolerances,
    compared: usize,
    outside: usize,
}

impl Report {
    fn new(figures: &Figures, tolerances: Tolerances) -> Self {
        let text = format!("Published: {}, {}\n", figures.of.model, figures.source);
        Self { text, tolerances, compared: 0, outside: 0 }
    }

    fn line(&mut self, what: &str, ours: f64, published: f64, tolerance: f64, decimals: usize) {
        self.compared += 1;
        // NaN is outside, too.
        let inside = (ours - published).abs() <= tolerance;
        if !inside {
            self.outside += 1;
        }
        let verdict = if inside { "ok" } else { "OUTSIDE" };
        // Writing to a String cannot fail.
        let _ = writeln!(
            self.text,
            "{what:<32} {ours:>10.decimals$} {published:>10.decimals$}   ± {tolerance:<8.decimals$} {verdict}"
        );
    }

    fn compare(&mut self, prompt: &Prompt, ours: &Analysis) {
        let _ = writeln!(self.text, "\n{:?}", prompt.text);
        let _ = writeln!(self.text, "{:<32} {:>10} {:>10}   tolerance", "figure", "ours", "published");
        self.line("tokens", ours.token_ids.len() as f64, prompt.tokens as f64, 0.0, 0);
        if let Some(published) = prompt.variance_explained {
            let tolerance = self.tolerances.variance_explained;
            self.line("variance explained", ours.variance_explained.into(), published, tolerance, 4);
        }
        if let Some(published) = prompt.l0_novel {
            for (i, l0) in ours.l0_novel.iter().enumerate() {
                self.line(&at("L0 novel", i, ours), *l0 as f64, published as f64, 0.0, 0);
            }
        }
        for (i, (l0, published)) in ours.l0_pred.iter().zip(prompt.l0_pred.iter().flatten()).enumerate() {
            // Codes are counted: a tolerance below one would mean none.
            let tolerance = (self.tolerances.l0_pred * *published as f64).ceil();
            self.line(&at("L0 predictable", i, ours), *l0 as f64, *published as f64, tolerance, 0);
        }
        if let Some(published) = prompt.similarity {
            let (stats, tolerance) = (ours.similarity_stats, self.tolerances.similarity);
            self.line("similarity min", stats.min.into(), published.min, tolerance, 4);
            self.line("similarity max", stats.max.into(), published.max, tolerance, 4);
            self.line("similarity mean", stats.mean.into(), published.mean, tolerance, 4);
        }
    }
}

fn at(what: &str, position: usize, analysis: &Analysis) -> String {
    format!("{what} {position} {}", analysis.tokens.get(position).map_or("", String::as_str))
}
