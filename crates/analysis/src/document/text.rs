//! JSON without spare memory.

use serde::Serialize;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_takes_no_more_memory_than_it_fills() {
        let values: Vec<String> = (0..999).map(|i| format!("{i} \"ä\"\n")).collect();
        let json = to_json(&values).unwrap();
        assert_eq!(json, serde_json::to_string(&values).unwrap());
        assert_eq!(json.capacity(), json.len());
    }
}
