//! What the authors' notebook prints, in its order and words.

use std::fmt::Write as _;

use lens_analysis::Analysis;
use lens_pack::manifest::Manifest;

/// The dimensions that the notebook prints.
#[derive(Debug, Clone, Copy)]
pub struct Shapes {
    d_model: usize,
    width: usize,
}

impl Shapes {
    /// A pack's.
    pub fn of(manifest: &Manifest) -> Self {
        Self { d_model: manifest.gemma.hidden_size, width: manifest.sae.width }
    }
}

/// The lines for stdout.
pub fn text(analysis: &Analysis, shapes: Shapes) -> String {
    let (t, d, width) = (analysis.token_ids.len(), shapes.d_model, shapes.width);
    let mut out = String::new();
    // Writing to a String cannot fail.
    let mut line = |text: String| {
        let _ = writeln!(out, "{text}");
    };
    line(format!("Input shape: [1, {t}]"));
    line(format!("Tokens: {:?}", analysis.tokens));
    line(String::new());
    line(format!("Activations shape: [1, {t}, {d}]"));
    line(format!("Reconstruction shape: [1, {t}, {d}]"));
    line(format!("Novel codes shape: [1, {t}, {width}]"));
    line(format!("Predictable codes shape: [1, {t}, {width}]"));
    line(String::new());
    line(format!("Variance explained: {:.4}", analysis.variance_explained));
    line(String::new());
    line(format!("L0 (novel): {:?}", analysis.l0_novel));
    line(format!("L0 (predictable): {:?}", analysis.l0_pred));
    line(format!("L0 (total): {:?}", analysis.l0_total));
    line(String::new());
    match analysis.selected {
        Some(selected) => {
            let token = analysis.tokens.get(selected.position).map_or("", String::as_str);
            line(format!("Selected token: {token}"));
            line(format!("Selected feature: {} ({})", selected.feature, selected.value));
            if let Some(source) = &analysis.model.neuronpedia {
                line(format!("Dashboard: https://neuronpedia.org/{source}/{}", selected.feature));
            }
        }
        None => line("Selected feature: none, as no novel code is positive there".to_owned()),
    }
    line(String::new());
    line(format!("Similarity matrix shape: [{t}, {t}]"));
    line(format!("Min similarity: {:.4}", analysis.similarity_stats.min));
    line(format!("Max similarity: {:.4}", analysis.similarity_stats.max));
    line(format!("Mean similarity: {:.4}", analysis.similarity_stats.mean));
    out
}
