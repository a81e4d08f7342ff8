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
    values(tensor.into_data_async().await.map_err(|e| device_error(e.to_string()))?, &[RESULT], 1)
}

/// The values of `N` tensors, row-major, in one read-back: each wait for the device costs a round trip.
///
/// # Errors
/// As [`read_back`].
pub(crate) async fn read_back_all<const N: usize>(tensors: [Tensor<2>; N]) -> Result<[Vec<f32>; N]> {
    read_back_named(tensors.map(|tensor| (&[RESULT][..], tensor))).await
}

/// As [`read_back_all`], of tensors whose names go into the error; where there are several, each row has as many columns of one
/// as of the next.
///
/// # Errors
/// As [`read_back`].
pub(crate) async fn read_back_named<const N: usize>(
    tensors: [(&'static [&'static str], Tensor<2>); N],
) -> Result<[Vec<f32>; N]> {
    let names = tensors.each_ref().map(|(names, tensor)| (*names, tensor.dims()[1]));
    let reads = tensors.into_iter().map(|(_, tensor)| tensor).fold(Transaction::default(), Transaction::register);
    let data = reads.execute_async().await.map_err(|e| device_error(e.to_string()))?;
    let all: Vec<Vec<f32>> =
        data.into_iter().zip(names).map(|(data, (names, width))| values(data, names, width)).collect::<Result<_>>()?;
    all.try_into().map_err(|_| device_error("the read-back is incomplete".to_owned()))
}

/// What a tensor without a name is called in errors.
const RESULT: &str = "a result";

/// Values of rows of `width`; of those that are not finite, the leftmost one names what is wrong.
fn values(data: TensorData, names: &[&str], width: usize) -> Result<Vec<f32>> {
    let values = data.try_into_vec::<f32>().map_err(|e| device_error(format!("{e:?}")))?;
    let column = |(at, value): (usize, &f32)| (!value.is_finite()).then(|| at % width.max(1));
    match values.iter().enumerate().filter_map(column).min() {
        None => Ok(values),
        Some(column) => Err(Error::NotFinite(names[column * names.len() / width.max(1)].to_owned())),
    }
}

/// A failure of the device, as a sentence.
pub(crate) fn device_error(problem: String) -> Error {
    Error::Model(lens_model::Error::Device(problem))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use burn::tensor::Device;

    use super::*;

    /// What is reported of a row of three names in six columns.
    fn named(row: [f32; 6]) -> Result<Vec<f32>> {
        let tensor = Tensor::<2>::from_data(TensorData::new(row.to_vec(), [1, 6]), &Device::flex());
        let [read] = pollster::block_on(read_back_named([(&["first", "second", "third"], tensor)]))?;
        Ok(read)
    }

    #[test]
    fn what_is_not_finite_is_named_by_its_column() {
        let finite = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        assert_eq!(named(finite).unwrap(), finite);
        for (column, name) in ["first", "first", "second", "second", "third", "third"].into_iter().enumerate() {
            for value in [f32::NAN, f32::INFINITY] {
                let mut row = finite;
                row[column] = value;
                assert!(matches!(named(row), Err(Error::NotFinite(found)) if found == name), "column {column}");
            }
        }
        // The one before made the others so.
        let row = [1.0, 2.0, f32::NAN, 4.0, f32::NAN, 6.0];
        assert!(matches!(named(row), Err(Error::NotFinite(found)) if found == "second"));
    }
}
