//! What files that programs read call a token: as the vocabulary spells it and as nothing else, so that whoever joins a
//! table to a result by its tokens finds them equal.

/// The token at `position`.
pub(super) fn token(tokens: &[String], position: usize) -> &str {
    tokens.get(position).map(String::as_str).unwrap_or_default()
}

/// Position and token.
pub(super) fn name(tokens: &[String], position: usize) -> String {
    format!("{position} {}", token(tokens, position))
}
