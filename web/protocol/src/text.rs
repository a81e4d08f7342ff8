//! Headers as text.

use serde::{Deserialize, Serialize};

/// A header as the string that `postMessage` carries.
pub fn encode<T: Serialize>(header: &T) -> String {
    // Every type here serializes: no maps with other keys than strings, no failing writers.
    serde_json::to_string(header).unwrap_or_default()
}

/// The header in a string; the string is untrusted.
///
/// # Errors
/// serde's own sentence.
pub fn decode<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, serde_json::Error> {
    serde_json::from_str(text)
}
