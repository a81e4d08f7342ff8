//! Packed matrices arriving part by part, and the device tensors they become.

use std::collections::HashMap;

use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use lens_weights::block::{PackedMatrix, blocks_per_row};
use lens_weights::unpack::TensorPart;

use crate::kernels::PackedShape;
use crate::linear::{Linear, PackedTensor};
use crate::{Error, Result};

enum Stored {
    Matrix(Box<PackedTensor>),
    // Norms and biases: small, f32, unpacked once.
    Vector(Box<Tensor<1>>, usize),
}

/// Named tensors on a device. Parts come in row order; a tensor goes to the device as soon as its
/// last part is there.
pub struct WeightStore {
    device: Device,
    stored: HashMap<String, Stored>,
    pending: HashMap<String, PackedMatrix>,
    bytes: usize,
}

impl WeightStore {
    /// An empty store for `device`.
    pub fn new(device: Device) -> Self {
        Self { device, stored: HashMap::new(), pending: HashMap::new(), bytes: 0 }
    }

    /// The device that the tensors are on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Bytes of weights on the device.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes the next rows of a tensor.
    ///
    /// # Errors
    /// [`Error::Input`] when a part is not the one that comes next.
    pub fn insert(&mut self, part: TensorPart) -> Result<()> {
        let TensorPart { name, row_start, rows_total, matrix } = part;
        let whole = match self.pending.remove(&name) {
            Some(mut sofar) if sofar.rows == row_start && sofar.cols == matrix.cols => {
                append(&mut sofar, matrix);
                sofar
            }
            None if row_start == 0 => matrix,
            _ => return Err(Error::Input(format!("tensor {name}: rows from {row_start} came out of order"))),
        };
        if whole.rows < rows_total {
            self.pending.insert(name, whole);
            return Ok(());
        }
        self.bytes += whole.bytes();
        let stored = if whole.rows == 1 {
            let values = whole.unpack();
            let cols = whole.cols;
            Stored::Vector(Box::new(Tensor::from_data(TensorData::new(values, [cols]), &self.device)), cols)
        } else {
            Stored::Matrix(Box::new(upload(whole, &self.device)))
        };
        self.stored.insert(name, stored);
        Ok(())
    }

    /// Takes out the matrix `name`, which must be [rows, cols].
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Shape`].
    pub fn matrix(&mut self, name: &str, rows: usize, cols: usize) -> Result<PackedTensor> {
        let expected = (rows, cols);
        match self.stored.remove(name) {
            Some(Stored::Matrix(m)) if (m.shape.rows, m.shape.cols) == expected => Ok(*m),
            Some(Stored::Matrix(m)) => {
                Err(Error::Shape { name: name.to_owned(), found: (m.shape.rows, m.shape.cols), expected })
            }
            Some(Stored::Vector(_, n)) => Err(Error::Shape { name: name.to_owned(), found: (1, n), expected }),
            None => Err(Error::Missing(name.to_owned())),
        }
    }

    /// Takes out the vector `name` [n].
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Shape`].
    pub fn vector(&mut self, name: &str, n: usize) -> Result<Tensor<1>> {
        match self.stored.remove(name) {
            Some(Stored::Vector(v, found)) if found == n => Ok(*v),
            Some(Stored::Vector(_, found)) => {
                Err(Error::Shape { name: name.to_owned(), found: (1, found), expected: (1, n) })
            }
            Some(Stored::Matrix(m)) => {
                Err(Error::Shape { name: name.to_owned(), found: (m.shape.rows, m.shape.cols), expected: (1, n) })
            }
            None => Err(Error::Missing(name.to_owned())),
        }
    }

    /// Whether `name` is loaded and not yet taken.
    pub fn contains(&self, name: &str) -> bool {
        self.stored.contains_key(name)
    }

    /// Takes out `prefix.weight` [out, in] without a bias.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Shape`].
    pub fn linear(&mut self, prefix: &str, out: usize, input: usize) -> Result<Linear> {
        Ok(Linear { weight: self.matrix(&format!("{prefix}.weight"), out, input)?, bias: None })
    }

    /// Takes out `prefix.weight` [out, in] and `prefix.bias` [out].
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Shape`].
    pub fn linear_with_bias(&mut self, prefix: &str, out: usize, input: usize) -> Result<Linear> {
        let weight = self.matrix(&format!("{prefix}.weight"), out, input)?;
        Ok(Linear { weight, bias: Some(self.vector(&format!("{prefix}.bias"), out)?) })
    }
}

/// Appends the rows of `next`. Scales are two to a word, so an odd number of blocks shifts them.
fn append(matrix: &mut PackedMatrix, next: PackedMatrix) {
    matrix.words.extend_from_slice(&next.words);
    if matrix.precision.is_quantized() {
        let blocks = blocks_per_row(matrix.cols);
        let have = matrix.rows * blocks;
        if have.is_multiple_of(2) {
            matrix.scales.truncate(have / 2);
            matrix.scales.extend_from_slice(&next.scales);
        } else {
            for i in 0..next.rows * blocks {
                let half = (next.scales[i / 2] >> (16 * (i % 2))) & 0xffff;
                let at = have + i;
                if at / 2 == matrix.scales.len() {
                    matrix.scales.push(0);
                }
                matrix.scales[at / 2] |= half << (16 * (at % 2));
            }
        }
    }
    matrix.rows += next.rows;
}

/// Sends a packed matrix to the device, without a copy in another precision.
pub fn upload(matrix: PackedMatrix, device: &Device) -> PackedTensor {
    let PackedMatrix { rows, cols, precision, words, mut scales } = matrix;
    if scales.is_empty() {
        // Kernels bind a buffer of scales whatever the precision; buffers are never empty.
        scales.push(0);
    }
    PackedTensor {
        words: int_tensor(words, device),
        scales: int_tensor(scales, device),
        shape: PackedShape { rows, cols, precision },
    }
}

fn int_tensor(words: Vec<u32>, device: &Device) -> Tensor<1, Int> {
    let n = words.len();
    let words: Vec<i32> = bytemuck::allocation::cast_vec(words);
    Tensor::from_data(TensorData::new(words, [n]), (device, DType::I32))
}
