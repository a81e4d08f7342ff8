//! Packed matrices arriving part by part, and the device tensors they become.

use std::collections::HashMap;

use burn::tensor::{Device, Tensor, TensorData};
use lens_pack::block::{PackedMatrix, TensorPart, blocks_per_row, words_per_row};
use lens_pack::tensor_spec::Joined;

use crate::buffer::Buffer;
use crate::linear::{Linear, Matrix, PackedTensor};
use crate::ops::PackedShape;
use crate::{ComputeDevice, Error, Result};

enum Stored {
    Matrix(Box<Matrix>),
    // Norms and biases: small, f32, unpacked once.
    Vector(Box<Tensor<1>>, usize),
}

/// A matrix some of whose rows have arrived. Its words are on the device already; its scales, a
/// seventeenth of a q8 matrix, are not, as two of them share a word.
struct PartialTensor {
    words: Buffer,
    scales: Vec<u32>,
    shape: PackedShape,
    /// Rows that have arrived.
    rows: usize,
}

/// Where the rows of a tensor go that is a part of a joined matrix.
struct Place {
    /// The joined matrix.
    whole: String,
    /// Its rows.
    rows: usize,
    /// The row of it at which the tensor begins.
    first: usize,
    /// Rows of the tensor.
    count: usize,
}

/// Named tensors on a device. Parts come in row order, and go to the device as they come.
pub struct WeightStore {
    device: ComputeDevice,
    stored: HashMap<String, Stored>,
    pending: HashMap<String, PartialTensor>,
    /// Rows that have arrived of each matrix, joined ones' members included.
    arrived: HashMap<String, usize>,
    /// Of the tensors that are parts of a joined matrix.
    places: HashMap<String, Place>,
    bytes: usize,
}

impl WeightStore {
    /// An empty store for `device`.
    pub fn new(device: impl Into<ComputeDevice>) -> Self {
        Self::joining(device, Vec::new())
    }

    /// An empty store that puts some of the tensors together as they come.
    pub fn joining(device: impl Into<ComputeDevice>, joined: Vec<Joined>) -> Self {
        let mut places = HashMap::new();
        for Joined { name: whole, members } in joined {
            let rows = members.iter().map(|(_, rows)| rows).sum();
            let mut first = 0;
            for (name, count) in members {
                places.insert(name, Place { whole: whole.clone(), rows, first, count });
                first += count;
            }
        }
        let (stored, pending, arrived) = (HashMap::new(), HashMap::new(), HashMap::new());
        Self { device: device.into(), stored, pending, arrived, places, bytes: 0 }
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
        let place = self.places.get(&name);
        let (whole, first, rows) = place.map_or((&name, 0, rows_total), |it| (&it.whole, it.first, it.rows));
        let whole = whole.clone();
        if let Some(count) = place.map(|it| it.count).filter(|count| *count != rows_total) {
            let (found, expected) = ((rows_total, matrix.cols), (count, matrix.cols));
            return Err(Error::Shape { name, found, expected });
        }
        let shape = PackedShape { rows, cols: matrix.cols, precision: matrix.precision };
        if self.pending.get(&whole).is_some_and(|partial| partial.shape != shape) {
            return Err(Error::Input(format!("tensor {name}: width or precision differ from the rows before it")));
        }
        let end = row_start + matrix.rows;
        if row_start != self.arrived.get(&name).copied().unwrap_or(0) || end > rows_total {
            return Err(Error::Input(format!("tensor {name}: rows from {row_start} came out of order")));
        }
        let partial = self.pending.remove(&whole);
        if rows == 1 {
            let cols = matrix.cols;
            self.bytes += 4 * cols;
            let (values, device) = (TensorData::new(matrix.unpack(), [cols]), &self.device.burn);
            let vector = device.memory_persistent_allocations(values, |values| Tensor::from_data(values, device));
            self.stored.insert(name, Stored::Vector(Box::new(vector), cols));
            return Ok(());
        }
        let mut partial = partial.unwrap_or_else(|| PartialTensor::new(shape, &self.device.burn));
        partial.put(first + row_start, matrix);
        self.arrived.insert(name, end);
        if partial.rows < rows {
            self.pending.insert(whole, partial);
        } else {
            let (tensor, bytes) = partial.finish(&self.device);
            self.bytes += bytes;
            self.stored.insert(whole, Stored::Matrix(Box::new(Matrix::Packed(tensor))));
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
    /// Capacity for a matrix of `shape`.
    fn new(shape: PackedShape, device: &Device) -> Self {
        let PackedShape { rows, cols, precision } = shape;
        let words = Buffer::new(rows * words_per_row(cols, precision), device);
        // Kernels bind a buffer of scales whatever the precision; buffers are never empty.
        let scales = if precision.is_quantized() { (rows * blocks_per_row(cols)).div_ceil(2) } else { 1 };
        Self { words, scales: vec![0; scales], shape, rows: 0 }
    }

    /// Takes rows from the row `at` on.
    fn put(&mut self, at: usize, next: PackedMatrix) {
        let PackedShape { cols, precision, .. } = self.shape;
        self.words.write(at * words_per_row(cols, precision), next.words);
        if precision.is_quantized() {
            let blocks = blocks_per_row(cols);
            put_scales(&mut self.scales, at * blocks, &next.scales, next.rows * blocks);
        }
        self.rows += next.rows;
    }

    /// The matrix on its device, and its bytes.
    fn finish(self, device: &ComputeDevice) -> (PackedTensor, usize) {
        let PackedShape { rows, cols, precision } = self.shape;
        let bytes = 4 * (rows * words_per_row(cols, precision) + self.scales.len());
        let mut scales = Buffer::new(self.scales.len(), &device.burn);
        scales.write(0, self.scales);
        let (words, scales) = (self.words.finish(), scales.finish());
        (PackedTensor { words, scales, shape: self.shape, kernels: device.kernels }, bytes)
    }
}

/// Puts the first `count` scales of `next` into `scales`, which are zero there, from the scale `at` on. They are two to a word, so
/// an odd `at` shifts them.
fn put_scales(scales: &mut [u32], at: usize, next: &[u32], count: usize) {
    if at.is_multiple_of(2) && count.is_multiple_of(2) {
        scales[at / 2..][..count / 2].copy_from_slice(&next[..count / 2]);
        return;
    }
    for i in 0..count {
        let half = (next[i / 2] >> (16 * (i % 2))) & 0xffff;
        scales[(at + i) / 2] |= half << (16 * ((at + i) % 2));
    }
}

/// Sends a packed matrix to the device, without a copy in another precision.
pub fn upload(matrix: PackedMatrix, device: &ComputeDevice) -> PackedTensor {
    let PackedMatrix { rows, cols, precision, .. } = matrix;
    let mut partial = PartialTensor::new(PackedShape { rows, cols, precision }, &device.burn);
    partial.put(0, matrix);
    partial.finish(device).0
}

#[cfg(test)]
mod tests {
    use lens_pack::block::Precision;

    use super::*;

    const NAMES: [&str; 3] = ["a", "b", "c"];

    fn part(name: &str, rows_total: usize, row_start: usize, whole: &PackedMatrix, values: &[f32]) -> TensorPart {
        let rows = values.len() / whole.cols;
        let matrix = PackedMatrix::pack(values, rows, whole.cols, whole.precision);
        TensorPart { name: name.to_owned(), row_start, rows_total, matrix }
    }

    fn joined(rows: [usize; 3]) -> WeightStore {
        let members = NAMES.map(str::to_owned).into_iter().zip(rows).collect();
        WeightStore::joining(Device::flex(), vec![Joined { name: "all".to_owned(), members }])
    }

    /// Three matrices of one, three and two blocks a row with an odd number of rows each, so that two of them share a word of
    /// scales; their parts come in another order than they are joined in.
    #[test]
    fn joined_matrices_are_the_same_as_one() {
        for precision in [Precision::F32, Precision::F16, Precision::Q8, Precision::Q4] {
            for cols in [32, 70, 64] {
                let rows = [3, 5, 1];
                let values: Vec<f32> = (0..9 * cols).map(|i| ((i * 7919 + 13) % 1009) as f32 / 504.0 - 1.0).collect();
                let whole = PackedMatrix::pack(&values, 9, cols, precision);
                let mut store = joined(rows);
                for (name, count, start, from, to) in
                    [("b", 5, 0, 3, 5), ("a", 3, 0, 0, 3), ("b", 5, 2, 5, 8), ("c", 1, 0, 8, 9)]
                {
                    assert!(!store.contains("all"));
                    store.insert(part(name, count, start, &whole, &values[from * cols..to * cols])).unwrap();
                }
                let found = store.packed("all", 9, cols).unwrap();
                let wanted = upload(whole, &Device::flex().into());
                let words = |it: &Tensor<1, burn::tensor::Int>| it.to_data().try_into_vec::<i32>().unwrap();
                assert_eq!(words(&found.words), words(&wanted.words), "{precision}, {cols}");
                assert_eq!(words(&found.scales), words(&wanted.scales), "{precision}, {cols}");
            }
        }
    }

    #[test]
    fn parts_that_do_not_fit_are_refused_and_change_nothing() {
        let one = |precision| PackedMatrix::pack(&[1.0; 64], 1, 64, precision);
        let values = vec![0.5; 5 * 64];
        let mut store = joined([3, 5, 1]);
        store.insert(part("b", 5, 0, &one(Precision::Q8), &values[..2 * 64])).unwrap();
        let mut refused = |name, rows_total, start, precision| {
            store.insert(part(name, rows_total, start, &one(precision), &values[..64])).unwrap_err().to_string()
        };
        assert!(refused("a", 3, 0, Precision::Q4).contains("precision"));
        assert!(refused("a", 4, 0, Precision::Q8).contains("(4, 64)"));
        assert!(refused("a", 3, 1, Precision::Q8).contains("out of order"));
        assert!(refused("b", 5, 0, Precision::Q8).contains("out of order"));
        store.insert(part("b", 5, 2, &one(Precision::Q8), &values[..3 * 64])).unwrap();
        store.insert(part("a", 3, 0, &one(Precision::Q8), &values[..3 * 64])).unwrap();
        store.insert(part("c", 1, 0, &one(Precision::Q8), &values[..64])).unwrap();
        assert_eq!(store.packed("all", 9, 64).unwrap().shape().rows, 9);
    }
}
