//! The page's end of a worker: starts it, sends messages, hands its messages on.

use js_sys::Object;
use lens_protocol::buffers::Buffer;
use lens_protocol::port::{Outgoing, incoming};
use serde::Serialize;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{ErrorEvent, MessageEvent, Worker, WorkerOptions, WorkerType};

/// What the browser refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// To start a worker.
    Start,
    /// To post a message to it.
    Message,
}

/// A running worker; dropping it ends the worker.
pub struct WorkerHandle {
    worker: Worker,
    // The worker calls these as long as it lives.
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(ErrorEvent)>,
}

impl WorkerHandle {
    /// Starts the worker at `address` under a name, by which it knows what it is asked to run on. `on_message` gets its
    /// messages, header and buffers, `on_crash` the reason why it stopped for good; none where its files could not be
    /// loaded.
    ///
    /// # Errors
    /// [`Refused::Start`].
    pub fn start(
        address: &str,
        name: &str,
        mut on_message: impl FnMut(&str, Vec<Buffer>) + 'static,
        mut on_crash: impl FnMut(Option<String>) + 'static,
    ) -> Result<Self, Refused> {
        let options = WorkerOptions::new();
        // A single file starts its own script from a blob; browsers take no module from one where the page was opened from disk.
        let is_blob = address.starts_with("blob:");
        options.set_name(name);
        options.set_type(if is_blob { WorkerType::Classic } else { WorkerType::Module });
        let worker = Worker::new_with_options(address, &options).map_err(|_| Refused::Start)?;
        let on_message = Closure::new(move |event: MessageEvent| {
            // Anything but a header with buffers is not from our worker's code: not ours to act on.
            if let Some((header, buffers)) = incoming(&event.data()) {
                on_message(&header, buffers);
            }
        });
        let on_error = Closure::new(move |event: ErrorEvent| {
            event.prevent_default();
            // A script that could not be fetched fires an event without a message.
            on_crash(Some(event.message()).filter(|reason| !reason.is_empty() && reason != "undefined"));
        });
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        Ok(Self { worker, _on_message: on_message, _on_error: on_error })
    }

    /// Sends a header, and typed arrays, each with a buffer of its own, which are handed over.
    ///
    /// # Errors
    /// [`Refused::Message`].
    pub fn send(&self, header: &impl Serialize, arrays: &[Object]) -> Result<(), Refused> {
        let Outgoing { message, transfer } = Outgoing::new(&lens_protocol::encode(header), arrays);
        self.worker.post_message_with_transfer(&message, &transfer).map_err(|_| Refused::Message)
    }
}

impl Drop for WorkerHandle {
    fn drop(&mut self) {
        self.worker.set_onmessage(None);
        self.worker.set_onerror(None);
        self.worker.terminate();
    }
}
