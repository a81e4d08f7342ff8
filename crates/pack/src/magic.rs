//! What a file's first bytes say that it is, where it is neither UTF-8 text nor one of ours.

/// Files whose first bytes say what they are, and what they are called.
const MAGIC: [(&[u8], &str); 12] = [
    (b"PK\x03\x04", "a ZIP archive, as .docx, .odt, .epub, .npz and PyTorch's files are"),
    (b"%PDF-", "a PDF"),
    (b"\x1f\x8b", "a file compressed by gzip"),
    (b"\x28\xb5\x2f\xfd", "a file compressed by zstd"),
    (b"\xfd7zXZ", "a file compressed by xz"),
    (b"BZh91AY&SY", "a file compressed by bzip2"),
    (b"PAR1\x15", "a Parquet file"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"{\\rtf", "an RTF document"),
    (b"\x00\x05\x16\x07", "what macOS keeps of another file (._), not that file"),
    (b"\xd0\xcf\x11\xe0", "a document of an old Office program"),
];

/// Bytes that decide between encodings.
const SAMPLE_BYTES: usize = 512;

/// What first bytes say that a file is.
pub(crate) fn known(head: &[u8]) -> Option<&'static str> {
    MAGIC.iter().find(|(magic, _)| head.starts_with(magic)).map(|(_, name)| *name)
}

/// The encoding of a text that has no byte order mark, and that would pass as UTF-8 with odd characters in it: many texts in
/// UTF-16 and UTF-32 do.
pub(crate) fn unmarked(head: &[u8]) -> Option<&'static str> {
    let head = &head[..head.len().min(SAMPLE_BYTES)];
    if known(head).is_some() {
        return None;
    }
    let is_marked = [&[0xff, 0xfe][..], &[0xfe, 0xff], &[0, 0, 0xfe, 0xff], &[0xef, 0xbb, 0xbf]];
    if is_marked.iter().any(|mark| head.starts_with(mark)) {
        return None;
    }
    if is_utf32(head) {
        return Some("UTF-32");
    }
    is_utf16(head).then_some("UTF-16")
}

/// Whether two bytes at the same end of nearly all fours are zero.
fn is_utf32(head: &[u8]) -> bool {
    let (fours, _) = head.as_chunks::<4>();
    let zeros =
        |first: usize| 10 * fours.iter().filter(|it| it[first] == 0 && it[first + 1] == 0).count() >= 9 * fours.len();
    !fours.is_empty() && zeros(0) != zeros(2)
}

/// Whether most bytes at even places, or at odd places but not both, are what the upper halves of letters are: zero in Latin
/// script, a few other control characters in others (4 in Cyrillic). Those of some scripts are tabs and line ends, which texts
/// have, too: one control character that they do not have is needed.
fn is_utf16(head: &[u8]) -> bool {
    let (pairs, _) = head.as_chunks::<2>();
    let share = |place: usize, is: fn(u8) -> bool| pairs.iter().filter(|pair| is(pair[place])).count();
    let most = |tenths: usize, is: fn(u8) -> bool| {
        let enough = |place| 10 * share(place, is) >= tenths * pairs.len();
        enough(0) != enough(1)
    };
    let is_odd = |byte: &u8| *byte < 0x20 && !matches!(byte, b'\t'..=b'\r' | 0x1b);
    let zero = |byte| byte == 0;
    let control = |byte| byte < 0x20;
    pairs.len() >= 2 && (most(4, zero) || (most(8, control) && head.iter().any(is_odd)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_without_a_mark_are_known_in_every_script() {
        for text in [
            "The tide is in.",
            "Прилив наступил, и лодка ушла.",
            "Η παλίρροια ανέβηκε και η βάρκα έφυγε.",
            "הגאות עלתה והסירה יצאה.",
            "ارتفع المد وخرج القارب.",
            "ज्वार आ गया है और नाव चली गई।",
            "น้ำขึ้นแล้วและเรือก็ออกไป",
            "{\"text\": \"Прилив\"}\n",
        ] {
            let bytes = |unit: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(unit).collect::<Vec<u8>>();
            for units in [bytes(u16::to_le_bytes), bytes(u16::to_be_bytes)] {
                // What is not UTF-8 is refused for that.
                let is_told = unmarked(&units) == Some("UTF-16") || std::str::from_utf8(&units).is_err();
                assert!(is_told, "{text}");
            }
            let bytes = |unit: fn(u32) -> [u8; 4]| text.chars().flat_map(|c| unit(c.into())).collect::<Vec<u8>>();
            for units in [bytes(u32::to_le_bytes), bytes(u32::to_be_bytes)] {
                assert_eq!(unmarked(&units), Some("UTF-32"), "{text}");
            }
            assert_eq!(unmarked(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn odd_texts_in_utf_8_stay_texts() {
        for text in
            ["", "a", "a\nb\nc\nd\n", "\n\n\n\n", "\t1\t2\t3\t4", "a\u{1b}[0m", "a\0b", "\0\0\0\0", "1\r\n2\r\n"]
        {
            assert_eq!(unmarked(text.as_bytes()), None, "{text:?}");
        }
    }
}
