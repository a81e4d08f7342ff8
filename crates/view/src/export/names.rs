//! What files call a token.

use lens_analysis::Analysis;

use crate::format::token;

/// Position and token.
pub(super) fn name(analysis: &Analysis, position: usize) -> String {
    let text = analysis.tokens.get(position).map(|t| token::plain(t)).unwrap_or_default();
    format!("{position} {text}")
}
