//! Products with packed and with dense matrices.

use super::math::{gelu, relu};
use super::panel::{DenseRows, PackedColumns, PackedRows, Weights};
use super::product::{Sink, multiply};
use super::rows::Rows;
use super::table::Table;
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
    fn take(&mut self, row: usize, first: usize, sums: &mut [f32]) {
        // SAFETY: every part of a product is computed once, by one thread.
        let out = unsafe { self.table.part(row, first, sums.len()) };
        match self.epilogue {
            Epilogue::Plain => out.copy_from_slice(sums),
            Epilogue::Relu { factor } => {
                out.iter_mut().zip(sums).for_each(|(y, sum)| *y = relu(*sum * factor));
            }
            Epilogue::Bias => {
                let bias = &self.extra[first..first + sums.len()];
                out.iter_mut().zip(sums).zip(bias).for_each(|((y, sum), bias)| *y = *sum + bias);
            }
            Epilogue::BiasRelu => {
                let bias = &self.extra[first..first + sums.len()];
                out.iter_mut().zip(sums).zip(bias).for_each(|((y, sum), bias)| *y = relu(*sum + bias));
            }
            Epilogue::Gate => {
                let up = &self.extra[row * self.outputs + first..][..sums.len()];
                out.iter_mut().zip(sums).zip(up).for_each(|((y, sum), up)| *y = gelu(*sum) * up);
            }
        }
    }
}

/// epilogue(x Wᵀ) for `x` [T, inputs]: [T, outputs].
fn product<W: Weights>(x: &FlexTensor, weights: &W, epilogue: Epilogue, extra: &[f32]) -> FlexTensor {
    let x = x.to_contiguous();
    let [tokens, width] = dims(&x);
    let outputs = weights.outputs();
    let mut out = vec![0f32; tokens * outputs];
    let sink = Output { table: Table::new(&mut out, outputs), epilogue, extra, outputs };
    multiply(Rows::of_matrix(x.storage::<f32>(), tokens, width), weights, sink);
    result(out, [tokens, outputs])
}

/// x Wᵀ for `x` [T, inputs] into `out` [T, outputs].
pub fn product_into<W: Weights>(x: Rows, weights: &W, out: &mut [f32]) {
    let outputs = weights.outputs();
    multiply(x, weights, Output { table: Table::new(out, outputs), epilogue: Epilogue::Plain, extra: &[], outputs });
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
