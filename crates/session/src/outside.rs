//! Texts from links, messages and files, as the page's text box has them: what was carried is what stays when one types.

use std::borrow::Cow;

use lens_pack::text::{self, TextError};

/// Why a text from outside the page is not here, as a phrase that follows a colon.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutsideError {
    /// The page is a single file, which has its own analysis and no others.
    #[error("this file carries its analysis alone")]
    SingleFile,
    /// A file of the site or of a pack did not come.
    #[error("it could not be fetched; try again")]
    FetchFailed,
    /// The address is not one that the page fetches from.
    #[error("that is not a web address")]
    NotWebAddress,
    /// No answer came: there is no network or no such host, or the host lets no other site read it.
    #[error("its host cannot be reached, or does not let other sites read it (CORS)")]
    Unreachable,
    /// The host answered with this HTTP status, which is not one of success.
    #[error("its host answers {0}")]
    Status(u16),
    /// The connection ended before the answer did.
    #[error("the connection broke")]
    ConnectionLost,
    /// It has more bytes than any saved analysis.
    #[error("it is too large for a saved analysis")]
    TooLarge,
    /// The browser could not read the visitor's file.
    #[error("it could not be read")]
    Unreadable,
    /// Its bytes are something other than the text of a file of data.
    #[error("it is {0}")]
    NotText(#[from] TextError),
}

/// A text with the line ends of a text box.
pub fn from_outside(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// The text of a saved result, from a file or a host, as the command line reads files.
///
/// # Errors
/// [`OutsideError::NotText`]: what it is instead.
pub fn result_text(bytes: &[u8]) -> Result<String, OutsideError> {
    text::of_data(bytes).map_err(OutsideError::NotText)
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
        for (bytes, start) in [
            (&pointer[..], "it is a Git LFS pointer"),
            (b"<!DOCTYPE html><title>Sign in</title>", "it is a page of the web"),
            (b"{\xff", "it is not UTF-8"),
        ] {
            let problem = result_text(bytes).unwrap_err().to_string();
            assert!(problem.starts_with(start), "{problem}");
        }
    }
}
