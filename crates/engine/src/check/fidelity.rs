//! What a pack's precision does to its results: one pack compared with another of the same weights.

use std::collections::HashSet;

use lens_analysis::{gram, stats};

use super::self_check::relative_rms;
use crate::RunOutput;

/// Differences between two packs' runs of the same tokens, averaged over texts.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Fidelity {
    /// Texts compared.
    pub texts: usize,
    /// Relative RMS difference of the residual stream, BOS left out.
    pub residual_relative_rms: f64,
    /// Mean absolute difference of the similarity matrices' entries (notebook mode).
    pub similarity_mean_absolute: f64,
    /// Share of the reference's non-zero novel codes that are non-zero here too.
    pub novel_overlap: f64,
    /// Variance explained by this pack (the notebook's formula).
    pub variance_explained: f64,
    /// Variance explained by the reference.
    pub variance_explained_reference: f64,
}

impl Fidelity {
    /// Compares `run` with `reference`, which saw the same tokens.
    pub fn of(run: &RunOutput, reference: &RunOutput) -> Self {
        let (t, d, width) = (run.tokens, run.d_model, run.width);
        let gram = |r: &RunOutput| gram::centered_gram(&r.pred_codes, t, width);
        let (here, there) = (gram(run), gram(reference));
        let rows = gram::cosine_rows(&here).flatten().zip(gram::cosine_rows(&there).flatten());
        let difference: f64 = rows.map(|(a, b)| f64::from((a - b).abs())).sum();
        let active = |codes: &[f32]| -> HashSet<usize> {
            codes.iter().enumerate().filter(|(_, v)| **v != 0.0).map(|(i, _)| i).collect()
        };
        let (novel, novel_reference) = (active(&run.novel_codes), active(&reference.novel_codes));
        Self {
            texts: 1,
            residual_relative_rms: relative_rms(&run.residual[d..], &reference.residual[d..]),
            similarity_mean_absolute: difference / (t * t) as f64,
            novel_overlap: novel.intersection(&novel_reference).count() as f64 / novel_reference.len().max(1) as f64,
            variance_explained: f64::from(stats::variance_explained(&run.residual, &run.recons, d)),
            variance_explained_reference: f64::from(stats::variance_explained(
                &reference.residual,
                &reference.recons,
                d,
            )),
        }
    }

    /// The mean over texts.
    pub fn mean(of_texts: &[Self]) -> Self {
        let n = of_texts.len() as f64;
        let mean = |field: fn(&Self) -> f64| of_texts.iter().map(field).sum::<f64>() / n;
        Self {
            texts: of_texts.len(),
            residual_relative_rms: mean(|f| f.residual_relative_rms),
            similarity_mean_absolute: mean(|f| f.similarity_mean_absolute),
            novel_overlap: mean(|f| f.novel_overlap),
            variance_explained: mean(|f| f.variance_explained),
            variance_explained_reference: mean(|f| f.variance_explained_reference),
        }
    }
}
