//! Text inside addresses.

/// As `encodeURIComponent` does, and the marks that it leaves, too.
pub fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded += &format!("%{byte:02X}");
        }
    }
    encoded
}

/// A value of a query string, with spaces as plus signs; none for what is not UTF-8. A percent sign
/// without two digits stands for itself, as in `URLSearchParams`.
pub fn decoded(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let digits = bytes.get(at + 1..at + 3).and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = digits.filter(|it| it.bytes().all(|b| b.is_ascii_hexdigit()));
        match (byte, escaped.and_then(|it| u8::from_str_radix(it, 16).ok())) {
            (b'%', Some(byte)) => {
                decoded.push(byte);
                at += 2;
            }
            (b'+', _) => decoded.push(b' '),
            _ => decoded.push(*byte),
        }
        at += 1;
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back() {
        for text in ["", "a b", "a+b", "100%", "%zz%4", "Où? 日本 🦀\n\t\"<script>&=#", "%41"] {
            assert_eq!(decoded(&encoded(text)).as_deref(), Some(text));
        }
        assert_eq!(decoded("a+b%20c%2B").as_deref(), Some("a b c+"));
        assert_eq!(decoded("100%").as_deref(), Some("100%"));
        assert_eq!(decoded("%ff"), None);
        assert_eq!(decoded("%+4").as_deref(), Some("% 4"));
    }
}
