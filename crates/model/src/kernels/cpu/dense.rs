//! Matrices that are not packed: their order in memory, and products of them.

use super::linear::product_into;
use super::panel::{DenseColumns, DenseRows};
use super::rows::Rows;
use super::tensor::{FlexTensor, dims, result};
use super::threads::each_part;

/// Rows and columns of a matrix in another order that are turned at once: both sides of them fit the first cache.
const TILE: usize = 32;

/// `x` with nothing else in its memory, in the order of its rows.
pub fn dense(x: FlexTensor) -> FlexTensor {
    if x.is_contiguous() && has_all(&x) {
        return x;
    }
    // A gradient of a matrix that was multiplied turned: the columns lie in memory as rows.
    if is_turned(&x) {
        let ([rows, cols], from) = (dims(&x), x.storage::<f32>());
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
fn has_all(x: &FlexTensor) -> bool {
    x.layout().start_offset() == 0 && x.storage::<f32>().len() == x.layout().num_elements()
}

/// Whether the columns of the matrix `x` lie in memory as rows, with nothing between them.
pub fn is_turned(x: &FlexTensor) -> bool {
    has_all(x) && x.layout().strides() == [1, dims(x)[0] as isize]
}

/// a b for `a` [m, k] and `b` [k, n]: [m, n]. What is turned in memory is read as it is.
pub fn product(a: FlexTensor, b: FlexTensor) -> FlexTensor {
    let [a, b] = [a, b].map(|x| if is_turned(&x) { x } else { dense(x) });
    let ([m, k], [inputs, n]) = (dims(&a), dims(&b));
    assert_eq!(k, inputs, "a product [{m}, {k}] [{inputs}, {n}]");
    let rows = if is_turned(&a) { Rows::of_columns(a.storage(), m, k) } else { Rows::of_matrix(a.storage(), m, k) };
    let mut out = vec![0f32; m * n];
    if is_turned(&b) {
        product_into(rows, &DenseRows { values: b.storage(), rows: n, columns: k, stride: k }, &mut out);
    } else {
        product_into(rows, &DenseColumns { values: b.storage(), rows: k, columns: n, stride: n }, &mut out);
    }
    result(out, [m, n])
}
