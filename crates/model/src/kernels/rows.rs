//! Rows that are appended in place.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, TensorMetadata};

/// [`crate::ops::LensOps::new_rows`], into the buffer `empty` [capacity, width].
pub(super) fn begin<B: Backend>(first: FloatTensor<B>, empty: FloatTensor<B>) -> FloatTensor<B> {
    let (n, width) = (first.shape()[0], first.shape()[1]);
    B::float_slice_assign(empty, &[(0..n).into(), (0..width).into()], first)
}

/// [`crate::ops::LensOps::append_rows`]; `empty` makes the larger buffer [capacity, width] where one is needed.
pub(super) fn append<B: Backend>(
    rows: FloatTensor<B>,
    len: usize,
    new: FloatTensor<B>,
    empty: impl FnOnce() -> FloatTensor<B>,
) -> FloatTensor<B> {
    let (end, width) = (len + new.shape()[0], new.shape()[1]);
    let rows = if rows.shape()[0] >= end {
        rows
    } else if len == 0 {
        empty()
    } else {
        let before = B::float_slice(rows, &[(0..len).into(), (0..width).into()]);
        begin::<B>(before, empty())
    };
    B::float_slice_assign(rows, &[(len..end).into(), (0..width).into()], new)
}
