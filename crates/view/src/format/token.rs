//! Tokens as the tokenizer's vocabulary spells them, with what is invisible made visible.

/// A part of a token: text as it stands, or a mark for something invisible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Visible text.
    Text(String),
    /// A mark that stands for white space or a control character.
    Mark(String),
    /// A byte token or special token: not text of the visitor's.
    Special(String),
}

/// Shown for a space.
pub const SPACE: &str = "·";
/// Shown for a newline.
pub const NEWLINE: &str = "↵";
/// Shown for a tabulator.
pub const TAB: &str = "⇥";

/// Words of more parts are not written out: scripts without spaces join a whole sentence.
const PARTS_MAX: usize = 6;

/// Cuts a token into visible text and marks. Sentencepiece spells a space "▁" and a byte that has
/// no token of its own "<0x0A>".
pub fn pieces(token: &str) -> Vec<Piece> {
    if let Some(byte) = byte_of(token) {
        return vec![match byte {
            b'\n' => Piece::Mark(NEWLINE.to_owned()),
            b'\t' => Piece::Mark(TAB.to_owned()),
            b' ' => Piece::Mark(SPACE.to_owned()),
            _ => Piece::Special(format!("{byte:02X}")),
        }];
    }
    if is_special(token) {
        return vec![Piece::Special(token.to_owned())];
    }
    let mut pieces: Vec<Piece> = Vec::new();
    for c in token.chars() {
        let mark = match c {
            '▁' | ' ' => Some(SPACE.to_owned()),
            '\n' => Some(NEWLINE.to_owned()),
            '\r' => Some("␍".to_owned()),
            '\t' => Some(TAB.to_owned()),
            // Unseen on their own, or turning the text around them: shown by number.
            c if c.is_control() || is_unseen(c) => Some(format!("U+{:04X}", u32::from(c))),
            _ => None,
        };
        match (mark, pieces.last_mut()) {
            (Some(mark), Some(Piece::Mark(before))) => before.push_str(&mark),
            (Some(mark), _) => pieces.push(Piece::Mark(mark)),
            (None, Some(Piece::Text(before))) => before.push(c),
            (None, _) => pieces.push(Piece::Text(c.to_string())),
        }
    }
    pieces
}

/// A token as prose has it: whether a space stands before it, and what follows that. A token that is nothing but one space
/// is left whole, so that it can be pointed at.
pub fn after_space(token: &str) -> (bool, &str) {
    match token.strip_prefix(['▁', ' ']) {
        Some(rest) if !rest.is_empty() => (true, rest),
        _ => (false, token),
    }
}

/// A token in one string, marks included: for axis labels and readouts.
pub fn plain(token: &str) -> String {
    pieces(token)
        .into_iter()
        .map(|piece| match piece {
            Piece::Text(text) | Piece::Mark(text) | Piece::Special(text) => text,
        })
        .collect()
}

/// Whether the token stands for a byte that has no token of its own.
pub fn is_byte(token: &str) -> bool {
    byte_of(token).is_some()
}

/// Whether the text goes on in a new line after this token.
pub fn breaks_line(token: &str) -> bool {
    token.ends_with('\n') || byte_of(token) == Some(b'\n')
}

/// A token as a reader says it: without the space before it, white space alone in words.
pub fn name(token: &str) -> String {
    if !token.is_empty() && token.chars().all(|c| c == '▁' || c == ' ') {
        return "space".to_owned();
    }
    if breaks_line(token) && token.trim_matches('\n').is_empty() || byte_of(token) == Some(b'\n') {
        return "line break".to_owned();
    }
    plain(token.trim_start_matches(['▁', ' ']))
}

/// The positions of the word that the token at `position` is a part of: tokens follow one another without a space, a
/// mark or a line break between letters. A token without letters is alone.
pub fn word_at(tokens: &[String], position: usize) -> std::ops::Range<usize> {
    let joins = |after: usize| {
        let (Some(before), Some(it)) = (after.checked_sub(1).and_then(|i| tokens.get(i)), tokens.get(after)) else {
            return false;
        };
        let is_text = |token: &str| !is_special(token) && byte_of(token).is_none();
        is_text(before)
            && is_text(it)
            && before.chars().next_back().is_some_and(char::is_alphabetic)
            && it.chars().next().is_some_and(char::is_alphabetic)
    };
    let (mut first, mut end) = (position, position + 1);
    while joins(first) {
        first -= 1;
    }
    while joins(end) {
        end += 1;
    }
    first..end
}

/// The name of the token at `position`; a part of a word is followed by the word, e.g. "ulls (Gulls)".
pub fn name_in_text(tokens: &[String], position: usize) -> String {
    let own = tokens.get(position).map(|token| name(token)).unwrap_or_default();
    let word = word_at(tokens, position);
    let is_part = word.len() > 1 && word.len() <= PARTS_MAX;
    if !is_part {
        return own;
    }
    let whole: String = tokens.get(word).unwrap_or_default().iter().map(|token| name(token)).collect();
    format!("{own} ({whole})")
}

/// A token in at most `room` columns: narrow characters take one, wide ones two; what does not fit
/// becomes "…".
pub fn shortened(token: &str, room: usize) -> String {
    let text = plain(token);
    if columns(&text) <= room {
        return text;
    }
    let mut cut = String::new();
    let mut used = 1;
    for c in text.chars() {
        used += columns_of(c);
        if used > room {
            break;
        }
        cut.push(c);
    }
    cut.push('…');
    cut
}

/// Columns a text takes: an estimate of its width that needs no font.
pub fn columns(text: &str) -> usize {
    text.chars().map(columns_of).sum()
}

fn columns_of(c: char) -> usize {
    match u32::from(c) {
        // Combining marks and joiners add nothing.
        0x0300..=0x036F | 0x200C..=0x200D | 0xFE00..=0xFE0F => 0,
        0x1100..=0x115F | 0x2E80..=0xA4CF | 0xAC00..=0xD7A3 | 0xF900..=0xFAFF | 0xFF00..=0xFF60 => 2,
        0x1F000..=0x3FFFF => 2,
        _ => 1,
    }
}

fn byte_of(token: &str) -> Option<u8> {
    let hex = token.strip_prefix("<0x")?.strip_suffix('>')?;
    (hex.len() == 2).then(|| u8::from_str_radix(hex, 16).ok())?
}

fn is_special(token: &str) -> bool {
    matches!(token, "<bos>" | "<eos>" | "<pad>" | "<unk>" | "<mask>" | "<start_of_turn>" | "<end_of_turn>")
        || (token.starts_with("<unused") && token.ends_with('>'))
}

fn is_unseen(c: char) -> bool {
    matches!(u32::from(c), 0x00A0 | 0x00AD | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x2069 | 0xFEFF)
        // The joiner holds emoji together.
        && c != '\u{200D}'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_becomes_visible() {
        assert_eq!(pieces("▁night"), [Piece::Mark("·".into()), Piece::Text("night".into())]);
        assert_eq!(plain("▁▁▁"), "···");
        assert_eq!(plain("\n\n"), "↵↵");
        assert_eq!(plain("<0x0A>"), "↵");
        assert_eq!(plain("\t"), "⇥");
        assert!(breaks_line("<0x0A>") && breaks_line("\n") && !breaks_line("▁a"));
    }

    #[test]
    fn a_token_is_named_and_its_word_found() {
        let tokens = ["<bos>", "▁G", "ulls", "▁wheeled", ".", "\n", "▁▁", "<0x0A>", "<0xE2>"].map(str::to_owned);
        let names: Vec<String> = (0..tokens.len()).map(|i| name_in_text(&tokens, i)).collect();
        let expected =
            ["<bos>", "G (Gulls)", "ulls (Gulls)", "wheeled", ".", "line break", "space", "line break", "E2"];
        assert_eq!(names, expected);
        assert_eq!((word_at(&tokens, 2), word_at(&tokens, 4), name_in_text(&tokens, 99)), (1..3, 4..5, String::new()));
        let joined = vec!["夜".to_owned(); 7];
        assert_eq!(name_in_text(&joined, 3), "夜");
    }

    #[test]
    fn the_space_before_a_word_is_not_the_words() {
        assert_eq!(after_space("▁night"), (true, "night"));
        assert_eq!(after_space("night"), (false, "night"));
        assert_eq!(after_space("▁"), (false, "▁"));
        assert_eq!(after_space("▁▁a"), (true, "▁a"));
        assert_eq!(after_space(""), (false, ""));
    }

    #[test]
    fn bytes_and_special_tokens_are_told_from_text() {
        assert_eq!(pieces("<0xE2>"), [Piece::Special("E2".into())]);
        assert_eq!(pieces("<bos>"), [Piece::Special("<bos>".into())]);
        assert_eq!(pieces("<b>"), [Piece::Text("<b>".into())]);
        assert_eq!(plain("<0xZZ>"), "<0xZZ>");
    }

    #[test]
    fn unseen_characters_are_named() {
        assert_eq!(plain("a\u{200B}b"), "aU+200Bb");
        assert_eq!(plain("\u{202E}"), "U+202E");
        assert_eq!(plain("👩\u{200D}🚀"), "👩\u{200D}🚀");
    }

    #[test]
    fn long_tokens_are_cut_by_columns() {
        assert_eq!(shortened("▁night", 6), "·night");
        assert_eq!(shortened("▁internationally", 8), "·intern…");
        assert_eq!(shortened("夜空を見上げて", 6), "夜空…");
        assert_eq!(columns("e\u{301}"), 1);
    }
}
