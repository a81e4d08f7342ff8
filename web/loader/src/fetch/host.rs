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
