//! A text as a part of an address: plain while that is short, deflated from there on.

use std::io::{Read, Write};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use lens_view::percent;

/// Characters up to which a text stands in the address as it is.
const PLAIN_MAX: usize = 400;

/// The longest text that a link may carry, in bytes: a few bytes of deflate can stand for gigabytes.
const TEXT_BYTES_MAX: u64 = 1 << 20;

/// A text as a part of an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextValue {
    /// As it is, escaped.
    Plain(String),
    /// Deflated, in URL-safe base64.
    Packed(String),
}

impl TextValue {
    /// The shorter one for long texts, the readable one for short ones.
    pub fn of(text: &str) -> Self {
        let plain = percent::encoded(text).replace("%20", "+");
        if plain.len() > PLAIN_MAX {
            let packed = pack(text);
            if packed.len() < plain.len() {
                // Chats take it for emphasis.
                return Self::Packed(packed.replace('_', "%5F"));
            }
        }
        Self::Plain(plain)
    }
}

fn pack(text: &str) -> String {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    // Writing to memory does not fail; were it to, the text would come back short and be refused.
    let written = encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish());
    URL_SAFE_NO_PAD.encode(written.unwrap_or_default())
}

/// The text of a packed parameter.
///
/// # Errors
/// What is wrong with it, to follow "it".
pub fn unpack(packed: &str) -> Result<String, &'static str> {
    let bytes = URL_SAFE_NO_PAD.decode(packed).map_err(|_| "is cut or damaged")?;
    let mut text = Vec::new();
    DeflateDecoder::new(bytes.as_slice())
        .take(TEXT_BYTES_MAX + 1)
        .read_to_end(&mut text)
        .map_err(|_| "is cut or damaged")?;
    if text.len() as u64 > TEXT_BYTES_MAX {
        return Err("holds more than a megabyte of text");
    }
    String::from_utf8(text).map_err(|_| "is not text")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(text: &str) -> String {
        match TextValue::of(text) {
            TextValue::Packed(value) => percent::decoded(&value).unwrap(),
            plain => panic!("{plain:?}"),
        }
    }

    #[test]
    fn short_texts_stay_readable_and_long_ones_shrink() {
        assert_eq!(TextValue::of("Once upon a time"), TextValue::Plain("Once+upon+a+time".to_owned()));
        let long = "The tide was already turning when the crew let go of the ropes. ".repeat(40);
        let value = packed(&long);
        assert!(value.len() < long.len() / 4, "{}", value.len());
        assert_eq!(unpack(&value).unwrap(), long);
        let chinese = "潮水已经转向。".repeat(60);
        assert_eq!(unpack(&packed(&chinese)).unwrap(), chinese);
    }

    #[test]
    fn damage_and_bombs_are_refused() {
        let value = packed(&"a text that is long ".repeat(50));
        assert_eq!(unpack(&value[..value.len() / 2]), Err("is cut or damaged"));
        assert_eq!(unpack("§$%"), Err("is cut or damaged"));
        let bomb = pack(&"a".repeat(4 << 20));
        assert!(bomb.len() < 10_000);
        assert_eq!(unpack(&bomb), Err("holds more than a megabyte of text"));
    }
}
