//! The novel features of one token, strongest first.

use lens_analysis::Analysis;

use crate::format::{neuronpedia, number};

/// A feature with its value.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureRow {
    /// Feature index.
    pub feature: usize,
    /// Its value as text.
    pub value: String,
    /// Its value beside the token's strongest, 0..=1: the length of a bar.
    pub share: f64,
    /// Its dashboard, where the SAE has a Neuronpedia source.
    pub dashboard: Option<String>,
}

/// The token whose features are listed: the pinned one, else the notebook's (the last but one).
pub fn position(analysis: &Analysis, pinned: Option<usize>) -> usize {
    let last = analysis.tokens.len().saturating_sub(1);
    let own = analysis.selected.map_or(last.saturating_sub(1), |selected| selected.position);
    pinned.filter(|position| *position <= last).unwrap_or(own)
}

/// Novel features of the token at `position`.
pub fn rows(analysis: &Analysis, position: usize) -> Vec<FeatureRow> {
    let features = analysis.novel_top.get(position).map(Vec::as_slice).unwrap_or_default();
    let strongest = features.iter().map(|f| f.value).fold(0.0, f32::max);
    features
        .iter()
        .map(|f| FeatureRow {
            feature: f.feature,
            value: number::significant(f.value),
            share: if strongest > 0.0 { f64::from(f.value / strongest).clamp(0.0, 1.0) } else { 0.0 },
            dashboard: neuronpedia::source(analysis).map(|source| neuronpedia::feature_page(source, f.feature)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example;

    #[test]
    fn the_pinned_token_s_features_else_the_notebook_s() {
        let analysis = example::analysis();
        assert_eq!(position(&analysis, None), 1);
        assert_eq!(position(&analysis, Some(2)), 2);
        assert_eq!(position(&analysis, Some(99)), 1);
    }

    #[test]
    fn bars_are_measured_by_the_strongest() {
        let rows = rows(&example::analysis(), 1);
        assert_eq!(rows.iter().map(|r| (r.feature, r.share)).collect::<Vec<_>>(), [(7, 1.0), (3, 0.5)]);
        assert_eq!(rows[0].value, "1.50");
        assert_eq!(rows[0].dashboard, None);
    }
}
