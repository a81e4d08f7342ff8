//! Whether a pack fits a device, before any weight is fetched.

use crate::block::{blocks_per_row, words_per_row};
use crate::manifest::{Manifest, TensorEntry};
use crate::tensor_spec::gemma_joined;

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

/// The largest buffer that the weights need: the name of the tensor, or of the first of those that are joined in it, and its bytes.
pub fn largest_buffer(manifest: &Manifest) -> (String, u64) {
    let bytes = |name: &String| manifest.tensors.get(name).map_or(0, |tensor| device_bytes(tensor).0);
    let joined = gemma_joined(&manifest.gemma, manifest.layer).into_iter().filter_map(|joined| {
        let whole = joined.members.iter().map(|(name, _)| bytes(name)).sum();
        Some((joined.members.into_iter().next()?.0, whole))
    });
    let alone = manifest.tensors.keys().map(|name| (name.clone(), bytes(name)));
    joined.chain(alone).max_by_key(|(_, bytes)| *bytes).unwrap_or_default()
}

/// Why a pack does not fit a device, as a sentence with the numbers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FitError {
    /// A tensor needs a larger buffer than the device has.
    #[error(
        "This model does not fit: its largest tensor, {tensor}, has {}, and this GPU's {limited} have at most {}. \
         Choose a pack of lower precision or a smaller model.",
        format_bytes(*bytes),
        format_bytes(*limit)
    )]
    Tensor {
        /// Its name.
        tensor: String,
        /// Bytes of its buffer.
        bytes: u64,
        /// What is limited: "buffers" or "storage buffer bindings".
        limited: &'static str,
        /// The most bytes there.
        limit: u64,
    },
    /// All weights together need more memory than there is.
    #[error(
        "This model does not fit: its weights have {}, and this device has about {} for them. \
         Choose a pack of lower precision or a smaller model.",
        format_bytes(*bytes),
        format_bytes(*limit)
    )]
    Memory {
        /// Bytes of all weights.
        bytes: u64,
        /// Bytes of memory for them.
        limit: u64,
    },
}

fn format_bytes(bytes: u64) -> String {
    let (amount, unit) = if bytes < 10_000_000 { (bytes as f64 / 1e3, "kB") } else { (bytes as f64 / 1e6, "MB") };
    format!("{amount:.0} {unit}")
}

/// Checks that the pack fits the device, as far as its limits are known.
///
/// # Errors
/// [`FitError`].
pub fn check(manifest: &Manifest, limits: Limits) -> Result<(), FitError> {
    let (tensor, bytes) = largest_buffer(manifest);
    let known = [(limits.buffer_bytes, "buffers"), (limits.binding_bytes, "storage buffer bindings")];
    for (limit, limited) in known {
        if let Some(limit) = limit.filter(|limit| bytes > *limit) {
            return Err(FitError::Tensor { tensor, bytes, limited, limit });
        }
    }
    let bytes = weight_bytes(manifest);
    match limits.memory_bytes.filter(|limit| bytes > *limit) {
        Some(limit) => Err(FitError::Memory { bytes, limit }),
        None => Ok(()),
    }
}
