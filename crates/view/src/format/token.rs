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
    let mut before = None;
    for c in token.chars() {
        let mark = match c {
            '▁' | ' ' => Some(SPACE.to_owned()),
            '\n' => Some(NEWLINE.to_owned()),
            '\r' => Some("␍".to_owned()),
            '\t' => Some(TAB.to_owned()),
            // Unseen on their own, or turning the text around them: shown by number.
            c if is_unseen(c) && !before.is_some_and(|before| shapes(c, before)) => {
                Some(format!("U+{:04X}", u32::from(c)))
            }
            _ => None,
        };
        before = mark.is_none().then_some(c);
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

/// The character that the byte at `position` is a part of, which of its bytes that is, from 0, and how many it has; none for
/// other tokens, and for bytes that make no character together.
pub fn character_at(tokens: &[String], position: usize) -> Option<(char, usize, usize)> {
    let byte = |i: usize| byte_of(tokens.get(i)?);
    let begins = |i: &usize| byte(*i).is_some_and(|byte| byte & 0xc0 != 0x80);
    let first = (0..4).map_while(|back| position.checked_sub(back)).find(begins)?;
    let length = byte(first)?.leading_ones() as usize;
    let bytes: Vec<u8> = (first..first + length).map(byte).collect::<Option<_>>()?;
    let character = std::str::from_utf8(&bytes).ok()?.chars().next()?;
    (position < first + length).then_some((character, position - first, length))
}

/// The name of a byte by its character: "𠮷 (byte 1 of 4)".
fn byte_in_text(tokens: &[String], position: usize) -> Option<String> {
    let (character, at, length) = character_at(tokens, position)?;
    Some(format!("{character} (byte {} of {length})", at + 1))
}

/// A token in one string, as [`plain`]; a byte of a longer character by that: "𠮷 (byte 1 of 4)".
pub fn plain_in_text(tokens: &[String], position: usize) -> String {
    byte_in_text(tokens, position).unwrap_or_else(|| tokens.get(position).map(|token| plain(token)).unwrap_or_default())
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

/// The name of the token at `position`; a part of a word is followed by the word, e.g. "ulls (Gulls)", and a byte is named by its
/// character.
pub fn name_in_text(tokens: &[String], position: usize) -> String {
    if let Some(name) = byte_in_text(tokens, position) {
        return name;
    }
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
        // Combining marks add nothing, nor does what shapes the character before it.
        0x0300..=0x036F => 0,
        _ if is_default_ignorable(c) => 0,
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

/// Whether a character is seen as nothing, by its properties in Unicode: white space, control characters, what is ignored
/// where it has no effect on its neighbors, and signs that are blank by design.
pub(crate) fn is_unseen(c: char) -> bool {
    c.is_whitespace() || c.is_control() || is_default_ignorable(c) || is_blank_sign(c)
}

/// Unicode's property Default_Ignorable_Code_Point. It is defined by ranges that stay: characters that are added to
/// them later have it already.
fn is_default_ignorable(c: char) -> bool {
    matches!(u32::from(c),
        0x00AD | 0x034F | 0x061C | 0x115F..=0x1160 | 0x17B4..=0x17B5 | 0x180B..=0x180F | 0x200B..=0x200F
        | 0x202A..=0x202E | 0x2060..=0x206F | 0x3164 | 0xFE00..=0xFE0F | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFF8
        | 0x1BCA0..=0x1BCA3 | 0x1D173..=0x1D17A | 0xE0000..=0xE0FFF)
}

/// Characters whose sign is empty though no property says so: the Braille cell without dots, a note without a head, fillers of
/// Khitan and of hieroglyphs; and what controls annotations and the layout of hieroglyphs.
fn is_blank_sign(c: char) -> bool {
    matches!(u32::from(c), 0x2800 | 0x1D159 | 0x16FE4 | 0x13430..=0x13442 | 0xFFF9..=0xFFFC)
}

/// Whether an unseen character belongs to the one before it: joiners, variation selectors and tags make one emoji of
/// several, and choose the form of a letter. In Latin they only make two equal words different.
fn shapes(c: char, before: char) -> bool {
    let is_shaping = matches!(u32::from(c),
        0x200C..=0x200D | 0x180B..=0x180D | 0x180F | 0xFE00..=0xFE0F | 0xE0020..=0xE007F | 0xE0100..=0xE01EF);
    let is_keycap = c == '\u{FE0F}' && (before.is_ascii_digit() || matches!(before, '#' | '*'));
    is_keycap || (is_shaping && (before > '\u{2FF}' || matches!(before, '©' | '®')))
}

/// A mark alone is hardly seen: it stands in quotes.
pub fn readable(name: String) -> String {
    if name.chars().any(char::is_alphanumeric) { name } else { format!("“{name}”") }
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
    fn bytes_and_special_tokens_are_distinguished_from_text() {
        assert_eq!(pieces("<0xE2>"), [Piece::Special("E2".into())]);
        assert_eq!(pieces("<bos>"), [Piece::Special("<bos>".into())]);
        assert_eq!(pieces("<b>"), [Piece::Text("<b>".into())]);
        assert_eq!(plain("<0xZZ>"), "<0xZZ>");
    }

    #[test]
    fn unseen_characters_are_named() {
        assert_eq!(plain("a\u{200B}b"), "aU+200Bb");
        assert_eq!(plain("\u{202E}"), "U+202E");
        // All that is seen as nothing has a mark, alone and between letters.
        for c in
            ['\u{2800}', '\u{200D}', '\u{FE0F}', '\u{206B}', '\u{E0062}', '\u{3000}', '\u{3164}', '\u{180E}', '\u{85}']
        {
            let number = format!("U+{:04X}", u32::from(c));
            assert_eq!(pieces(&c.to_string()), [Piece::Mark(number.clone())]);
            assert_eq!(plain(&format!("▁{c}")), format!("·{number}"));
            assert_eq!(plain(&format!("a{c}b")), format!("a{number}b"));
        }
        // What shapes the character before it is a part of it.
        for whole in
            ["👩\u{200D}🚀", "1\u{FE0F}\u{20E3}", "❤\u{FE0F}", "©\u{FE0F}", "क\u{94D}\u{200D}ष", "می\u{200C}خواهم"]
        {
            assert_eq!(pieces(whole), [Piece::Text(whole.to_owned())]);
        }
        assert_eq!(pieces("🏴\u{E0067}\u{E0062}\u{E007F}"), [Piece::Text("🏴\u{E0067}\u{E0062}\u{E007F}".to_owned())]);
    }

    #[test]
    fn blank_is_what_unicode_calls_so() {
        let class = |pattern: &str| match regex_syntax::parse(pattern).unwrap().into_kind() {
            regex_syntax::hir::HirKind::Class(regex_syntax::hir::Class::Unicode(class)) => class,
            other => panic!("{other:?}"),
        };
        let all = class(r"[\p{White_Space}\p{Default_Ignorable_Code_Point}\p{Cc}\p{Z}]");
        let mut count = 0;
        for c in all.iter().flat_map(|range| range.start()..=range.end()) {
            assert!(is_unseen(c), "U+{:04X}", u32::from(c));
            count += 1;
        }
        let blank = |c: &char| is_blank_sign(*c) && !all.iter().any(|range| (range.start()..=range.end()).contains(c));
        let ours = (0..=0x10_FFFF).filter_map(char::from_u32);
        assert_eq!(ours.clone().filter(|c| is_unseen(*c)).count(), count + ours.filter(blank).count());
    }

    #[test]
    fn long_tokens_are_cut_by_columns() {
        assert_eq!(shortened("▁night", 6), "·night");
        assert_eq!(shortened("▁internationally", 8), "·intern…");
        assert_eq!(shortened("夜空を見上げて", 6), "夜空…");
        assert_eq!(columns("e\u{301}"), 1);
    }

    #[test]
    fn a_mark_alone_stands_in_quotes() {
        assert_eq!(["a1", ".", ", "].map(|name| readable(name.to_owned())), ["a1", "“.”", "“, ”"]);
    }

    #[test]
    fn a_byte_is_named_by_its_character() {
        let tokens =
            ["▁a", "<0xF0>", "<0xA0>", "<0xAE>", "<0xB7>", "<0xC3>", "b", "<0xB7>", "<0xE2>"].map(str::to_owned);
        let names: Vec<String> = (0..tokens.len()).map(|i| name_in_text(&tokens, i)).collect();
        assert_eq!(names[..4], ["a", "𠮷 (byte 1 of 4)", "𠮷 (byte 2 of 4)", "𠮷 (byte 3 of 4)"]);
        assert_eq!(plain_in_text(&tokens, 4), "𠮷 (byte 4 of 4)");
        for alone in [0, 5, 6, 7, 8, 9] {
            assert_eq!(character_at(&tokens, alone), None, "{alone}");
        }
        assert_eq!(plain_in_text(&tokens, 6), "b");
    }
}
