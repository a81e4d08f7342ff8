//! The CPU twins: rows are decoded a few at a time and multiplied by the `gemm` crate.

use burn::backend::ops::FloatTensorOps;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{BackendTypes, Flex};
use burn::tensor::{Shape, TensorData};
use gemm::Parallelism;
use lens_weights::block::{BLOCK, unpack_words, words_per_row};

use super::{AttentionOptions, LensOps, PackedShape};

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

/// The CPU device's tensor, of any type of number.
type FlexTensor = <Flex as BackendTypes>::FloatTensorPrimitive;

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

fn result(values: Vec<f32>, shape: [usize; 2]) -> FlexTensor {
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
        let decoder = Decoder::new(&words, &scales, shape);
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
        let decoder = Decoder::new(&words, &scales, shape);
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

    fn attention(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        options: AttentionOptions,
    ) -> FloatTensor<Self> {
        let (q, k, v) = (q.to_contiguous(), k.to_contiguous(), v.to_contiguous());
        let [heads, tokens, d] = dims(&q);
        let [kv_heads, _, dv] = dims(&v);
        let group = heads / kv_heads;
        let (q, k, v) = (q.storage::<f32>(), k.storage::<f32>(), v.storage::<f32>());
        let mut out = vec![0f32; heads * tokens * dv];
        let mut scores = vec![0f32; tokens * tokens];
        for head in 0..heads {
            let kv_head = head / group;
            multiply(
                (tokens, d, tokens),
                Operand { values: &q[head * tokens * d..], row_stride: d, transposed: false },
                Operand { values: &k[kv_head * tokens * d..], row_stride: d, transposed: true },
                &mut scores,
                tokens,
                false,
            );
            for (i, row) in scores.chunks_exact_mut(tokens).enumerate() {
                softmax_visible(row, i, options);
            }
            multiply(
                (tokens, tokens, dv),
                Operand { values: &scores, row_stride: tokens, transposed: false },
                Operand { values: &v[kv_head * tokens * dv..], row_stride: dv, transposed: false },
                &mut out[head * tokens * dv..],
                dv,
                false,
            );
        }
        Self::float_from_data(TensorData::new(out, Shape::new([heads, tokens, dv])), &Default::default())
    }

    fn geglu(gate: FloatTensor<Self>, up: FloatTensor<Self>) -> FloatTensor<Self> {
        let (gate, up) = (gate.to_contiguous(), up.to_contiguous());
        let shape = [gate.layout().shape()[0], gate.layout().shape()[1]];
        let values = gate.storage::<f32>().iter().zip(up.storage::<f32>()).map(|(g, u)| {
            let z = 0.797_884_6 * (g + 0.044_715 * g * g * g);
            0.5 * g * (1.0 + z.tanh()) * u
        });
        result(values.collect(), shape)
    }
}

fn dims(tensor: &FlexTensor) -> [usize; 3] {
    let shape = tensor.layout().shape();
    [shape[0], shape[1], shape[2]]
}

/// Scores of query `i` to weights, in place; hidden keys get zero.
fn softmax_visible(row: &mut [f32], i: usize, options: AttentionOptions) {
    let first = options.window.map_or(0, |w| (i + 1).saturating_sub(w));
    row[..first].fill(0.0);
    row[i + 1..].fill(0.0);
    let visible = &mut row[first..=i];
    let mut highest = f32::NEG_INFINITY;
    for score in visible.iter_mut() {
        *score *= options.scale;
        if let Some(cap) = options.soft_cap {
            *score = cap * (*score / cap).tanh();
        }
        highest = highest.max(*score);
    }
    let mut total = 0.0;
    for score in visible.iter_mut() {
        *score = (*score - highest).exp();
        total += *score;
    }
    for score in visible {
        *score /= total;
    }
}
