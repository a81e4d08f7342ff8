//! The worker: owns the device, loads the pack, answers the page's requests one after another.
//!
//! | file | what it is |
//! |---|---|
//! | `main.rs` | messages in; the queue and cancellation |
//! | `answer.rs` | one request of the page, from its first byte to its answer |
//! | `testing.rs` | what only tests and benches ask |
//! | `packs.rs` | a pack's files to a loaded [`lens_engine::LoadedPack`]; embedding rows |
//! | `arrays.rs` | matrices as typed arrays, to be handed over |
//! | `outbox.rs` | messages to the page |
//! | `progress.rs` | how far a request is, and where its time goes |
//! | `current.rs` | the request under way |
//! | `gpu.rs` | the device: opening it, checking its kernels, what it can take, reporting its loss |
//! | `failure.rs` | why a request did not get its answer |
//! | `diagnostics.rs` | device, memory and counts, for people who look into a failure |
//! | `clock.rs` | milliseconds |
//!
//! Files come through `lens_loader`: from the network or the browser's storage.

// Off the browser there is nothing to run; the workspace's native tools still parse this crate.
#![cfg_attr(not(target_family = "wasm"), allow(dead_code, unused_imports))]

mod answer;
mod arrays;
mod clock;
mod current;
mod diagnostics;
mod failure;
mod gpu;
mod outbox;
mod packs;
mod progress;
mod testing;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::pin;
use std::task::{Poll, Waker};

use futures_util::future::{Either, select};
use lens_engine::ComputeDevice;
use lens_loader::Abort;
use lens_protocol::testing::TestRequest;
use lens_protocol::{FailureKind, Request, Response, decode};
use wasm_bindgen::prelude::*;
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

use answer::Session;
use failure::Failure;
use gpu::Checked;
use outbox::{Reply, post};

// The page says how long a text may be before it asks.
const _: () = assert!(lens_protocol::TOKENS_MAX == lens_engine::pack::TOKENS_MAX);

/// What waits for its turn.
enum Job {
    Page(Request),
    Test(TestRequest),
}

impl Job {
    fn id(&self) -> u32 {
        match self {
            Self::Page(request) => request.id(),
            Self::Test(request) => request.id(),
        }
    }
}

thread_local! {
    static QUEUE: RefCell<VecDeque<Job>> = const { RefCell::new(VecDeque::new()) };
    static BUSY: Cell<bool> = const { Cell::new(false) };
}

unsafe extern "C" {
    /// Runs the constructors of what is linked in, above all the registrations of cubecl's operations. Made by
    /// the linker.
    fn __wasm_call_ctors();
}

fn main() {
    // Where it is not called, the linker makes every export call it first: some milliseconds whenever
    // JavaScript calls in, hundreds of times an analysis.
    // SAFETY: the first thing that runs, once; constructors need nothing else.
    unsafe { __wasm_call_ctors() };
    // A panic ends the module (panic = abort). The page learns which request was under way.
    std::panic::set_hook(Box::new(|info| {
        console_error_panic_hook::hook(info);
        post(&Response::Failed {
            id: current::id(),
            failure: FailureKind::Device,
            message: format!("The engine stopped unexpectedly ({info}). Your text is kept; try again to restart it."),
        });
    }));
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(|event: MessageEvent| {
        let text = event.data().as_string().unwrap_or_default();
        match decode::<Request>(&text) {
            Ok(Request::Cancel { id }) => cancel(id),
            Ok(request) => enqueue(Job::Page(request)),
            Err(problem) => match decode::<TestRequest>(&text) {
                Ok(TestRequest::LoseDevice { .. }) => gpu::lose(),
                Ok(request) => enqueue(Job::Test(request)),
                Err(_) => post(&Response::Failed {
                    id: 0,
                    failure: FailureKind::Input,
                    message: format!("The engine was sent a message that it does not understand: {problem}"),
                }),
            },
        }
    });
    let scope: DedicatedWorkerGlobalScope = js_sys::global().unchecked_into();
    scope.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    on_message.forget();
    wasm_bindgen_futures::spawn_local(run());
}

/// Opens the device, checks its kernels while the first weights come, tells the page, and works through the queue whenever
/// something is in it.
async fn run() {
    BUSY.set(true);
    let mut session = Session::open().await;
    match session.to_check() {
        Some(device) => check_and_load(&device, &mut session).await,
        None => post(&session.ready()),
    }
    SESSION.with(|s| *s.borrow_mut() = Some(session));
    drain().await;
}

/// Checks the kernels and tells the page, and loads meanwhile what the first request is going to read: a GPU compiles while
/// bytes arrive. Falls back to the CPU.
async fn check_and_load(device: &ComputeDevice, session: &mut Session) {
    let ready = session.ready();
    let abort = Abort::default();
    let has_begun = Cell::new(false);
    let load = async {
        let request = first_request().await;
        has_begun.set(true);
        current::begin(request.id(), abort.clone());
        gpu::show_steps(false);
        session.load_ahead(&request, &abort).await;
        gpu::show_steps(true);
        current::end();
    };
    let check = async {
        let checked = gpu::check(device, || has_begun.get()).await;
        match &checked {
            Checked::Right => post(&ready),
            Checked::Refused(_) | Checked::Wrong(_) => abort.stop(),
        }
        checked
    };
    let checked = match select(pin!(check), pin!(load)).await {
        Either::Left((checked, load)) => {
            if has_begun.get() {
                load.await;
            }
            checked
        }
        Either::Right(((), check)) => check.await,
    };
    match checked {
        Checked::Right => {}
        Checked::Refused(failure) => {
            session.refuse(failure);
            post(&ready);
        }
        Checked::Wrong(note) => {
            session.fall_back(note);
            gpu::leave();
            post(&session.ready());
        }
    }
}

/// The first request that reads a text, once it is the next in the queue; it stays there.
async fn first_request() -> Request {
    poll_fn(|context| {
        let next = QUEUE.with_borrow(|queue| match queue.front() {
            Some(Job::Page(request)) => answer::texts_of(request).map(|_| request.clone()),
            Some(Job::Test(_)) | None => None,
        });
        if next.is_none() {
            WAITING.set(Some(context.waker().clone()));
        }
        next.map_or(Poll::Pending, Poll::Ready)
    })
    .await
}

thread_local! {
    /// What waits for a request.
    static WAITING: Cell<Option<Waker>> = const { Cell::new(None) };
    static SESSION: RefCell<Option<Session>> = const { RefCell::new(None) };
}

async fn drain() {
    BUSY.set(true);
    while let Some(job) = QUEUE.with(|q| q.borrow_mut().pop_front()) {
        let (id, abort) = (job.id(), Abort::default());
        current::begin(id, abort.clone());
        // Taken out while it works: only this loop uses it, and it never runs twice at once.
        if let Some(mut session) = SESSION.with(|s| s.borrow_mut().take()) {
            let answered = match job {
                Job::Page(request) => session.answer(request, &abort).await,
                Job::Test(request) => testing::answer(&mut session, request, &abort).await,
            };
            let has_other_device = session.was_preferred();
            SESSION.with(|s| *s.borrow_mut() = Some(session));
            outbox::send(&answered.unwrap_or_else(|failure| {
                Reply::new(&match failure {
                    Failure::Stopped => Response::Canceled { id },
                    // The CPU was chosen before anybody knew for what.
                    Failure::Wrong(FailureKind::Capacity, message) if has_other_device => Response::Failed {
                        id,
                        failure: FailureKind::Capacity,
                        message: format!("{message} WebGPU may have room for it: press \u{201c}Use WebGPU\u{201d}."),
                    },
                    Failure::Wrong(failure, message) => Response::Failed { id, failure, message },
                })
            }));
        }
        current::end();
    }
    BUSY.set(false);
}

fn enqueue(job: Job) {
    QUEUE.with(|q| q.borrow_mut().push_back(job));
    if let Some(waker) = WAITING.take() {
        waker.wake();
    }
    if !BUSY.get() {
        wasm_bindgen_futures::spawn_local(drain());
    }
}

fn cancel(id: u32) {
    let waiting = QUEUE.with(|q| {
        let mut queue = q.borrow_mut();
        let before = queue.len();
        queue.retain(|job| job.id() != id);
        before != queue.len()
    });
    if waiting {
        post(&Response::Canceled { id });
    }
    current::stop(id);
}
