//! Messages to the page.

use js_sys::Object;
use lens_protocol::Response;
use lens_protocol::port::Outgoing;
use serde::Serialize;
use wasm_bindgen::JsCast;
use web_sys::DedicatedWorkerGlobalScope;

/// An answer: its header, and the typed arrays that come with it.
pub struct Reply {
    header: String,
    arrays: Vec<Object>,
}

impl Reply {
    /// Of a header alone.
    pub fn new(header: &impl Serialize) -> Self {
        Self::with(header, Vec::new())
    }

    /// Of a header and typed arrays, each with a buffer of its own.
    pub fn with(header: &impl Serialize, arrays: Vec<Object>) -> Self {
        Self { header: lens_protocol::encode(header), arrays }
    }
}

/// Sends a message to the page.
pub fn post(response: &Response) {
    send(&Reply::new(response));
}

/// Sends an answer to the page; its arrays are handed over.
pub fn send(reply: &Reply) {
    let scope: DedicatedWorkerGlobalScope = js_sys::global().unchecked_into();
    let Outgoing { message, transfer } = Outgoing::new(&reply.header, &reply.arrays);
    // The page may be gone: then there is nothing left to answer.
    let _ = scope.post_message_with_transfer(&message, &transfer);
}
