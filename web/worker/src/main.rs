//! The worker: owns the device, loads the pack, answers the page's requests one after another.
//!
//! | file | what it is |
//! |---|---|
//! | `main.rs` | messages in, messages out; the queue and cancellation |
//! | `answer.rs` | one request, from its first byte to its answer |
//! | `packs.rs` | a pack's files to a loaded [`lens_engine::LoadedPack`]; embedding rows |
//! | `gpu.rs` | the device: opening it, what it can take, word of its loss |
//! | `failure.rs` | why a request did not get its answer |
//! | `diagnostics.rs` | device, memory and counts, for people who look into a failure |
//!
//! Files come through `lens_loader`: from the network or the browser's storage.

// Off the browser there is nothing to run; the workspace's native tools still parse this crate.
#![cfg_attr(not(target_family = "wasm"), allow(dead_code, unused_imports))]

mod answer;
mod diagnostics;
mod failure;
mod gpu;
mod packs;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use lens_loader::Abort;
use lens_protocol::{FailureKind, Request, Response};
use wasm_bindgen::prelude::*;
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

use answer::Session;

thread_local! {
    static QUEUE: RefCell<VecDeque<Request>> = const { RefCell::new(VecDeque::new()) };
    static BUSY: Cell<bool> = const { Cell::new(false) };
    /// The request under way, and how to stop it.
    static CURRENT: RefCell<Option<(u32, Abort)>> = const { RefCell::new(None) };
}

fn scope() -> DedicatedWorkerGlobalScope {
    js_sys::global().unchecked_into()
}

/// Sends a message to the page.
fn post(response: &Response) {
    // The page may be gone; there is nobody left to tell.
    let _ = scope().post_message(&JsValue::from_str(&lens_protocol::encode(response)));
}

/// Number of the request under way; 0 when there is none.
fn current_request() -> u32 {
    let id = CURRENT.try_with(|c| c.try_borrow().ok().and_then(|c| c.as_ref().map(|(id, _)| *id)));
    id.ok().flatten().unwrap_or(0)
}

unsafe extern "C" {
    /// Runs the constructors of what is linked in, above all the registrations of cubecl's operations. Made by
    /// the linker.
    fn __wasm_call_ctors();
}

fn main() {
    // Where nobody calls it, the linker has every export do so first: some milliseconds whenever
    // JavaScript calls in, hundreds of times an analysis.
    // SAFETY: the first thing that runs, once; constructors need nothing else.
    unsafe { __wasm_call_ctors() };
    // A panic ends the module (panic = abort). The page is told which request it took along.
    std::panic::set_hook(Box::new(|info| {
        console_error_panic_hook::hook(info);
        post(&Response::Failed {
            id: current_request(),
            failure: FailureKind::Device,
            message: format!("The engine stopped unexpectedly ({info}). Your text is kept; try again to restart it."),
        });
    }));
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(|event: MessageEvent| {
        let text = event.data().as_string().unwrap_or_default();
        match lens_protocol::decode::<Request>(&text) {
            Ok(Request::Cancel { id }) => cancel(id),
            Ok(Request::LoseDevice { .. }) => gpu::lose(),
            Ok(request) => enqueue(request),
            Err(e) => post(&Response::Failed {
                id: 0,
                failure: FailureKind::Input,
                message: format!("The engine was sent a message that it does not understand: {e}"),
            }),
        }
    });
    scope().set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    on_message.forget();
    wasm_bindgen_futures::spawn_local(run());
}

/// Opens the device, says so, and works through the queue whenever something is in it.
async fn run() {
    BUSY.set(true);
    let session = Session::open().await;
    post(&session.ready());
    SESSION.with(|s| *s.borrow_mut() = Some(session));
    drain().await;
}

thread_local! {
    static SESSION: RefCell<Option<Session>> = const { RefCell::new(None) };
}

async fn drain() {
    BUSY.set(true);
    while let Some(request) = QUEUE.with(|q| q.borrow_mut().pop_front()) {
        let abort = Abort::default();
        CURRENT.with(|c| *c.borrow_mut() = Some((request.id(), abort.clone())));
        // Taken out while it works: only this loop uses it, and it never runs twice at once.
        if let Some(mut session) = SESSION.with(|s| s.borrow_mut().take()) {
            let response = session.answer(request, &abort).await;
            SESSION.with(|s| *s.borrow_mut() = Some(session));
            post(&response);
        }
        CURRENT.with(|c| *c.borrow_mut() = None);
    }
    BUSY.set(false);
}

fn enqueue(request: Request) {
    QUEUE.with(|q| q.borrow_mut().push_back(request));
    if !BUSY.get() {
        wasm_bindgen_futures::spawn_local(drain());
    }
}

fn cancel(id: u32) {
    let waiting = QUEUE.with(|q| {
        let mut queue = q.borrow_mut();
        let before = queue.len();
        queue.retain(|request| request.id() != id);
        before != queue.len()
    });
    if waiting {
        post(&Response::Cancelled { id });
    }
    CURRENT.with(|c| {
        if let Some((current, abort)) = c.borrow().as_ref()
            && *current == id
        {
            abort.stop();
        }
    });
}
