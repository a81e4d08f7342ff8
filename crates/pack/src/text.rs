//! Text from bytes, in one place: whatever people's editors and downloads put into a file is read the same everywhere.
//!
//! A byte order mark is no part of a text; UTF-16 and UTF-32 are read where a mark says so, as Windows' editors write it, and
//! refused without one. What a download left in a file's place is recognized: a Git LFS pointer, a page of the web.

use std::borrow::Cow;
use std::io::Read;
use std::path::Path;

use serde::de::{DeserializeOwned, IgnoredAny};

use crate::magic::{known, unmarked};
use crate::{Error, Result};

/// Why bytes are not a text, as a sentence without the file's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// A pointer of Git LFS.
    #[error(
        "a Git LFS pointer, not the file itself: run `git lfs pull` in the repository, or download the file from its page"
    )]
    Pointer,
    /// HTML.
    #[error("a page of the web (HTML), not the file itself: the download got a login or error page; download it again")]
    Page,
    /// A page that this project makes: an analysis as one HTML file, or the index page of a folder of results.
    #[error("a page of Temporal Lens itself (HTML): open it in a browser; the saved analysis is the .json file")]
    OwnPage,
    /// No encoding that is read.
    #[error("not UTF-8 text (byte {0}); save it as UTF-8")]
    Encoding(usize),
    /// Half a character at the end of UTF-16.
    #[error("not UTF-8 text, nor the UTF-16 that it begins as; save it as UTF-8")]
    Utf16,
    /// Half a character at the end of UTF-32, or numbers that are no characters.
    #[error("not UTF-8 text, nor the UTF-32 that it begins as; save it as UTF-8")]
    Utf32,
    /// An encoding that only a mark tells from UTF-8.
    #[error("{0} without a byte order mark at its start; save it as UTF-8")]
    Unmarked(&'static str),
    /// Zeros at its end, from this byte on.
    #[error(
        "a text that ends in zero bytes, from byte {0} on, as a file does whose writing was interrupted; get it again"
    )]
    Zeros(usize),
    /// Another kind of file, by its first bytes.
    #[error("{0}, not a text; unpack it, or save its text as UTF-8")]
    OtherKind(&'static str),
}

/// How a pointer of Git LFS begins, by its specification.
const POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";
/// How pages begin, in lower case.
const PAGES: [&str; 3] = ["<!doctype html", "<html", "<head"];
/// Names of meta tags that only pages to be opened by themselves have: what a host answers in a file's place is a site's own page,
/// which has neither.
const OWN_PAGES: [&str; 2] = ["<meta name=\"temporal-lens-one-file/", "<meta name=\"temporal-lens-viewer\""];
/// Bytes that tell what a file is: the heads of pages begin with a policy.
pub const HEAD_BYTES: usize = 1024;

/// What is in a file's place, by its first bytes, where it is not the file itself: for files of every kind.
pub fn not_the_file(head: &[u8]) -> Option<TextError> {
    if head.starts_with(POINTER) {
        return Some(TextError::Pointer);
    }
    let head = String::from_utf8_lossy(&head[..head.len().min(HEAD_BYTES)]).to_ascii_lowercase();
    let start = head.trim_start_matches('\u{feff}').trim_start();
    if !PAGES.iter().any(|page| start.starts_with(page)) {
        return None;
    }
    let is_own = OWN_PAGES.iter().any(|mark| start.contains(mark));
    Some(if is_own { TextError::OwnPage } else { TextError::Page })
}

/// What is in the place of a file of tensors (safetensors), by its first bytes; none where it may be one.
pub fn not_tensors(head: &[u8]) -> Option<String> {
    if let Some(other) = not_the_file(head) {
        return Some(other.to_string());
    }
    if head.starts_with(b"GGUF") {
        return Some("a GGUF file, not safetensors: name the file itself, with an ending of .gguf".to_owned());
    }
    if let Some(other) = known(head) {
        return Some(format!("{other}, not safetensors; get the file in that format"));
    }
    // A file of tensors begins with eight bytes of a number, whose upper ones are zero.
    let is_json =
        head.len() >= 2 && head[0] == b'{' && head.iter().take(8).all(|byte| byte.is_ascii_graphic() || *byte == b' ');
    is_json.then(|| {
        let start: String = String::from_utf8_lossy(&head[..head.len().min(HEAD_BYTES)]).chars().take(120).collect();
        format!("a text ({start:?}), not tensors: what a host answered instead of the file; download it again")
    })
}

/// A user's text, verbatim but for its encoding: HTML may be the text.
///
/// # Errors
/// [`TextError`].
pub fn of_bytes(bytes: &[u8]) -> std::result::Result<String, TextError> {
    if bytes.starts_with(POINTER) {
        return Err(TextError::Pointer);
    }
    let utf16 = |units: &[[u8; 2]], rest: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = units.iter().map(|pair| unit(*pair)).collect();
        // A lone surrogate is U+FFFD, as where people type it.
        if rest.is_empty() { Ok(String::from_utf16_lossy(&units)) } else { Err(TextError::Utf16) }
    };
    let text = match bytes {
        [0xff, 0xfe, 0, 0, text @ ..] => utf32(text, u32::from_le_bytes),
        [0, 0, 0xfe, 0xff, text @ ..] => utf32(text, u32::from_be_bytes),
        [0xff, 0xfe, text @ ..] => {
            let (units, rest) = text.as_chunks();
            utf16(units, rest, u16::from_le_bytes)
        }
        [0xfe, 0xff, text @ ..] => {
            let (units, rest) = text.as_chunks();
            utf16(units, rest, u16::from_be_bytes)
        }
        [0xef, 0xbb, 0xbf, text @ ..] => utf8(text, 3),
        text => match unmarked(text) {
            Some(encoding) => Err(TextError::Unmarked(encoding)),
            None => utf8(text, 0),
        },
    }?;
    // Texts do not end so, but a file does that was cut off when the machine stopped.
    if text.ends_with('\0') {
        return Err(TextError::Zeros(text.trim_end_matches('\0').len()));
    }
    // Files that were joined into one bring their marks along.
    Ok(if text.contains("\n\u{feff}") { text.replace("\n\u{feff}", "\n") } else { text })
}

fn utf8(text: &[u8], mark: usize) -> std::result::Result<String, TextError> {
    std::str::from_utf8(text).map(str::to_owned).map_err(|e| match known(text) {
        Some(other) => TextError::OtherKind(other),
        None => TextError::Encoding(mark + e.valid_up_to()),
    })
}

fn utf32(text: &[u8], unit: fn([u8; 4]) -> u32) -> std::result::Result<String, TextError> {
    let (units, rest) = text.as_chunks();
    let text: Option<String> = units.iter().map(|it| char::from_u32(unit(*it))).collect();
    text.filter(|_| rest.is_empty()).ok_or(TextError::Utf32)
}

/// The text of a file that is not HTML: JSON, YAML, lists.
///
/// # Errors
/// [`TextError`].
pub fn of_data(bytes: &[u8]) -> std::result::Result<String, TextError> {
    let text = of_bytes(bytes)?;
    match not_the_file(text.as_bytes()) {
        Some(other) => Err(other),
        // Some kinds of file begin with letters.
        None => known(bytes).map_or(Ok(text), |other| Err(TextError::OtherKind(other))),
    }
}

/// Larger than any file of data that is read whole: a result of 2,048 tokens has 60 MB.
const DATA_BYTES_MAX: u64 = 512 << 20;

/// The text of the file at `path`, as [`of_data`].
///
/// # Errors
/// [`Error::Io`] when it cannot be read, [`Error::Malformed`] with a [`TextError`]'s sentence, or when it is larger than
/// 512 MiB.
pub fn read_data(path: &Path) -> Result<String> {
    read_data_up_to(path, DATA_BYTES_MAX)
}

/// As [`read_data`], of a file of at most `limit_bytes`.
///
/// # Errors
/// As [`read_data`], and for a longer file.
pub fn read_data_up_to(path: &Path, limit_bytes: u64) -> Result<String> {
    let malformed = |problem: String| Error::Malformed { file: path.display().to_string(), problem };
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(limit_bytes + 1).read_to_end(&mut bytes))
        .map_err(|source| Error::Io { action: "read", path: path.to_owned(), source })?;
    if bytes.len() as u64 > limit_bytes {
        return Err(malformed(format!("larger than {limit_bytes} bytes: it is not the file that its name suggests")));
    }
    of_data(&bytes).map_err(|e| malformed(e.to_string()))
}

/// What is wrong with JSON, without the file's name and without a parser's words for a file that ends in its middle, or that is
/// something else from its start on.
pub fn json_problem(error: &serde_json::Error) -> Cow<'static, str> {
    if error.is_eof() {
        "it is cut short: save or download it again".into()
    } else if error.is_syntax() && error.line() == 1 && error.column() <= 2 {
        NOT_JSON.into()
    } else {
        error.to_string().into()
    }
}

/// Said of a text that is none.
const NOT_JSON: &str = "it is not JSON";

/// Whether a text is something else than JSON, not JSON with an error in it: what begins neither an object nor a list, and is no
/// value by itself.
fn is_not_json(text: &str) -> bool {
    let start = text.trim_start();
    let other = || serde_json::from_str::<IgnoredAny>(start).is_err_and(|e| e.is_syntax());
    !start.starts_with(['{', '[']) && other()
}

/// Numbers that JSON does not have.
const NO_NUMBERS: [&str; 2] = ["NaN", "Infinity"];

/// That a text has one of them.
fn has_no_number(name: &str) -> String {
    format!("has {name}, which is not a number of JSON, though Python writes it; put a number or null in its place")
}

/// The same of a known text: a number that JSON does not have is named.
pub fn json_problem_in(json: &str, error: &serde_json::Error) -> Cow<'static, str> {
    let line = json.lines().nth(error.line().saturating_sub(1)).unwrap_or_default().as_bytes();
    let start = error.column().saturating_sub(2).min(line.len());
    let near = String::from_utf8_lossy(&line[start..line.len().min(start + 10)]).into_owned();
    match NO_NUMBERS.into_iter().find(|name| error.is_syntax() && near.contains(name)) {
        Some(name) => format!("line {} {}", error.line(), has_no_number(name)).into(),
        None => json_problem(error),
    }
}

/// What is wrong with a line that should be a JSON object: lists and objects of several lines are what other programs write.
pub fn line_problem(line: &str, error: &dyn std::fmt::Display) -> String {
    let is_named =
        |name: &&str| [": ", ":", ", ", ",", "[", "-"].iter().any(|before| line.contains(&format!("{before}{name}")));
    let number = NO_NUMBERS.into_iter().find(is_named);
    match line.trim() {
        list if list.starts_with('[') => "is a JSON list; write an object on each line (`jq -c '.[]'` does)".to_owned(),
        "{" => "begins an object that goes on in the next line; write each on a line of its own (`jq -c .` does)"
            .to_owned(),
        other if is_not_json(other) && number.is_none() => {
            format!("{NOT_JSON}; write a JSON object with each text on a line of its own")
        }
        _ => match (number, error.to_string()) {
            (Some(name), error) if error.contains("expected value") || error.contains("invalid number") => {
                has_no_number(name)
            }
            (_, error) => error,
        },
    }
}

/// Why JSON was not read.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct JsonError(Cow<'static, str>);

/// Reads JSON that others wrote: [`without_lone_surrogates`].
///
/// # Errors
/// [`JsonError`].
pub fn from_json<T: DeserializeOwned>(json: &str) -> std::result::Result<T, JsonError> {
    let problem = |error| if is_not_json(json) { NOT_JSON.into() } else { json_problem(&error) };
    serde_json::from_str(&without_lone_surrogates(json)).map_err(|error| JsonError(problem(error)))
}

/// JSON with U+FFFD in the place of half characters: JSON can write a lone surrogate (`\\ud83d`), no text can hold one, and
/// readers elsewhere take it. Strings of scripts and corpora of the web have them.
pub fn without_lone_surrogates(json: &str) -> Cow<'_, str> {
    /// The UTF-16 unit that the escape at `at` stands for.
    fn unit(bytes: &[u8], at: usize) -> Option<u32> {
        let escape = bytes.get(at..at + 6).filter(|it| it.starts_with(b"\\u"))?;
        u32::from_str_radix(std::str::from_utf8(&escape[2..]).ok()?, 16).ok()
    }
    if !json.contains("\\ud") && !json.contains("\\uD") {
        return Cow::Borrowed(json);
    }
    let bytes = json.as_bytes();
    let mut whole = String::with_capacity(json.len());
    let (mut at, mut copied) = (0, 0);
    while let Some(next) = bytes[at..].iter().position(|byte| *byte == b'\\') {
        at += next;
        let low = || unit(bytes, at + 6).is_some_and(|low| (0xdc00..0xe000).contains(&low));
        at += match unit(bytes, at) {
            Some(0xd800..0xdc00) if low() => 12,
            Some(0xd800..0xe000) => {
                whole.push_str(&json[copied..at]);
                whole.push_str("\\ufffd");
                copied = at + 6;
                6
            }
            Some(_) => 6,
            None => 2,
        };
        at = at.min(bytes.len());
    }
    whole.push_str(&json[copied..]);
    Cow::Owned(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "{\"a\": \"ä🎈\"}\n";

    fn units(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(bytes).collect()
    }

    #[test]
    fn every_encoding_gives_the_same_text() {
        let with_mark = [b"\xef\xbb\xbf", TEXT.as_bytes()].concat();
        let utf32 = |bytes: fn(u32) -> [u8; 4]| -> Vec<u8> {
            std::iter::once('\u{feff}').chain(TEXT.chars()).flat_map(|c| bytes(c.into())).collect()
        };
        let (utf16_le, utf16_be) = (units(TEXT, u16::to_le_bytes), units(TEXT, u16::to_be_bytes));
        let (utf32_le, utf32_be) = (utf32(u32::to_le_bytes), utf32(u32::to_be_bytes));
        let encodings = [TEXT.as_bytes().to_vec(), with_mark, utf16_le, utf16_be, utf32_le, utf32_be];
        for bytes in encodings {
            assert_eq!(of_bytes(&bytes), Ok(TEXT.to_owned()));
            assert_eq!(of_data(&bytes), Ok(TEXT.to_owned()));
        }
        assert_eq!(of_bytes(b""), Ok(String::new()));
        // Only the first mark is one.
        assert_eq!(of_bytes("\u{feff}\u{feff}a".as_bytes()), Ok("\u{feff}a".to_owned()));
        // As by `cat a b`.
        assert_eq!(of_bytes("\u{feff}a\n\u{feff}b\u{feff}\n".as_bytes()), Ok("a\nb\u{feff}\n".to_owned()));
    }

    #[test]
    fn half_characters_in_json_are_replaced() {
        for (json, whole) in [
            (r#"{"a": "b"}"#, r#"{"a": "b"}"#),
            (r#""a\ud83d""#, r#""a\ufffd""#),
            (r#""\uD83D\uDE00\ud83d x\ude00""#, r#""\uD83D\uDE00\ufffd x\ufffd""#),
            (r#""\ude00\ud83d\ud83d\ude00""#, r#""\ufffd\ufffd\ud83d\ude00""#),
            // A backslash, and letters.
            (r#""\\ud83d""#, r#""\\ud83d""#),
            (r#""\\\ud83dé""#, r#""\\\ufffdé""#),
            (r#""\ud83"#, r#""\ud83"#),
            ("\"\\ud83\u{e9}\\ud800", "\"\\ud83\u{e9}\\ufffd"),
            ("\\", "\\"),
            ("\\ud800\\", "\\ufffd\\"),
        ] {
            assert_eq!(without_lone_surrogates(json), whole, "{json}");
        }
    }

    #[test]
    fn non_text_is_reported() {
        assert_eq!(of_bytes(b"abc\xff"), Err(TextError::Encoding(3)));
        assert_eq!(of_bytes(b"\xef\xbb\xbfa\xff"), Err(TextError::Encoding(4)));
        assert_eq!(of_bytes(b"\xff\xfea"), Err(TextError::Utf16));
        assert_eq!(of_bytes(b"\xff\xfe\0\0a"), Err(TextError::Utf32));
        assert_eq!(of_bytes(b"\0\0\xfe\xff\xff\xff\xff\xff"), Err(TextError::Utf32));
        for (text, end) in [("\0\0\0", 0), ("tide\0", 4), ("tide\0\0\0\0\0\0\0\0\0", 4)] {
            assert_eq!(of_bytes(text.as_bytes()), Err(TextError::Zeros(end)));
        }
        assert_eq!(of_bytes(b"a\0b"), Ok("a\0b".to_owned()));
        assert_eq!(of_bytes(b"t\0i\0d\0e\0"), Err(TextError::Unmarked("UTF-16")));
        assert!(matches!(of_data(b"\x1f\x8b\x08\0"), Err(TextError::OtherKind(name)) if name.contains("gzip")));
        assert!(matches!(of_data(b"%PDF-1.7"), Err(TextError::OtherKind("a PDF"))));
        let lone: Vec<u8> = [0xfeff_u16, 0xd83d].into_iter().flat_map(u16::to_le_bytes).collect();
        assert_eq!(of_bytes(&lone), Ok("\u{fffd}".to_owned()));
    }

    #[test]
    fn what_is_in_the_place_of_tensors_is_named() {
        for (head, says) in [
            (&b"GGUF\x03\0\0\0"[..], "a GGUF file"),
            (b"PK\x03\x04xxxx", "PyTorch"),
            (b"\x1f\x8b\x08\0", "gzip"),
            (b"{\"error\":\"Access to model x is restricted\"}", "Access to model x is restricted"),
            (b"<!doctype html>", "page of the web"),
            (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
        ] {
            assert!(not_tensors(head).is_some_and(|it| it.contains(says)), "{says}");
        }
        for head in [&b""[..], b"\x40\0\0\0\0\0\0\0{\"a\"", b"{\x01\0\0\0\0\0\0{\"a\"", &[0xff; 99]] {
            assert_eq!(not_tensors(head), None, "{head:?}");
        }
    }

    #[test]
    fn what_a_download_left_is_recognized() {
        let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n";
        assert_eq!(of_bytes(pointer), Err(TextError::Pointer));
        assert_eq!(not_the_file(pointer), Some(TextError::Pointer));
        for page in ["<!DOCTYPE html>", "\u{feff}\n <html lang=\"en\">", "<HEAD>"] {
            assert_eq!(of_data(page.as_bytes()), Err(TextError::Page), "{page}");
            assert_eq!(of_bytes(page.as_bytes()), Ok(page.trim_start_matches('\u{feff}').to_owned()));
        }
        assert_eq!(not_the_file(b"GGUF"), None);
        assert_eq!(not_the_file(&[0xff; 999]), None);
    }

    #[test]
    fn our_own_pages_are_told_from_those_of_a_host() {
        let policy = format!("<meta http-equiv=\"Content-Security-Policy\" content=\"{}\" />", "x".repeat(500));
        for (meta, expected) in [
            ("temporal-lens-one-file/1\" content=\"", TextError::OwnPage),
            ("temporal-lens-one-file/2\" content=\"", TextError::OwnPage),
            ("temporal-lens-viewer\" content=\"../", TextError::OwnPage),
            // A host answers with the site's own page where it has no such file.
            ("temporal-lens-pack\" content=\"", TextError::Page),
        ] {
            let page = format!("<!doctype html>\n<html lang=\"en\">\n<head>{policy}\n<meta name=\"{meta}\" />");
            assert_eq!(of_data(page.as_bytes()), Err(expected.clone()), "{meta}");
            assert_eq!(not_the_file(page.as_bytes()), Some(expected), "{meta}");
        }
        let text = "An essay on <meta name=\"temporal-lens-one-file/1\">.";
        assert_eq!(of_data(text.as_bytes()), Ok(text.to_owned()));
    }

    #[test]
    fn what_is_not_json_is_called_so() {
        for story in
            ["Once upon a time.", "\n\n the tide", "3 men in a boat", "\"Hello,\" she said.", "- a list", "night", "né"]
        {
            let problem = from_json::<Vec<String>>(story).unwrap_err().to_string();
            assert_eq!(problem, "it is not JSON", "{story}");
            let line = line_problem(story, &from_json::<Vec<String>>(story).unwrap_err());
            assert!(line.contains("it is not JSON; write a JSON object"), "{story}: {line}");
        }
        for (json, problem) in [
            ("[\"a\", x]", "expected value at line 1 column 7"),
            ("", "cut short"),
            ("[\"a\", NaN]", "expected value"),
            ("[1]", "invalid type"),
            ("\"a\"", "invalid type"),
        ] {
            let found = from_json::<Vec<String>>(json).unwrap_err().to_string();
            assert!(found.contains(problem), "{json}: {found}");
        }
    }
}
