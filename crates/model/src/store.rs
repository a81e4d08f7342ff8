//! Packed matrices arriving part by part, and the device tensors they become.

use std::collections::HashMap;

use burn::tensor::{Device, Tensor, TensorData};
use lens_pack::block::{PackedMatrix, TensorPart, blocks_per_row, words_per_row};

use crate::buffer::Buffer;
use crate::linear::{Linear, Matrix, PackedTensor};
use crate::ops::PackedShape;
use crate::{ComputeDevice, Error, Result};

enum Stored {
    Matrix(Box<Matrix>),
    // Norms and biases: small, f32, unpacked once.
    Vector(Box<Tensor<1>>, usize),
}

/// A matrix whose first rows have arrived. Its words are on the device already; its scales, a
/// seventeenth of a q8 matrix, are not, as two of them share a word.
struct PartialTensor {
    words: Buffer,
    scales: Vec<u32>,
    shape: PackedShape,
    rows: usize,
}

/// Named tensors on a device. Parts come in row order, and go to the device as they come.
pub struct WeightStore {
    device: ComputeDevice,
    stored: HashMap<String, Stored>,
    pending: HashMap<String, PartialTensor>,
    bytes: usize,
}

impl WeightStore {
    /// An empty store for `device`.
    pub fn new(device: impl Into<ComputeDevice>) -> Self {
        Self { device: device.into(), stored: HashMap::new(), pending: HashMap::new(), bytes: 0 }
    }

    /// The device that the tensors are on.
    pub fn device(&self) -> &ComputeDevice {
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
        let partial = self.pending.remove(&name);
        let rows_done = partial.as_ref().map_or(0, |partial| partial.rows);
        let cols = partial.as_ref().map_or(matrix.cols, |partial| partial.shape.cols);
        if (row_start, matrix.cols) != (rows_done, cols) || row_start + matrix.rows > rows_total {
            return Err(Error::Input(format!("tensor {name}: rows from {row_start} came out of order")));
        }
        if rows_total == 1 {
            self.bytes += 4 * cols;
            let (values, device) = (TensorData::new(matrix.unpack(), [cols]), &self.device.burn);
            let vector = device.memory_persistent_allocations(values, |values| Tensor::from_data(values, device));
            self.stored.insert(name, Stored::Vector(Box::new(vector), cols));
            return Ok(());
        }
        let mut partial = partial.unwrap_or_else(|| PartialTensor::new(&matrix, rows_total, &self.device.burn));
        partial.append(matrix);
        if partial.rows < rows_total {
            self.pending.insert(name, partial);
        } else {
            let (tensor, bytes) = partial.finish(&self.device);
            self.bytes += bytes;
            self.stored.insert(name, Stored::Matrix(Box::new(Matrix::Packed(tensor))));
        }
        Ok(())
    }

    /// Puts a matrix in as it is, for training.
    #[cfg(not(target_family = "wasm"))]
    pub fn insert_matrix(&mut self, name: &str, matrix: Tensor<2>) {
        self.stored.insert(name.to_owned(), Stored::Matrix(Box::new(Matrix::Dense(matrix))));
    }

    /// Puts a vector in as it is, for training.
    #[cfg(not(target_family = "wasm"))]
    pub fn insert_vector(&mut self, name: &str, vector: Tensor<1>) {
        let n = vector.dims()[0];
        self.stored.insert(name.to_owned(), Stored::Vector(Box::new(vector), n));
    }

    /// Takes out the matrix `name`, which must be [rows, cols].
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Shape`].
    pub fn matrix(&mut self, name: &str, rows: usize, cols: usize) -> Result<Matrix> {
        let expected = (rows, cols);
        match self.stored.remove(name) {
            Some(Stored::Matrix(m)) if m.dims() == [rows, cols] => Ok(*m),
            Some(Stored::Matrix(m)) => {
                let [rows, cols] = m.dims();
                Err(Error::Shape { name: name.to_owned(), found: (rows, cols), expected })
            }
            Some(Stored::Vector(_, n)) => Err(Error::Shape { name: name.to_owned(), found: (1, n), expected }),
            None => Err(Error::Missing(name.to_owned())),
        }
    }

    /// As [`Self::matrix`], of a matrix that was packed.
    ///
    /// # Errors
    /// As [`Self::matrix`].
    pub fn packed(&mut self, name: &str, rows: usize, cols: usize) -> Result<PackedTensor> {
        match self.matrix(name, rows, cols)? {
            Matrix::Packed(packed) => Ok(packed),
            #[cfg(not(target_family = "wasm"))]
            Matrix::Dense(_) => Err(Error::Missing(name.to_owned())),
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
                let [rows, cols] = m.dims();
                Err(Error::Shape { name: name.to_owned(), found: (rows, cols), expected: (1, n) })
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

impl PartialTensor {
    /// Capacity for `rows_total` rows like those of `first`.
    fn new(first: &PackedMatrix, rows_total: usize, device: &Device) -> Self {
        let PackedMatrix { cols, precision, .. } = *first;
        let words = Buffer::new(rows_total * words_per_row(cols, precision), device);
        let scales = if precision.is_quantized() { (rows_total * blocks_per_row(cols)).div_ceil(2) } else { 0 };
        let shape = PackedShape { rows: rows_total, cols, precision };
        Self { words, scales: Vec::with_capacity(scales), shape, rows: 0 }
    }

    /// Takes the next rows.
    fn append(&mut self, next: PackedMatrix) {
        let PackedShape { cols, precision, .. } = self.shape;
        self.words.write(self.rows * words_per_row(cols, precision), next.words);
        if precision.is_quantized() {
            let blocks = blocks_per_row(cols);
            append_scales(&mut self.scales, self.rows * blocks, &next.scales, next.rows * blocks);
        }
        self.rows += next.rows;
    }

    /// The matrix on its device, and its bytes.
    fn finish(mut self, device: &ComputeDevice) -> (PackedTensor, usize) {
        if self.scales.is_empty() {
            // Kernels bind a buffer of scales whatever the precision; buffers are never empty.
            self.scales.push(0);
        }
        let PackedShape { rows, cols, precision } = self.shape;
        let bytes = 4 * (rows * words_per_row(cols, precision) + self.scales.len());
        let mut scales = Buffer::new(self.scales.len(), &device.burn);
        scales.write(0, self.scales);
        let (words, scales) = (self.words.finish(), scales.finish());
        (PackedTensor { words, scales, shape: self.shape, kernels: device.kernels }, bytes)
    }
}

/// Appends `more` scales from `next` to the `have` of `scales`. They are two to a word, so an odd
/// number of them shifts those that follow.
fn append_scales(scales: &mut Vec<u32>, have: usize, next: &[u32], more: usize) {
    if have.is_multiple_of(2) {
        scales.truncate(have / 2);
        scales.extend_from_slice(next);
        return;
    }
    for i in 0..more {
        let half = (next[i / 2] >> (16 * (i % 2))) & 0xffff;
        let at = have + i;
        if at / 2 == scales.len() {
            scales.push(0);
        }
        scales[at / 2] |= half << (16 * (at % 2));
    }
}

/// Sends a packed matrix to the device, without a copy in another precision.
pub fn upload(matrix: PackedMatrix, device: &ComputeDevice) -> PackedTensor {
    let rows = matrix.rows;
    let mut partial = PartialTensor::new(&matrix, rows, &device.burn);
    partial.append(matrix);
    partial.finish(device).0
}
