//! The page's end of the worker: starts it, sends requests, hands answers on.

use lens_protocol::{Request, Response, decode, encode};
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{ErrorEvent, MessageEvent, Worker, WorkerOptions, WorkerType};

use crate::environment;

/// A running worker; dropping it ends the worker.
pub struct Engine {
    worker: Worker,
    // The worker calls these as long as it lives.
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(ErrorEvent)>,
}

impl Engine {
    /// Starts a worker. `on_response` gets its answers, `on_crash` a sentence when it stopped for
    /// good.
    ///
    /// # Errors
    /// A sentence, when the browser refuses to start one.
    pub fn start(
        mut on_response: impl FnMut(Response) + 'static,
        mut on_crash: impl FnMut(String) + 'static,
    ) -> Result<Self, String> {
        let url = environment::address("worker-loader.js").ok_or("this page has no address of its own")?;
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        let worker = Worker::new_with_options(&url, &options)
            .map_err(|_| "this browser does not start module workers".to_owned())?;

        let on_message = Closure::new(move |event: MessageEvent| {
            // Anything but a message of the protocol is not from our worker's code: not ours to act on.
            if let Some(response) = event.data().as_string().and_then(|text| decode::<Response>(&text).ok()) {
                on_response(response);
            }
        });
        let on_error = Closure::new(move |event: ErrorEvent| {
            event.prevent_default();
            let reason = event.message();
            // A script that could not be fetched fires an event without a message.
            on_crash(if reason.is_empty() || reason == "undefined" {
                "The worker could not be started: its files could not be loaded.".to_owned()
            } else {
                format!("The worker stopped: {reason}")
            });
        });
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        Ok(Self { worker, _on_message: on_message, _on_error: on_error })
    }

    /// Sends a request.
    ///
    /// # Errors
    /// A sentence, when the message cannot be posted.
    pub fn send(&self, request: &Request) -> Result<(), String> {
        let message = encode(request);
        self.worker.post_message(&message.into()).map_err(|_| "the worker takes no messages".to_owned())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.worker.set_onmessage(None);
        self.worker.set_onerror(None);
        self.worker.terminate();
    }
}
