//! Stopping requests, and what failures of theirs say.

use std::cell::Cell;
use std::rc::Rc;

use gloo_net::http::{Request, RequestBuilder};
use wasm_bindgen::JsValue;
use web_sys::{AbortController, ReferrerPolicy, RequestCache};

use crate::browser;
use crate::error::Error;

/// Stops the requests that were made with it.
#[derive(Clone)]
pub struct Abort {
    controller: Option<AbortController>,
    stopped: Rc<Cell<bool>>,
}

impl Default for Abort {
    fn default() -> Self {
        Self { controller: AbortController::new().ok(), stopped: Rc::new(Cell::new(false)) }
    }
}

impl Abort {
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

    /// The browser's own signal, for what takes one.
    pub(crate) fn signal(&self) -> Option<JsValue> {
        self.controller.as_ref().map(|controller| controller.signal().into())
    }

    /// Waits so long, or until it is stopped.
    pub(crate) async fn wait(&self, milliseconds: f64) -> Result<(), Error> {
        const STEP_MS: f64 = 100.0;
        let mut left = milliseconds;
        while left > 0.0 && !self.is_stopped() {
            browser::pause(left.min(STEP_MS)).await;
            left -= STEP_MS;
        }
        if self.is_stopped() { Err(Error::Stopped) } else { Ok(()) }
    }

    /// A request for `url`. `cache` is the browser's own, which files stored by content do without.
    pub(crate) fn get(&self, url: &str, cache: RequestCache) -> RequestBuilder {
        let signal = self.controller.as_ref().map(AbortController::signal);
        // A host learns which file is wanted, not from which page.
        Request::get(url).cache(cache).referrer_policy(ReferrerPolicy::NoReferrer).abort_signal(signal.as_ref())
    }

    /// A failure as the visitor reads it.
    pub(crate) fn error(&self, url: &str, problem: impl std::fmt::Display) -> Error {
        if self.is_stopped() {
            return Error::Stopped;
        }
        let file = short_name(url);
        Error::Network(format!("{file} could not be fetched: {problem}. Check the connection and try again."))
    }
}

/// The last two parts of a URL: enough for a visitor to recognize the file.
pub(crate) fn short_name(url: &str) -> &str {
    url.rmatch_indices('/').nth(1).map_or(url, |(at, _)| &url[at + 1..])
}
