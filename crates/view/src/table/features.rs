//! The features of one token, strongest first.

use lens_analysis::{Analysis, FeatureCode};

use crate::format::{neuronpedia, number};

/// A feature with its value.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureRow {
    /// Feature index.
    pub feature: usize,
    /// Its value as text.
    pub value: String,
    /// Its value relative to the token's strongest, 0..=1: the length of a bar.
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
    rows_of(analysis, analysis.novel_top.get(position).map(Vec::as_slice).unwrap_or_default())
}

/// Predictable features of the token at `position`, largest magnitude first; none of results that do not have them.
pub fn predictable_rows(analysis: &Analysis, position: usize) -> Vec<FeatureRow> {
    let codes = analysis.pred_top.as_ref().and_then(|all| all.get(position));
    rows_of(analysis, codes.map(Vec::as_slice).unwrap_or_default())
}

fn rows_of(analysis: &Analysis, codes: &[FeatureCode]) -> Vec<FeatureRow> {
    let strongest = codes.iter().map(|f| f.value.abs()).fold(0.0, f32::max);
    codes
        .iter()
        .map(|f| FeatureRow {
            feature: f.feature,
            value: number::significant(f.value),
            share: if strongest > 0.0 { f64::from(f.value.abs() / strongest).clamp(0.0, 1.0) } else { 0.0 },
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
    fn predictable_features_have_signs_and_bars_of_their_magnitude() {
        let mut analysis = example::analysis();
        assert_eq!(predictable_rows(&analysis, 1), []);
        let code = |feature, value| FeatureCode { feature, value };
        analysis.pred_top = Some(vec![Vec::new(), vec![code(4, -2.0), code(9, 1.0)]]);
        let rows = predictable_rows(&analysis, 1);
        assert_eq!(rows.iter().map(|r| (r.feature, r.share)).collect::<Vec<_>>(), [(4, 1.0), (9, 0.5)]);
        assert_eq!((rows[0].value.as_str(), rows[1].value.as_str()), ("−2.00", "1.00"));
        assert_eq!(predictable_rows(&analysis, 2), []);
    }

    #[test]
    fn bars_are_measured_by_the_strongest() {
        let rows = rows(&example::analysis(), 1);
        assert_eq!(rows.iter().map(|r| (r.feature, r.share)).collect::<Vec<_>>(), [(7, 1.0), (3, 0.5)]);
        assert_eq!(rows[0].value, "1.50");
        assert_eq!(rows[0].dashboard, None);
    }
}
