//! Products with packed and with dense matrices.

use std::mem::MaybeUninit;

use super::math::{gelu, relu};
use super::panel::{DenseRows, PackedColumns, PackedRows, Weights};
use super::product::{Sink, multiply};
use super::rows::Rows;
use super::table::{Table, written};
use super::tensor::{FlexTensor, bits, dims, result};
use crate::ops::{Epilogue, PackedShape};

/// Puts sums into a matrix, after what a linear layer does to them.
#[derive(Clone, Copy)]
struct Output<'a> {
    table: Table<'a>,
    epilogue: Epilogue,
    /// The bias; with the gate what it is multiplied by [T, outputs].
    extra: &'a [f32],
    outputs: usize,
}

impl Sink for Output<'_> {
    #[inline(always)]
    fn expect(&self, row: usize, first: usize, count: usize) {
        self.table.fetch(row, first, count);
    }

    #[inline(always)]
    fn take(&mut self, row: usize, first: usize, sums: &mut [f32]) {
        // SAFETY: every part of a product is computed once, by one thread.
        let out = unsafe { self.table.part(row, first, sums.len()) };
        match self.epilogue {
            Epilogue::Plain => {
                out.write_copy_of_slice(sums);
            }
            Epilogue::Relu { factor } => {
                put(out, sums.iter().map(|sum| relu(*sum * factor)));
            }
            Epilogue::Bias => {
                let bias = &self.extra[first..first + sums.len()];
                put(out, sums.iter().zip(bias).map(|(sum, bias)| sum + bias));
            }
            Epilogue::BiasRelu => {
                let bias = &self.extra[first..first + sums.len()];
                put(out, sums.iter().zip(bias).map(|(sum, bias)| relu(sum + bias)));
            }
            Epilogue::Gate => {
                let up = &self.extra[row * self.outputs + first..][..sums.len()];
                put(out, sums.iter().zip(up).map(|(sum, up)| gelu(*sum) * up));
            }
        }
    }
}

/// `values` into `out`.
#[inline(always)]
fn put(out: &mut [MaybeUninit<f32>], values: impl Iterator<Item = f32>) {
    out.iter_mut().zip(values).for_each(|(out, value)| {
        out.write(value);
    });
}

/// epilogue(x Wᵀ) for `x` [T, inputs]: [T, outputs].
fn product<W: Weights>(x: &FlexTensor, weights: &W, epilogue: Epilogue, extra: &[f32]) -> FlexTensor {
    let x = x.to_contiguous();
    let [tokens, width] = dims(&x);
    let rows = Rows::of_matrix(x.storage::<f32>(), tokens, width);
    result(product_of(rows, weights, epilogue, extra), [tokens, weights.outputs()])
}

/// epilogue(x Wᵀ) for `x` [T, inputs]: [T, outputs].
pub fn product_of<W: Weights>(x: Rows, weights: &W, epilogue: Epilogue, extra: &[f32]) -> Vec<f32> {
    let outputs = weights.outputs();
    // SAFETY: a product gives its sink every output of every row.
    unsafe { written(x.len(), outputs, |table| multiply(x, weights, Output { table, epilogue, extra, outputs })) }
}

/// See [`crate::ops::InferenceOps::packed_linear_with`].
pub fn linear(
    x: &FlexTensor,
    words: &FlexTensor,
    scales: &FlexTensor,
    extra: &[f32],
    shape: PackedShape,
    epilogue: Epilogue,
) -> FlexTensor {
    let rows = PackedRows::new(bits(words), bits(scales), shape);
    if epilogue != Epilogue::Gate {
        return product(x, &rows, epilogue, extra);
    }
    let half = shape.rows / 2;
    let up = product(x, &rows.part(half, half), Epilogue::Plain, &[]);
    product(x, &rows.part(0, half), Epilogue::Gate, up.storage())
}

/// See [`crate::ops::InferenceOps::packed_linear_transposed`].
pub fn linear_transposed(x: &FlexTensor, words: &FlexTensor, scales: &FlexTensor, shape: PackedShape) -> FlexTensor {
    product(x, &PackedColumns::new(bits(words), bits(scales), shape), Epilogue::Plain, &[])
}

/// See [`crate::ops::InferenceOps::matmul_nt`].
pub fn matmul_nt(a: &FlexTensor, b: &FlexTensor, rows: usize) -> FlexTensor {
    let b = b.to_contiguous();
    let columns = dims(&b)[1];
    let b = DenseRows { values: b.storage::<f32>(), rows, columns, stride: columns };
    product(a, &b, Epilogue::Plain, &[])
}
