//! Text inside addresses, by the crate `percent-encoding`.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// All but letters, digits, `-` and `.`: what chats take for emphasis (`*_~`) or for the end of an address (`!'()`) is
/// escaped, though `encodeURIComponent` leaves it.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.');

/// As `encodeURIComponent` does, and the marks that it leaves, too. Two full stops or dashes end an address for some.
pub fn encoded(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string().replace("..", "%2E%2E").replace("--", "%2D%2D")
}

/// A value of a query string, with spaces as plus signs; none for what is not UTF-8. A percent sign
/// without two digits stands for itself, as in `URLSearchParams`.
pub fn decoded(text: &str) -> Option<String> {
    // Before the escapes: one of them stands for a plus sign.
    let spaced = text.replace('+', " ");
    Some(percent_decode_str(&spaced).decode_utf8().ok()?.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back() {
        for text in ["", "a b", "a+b", "100%", "%zz%4", "Où? 日本 🦀\n\t\"<script>&=#", "%41", "_a_ ~~b~~ ... -- *c*!"]
        {
            assert_eq!(decoded(&encoded(text)).as_deref(), Some(text));
        }
        assert_eq!(decoded("a+b%20c%2B").as_deref(), Some("a b c+"));
        assert_eq!(decoded("100%").as_deref(), Some("100%"));
        assert_eq!(decoded("%ff"), None);
        assert_eq!(decoded("%+4").as_deref(), Some("% 4"));
    }
}
