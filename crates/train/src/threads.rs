//! Work that is done side by side.

use lens_model::ComputeDevice;

/// `with` of each of `items`, side by side on the CPU, where many operations have a single thread. On a GPU one after
/// another on this thread: cubecl keeps memory on the device for each thread that it ever saw.
pub fn side_by_side<I: Send, T: Send>(device: &ComputeDevice, items: Vec<I>, with: impl Fn(I) -> T + Sync) -> Vec<T> {
    if !device.is_cpu() {
        return items.into_iter().map(with).collect();
    }
    lens_model::side_by_side(items, with)
}
