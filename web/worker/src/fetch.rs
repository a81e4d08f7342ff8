//! Bytes from a URL, with progress, ranges and abort.

use std::cell::Cell;
use std::ops::Range;
use std::rc::Rc;

use gloo_net::http::{Request, RequestBuilder, Response};
use js_sys::{Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, ReadableStreamDefaultReader};

/// Why bytes did not come.
#[derive(Debug)]
pub enum FetchError {
    /// The visitor stopped it.
    Stopped,
    /// The network or the host, as a sentence.
    Failed(String),
}

/// Stops the requests that were made with it.
#[derive(Clone)]
pub struct Abort {
    controller: Option<AbortController>,
    stopped: Rc<Cell<bool>>,
}

impl Abort {
    /// Nothing stopped yet.
    pub fn new() -> Self {
        Self { controller: AbortController::new().ok(), stopped: Rc::new(Cell::new(false)) }
    }

    /// Stops everything.
    pub fn stop(&self) {
        self.stopped.set(true);
        if let Some(controller) = &self.controller {
            controller.abort();
        }
    }

    /// Whether it was stopped.
    pub fn is_stopped(&self) -> bool {
        self.stopped.get()
    }

    fn request(&self, url: &str) -> RequestBuilder {
        let signal = self.controller.as_ref().map(AbortController::signal);
        Request::get(url).abort_signal(signal.as_ref())
    }

    fn error(&self, url: &str, problem: impl std::fmt::Display) -> FetchError {
        if self.is_stopped() {
            FetchError::Stopped
        } else {
            FetchError::Failed(format!(
                "{} could not be fetched: {problem}. Check the connection and try again.",
                short(url)
            ))
        }
    }
}

/// The last two parts of a URL: what a visitor can tell apart.
fn short(url: &str) -> &str {
    url.rmatch_indices('/').nth(1).map_or(url, |(at, _)| &url[at + 1..])
}

async fn send(url: &str, request: RequestBuilder, abort: &Abort) -> Result<Response, FetchError> {
    let response = request.send().await.map_err(|e| abort.error(url, e))?;
    if response.ok() {
        Ok(response)
    } else {
        Err(abort.error(url, format!("the host answered {} {}", response.status(), response.status_text())))
    }
}

/// The text at `url`.
pub async fn text(url: &str, abort: &Abort) -> Result<String, FetchError> {
    send(url, abort.request(url), abort).await?.text().await.map_err(|e| abort.error(url, e))
}

/// All bytes at `url`; `on_bytes` hears how many have come in this request. Stops reading past
/// `limit` bytes, which a right file never reaches.
pub async fn bytes(url: &str, limit: u64, abort: &Abort, mut on_bytes: impl FnMut(u64)) -> Result<Vec<u8>, FetchError> {
    let response = send(url, abort.request(url), abort).await?;
    let Some(body) = response.body() else { return Ok(Vec::new()) };
    let reader: ReadableStreamDefaultReader = body.get_reader().unchecked_into();
    let mut content = Vec::with_capacity(usize::try_from(limit).unwrap_or_default());
    loop {
        let step = JsFuture::from(reader.read()).await.map_err(|e| abort.error(url, describe(&e)))?;
        if Reflect::get(&step, &JsValue::from_str("done")).is_ok_and(|done| done.is_truthy()) {
            return Ok(content);
        }
        let chunk = Reflect::get(&step, &JsValue::from_str("value")).map_err(|e| abort.error(url, describe(&e)))?;
        let chunk: Uint8Array = chunk.unchecked_into();
        let have = content.len();
        content.resize(have + chunk.length() as usize, 0);
        chunk.copy_to(&mut content[have..]);
        on_bytes(content.len() as u64);
        if content.len() as u64 > limit {
            return Ok(content);
        }
    }
}

/// What a host made of a request for a range.
pub enum Ranged {
    /// The range.
    Part(Vec<u8>),
    /// It knows no ranges and sent the whole file.
    Whole(Vec<u8>),
}

/// The bytes `range` of `url`, or the whole of it where the host knows no ranges.
pub async fn range(url: &str, range: Range<u64>, abort: &Abort) -> Result<Ranged, FetchError> {
    let request = abort.request(url).header("Range", &format!("bytes={}-{}", range.start, range.end - 1));
    let response = send(url, request, abort).await?;
    let status = response.status();
    let content = response.binary().await.map_err(|e| abort.error(url, e))?;
    if status == 206 { Ok(Ranged::Part(content)) } else { Ok(Ranged::Whole(content)) }
}

fn describe(error: &JsValue) -> String {
    Reflect::get(error, &JsValue::from_str("message"))
        .ok()
        .and_then(|m| m.as_string())
        .unwrap_or_else(|| format!("{error:?}"))
}
