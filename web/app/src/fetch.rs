//! Fetching text.

use gloo_net::http::Request;

/// A text from `url`; none when it cannot be had.
pub async fn fetch(url: &str) -> Option<String> {
    let response = Request::get(url).send().await.ok()?;
    if !response.ok() {
        return None;
    }
    response.text().await.ok()
}
