//! Rows that are appended in place.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, TensorMetadata};

/// [`crate::ops::LensOps::new_rows`], into the buffer `empty` [capacity, width].
pub(super) fn begin<B: Backend>(first: FloatTensor<B>, empty: FloatTensor<B>) -> FloatTensor<B> {
    let (n, width) = (first.shape()[0], first.shape()[1]);
    B::float_slice_assign(empty, &[(0..n).into(), (0..width).into()], first)
}

/// A buffer with capacity for `end` rows whose first `len` are those of `rows`: itself where it has that; `empty` makes the larger
/// one [capacity, width] where one is needed.
pub(super) fn grown<B: Backend>(
    rows: FloatTensor<B>,
    len: usize,
    end: usize,
    empty: impl FnOnce() -> FloatTensor<B>,
) -> FloatTensor<B> {
    let (capacity, width) = (rows.shape()[0], rows.shape()[1]);
    if capacity >= end {
        rows
    } else if len == 0 {
        empty()
    } else {
        begin::<B>(B::float_slice(rows, &[(0..len).into(), (0..width).into()]), empty())
    }
}

/// [`crate::ops::LensOps::append_rows`]; `empty` as for [`grown`].
pub(super) fn append<B: Backend>(
    rows: FloatTensor<B>,
    len: usize,
    new: FloatTensor<B>,
    empty: impl FnOnce() -> FloatTensor<B>,
) -> FloatTensor<B> {
    let (end, width) = (len + new.shape()[0], new.shape()[1]);
    B::float_slice_assign(grown::<B>(rows, len, end, empty), &[(len..end).into(), (0..width).into()], new)
}
