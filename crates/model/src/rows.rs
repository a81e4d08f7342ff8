//! Matrices that grow by rows at their end: what later tokens need of earlier ones.

use burn::backend::{Cube, DispatchDevice};
use burn::tensor::{DType, Device, Shape, Tensor};
use burn_cubecl::tensor::CubeTensor;

/// Room is made for whole multiples of so many rows.
const STEP: usize = 64;
/// The most rows that room is made for beyond those known to come.
const SPARE: usize = 256;

/// The first rows of a tensor that has room for more.
///
/// New rows are written where the room is, so that a token costs a row and not a copy of all that came
/// before, and a text of thousands of tokens holds each of its rows once. The buffer has its exact size,
/// outside the pages that activations come and go in, and stays when rows are forgotten: the next text's
/// go there.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    /// [room, width]
    held: Option<Tensor<2>>,
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

    /// Forgets all but the first `rows`.
    pub fn truncate(&mut self, rows: usize) {
        self.len = self.len.min(rows);
    }

    /// Puts `new` [n, width] behind the rows there are, of which `expected` are known to come in all. Returns
    /// a tensor [room, width] that begins with all of them; what follows means nothing. It must be gone
    /// when more are pushed: everything would be copied.
    pub fn push(&mut self, new: Tensor<2>, expected: usize) -> Tensor<2> {
        let [n, width] = new.dims();
        let (before, len) = (self.len, self.len + n);
        let held = self.held.take();
        self.len = len;
        #[cfg(feature = "train")]
        if new.is_autodiff() {
            let rows = match held {
                Some(held) if before > 0 => Tensor::cat(vec![held.narrow(0, 0, before), new], 0),
                _ => new,
            };
            self.held = Some(rows.clone());
            return rows;
        }
        let room = held.as_ref().map_or(0, |held| held.dims()[0]);
        let held = match held {
            Some(held) if room >= len => held,
            held => {
                // Whoever outgrew the room will do so again, where it is not known what comes.
                let spare = if room == 0 || expected > len { 0 } else { (len / 2).min(SPARE) };
                let larger = empty([(len + spare).max(expected).next_multiple_of(STEP), width], &new.device());
                match held {
                    Some(held) if before > 0 => larger.slice_assign([0..before, 0..width], held.narrow(0, 0, before)),
                    _ => larger,
                }
            }
        };
        // Nobody else holds the tensor: this writes in place.
        let held = held.slice_assign([before..len, 0..width], new);
        self.held = Some(held.clone());
        held
    }

    /// The rows alone [len, width]; `None` when there are none.
    pub fn tensor(&self) -> Option<Tensor<2>> {
        let held = self.held.clone().filter(|_| self.len > 0)?;
        Some(held.narrow(0, 0, self.len))
    }
}

/// Of its exact size and nobody's after this one: the driver gets it back when it is dropped, in a browser when
/// that collects it.
fn empty(shape: [usize; 2], device: &Device) -> Tensor<2> {
    let DispatchDevice::Cube(cube) = device.as_dispatch() else { return Tensor::empty(shape, device) };
    let client = cube.client();
    let bytes = shape.iter().product::<usize>() * size_of::<f32>();
    let handle = client.memory_dedicated_allocation((), |()| client.empty(bytes));
    let tensor = CubeTensor::new_contiguous(client, cube.clone(), Shape::new(shape), handle, DType::F32);
    Tensor::from_primitive::<Cube>(tensor)
}

#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;

    use super::*;

    fn rows(from: usize, to: usize) -> Tensor<2> {
        let values: Vec<f32> = (2 * from..2 * to).map(|i| i as f32).collect();
        Tensor::from_data(TensorData::new(values, [to - from, 2]), &Device::flex())
    }

    fn values(tensor: Tensor<2>) -> Vec<f32> {
        tensor.into_data().try_into_vec().unwrap()
    }

    #[test]
    fn what_was_pushed_is_there() {
        let mut held = Rows::default();
        assert!(held.tensor().is_none() && held.is_empty());
        for (from, to) in [(0, 3), (3, 4), (4, 70), (70, 300), (300, 301)] {
            let padded = held.push(rows(from, to), 0);
            assert_eq!(held.len(), to);
            assert_eq!(values(padded.narrow(0, 0, to)), values(rows(0, to)));
        }
        assert_eq!(values(held.tensor().unwrap()), values(rows(0, 301)));
    }

    #[test]
    fn forgotten_rows_make_room() {
        let mut held = Rows::default();
        let room = held.push(rows(0, 100), 0).dims()[0];
        held.truncate(10);
        held.truncate(20);
        assert_eq!(held.len(), 10);
        let padded = held.push(rows(50, 55), 0);
        assert_eq!(padded.dims()[0], room);
        assert_eq!(values(held.tensor().unwrap()), [values(rows(0, 10)), values(rows(50, 55))].concat());
    }

    #[test]
    fn room_is_made_once_for_what_is_known_to_come() {
        let mut held = Rows::default();
        for from in (0..1000).step_by(100) {
            assert_eq!(held.push(rows(from, from + 100), 1000).dims()[0], 1024);
        }
        // Beyond that, more than asked for, but not much.
        assert_eq!(held.push(rows(1000, 1030), 0).dims()[0], 1344);
    }
}
