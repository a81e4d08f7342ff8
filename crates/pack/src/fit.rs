//! Whether a pack fits a device, before any weight is fetched.

use crate::block::{blocks_per_row, words_per_row};
use crate::manifest::{Manifest, TensorEntry};

/// What is known of a device; `None` where it is not.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Limits {
    /// Largest buffer, in bytes.
    pub buffer_bytes: Option<u64>,
    /// Largest part of a buffer that a kernel reads, in bytes.
    pub binding_bytes: Option<u64>,
    /// Memory there is for weights, in bytes.
    pub memory_bytes: Option<u64>,
}

/// Bytes of a tensor on a device: packed words and scales, vectors as f32.
fn device_bytes(tensor: &TensorEntry) -> (u64, u64) {
    let (rows, cols) = (tensor.shape.0 as u64, tensor.shape.1);
    if rows == 1 {
        return (4 * cols as u64, 0);
    }
    let words = 4 * rows * words_per_row(cols, tensor.precision) as u64;
    let scales = if tensor.precision.is_quantized() { 2 * rows * blocks_per_row(cols) as u64 } else { 0 };
    (words, scales.next_multiple_of(4))
}

/// Bytes of all weights on a device.
pub fn weight_bytes(manifest: &Manifest) -> u64 {
    manifest.tensors.values().map(|tensor| device_bytes(tensor).0 + device_bytes(tensor).1).sum()
}

/// The largest buffer that the weights need: the tensor's name and its bytes.
pub fn largest_buffer(manifest: &Manifest) -> (&str, u64) {
    let sizes = manifest.tensors.iter().map(|(name, tensor)| (name.as_str(), device_bytes(tensor).0));
    sizes.max_by_key(|(_, bytes)| *bytes).unwrap_or(("", 0))
}

fn spell(bytes: u64) -> String {
    let (amount, unit) = if bytes < 10_000_000 { (bytes as f64 / 1e3, "kB") } else { (bytes as f64 / 1e6, "MB") };
    format!("{amount:.0} {unit}")
}

/// Why the pack does not fit, as a sentence with the numbers; `Ok` where it does as far as is known.
///
/// # Errors
/// The sentence.
pub fn check(manifest: &Manifest, limits: Limits) -> Result<(), String> {
    let (name, bytes) = largest_buffer(manifest);
    let known = [(limits.buffer_bytes, "buffers"), (limits.binding_bytes, "storage buffer bindings")];
    for (limit, what) in known {
        if let Some(limit) = limit.filter(|limit| bytes > *limit) {
            return Err(format!(
                "This model does not fit: its largest tensor, {name}, has {}, and this GPU's {what} have at most {}. \
                 Choose a pack of lower precision or a smaller model.",
                spell(bytes),
                spell(limit),
            ));
        }
    }
    let weights = weight_bytes(manifest);
    match limits.memory_bytes.filter(|limit| weights > *limit) {
        Some(limit) => Err(format!(
            "This model does not fit: its weights have {}, and this device has about {} for them. \
             Choose a pack of lower precision or a smaller model.",
            spell(weights),
            spell(limit),
        )),
        None => Ok(()),
    }
}
