//! The request under way.

use std::cell::RefCell;

use lens_loader::Abort;

thread_local! {
    /// Its number, and how to stop it.
    static CURRENT: RefCell<Option<(u32, Abort)>> = const { RefCell::new(None) };
}

/// A request begins.
pub fn begin(id: u32, abort: Abort) {
    CURRENT.with(|c| *c.borrow_mut() = Some((id, abort)));
}

/// It has its answer.
pub fn end() {
    CURRENT.with(|c| *c.borrow_mut() = None);
}

/// Its number; 0 when there is none. Never panics: a panic's message asks for it.
pub fn id() -> u32 {
    let id = CURRENT.try_with(|c| c.try_borrow().ok().and_then(|c| c.as_ref().map(|(id, _)| *id)));
    id.ok().flatten().unwrap_or(0)
}

/// Stops it, if it is this one.
pub fn stop(id: u32) {
    CURRENT.with(|c| {
        if let Some((current, abort)) = c.borrow().as_ref()
            && *current == id
        {
            abort.stop();
        }
    });
}
