//! Device tensors to plain numbers. Nothing here blocks: the browser forbids it.

use burn::tensor::{Tensor, TensorData, Transaction};

use crate::{Error, Result};

/// The values of a tensor, row-major.
///
/// # Errors
/// [`Error::Model`] when the device fails.
pub(crate) async fn read_back<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>> {
    values(tensor.into_data_async().await.map_err(|e| device_error(e.to_string()))?)
}

/// The values of `N` tensors, row-major, in one read-back: each wait for the device costs a round trip.
///
/// # Errors
/// [`Error::Model`] when the device fails.
pub(crate) async fn read_back_all<const N: usize>(tensors: [Tensor<2>; N]) -> Result<[Vec<f32>; N]> {
    let reads = tensors.into_iter().fold(Transaction::default(), Transaction::register);
    let data = reads.execute_async().await.map_err(|e| device_error(e.to_string()))?;
    let all: Vec<Vec<f32>> = data.into_iter().map(values).collect::<Result<_>>()?;
    all.try_into().map_err(|_| device_error("the read-back is incomplete".to_owned()))
}

fn values(data: TensorData) -> Result<Vec<f32>> {
    data.try_into_vec::<f32>().map_err(|e| device_error(format!("{e:?}")))
}

/// A failure of the device, as a sentence.
pub(crate) fn device_error(problem: String) -> Error {
    Error::Model(lens_model::Error::Device(problem))
}
