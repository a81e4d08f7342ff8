//! Matrices that grow by rows: what later tokens need of earlier ones.

use burn::backend::Dispatch;
use burn::tensor::Tensor;

use crate::ops::{InferenceOps, LensOps};

/// Capacities are multiples of so many rows.
const STEP: usize = 64;
/// The most rows of capacity beyond those that are known to come.
const SPARE: usize = 256;

/// A tensor of rows with capacity for more.
///
/// New rows are written into the free capacity, so that a token costs one row and not a copy of all rows
/// before it, and a text of thousands of tokens holds each of its rows once. The buffer has exactly the size of
/// its capacity, outside the memory pages of activations, and stays when rows are dropped, for those of the next
/// text.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    /// [capacity, width]
    buffer: Option<Tensor<2>>,
    len: usize,
}

impl Rows {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Drops all but the first `rows`.
    pub fn truncate(&mut self, rows: usize) {
        self.len = self.len.min(rows);
    }

    /// Appends `new` [n, width]; where the buffer grows, it gets capacity for `reserved` rows in all. Returns a
    /// view [capacity, width] whose first rows are those so far, the rest undefined. Drop the view before the
    /// next `push`; otherwise burn copies the whole buffer.
    pub fn push(&mut self, new: Tensor<2>, reserved: usize) -> Tensor<2> {
        let len = self.len + new.dims()[0];
        let larger = self.larger(len, reserved);
        let new = new.into_dispatch();
        let buffer = Tensor::from_dispatch(match self.buffer.take() {
            // Moved, so that it is the only handle: it is written in place.
            Some(buffer) => Dispatch::append_rows(buffer.into_dispatch(), self.len, new, larger),
            None => Dispatch::new_rows(new, larger),
        });
        self.len = len;
        self.buffer = Some(buffer.clone());
        buffer
    }

    /// The capacity that a buffer gets which has too little for `len` rows.
    fn larger(&self, len: usize, reserved: usize) -> usize {
        // A buffer that was outgrown will be again, where the number of rows is not known.
        let spare = if self.buffer.is_none() || reserved > len { 0 } else { (len / 2).min(SPARE) };
        (len + spare).max(reserved).next_multiple_of(STEP)
    }

    /// Takes the buffer out, with the rows so far and capacity for `more`, which are written into it before [`Self::put_back`];
    /// otherwise as [`Self::push`]. A first buffer is [capacity, `width`], on the device of `like`. Without autodiff.
    pub fn take_with_room(&mut self, like: &Tensor<2>, more: usize, width: usize, reserved: usize) -> Tensor<2> {
        let end = self.len + more;
        let larger = self.larger(end, reserved);
        Tensor::from_dispatch(match self.buffer.take() {
            Some(buffer) => Dispatch::grown_rows(buffer.into_dispatch(), self.len, end, larger),
            None => Dispatch::empty_rows(like.clone().into_dispatch(), larger, width),
        })
    }

    /// Puts the buffer of [`Self::take_with_room`] back, into which `more` rows were written; returns the view.
    pub fn put_back(&mut self, buffer: Tensor<2>, more: usize) -> Tensor<2> {
        self.len += more;
        self.buffer.insert(buffer).clone()
    }

    /// The buffer, a view as that of [`Self::push`]; `None` before the first one.
    pub fn buffer(&self) -> Option<&Tensor<2>> {
        self.buffer.as_ref()
    }

    /// The rows alone [len, width]; `None` when there are none.
    pub fn tensor(&self) -> Option<Tensor<2>> {
        let buffer = self.buffer.clone().filter(|_| self.len > 0)?;
        Some(buffer.narrow(0, 0, self.len))
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;

    fn rows(from: usize, to: usize) -> Tensor<2> {
        let values: Vec<f32> = (2 * from..2 * to).map(|i| i as f32).collect();
        Tensor::from_data(TensorData::new(values, [to - from, 2]), &Device::flex())
    }

    fn values(tensor: Tensor<2>) -> Vec<f32> {
        tensor.into_data().try_into_vec().unwrap()
    }

    #[test]
    fn pushed_rows_are_returned_in_order() {
        let mut appended = Rows::default();
        assert!(appended.tensor().is_none() && appended.is_empty());
        for (from, to) in [(0, 3), (3, 4), (4, 70), (70, 300), (300, 301)] {
            let padded = appended.push(rows(from, to), 0);
            assert_eq!(appended.len(), to);
            assert_eq!(values(padded.narrow(0, 0, to)), values(rows(0, to)));
        }
        assert_eq!(values(appended.tensor().unwrap()), values(rows(0, 301)));
    }

    #[test]
    fn dropped_rows_free_capacity() {
        let mut appended = Rows::default();
        let capacity = appended.push(rows(0, 100), 0).dims()[0];
        appended.truncate(10);
        appended.truncate(20);
        assert_eq!(appended.len(), 10);
        let padded = appended.push(rows(50, 55), 0);
        assert_eq!(padded.dims()[0], capacity);
        assert_eq!(values(appended.tensor().unwrap()), [values(rows(0, 10)), values(rows(50, 55))].concat());
    }

    #[test]
    fn reserved_capacity_is_allocated_once() {
        let mut appended = Rows::default();
        for from in (0..1000).step_by(100) {
            assert_eq!(appended.push(rows(from, from + 100), 1000).dims()[0], 1024);
        }
        // Beyond that, some spare capacity, but not much.
        assert_eq!(appended.push(rows(1000, 1030), 0).dims()[0], 1344);
    }

    #[test]
    fn rows_written_into_a_buffer_that_was_taken_follow_those_before() {
        let mut taken = Rows::default();
        let write = |taken: &mut Rows, from: usize, to: usize, reserved: usize| {
            let (held, new) = (taken.len(), rows(from, to));
            let buffer = taken.take_with_room(&new, to - from, 2, reserved);
            let capacity = buffer.dims()[0];
            let view = taken.put_back(buffer.slice_assign([held..held + to - from, 0..2], new), to - from);
            assert_eq!(view.dims()[0], capacity);
            capacity
        };
        assert_eq!(write(&mut taken, 0, 3, 0), 64);
        let shared = taken.tensor().unwrap();
        assert_eq!(write(&mut taken, 3, 70, 0), 128);
        taken.truncate(5);
        assert_eq!(write(&mut taken, 90, 100, 0), 128);
        assert_eq!(values(taken.tensor().unwrap()), [values(rows(0, 5)), values(rows(90, 100))].concat());
        assert_eq!(write(&mut taken, 100, 101, 0), 128);
        assert_eq!(write(&mut taken, 0, 200, 1000), 1024);
        assert_eq!(values(shared), values(rows(0, 3)), "what was read before stays");
    }
}
