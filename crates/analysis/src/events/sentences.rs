//! What sentences and lines say about boundaries: weak evidence, never the only one.

use super::method::{LINE_BREAK, LONG_SENTENCE, MID_SENTENCE, NO_START};

/// Whether a sentence is over after this token: its mark, a closing quote after one, or a new line.
pub fn ends_sentence(token: &str) -> bool {
    if is_line_end(token) {
        return true;
    }
    let bare = token.trim_end_matches(['"', '\'', '”', '’', ')', '」']);
    bare.ends_with(['.', '!', '?', '。', '！', '？', '…'])
}

fn is_line_end(token: &str) -> bool {
    token.ends_with('\n') || token == "<0x0A>"
}

/// Whether a token has a letter or digit of the text: marks and spaces have none, nor has a byte that is spelled as `<0x0A>`.
pub fn has_letters(token: &str) -> bool {
    let is_code = token.len() > 2 && token.starts_with('<') && token.ends_with('>');
    !is_code && token.contains(char::is_alphanumeric)
}

/// Nothing but spaces and line ends.
fn is_blank(token: &str) -> bool {
    token == "<0x0A>" || token.chars().all(|c| c == '▁' || c.is_whitespace())
}

/// A quote or bracket that closes what stands before it, without a space between.
fn is_closing(token: &str) -> bool {
    !token.is_empty() && token.chars().all(|c| matches!(c, '"' | '\'' | '”' | '’' | ')' | '」'))
}

/// Where sentences begin: their first tokens with a mark, [n], the first of all among them.
pub fn starts(tokens: &[String]) -> Vec<bool> {
    let mut starts = vec![false; tokens.len()];
    let mut is_over = true;
    let mut after_line = true;
    for (start, token) in starts.iter_mut().zip(tokens) {
        let goes_on = is_blank(token) || (is_closing(token) && !after_line);
        *start = is_over && !goes_on;
        // A sentence that is over stays so until the next one begins.
        is_over = ends_sentence(token) || (is_over && goes_on);
        after_line = is_line_end(token);
    }
    if let Some(first) = starts.first_mut() {
        *first = true;
    }
    starts
}

/// What a boundary before each token costs in addition to the price of all, [n].
pub fn costs(tokens: &[String]) -> Vec<f64> {
    let starts = starts(tokens);
    let mut costs = vec![0.0; tokens.len()];
    let mut begin = 0;
    for end in 1..=tokens.len() {
        if end == tokens.len() || starts[end] {
            let cost = NO_START + MID_SENTENCE * (1.0 - (end - begin) as f64 / LONG_SENTENCE).max(0.0);
            costs[begin + 1..end].fill(cost);
            begin = end;
        }
    }
    let places: Vec<usize> = (1..tokens.len()).filter(|i| starts[*i]).collect();
    let lines: Vec<usize> = places.iter().copied().filter(|i| follows_line_end(&tokens[..*i])).collect();
    // Where every sentence has its own line, as in dialogue and in code, a new line says nothing.
    let gain = LINE_BREAK * (1.0 - lines.len() as f64 / places.len().max(1) as f64);
    for line in lines {
        costs[line] -= gain;
    }
    costs
}

/// Whether the last of these tokens, blanks inside a line apart, ends a line.
fn follows_line_end(before: &[String]) -> bool {
    before.iter().rev().find(|token| is_line_end(token) || !is_blank(token)).is_some_and(|token| is_line_end(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &[&str]) -> Vec<String> {
        text.iter().map(|token| (*token).to_owned()).collect()
    }

    #[test]
    fn sentences_end_with_marks_quotes_and_lines() {
        for token in [".", "!\"", "?”", "。", "\n\n", "<0x0A>", ".)"] {
            assert!(ends_sentence(token), "{token:?}");
        }
        for token in ["▁and", ",", "\"", "▁", ""] {
            assert!(!ends_sentence(token), "{token:?}");
        }
    }

    #[test]
    fn sentences_begin_after_closing_quotes_and_blanks() {
        let found = |text: &[&str]| -> Vec<usize> {
            starts(&tokens(text)).iter().enumerate().filter(|(_, it)| **it).map(|(i, _)| i).collect()
        };
        assert_eq!(found(&["Go", ".", "”", "▁He", "▁went", "."]), [0, 3]);
        assert_eq!(found(&["One", ".", "\n\n", "\"", "Two", ".", "\""]), [0, 3]);
        assert_eq!(found(&["a", "▁b", "▁c"]), [0]);
        assert!(found(&[]).is_empty());
    }

    #[test]
    fn a_boundary_costs_more_inside_of_a_short_sentence() {
        let mut text = vec!["▁w".to_owned(); 10];
        text[4] = ".".to_owned();
        let cost = NO_START + MID_SENTENCE * (1.0 - 5.0 / LONG_SENTENCE);
        assert_eq!(costs(&text), [0.0, cost, cost, cost, cost, 0.0, cost, cost, cost, cost]);
        let long = costs(&vec!["▁w".to_owned(); 90]);
        assert!(long[0] == 0.0 && long[1..].iter().all(|cost| *cost == NO_START), "{long:?}");
        assert!(costs(&[]).is_empty());
    }

    #[test]
    fn a_line_break_counts_where_it_is_rare() {
        let text = tokens(&["a", ".", "▁b", ".", "\n\n", "c", ".", "▁d", "."]);
        let found = costs(&text);
        assert_eq!((found[2], found[7]), (0.0, 0.0));
        assert!((found[5] + LINE_BREAK * 2.0 / 3.0).abs() < 1e-12, "{found:?}");
        let lines = tokens(&["a", ".", "\n", "b", ".", "\n", "c", "."]);
        assert_eq!((costs(&lines)[3], costs(&lines)[6]), (0.0, 0.0));
    }
}
