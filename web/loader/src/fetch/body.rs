//! A response's content, chunk by chunk.

use gloo_net::http::Response;
use js_sys::{Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::ReadableStreamDefaultReader;

use crate::browser;

/// The browser's message about a connection that broke.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BrokenConnection(String);

/// A response's content; dropping it cancels the transfer.
pub struct Body {
    reader: Option<ReadableStreamDefaultReader>,
}

impl Body {
    pub fn of(response: &Response) -> Self {
        Self { reader: response.body().map(|body| body.get_reader().unchecked_into()) }
    }

    /// The next chunk, as the browser's own array; `None` at the end.
    ///
    /// # Errors
    /// [`BrokenConnection`].
    pub async fn next(&mut self) -> Result<Option<Uint8Array>, BrokenConnection> {
        let Some(reader) = &self.reader else { return Ok(None) };
        let step = JsFuture::from(reader.read()).await.map_err(|e| BrokenConnection(browser::describe(&e)))?;
        if Reflect::get(&step, &JsValue::from_str("done")).is_ok_and(|done| done.is_truthy()) {
            self.reader = None;
            return Ok(None);
        }
        Ok(browser::get(&step, "value").map(JsCast::unchecked_into))
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        if let Some(reader) = &self.reader {
            // A stream that has failed already is over, too.
            drop(reader.cancel().catch(&IGNORE.with(Clone::clone)));
        }
    }
}

thread_local! {
    /// Handles the rejection of canceled streams, so that browsers do not report it as unhandled.
    static IGNORE: std::rc::Rc<wasm_bindgen::closure::Closure<dyn FnMut(JsValue)>> =
        std::rc::Rc::new(wasm_bindgen::closure::Closure::new(|_| {}));
}
