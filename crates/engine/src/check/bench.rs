//! How long the kernels take: for the benches and for tuning, never for tests.

use burn::tensor::{Tensor, TensorData};
use lens_model::ComputeDevice;
use lens_model::kernels::config::{KernelConfig, Variant, VariantOverride};
use lens_model::store::upload;
use lens_pack::block::{PackedMatrix, Precision};

use crate::Result;
use crate::read_back::read_back;

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
    /// One of [`Variant::LINEAR`]; by default the one that would run.
    pub variant: Option<Variant>,
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
pub async fn linear(
    device: &ComputeDevice,
    case: LinearCase,
    samples: usize,
    now: impl Fn() -> f64,
) -> Result<Vec<f64>> {
    let LinearCase { tokens, rows, cols, precision, variant, repeats } = case;
    let weights: Vec<f32> = (0..rows * cols).map(|i| (i % 17) as f32 - 8.0).collect();
    let overrides = VariantOverride { linear: variant, ..VariantOverride::default() };
    let device = ComputeDevice { burn: device.burn.clone(), kernels: KernelConfig { overrides, ..device.kernels } };
    let w = upload(PackedMatrix::pack(&weights, rows, cols, precision), &device);
    let x = Tensor::<2>::from_data(TensorData::new(vec![0.5f32; tokens * cols], [tokens, cols]), &device.burn);
    let repeats = repeats.max(1);
    let mut times = Vec::with_capacity(samples);
    for sample in 0..=samples {
        let start = now();
        let mut y = w.linear(x.clone());
        for _ in 1..repeats {
            y = w.linear(x.clone());
        }
        // Reading one row back waits for everything queued before it.
        read_back(y.narrow(0, 0, 1)).await?;
        if sample > 0 {
            times.push((now() - start) / repeats as f64);
        }
    }
    Ok(times)
}
