//! Are this device's kernels right? A small case against the CPU.
//!
//! Shader errors are silent on the web, and a kernel that is right on one adapter can be wrong on
//! another: the page checks before it shows numbers.

use burn::tensor::{Device, Tensor, TensorData};
use lens_model::attention::{AttentionOptions, attend};
use lens_model::gemma::geglu;
use lens_model::store::upload;
use lens_model::temporal_sae::top_k;
use lens_weights::block::{PackedMatrix, Precision};

use crate::{Error, Result};

/// Largest relative RMS difference between device and CPU that passes: f32 sums of 72 terms in
/// another order stay below 1e-6.
const TOLERANCE: f64 = 1e-5;

/// Compares attention, both products of every precision, and the top-k with the CPU device's.
///
/// # Errors
/// [`Error::NoDevice`] with a sentence that names what differs.
pub async fn check(device: &Device) -> Result<()> {
    // Odd sizes: a short last block, a number of tokens and rows that no tile divides.
    let (tokens, rows, cols) = (5, 37, 72);
    let value = |i: usize| ((i * 7919 + 13) % 1009) as f32 / 504.0 - 1.0;
    let weights: Vec<f32> = (0..rows * cols).map(value).collect();
    let x: Vec<f32> = (0..tokens * cols).map(|i| value(3 * i + 1)).collect();
    let soft_capped = AttentionOptions { scale: 0.7, soft_cap: Some(5.0), window: Some(3) };
    let mut attended = Vec::new();
    for device in [device, &Device::flex()] {
        let heads = |count: usize, width: usize, shift: usize| {
            let values: Vec<f32> = (0..count * tokens * width).map(|i| 3.0 * value(i + shift)).collect();
            Tensor::<3>::from_data(TensorData::new(values, [count, tokens, width]), device)
        };
        attended.push(read(attend(heads(4, 13, 0), heads(2, 13, 5), heads(2, 70, 9), soft_capped)).await?);
    }
    compare("attention", &attended[0], &attended[1])?;
    let mut gated = Vec::new();
    for device in [device, &Device::flex()] {
        // Gates far past the point where tanh is one.
        let gate: Vec<f32> = (0..tokens * cols).map(|i| 300.0 * value(i).powi(5)).collect();
        let gate = Tensor::<2>::from_data(TensorData::new(gate, [tokens, cols]), device);
        let up = Tensor::<2>::from_data(TensorData::new(x.clone(), [tokens, cols]), device);
        gated.push(read(geglu(gate, up)).await?);
    }
    compare("GeGLU", &gated[0], &gated[1])?;
    for precision in [Precision::F32, Precision::F16, Precision::Q8, Precision::Q4] {
        let mut results = Vec::new();
        for device in [device, &Device::flex()] {
            let w = upload(PackedMatrix::pack(&weights, rows, cols, precision), device);
            let x = Tensor::<2>::from_data(TensorData::new(x.clone(), [tokens, cols]), device);
            let y = w.linear(x);
            let back = w.linear_transposed(y.clone());
            let top = top_k(burn::tensor::activation::relu(y.clone()), 3);
            let mut values = Vec::new();
            for tensor in [y, back, top] {
                values.extend(read(tensor).await?);
            }
            results.push(values);
        }
        compare(&format!("{precision} product"), &results[0], &results[1])?;
    }
    Ok(())
}

async fn read<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>> {
    let data = tensor.into_data_async().await.map_err(|e| Error::NoDevice(format!("read-back failed: {e}")))?;
    data.try_into_vec::<f32>().map_err(|e| Error::NoDevice(format!("read-back failed: {e:?}")))
}

fn compare(what: &str, found: &[f32], expected: &[f32]) -> Result<()> {
    let error = relative_rms(found, expected);
    // NaN passes no comparison.
    if error <= TOLERANCE {
        return Ok(());
    }
    Err(Error::NoDevice(format!(
        "the {what} kernel gives wrong numbers on this device (relative difference {error:.1e})"
    )))
}

/// |a - b| / |b| in the root-mean-square sense; NaN when there is one in either.
pub fn relative_rms(a: &[f32], b: &[f32]) -> f64 {
    let norm: f64 = b.iter().map(|v| f64::from(*v).powi(2)).sum();
    let difference: f64 = a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum();
    (difference / norm).sqrt()
}
