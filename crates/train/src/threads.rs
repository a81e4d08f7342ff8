//! Work that is done side by side.

use lens_model::ComputeDevice;

/// `with` of each of `items`, side by side on the CPU, where many operations have a single thread. On a GPU one after
/// another on this thread: cubecl keeps memory on the device for each thread that it ever saw.
pub fn side_by_side<I: Send, T: Send>(device: &ComputeDevice, items: Vec<I>, with: impl Fn(I) -> T + Sync) -> Vec<T> {
    if !device.is_cpu() {
        return items.into_iter().map(with).collect();
    }
    let with = &with;
    std::thread::scope(|threads| {
        let running: Vec<_> = items.into_iter().map(|item| threads.spawn(move || with(item))).collect();
        running.into_iter().map(joined).collect()
    })
}

/// What a thread computed; a panic in it goes on in this one.
fn joined<T>(thread: std::thread::ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
