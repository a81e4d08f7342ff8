//! The CPU twins: rows are decoded a few at a time and multiplied by the `gemm` crate.

use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::ops::FloatTensorOps;
use burn::backend::{BackendTypes, Flex};
use burn::tensor::{Shape, TensorData};
use gemm::Parallelism;
use lens_weights::block::{BLOCK, unpack_words, words_per_row};

use super::{LensOps, PackedShape};

/// Rows decoded at a time: 64 x 2304 f32 stay within a second-level cache.
const CHUNK_ROWS: usize = 64;

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
struct Operand<'a> {
    values: &'a [f32],
    row_stride: usize,
    transposed: bool,
}

/// out [m, n] = lhs [m, k] rhs [k, n], or out += where `accumulate`; `out_stride` between rows.
fn multiply(
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

impl Decoder<'_> {
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

type Float = <Flex as BackendTypes>::FloatTensorPrimitive;

fn result(values: Vec<f32>, shape: [usize; 2]) -> Float {
    Flex::float_from_data(TensorData::new(values, Shape::new(shape)), &Default::default())
}

impl LensOps for Flex {
    fn packed_linear(
        x: FloatTensor<Self>,
        words: IntTensor<Self>,
        scales: IntTensor<Self>,
        shape: PackedShape,
    ) -> FloatTensor<Self> {
        let x = x.to_contiguous();
        let cols = shape.padded_cols();
        let values = x.storage::<f32>();
        let tokens = values.len() / cols;
        let decoder = Decoder {
            words: bytemuck::cast_slice(words.storage::<i32>()),
            scales: bytemuck::cast_slice(scales.storage::<i32>()),
            shape,
        };
        let mut out = vec![0f32; tokens * shape.rows];
        let mut chunk = vec![0f32; CHUNK_ROWS.min(shape.rows) * cols];
        for first in (0..shape.rows).step_by(CHUNK_ROWS) {
            let count = CHUNK_ROWS.min(shape.rows - first);
            decoder.rows(first, count, &mut chunk);
            multiply(
                (tokens, cols, count),
                Operand { values, row_stride: cols, transposed: false },
                Operand { values: &chunk, row_stride: cols, transposed: true },
                &mut out[first..],
                shape.rows,
                false,
            );
        }
        result(out, [tokens, shape.rows])
    }

    fn packed_linear_transposed(
        x: FloatTensor<Self>,
        words: IntTensor<Self>,
        scales: IntTensor<Self>,
        shape: PackedShape,
    ) -> FloatTensor<Self> {
        let x = x.to_contiguous();
        let cols = shape.padded_cols();
        let values = x.storage::<f32>();
        let tokens = values.len() / shape.rows;
        let decoder = Decoder {
            words: bytemuck::cast_slice(words.storage::<i32>()),
            scales: bytemuck::cast_slice(scales.storage::<i32>()),
            shape,
        };
        let mut out = vec![0f32; tokens * shape.cols];
        let mut chunk = vec![0f32; CHUNK_ROWS.min(shape.rows) * cols];
        for first in (0..shape.rows).step_by(CHUNK_ROWS) {
            let count = CHUNK_ROWS.min(shape.rows - first);
            decoder.rows(first, count, &mut chunk);
            multiply(
                (tokens, count, shape.cols),
                Operand { values: &values[first..], row_stride: shape.rows, transposed: false },
                Operand { values: &chunk, row_stride: cols, transposed: false },
                &mut out,
                shape.cols,
                true,
            );
        }
        result(out, [tokens, shape.cols])
    }

    fn keep_top_k(z: FloatTensor<Self>, k: usize) -> FloatTensor<Self> {
        let z = z.to_contiguous();
        let [tokens, width] = [z.layout().shape()[0], z.layout().shape()[1]];
        let mut out = z.storage::<f32>().to_vec();
        for row in out.chunks_exact_mut(width) {
            let mut order: Vec<usize> = (0..width).collect();
            // A stable sort keeps the first of equal values first.
            order.sort_by(|a, b| row[*b].total_cmp(&row[*a]));
            for dropped in &order[k.min(width)..] {
                row[*dropped] = 0.0;
            }
        }
        result(out, [tokens, width])
    }
}
