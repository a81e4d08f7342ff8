//! What is said, as strings.

use serde::{Deserialize, Serialize};

/// Little-endian f32 in base64.
pub fn encode_f32(values: &[f32]) -> String {
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes)
}

/// A message as the string that `postMessage` carries.
pub fn encode<T: Serialize>(message: &T) -> String {
    // Every type here serializes: no maps with other keys than strings, no failing writers.
    to_json(message).unwrap_or_default()
}

/// JSON in a string that was never larger than it has to be: one that grows as it is written takes up to three
/// times its bytes, and wasm gives no memory back.
///
/// # Errors
/// serde's own sentence.
pub fn to_json<T: Serialize>(value: &T) -> Result<String, serde_json::Error> {
    let mut length = Length(0);
    serde_json::to_writer(&mut length, value)?;
    let mut bytes = Vec::with_capacity(length.0);
    serde_json::to_writer(&mut bytes, value)?;
    String::from_utf8(bytes).map_err(serde::ser::Error::custom)
}

/// A writer that only counts.
struct Length(usize);

impl std::io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The message in a string; the string is untrusted.
///
/// # Errors
/// serde's own sentence.
pub fn decode<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, serde_json::Error> {
    serde_json::from_str(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_takes_no_more_room_than_it_fills() {
        let values: Vec<String> = (0..999).map(|i| format!("{i} \"ä\"\n")).collect();
        let json = to_json(&values).unwrap();
        assert_eq!(json, serde_json::to_string(&values).unwrap());
        assert_eq!(json.capacity(), json.len());
    }
}
