//! Products with packed matrices: rows are decoded a few at a time and multiplied by the `gemm` crate.

use gemm::Parallelism;
use lens_pack::block::{BLOCK, unpack_words, words_per_row};

use super::tensor::FlexTensor;
use crate::ops::PackedShape;

/// Values decoded at a time, in whole rows: 512 KiB of f32 stay within a second-level cache. Each product packs its other
/// operand anew, so that fewer rows at a time would pack more often.
const CHUNK_VALUES: usize = 128 * 1024;

fn parallelism() -> Parallelism {
    #[cfg(not(target_family = "wasm"))]
    {
        Parallelism::Rayon(0)
    }
    #[cfg(target_family = "wasm")]
    {
        Parallelism::None
    }
}

/// A row-major operand: its values and the distance between rows.
#[derive(Clone, Copy)]
pub struct Operand<'a> {
    pub values: &'a [f32],
    pub row_stride: usize,
    pub transposed: bool,
}

/// out [m, n] = lhs [m, k] rhs [k, n], or out += where `accumulate`; `out_stride` between rows.
pub fn multiply(
    (m, k, n): (usize, usize, usize),
    lhs: Operand,
    rhs: Operand,
    out: &mut [f32],
    out_stride: usize,
    accumulate: bool,
) {
    if m == 0 || n == 0 || k == 0 {
        return;
    }
    let strides = |o: Operand| {
        if o.transposed { (o.row_stride as isize, 1) } else { (1, o.row_stride as isize) }
    };
    let needed = |o: Operand, rows: usize, cols: usize| {
        let (rows, cols) = if o.transposed { (cols, rows) } else { (rows, cols) };
        (rows - 1) * o.row_stride + cols
    };
    assert!(lhs.values.len() >= needed(lhs, m, k) && rhs.values.len() >= needed(rhs, k, n));
    assert!(out.len() >= (m - 1) * out_stride + n);
    let (lhs_cs, lhs_rs) = strides(lhs);
    let (rhs_cs, rhs_rs) = strides(rhs);
    // SAFETY: the assertions above keep every access within the three slices.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            out_stride as isize,
            accumulate,
            lhs.values.as_ptr(),
            lhs_cs,
            lhs_rs,
            rhs.values.as_ptr(),
            rhs_cs,
            rhs_rs,
            1.0,
            1.0,
            false,
            false,
            false,
            parallelism(),
        );
    }
}

struct Decoder<'a> {
    words: &'a [u32],
    scales: &'a [u32],
    shape: PackedShape,
}

impl<'a> Decoder<'a> {
    fn new(words: &'a FlexTensor, scales: &'a FlexTensor, shape: PackedShape) -> Self {
        let bits = |tensor: &'a FlexTensor| bytemuck::cast_slice(tensor.storage::<i32>());
        Self { words: bits(words), scales: bits(scales), shape }
    }

    /// Rows `first .. first + count` as f32 [count, padded_cols].
    fn rows(&self, first: usize, count: usize, out: &mut [f32]) {
        let cols = self.shape.padded_cols();
        let row_words = words_per_row(cols, self.shape.precision);
        let blocks = cols / BLOCK;
        let decode = |(i, row): (usize, &mut [f32])| {
            let r = first + i;
            let scale = |b: usize| {
                let index = r * blocks + b;
                half::f16::from_bits((self.scales[index / 2] >> (16 * (index % 2))) as u16).to_f32()
            };
            unpack_words(&self.words[r * row_words..(r + 1) * row_words], scale, self.shape.precision, row);
        };
        #[cfg(not(target_family = "wasm"))]
        {
            use rayon::prelude::*;
            out[..count * cols].par_chunks_exact_mut(cols).enumerate().for_each(decode);
        }
        #[cfg(target_family = "wasm")]
        out[..count * cols].chunks_exact_mut(cols).enumerate().for_each(decode);
    }
}

/// Decodes the matrix a few rows at a time: `with(first row, how many, their values)`.
pub fn each_chunk(
    words: &FlexTensor,
    scales: &FlexTensor,
    shape: PackedShape,
    mut with: impl FnMut(usize, usize, &[f32]),
) {
    let decoder = Decoder::new(words, scales, shape);
    let at_once = (CHUNK_VALUES / shape.padded_cols().max(1)).clamp(64, shape.rows.max(64));
    let mut chunk = vec![0f32; at_once.min(shape.rows) * shape.padded_cols()];
    for first in (0..shape.rows).step_by(at_once) {
        let count = at_once.min(shape.rows - first);
        decoder.rows(first, count, &mut chunk);
        with(first, count, &chunk);
    }
}
