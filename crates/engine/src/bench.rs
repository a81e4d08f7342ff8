//! How long the kernels take: for the benches and for tuning, never for tests.

use burn::tensor::{Device, Tensor, TensorData};
use lens_model::kernels::variant::{Forced, Variant};
use lens_model::store::upload;
use lens_pack::block::{PackedMatrix, Precision};

use crate::Result;
use crate::reading::read;

/// A linear layer: how many tokens, and its weight [rows, cols].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinearCase {
    /// Tokens.
    pub tokens: usize,
    /// Output dimension.
    pub rows: usize,
    /// Input dimension.
    pub cols: usize,
    /// How the weight is stored.
    pub precision: Precision,
    /// Which variant, by its place in [`Variant::LINEAR`]; by default the one that would run.
    pub variant: Option<usize>,
    /// Multiplications in a row before the result is waited for: what waiting costs is shared.
    pub repeats: usize,
}

impl LinearCase {
    /// Floating-point operations of one multiplication.
    pub fn operations(&self) -> f64 {
        2.0 * (self.tokens * self.rows * self.cols) as f64
    }
}

/// Milliseconds that one multiplication takes, once for each of `samples`; the first call, which
/// compiles the kernel, is left out. `now` is a clock in milliseconds.
///
/// # Errors
/// [`crate::Error::Model`] when the device fails.
pub async fn linear(device: &Device, case: LinearCase, samples: usize, now: impl Fn() -> f64) -> Result<Vec<f64>> {
    let LinearCase { tokens, rows, cols, precision, variant, repeats } = case;
    let weights: Vec<f32> = (0..rows * cols).map(|i| (i % 17) as f32 - 8.0).collect();
    let w = upload(PackedMatrix::pack(&weights, rows, cols, precision), device);
    let x = Tensor::<2>::from_data(TensorData::new(vec![0.5f32; tokens * cols], [tokens, cols]), device);
    let _forced = variant.filter(|i| *i < Variant::LINEAR.len()).map(Forced::linear);
    let repeats = repeats.max(1);
    let mut times = Vec::with_capacity(samples);
    for sample in 0..=samples {
        let start = now();
        let mut y = w.linear(x.clone());
        for _ in 1..repeats {
            y = w.linear(x.clone());
        }
        // Reading one row back waits for all that was asked before.
        read(y.narrow(0, 0, 1)).await?;
        if sample > 0 {
            times.push((now() - start) / repeats as f64);
        }
    }
    Ok(times)
}
