//! Device tensors to plain numbers. Nothing here blocks: the browser forbids it.
//!
//! What is not finite is refused here, in one place: damaged weights and numbers past f32 show as NaN or infinity, and
//! every figure that is made of one is worthless.

use burn::tensor::{Tensor, TensorData, Transaction};

use crate::{Error, Result};

/// The values of a tensor, row-major.
///
/// # Errors
/// [`Error::NotFinite`], [`Error::Model`] when the device fails.
pub(crate) async fn read_back<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>> {
    values(tensor.into_data_async().await.map_err(|e| device_error(e.to_string()))?, RESULT)
}

/// The values of `N` tensors, row-major, in one read-back: each wait for the device costs a round trip.
///
/// # Errors
/// As [`read_back`].
pub(crate) async fn read_back_all<const N: usize>(tensors: [Tensor<2>; N]) -> Result<[Vec<f32>; N]> {
    read_back_named(tensors.map(|tensor| (RESULT, tensor))).await
}

/// As [`read_back_all`], of tensors whose names go into the error.
///
/// # Errors
/// As [`read_back`].
pub(crate) async fn read_back_named<const N: usize>(tensors: [(&'static str, Tensor<2>); N]) -> Result<[Vec<f32>; N]> {
    let names = tensors.each_ref().map(|(name, _)| *name);
    let reads = tensors.into_iter().map(|(_, tensor)| tensor).fold(Transaction::default(), Transaction::register);
    let data = reads.execute_async().await.map_err(|e| device_error(e.to_string()))?;
    let all: Vec<Vec<f32>> =
        data.into_iter().zip(names).map(|(data, name)| values(data, name)).collect::<Result<_>>()?;
    all.try_into().map_err(|_| device_error("the read-back is incomplete".to_owned()))
}

/// What a tensor without a name is called in errors.
const RESULT: &str = "a result";

fn values(data: TensorData, name: &str) -> Result<Vec<f32>> {
    let values = data.try_into_vec::<f32>().map_err(|e| device_error(format!("{e:?}")))?;
    if values.iter().all(|value| value.is_finite()) { Ok(values) } else { Err(Error::NotFinite(name.to_owned())) }
}

/// A failure of the device, as a sentence.
pub(crate) fn device_error(problem: String) -> Error {
    Error::Model(lens_model::Error::Device(problem))
}
