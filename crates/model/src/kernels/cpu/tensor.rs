//! The CPU device's tensors.

use burn::backend::ops::FloatTensorOps;
use burn::backend::{BackendTypes, Flex};
use burn::tensor::{Shape, TensorData};

/// A tensor of any type of number.
pub type FlexTensor = <Flex as BackendTypes>::FloatTensorPrimitive;

/// A tensor [rows, columns] of `values`, row-major.
pub fn result(values: Vec<f32>, shape: [usize; 2]) -> FlexTensor {
    Flex::float_from_data(TensorData::new(values, Shape::new(shape)), &Default::default())
}

/// A vector of `values`.
#[cfg(not(target_family = "wasm"))]
pub fn vector(values: Vec<f32>) -> FlexTensor {
    let shape = Shape::new([values.len()]);
    Flex::float_from_data(TensorData::new(values, shape), &Default::default())
}

/// Rows and columns; a vector is one row.
pub fn dims(tensor: &FlexTensor) -> [usize; 2] {
    let shape = tensor.layout().shape();
    if shape.len() == 1 { [1, shape[0]] } else { [shape[0], shape[1]] }
}

/// The words of a packed matrix, or its scales.
pub fn bits(tensor: &FlexTensor) -> &[u32] {
    bytemuck::cast_slice(tensor.storage::<i32>())
}
