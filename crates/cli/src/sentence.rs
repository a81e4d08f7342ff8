//! Errors as they are printed: one line, of a bounded length, without characters that a terminal acts on.

/// Characters of a sentence, at most; of a longer one beginning and end are left.
const CHARACTERS_MAX: usize = 2000;

/// `text` in one line. Errors quote what is in people's files: control characters, and marks that turn the direction of
/// text, are written as their numbers.
pub fn sentence(text: &str) -> String {
    // Some libraries put line ends into theirs.
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut plain = String::with_capacity(line.len().min(4 * CHARACTERS_MAX));
    let count = line.chars().count();
    let half = CHARACTERS_MAX / 2;
    for (place, c) in line.chars().enumerate() {
        if count > CHARACTERS_MAX && (half..count - half).contains(&place) {
            if place == half {
                plain.push_str(" … ");
            }
            continue;
        }
        match c {
            c if c.is_control() || is_direction(c) => plain.extend(c.escape_unicode()),
            c => plain.push(c),
        }
    }
    plain
}

/// `text` with its lines as they are, and what a terminal acts on written as numbers.
pub fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => plain.push(c),
            c if c.is_control() => plain.extend(c.escape_unicode()),
            c => plain.push(c),
        }
    }
    plain
}

/// Marks that change the direction of what follows, and separators of lines.
fn is_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_is_one_line_without_what_a_terminal_acts_on() {
        assert_eq!(sentence("a\n  b\r\nc"), "a b c");
        assert_eq!(sentence("\u{1b}[31mred\u{7}\u{0}"), "\\u{1b}[31mred\\u{7}\\u{0}");
        assert_eq!(sentence("a\u{202e}b\u{9b}"), "a\\u{202e}b\\u{9b}");
        assert_eq!(sentence("ä 中 🎈"), "ä 中 🎈");
    }

    #[test]
    fn results_keep_their_lines_but_nothing_that_a_terminal_acts_on() {
        assert_eq!(plain("a\n\tb \u{1b}[31m\u{7} ä🎈\n"), "a\n\tb \\u{1b}[31m\\u{7} ä🎈\n");
    }

    #[test]
    fn a_long_one_keeps_its_ends() {
        let long = format!("file.json: {} at line 7", "x".repeat(900_000));
        let cut = sentence(&long);
        assert!(cut.chars().count() < 2010 && cut.starts_with("file.json: x") && cut.ends_with("x at line 7"), "{cut}");
        assert_eq!(sentence(&"y".repeat(2000)), "y".repeat(2000));
    }
}
