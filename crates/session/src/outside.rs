//! Texts from links, messages and files, as the page's text box has them: what was carried is what stays when one types.

use std::borrow::Cow;

use lens_pack::text;

/// A text with the line ends of a text box.
pub fn from_outside(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// The text of a saved result, from a file or a host, as the command line reads files.
///
/// # Errors
/// What it is instead, as a phrase.
pub fn result_text(bytes: &[u8]) -> Result<String, String> {
    text::of_data(bytes).map_err(|error| format!("it is {error}"))
}

/// JSON whose strings hold half characters (lone surrogates), as a script may post them, with U+FFFD in their place: what
/// a text box makes of them.
pub fn readable_json(json: &str) -> Cow<'_, str> {
    text::without_lone_surrogates(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_read_in_every_encoding_and_other_files_are_reported() {
        let json = "{\"text\": \"ä🎈\"}";
        let utf16: Vec<u8> = std::iter::once(0xfeff).chain(json.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        for bytes in [json.as_bytes(), &[b"\xef\xbb\xbf", json.as_bytes()].concat(), &utf16] {
            assert_eq!(result_text(bytes).as_deref(), Ok(json));
        }
        let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
        assert!(result_text(pointer).unwrap_err().starts_with("it is a Git LFS pointer"));
        assert!(
            result_text(b"<!DOCTYPE html><title>Sign in</title>").unwrap_err().starts_with("it is a page of the web")
        );
        assert!(result_text(b"{\xff").unwrap_err().starts_with("it is not UTF-8"));
    }
}
