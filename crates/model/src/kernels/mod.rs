//! The operations that burn does not have, or not fit for us: multiplication with packed weights,
//! causal attention without a [heads, T, T] array, and keeping the k largest codes of a token.
//!
//! Each is one method of [`LensOps`] with two implementations: a WGSL kernel for every burn
//! device that runs on wgpu (`gpu.rs`), and plain Rust over the `gemm` crate for the CPU device
//! (`cpu.rs`), which is the oracle of the first.

mod cpu;
mod gpu;

use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Backend, backend_extension};
use lens_weights::block::Precision;

/// Shape and precision of a packed matrix on a device; see [`lens_weights::block`] for the layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PackedShape {
    /// Output dimension of the linear layer.
    pub rows: usize,
    /// Input dimension, without padding.
    pub cols: usize,
    /// How values are stored.
    pub precision: Precision,
}

impl PackedShape {
    /// `cols` rounded up to whole blocks.
    pub fn padded_cols(&self) -> usize {
        self.cols.next_multiple_of(lens_weights::block::BLOCK)
    }
}

/// Longest text that [`LensOps::attention`] takes: its scores fill the 8 KiB of workgroup memory
/// that leave room within the 16 KiB every adapter has.
pub const ATTENTION_TOKENS_MAX: usize = 2048;

/// What distinguishes one attention from another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AttentionOptions {
    /// Factor on the scores.
    pub scale: f32,
    /// `cap * tanh(score / cap)`, before masking (Gemma 2).
    pub soft_cap: Option<f32>,
    /// Each query sees only the last `window` keys, its own included.
    pub window: Option<usize>,
}

/// Products of activations with a packed matrix W [rows, cols], and top-k.
#[backend_extension(Cube, Flex)]
pub trait LensOps: Backend {
    /// x Wᵀ: a linear layer. `x` is [T, padded_cols], contiguous or not; the result [T, rows].
    fn packed_linear(
        x: FloatTensor<Self>,
        words: IntTensor<Self>,
        scales: IntTensor<Self>,
        shape: PackedShape,
    ) -> FloatTensor<Self>;

    /// x W: the same matrix in the other direction. `x` is [T, rows]; the result [T, cols].
    fn packed_linear_transposed(
        x: FloatTensor<Self>,
        words: IntTensor<Self>,
        scales: IntTensor<Self>,
        shape: PackedShape,
    ) -> FloatTensor<Self>;

    /// Keeps the `k` largest entries of each row of `z` [T, width], which must not be negative,
    /// and sets the others to zero; among equal values the first ones stay.
    fn keep_top_k(z: FloatTensor<Self>, k: usize) -> FloatTensor<Self>;

    /// Causal attention of `q` [heads, T, d] over `k` [kv_heads, T, d] and `v` [kv_heads, T, dv];
    /// consecutive groups of query heads share a key head. The result is [heads, T, dv].
    fn attention(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        options: AttentionOptions,
    ) -> FloatTensor<Self>;

    /// gelu(gate) * up, elementwise on [T, n], with the tanh approximation of GELU.
    fn geglu(gate: FloatTensor<Self>, up: FloatTensor<Self>) -> FloatTensor<Self>;
}
