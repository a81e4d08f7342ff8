//! Bytes from a URL.
//!
//! | file | what it is |
//! |---|---|
//! | `mod.rs` | the text at a URL |
//! | `download` | one whole file, checked, over as many connections as it takes |
//! | `body` | a response's content, chunk by chunk |
//! | `host` | what a host's answer without content means |

mod body;
mod download;
mod host;

use web_sys::RequestCache;

use crate::abort::Abort;
use crate::error::Error;

pub use download::{Download, download};
pub(crate) use host::{is_part, is_retryable, refusal};

/// The text at `url`. Asks the host even where the browser remembers an answer.
///
/// # Errors
/// [`Error::Network`], [`Error::Stopped`].
pub async fn text(url: &str, abort: &Abort) -> Result<String, Error> {
    let request = abort.get(url, RequestCache::NoCache);
    let response = request.send().await.map_err(|e| abort.error(url, e))?;
    if !response.ok() {
        return Err(abort.error(url, refusal(&response)));
    }
    response.text().await.map_err(|e| abort.error(url, e))
}
