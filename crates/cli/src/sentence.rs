//! Errors as they are printed: one line, of a bounded length, without characters that a terminal acts on.

/// Characters of a sentence, at most; of a longer one beginning and end are left.
const CHARACTERS_MAX: usize = 2000;

/// Characters of a name in a table or a line of results, at most: names of models come from files, too.
const NAME_CHARACTERS_MAX: usize = 160;

/// `text` in one line. Errors quote what is in people's files: control characters, and marks that turn the direction of
/// text, are written as their numbers.
pub fn sentence(text: &str) -> String {
    // Some libraries put line ends into theirs.
    cut(&text.split_whitespace().collect::<Vec<_>>().join(" "), CHARACTERS_MAX)
}

/// A line about the run, with its spaces as they are; otherwise as [`sentence`].
pub fn status_line(text: &str) -> String {
    cut(text, CHARACTERS_MAX)
}

/// A name out of a file, for a line that has more than it.
pub fn name(text: &str) -> String {
    cut(text, NAME_CHARACTERS_MAX)
}

/// `line` without what a terminal acts on; of one that has more than `most` characters beginning and end are left.
fn cut(line: &str, most: usize) -> String {
    let mut plain = String::with_capacity(line.len().min(4 * most));
    let count = line.chars().count();
    let half = most / 2;
    for (place, c) in line.chars().enumerate() {
        if count > most && (half..count - half).contains(&place) {
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
            c if c.is_control() || is_override(c) => plain.extend(c.escape_unicode()),
            c => plain.push(c),
        }
    }
    plain
}

/// Marks that change the direction of all that follows in the line: texts of no language need them.
fn is_override(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
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
    fn a_line_about_the_run_keeps_its_spaces_and_a_name_is_short() {
        assert_eq!(status_line("  a  b\u{1b}[2J\n"), "  a  b\\u{1b}[2J\\u{a}");
        assert_eq!(name("google/gemma-3-270m"), "google/gemma-3-270m");
        let long = name(&"x\u{7}".repeat(9000));
        assert!(long.chars().count() < 700 && long.contains('…') && !long.contains('\u{7}'), "{long}");
    }

    #[test]
    fn results_keep_their_lines_but_nothing_that_a_terminal_acts_on() {
        assert_eq!(plain("a\n\tb \u{1b}[31m\u{7} ä🎈\n"), "a\n\tb \\u{1b}[31m\\u{7} ä🎈\n");
        assert_eq!(plain("\u{202e}a\u{2069}\u{200f}"), "\\u{202e}a\\u{2069}\u{200f}");
    }

    #[test]
    fn a_long_one_keeps_its_ends() {
        let long = format!("file.json: {} at line 7", "x".repeat(900_000));
        let cut = sentence(&long);
        assert!(cut.chars().count() < 2010 && cut.starts_with("file.json: x") && cut.ends_with("x at line 7"), "{cut}");
        assert_eq!(sentence(&"y".repeat(2000)), "y".repeat(2000));
    }
}
