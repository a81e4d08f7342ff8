//! Text inside HTML and XML, by the crate `html-escape`.

use html_escape::encode_double_quoted_attribute;

/// Text between tags or in a double-quoted attribute. Control characters become U+FFFD: XML knows none, not even
/// escaped ones.
pub fn escaped(text: &str) -> String {
    let is_barred = |c: char| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}');
    encode_double_quoted_attribute(&text.replace(is_barred, "\u{fffd}")).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_closes_a_tag_or_an_attribute() {
        assert_eq!(escaped("a < b > c & \"d\" 'e'"), "a &lt; b &gt; c &amp; &quot;d&quot; 'e'");
        assert_eq!(escaped("\u{1}\n\u{85}\u{fffe}日"), "\u{fffd}\u{fffd}\u{fffd}\u{fffd}日");
        assert_eq!(escaped("&amp;"), "&amp;amp;");
    }
}
