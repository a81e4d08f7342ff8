//! Matrices that are not packed: their order in memory, and products of them.

use burn::backend::Flex;
use burn::backend::ops::FloatTensorOps;

use super::linear::product_of;
use super::panel::{DenseColumns, DenseRows};
use super::rows::Rows;
use super::sparse::{self, Sparse};
use super::tensor::{FlexTensor, dims, result};
use super::threads::each_part;
use crate::ops::Epilogue;

/// Rows and columns of a matrix in another order that are turned at once: both sides of them fit the first cache.
const TILE: usize = 32;

/// `x` with nothing else in its memory, in the order of its rows.
pub fn dense(x: FlexTensor) -> FlexTensor {
    if x.is_contiguous() && has_all(&x) {
        return x;
    }
    // A gradient of a matrix that was multiplied turned: the columns lie in memory as rows.
    if is_turned(&x) {
        let ([rows, cols], from) = (dims(&x), values(&x));
        let mut values = vec![0f32; rows * cols];
        each_part(&mut values, TILE * cols, |part, values| {
            for first in (0..cols).step_by(TILE) {
                for (row, values) in values.chunks_exact_mut(cols).enumerate() {
                    let row = part * TILE + row;
                    let values = &mut values[first..cols.min(first + TILE)];
                    values.iter_mut().enumerate().for_each(|(col, value)| *value = from[(first + col) * rows + row]);
                }
            }
        });
        return result(values, [rows, cols]);
    }
    FlexTensor::from_data(x.into_data())
}

/// Whether the memory of `x` begins and ends with its values.
pub fn has_all(x: &FlexTensor) -> bool {
    x.layout().start_offset() == 0 && x.storage::<f32>().len() == x.layout().num_elements()
}

/// Whether the columns of the matrix `x` lie in memory as rows, with nothing between them.
pub fn is_turned(x: &FlexTensor) -> bool {
    x.layout().strides() == [1, dims(x)[0] as isize]
}

/// The values of `x`, which has nothing between them, in the order in which they lie in memory.
pub fn values(x: &FlexTensor) -> &[f32] {
    &x.storage::<f32>()[x.layout().start_offset()..][..x.layout().num_elements()]
}

/// Whether the rows of the matrix `x` follow each other in memory, with nothing between them.
fn is_in_rows(x: &FlexTensor) -> bool {
    match x.layout().strides() {
        [across, 1] => *across == dims(x)[1] as isize,
        strides => strides == [1],
    }
}

/// `x` in the order of its rows, with [`values`] that may be a part of those in its memory.
pub fn in_rows(x: FlexTensor) -> FlexTensor {
    if is_in_rows(&x) { x } else { dense(x) }
}

/// a b for `a` [m, k] and `b` [k, n]: [m, n]. What is turned in memory is read as it is. If few entries of `a` are not zero, only
/// those are multiplied, unless `b` is turned.
pub fn product(a: FlexTensor, b: FlexTensor) -> FlexTensor {
    let [a, b] = [a, b].map(|x| if is_turned(&x) { x } else { in_rows(x) });
    let ([m, k], [inputs, n]) = (dims(&a), dims(&b));
    assert_eq!(k, inputs, "a product [{m}, {k}] [{inputs}, {n}]");
    if !is_turned(&b)
        && let Some(entries) = entries_of(&a)
    {
        return sparse::product(&entries, values(&b), n);
    }
    let rows = if is_turned(&a) { Rows::of_columns(values(&a), m, k) } else { Rows::of_matrix(values(&a), m, k) };
    let out = if is_turned(&b) {
        let weights = DenseRows { values: values(&b), rows: n, columns: k, stride: k };
        product_of(rows, &weights, Epilogue::Plain, &[])
    } else {
        let weights = DenseColumns { values: values(&b), rows: k, columns: n, stride: n };
        product_of(rows, &weights, Epilogue::Plain, &[])
    };
    result(out, [m, n])
}

/// The entries of `a` [m, k] that are not zero, if they are few.
fn entries_of(a: &FlexTensor) -> Option<Sparse> {
    let [m, k] = dims(a);
    if is_turned(a) { Sparse::of_columns(values(a), m) } else { Sparse::of_rows(values(a), k) }
}

/// See [`crate::ops::TrainingOps::product_at`].
pub fn product_at(at: FlexTensor, a: FlexTensor, b: FlexTensor) -> FlexTensor {
    let [at, a, b] = [at, a, b].map(in_rows);
    let ([rows, columns], [m, n]) = (dims(&at), dims(&a));
    assert_eq!((m, dims(&b)), (rows, [columns, n]), "a product at the places of [{rows}, {columns}]");
    if let Some(places) = Sparse::of_columns(values(&at), columns) {
        return sparse::product_at(&places, rows, [values(&a), values(&b)], n);
    }
    let mut product = product(a, Flex::float_transpose(b));
    let places = values(&at).iter();
    product.storage_mut::<f32>().iter_mut().zip(places).filter(|(_, at)| **at == 0.0).for_each(|(x, _)| *x = 0.0);
    product
}
