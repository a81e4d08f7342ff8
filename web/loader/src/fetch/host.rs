//! What a host's answer without content means.

use gloo_net::http::Response;

/// The status of an answer without content, as a sentence's part.
pub(crate) fn refusal(response: &Response) -> String {
    format!("the host answered {} {}", response.status(), response.status_text())
}

/// Whether the same request may succeed in a moment, after this HTTP status.
pub(crate) fn is_retryable(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500..=599)
}

/// Whether a partial answer is of the bytes from `start` on, up to `end` where that was asked for: as far as the browser
/// shows it, since another origin has to allow that.
pub(crate) fn is_part(response: &Response, start: u64, end: Option<u64>) -> bool {
    response.headers().get("Content-Range").is_none_or(|shown| is_range(&shown, start, end))
}

/// Whether a `Content-Range` is of these bytes.
fn is_range(shown: &str, start: u64, end: Option<u64>) -> bool {
    let range = shown.trim().strip_prefix("bytes").map(str::trim_start).and_then(|rest| rest.split_once('/'));
    let bounds = range.and_then(|(bounds, _)| bounds.split_once('-'));
    let number = |text: &str| text.trim().parse::<u64>().ok();
    let Some((first, last)) = bounds.and_then(|(first, last)| Some((number(first)?, number(last)?))) else {
        return false;
    };
    first == start && end.is_none_or(|end| last.checked_add(1) == Some(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_bytes_that_were_asked_for_are_a_right_range() {
        for shown in ["bytes 100-199/5000", "bytes 100-199/*", " bytes  100-199/5000"] {
            assert!(is_range(shown, 100, Some(200)) && is_range(shown, 100, None), "{shown}");
        }
        for shown in [
            "bytes 101-200/5000",
            "bytes 100-198/5000",
            "bytes 0-99/5000",
            "bytes */5000",
            "bytes 100/5000",
            "100-199/5000",
            "bytes 100-18446744073709551615/5000",
            "bytes -100-199/5000",
            "",
        ] {
            assert!(!is_range(shown, 100, Some(200)), "{shown}");
        }
    }
}
