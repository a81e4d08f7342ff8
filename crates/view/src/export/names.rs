//! What files that programs read call a token: as the vocabulary spells it and as nothing else, so that a table can be
//! joined to a result by its tokens.

/// The token at `position`.
pub(super) fn token(tokens: &[String], position: usize) -> &str {
    tokens.get(position).map(String::as_str).unwrap_or_default()
}

/// Position and token.
pub(super) fn name(tokens: &[String], position: usize) -> String {
    format!("{position} {}", token(tokens, position))
}
