//! Are this device's kernels right? Small cases against the CPU.
//!
//! Shader errors are silent on the web, and a kernel that is right on one adapter can be wrong on
//! another: the page checks the kernels it will use before it shows numbers ([`check`]); tests check
//! every variant of every kernel ([`thorough`]).

use std::fmt::{self, Display, Formatter};

use burn::tensor::{Device, Tensor, TensorData, Transaction};
use lens_model::ComputeDevice;
use lens_model::attention::{AttentionOptions, KeysValues, attend, mean_weights};
use lens_model::kernels::config::{ROW_THREADS, Variant, VariantOverride};
use lens_model::linear::{Linear, Matrix, PackedTensor, matmul_nt, matmul_rows};
use lens_model::norm::{HeadNorms, RmsNorm};
use lens_model::ops::TopOptions;
use lens_model::rope::RotaryTable;
use lens_model::store::upload;
use lens_model::temporal_sae::{pair_sums, project, top_entries, top_k};
use lens_pack::block::{PackedMatrix, Precision};
use lens_pack::config::Rope;

use crate::{DeviceError, Result};

/// Largest relative RMS difference between device and CPU that passes. f32 sums of up to 9,216 terms
/// in another order stay below 3e-6; exp and tanh differ by a few units in the last place.
pub const TOLERANCE: f64 = 1e-5;

/// One kernel on one size.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// Kernel, variant and size.
    pub name: String,
    /// Relative RMS difference to the CPU's result.
    pub error: f64,
}

impl Checked {
    /// Whether the difference is more than rounding; NaN is.
    pub fn is_wrong(&self) -> bool {
        self.error.is_nan() || self.error > TOLERANCE
    }
}

/// Compares the kernels that this device will use with the CPU's, on odd sizes: a short last block, a
/// number of tokens and rows that no tile divides.
///
/// The page waits while the adapter compiles each kernel, so only the precisions of served packs are checked: the
/// networks run those in any case. Reading f16 is covered by their scales, reading f32 by the products of rows.
///
/// `on_step(done, total)` is called before each kernel.
///
/// # Errors
/// [`DeviceError`] with a sentence that names what differs.
pub async fn check(device: &ComputeDevice, mut on_step: impl FnMut(u64, u64)) -> Result<()> {
    const STEPS: u64 = 9;
    let mut checks = Checks { device: device.clone(), done: Vec::new() };
    let mut begun = 0;
    let mut step = || {
        on_step(begun, STEPS);
        begun += 1;
    };
    // Several queries, and one after others.
    step();
    checks.attention(5, 0, [4, 2, 12, 72], Some(5.0), Some(3)).await?;
    step();
    checks.attention(1, 4, [4, 2, 12, 72], Some(5.0), Some(3)).await?;
    step();
    checks.mean_attention(5, 2, [4, 12]).await?;
    checks.rows(5, 72).await?;
    step();
    checks.matmul_nt(5, 7, 72).await?;
    for precision in [Precision::Q8, Precision::Q4] {
        step();
        checks.linear(precision, [5, 37, 72], 1.0).await?;
        step();
        checks.transposed(precision, [5, 37, 72], 1.0).await?;
    }
    step();
    checks.finishes([5, 37, 72]).await?;
    on_step(STEPS, STEPS);
    debug_assert_eq!(begun, STEPS);
    match checks.done.iter().find(|checked| checked.is_wrong()) {
        None => Ok(()),
        Some(Checked { name, error }) => {
            Err(DeviceError::WrongKernel { kernel: name.clone(), difference: *error }.into())
        }
    }
}

/// A part of the thorough check: an adapter that is a processor compiles its hundred kernels for minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Products with weights of a precision, and with their transpose.
    Weights(Precision),
    /// Bias, relu and GeGLU after a product, products of rows, and the highest entries of a product.
    Finishes,
    /// Attention, norms, rotation, top k: the kernels that work row by row.
    Rows,
}

impl Part {
    /// All of the check.
    pub const ALL: [Self; 6] = [
        Self::Weights(Precision::F32),
        Self::Weights(Precision::F16),
        Self::Weights(Precision::Q8),
        Self::Weights(Precision::Q4),
        Self::Finishes,
        Self::Rows,
    ];
}

impl Display for Part {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Weights(precision) => precision.fmt(f),
            Self::Finishes => f.write_str("finishes"),
            Self::Rows => f.write_str("rows"),
        }
    }
}

/// Every variant of the kernels of a part, on sizes at and past the edges of its tiles, with values beyond
/// what f16 can hold.
///
/// # Errors
/// [`DeviceError`] when the device fails; differences are in the result.
pub async fn thorough(device: &ComputeDevice, part: Part) -> Result<Vec<Checked>> {
    let mut checks = Checks { device: device.clone(), done: Vec::new() };
    match part {
        Part::Weights(precision) => checks.every_product(precision).await?,
        Part::Finishes => checks.every_finish().await?,
        Part::Rows => checks.every_row_kernel().await?,
    }
    Ok(checks.done)
}

struct Checks {
    device: ComputeDevice,
    done: Vec<Checked>,
}

/// Some number in -1 ..= 1; the same for the same `i` everywhere.
fn value(i: usize) -> f32 {
    ((i * 7919 + 13) % 1009) as f32 / 504.0 - 1.0
}

fn matrix(rows: usize, cols: usize, device: &ComputeDevice, f: impl Fn(usize) -> f32) -> Tensor<2> {
    let values: Vec<f32> = (0..rows * cols).map(f).collect();
    Tensor::from_data(TensorData::new(values, [rows, cols]), &device.burn)
}

fn packed(rows: usize, cols: usize, precision: Precision, device: &ComputeDevice) -> PackedTensor {
    let weights: Vec<f32> = (0..rows * cols).map(value).collect();
    upload(PackedMatrix::pack(&weights, rows, cols, precision), device)
}

impl Checks {
    /// Those of `variants` that run on this adapter.
    fn available(&self, variants: &[Variant]) -> Vec<Variant> {
        variants.iter().copied().filter(|variant| self.device.kernels.has(*variant)).collect()
    }

    /// Runs one variant for the cases that follow, whatever the adapter and the number of tokens.
    fn set_override(&mut self, overrides: VariantOverride) {
        self.device.kernels.overrides = overrides;
    }

    async fn every_product(&mut self, precision: Precision) -> Result<()> {
        // Tokens, rows, columns.
        for size in [[1, 37, 72], [5, 130, 96], [67, 70, 160], [9, 5, 9216], [3, 9216, 40]] {
            for variant in self.available(&Variant::LINEAR) {
                self.set_override(VariantOverride { linear: Some(variant), ..VariantOverride::default() });
                self.linear(precision, size, 3e5).await?;
            }
            for variant in self.available(&Variant::TRANSPOSED) {
                self.set_override(VariantOverride { transposed: Some(variant), ..VariantOverride::default() });
                self.transposed(precision, size, 3e5).await?;
            }
        }
        Ok(())
    }

    async fn every_finish(&mut self) -> Result<()> {
        for variant in self.available(&Variant::LINEAR) {
            self.set_override(VariantOverride { linear: Some(variant), ..VariantOverride::default() });
            self.finishes([7, 37, 72]).await?;
            // More rows than a workgroup takes.
            self.gate(Precision::Q4, [9, 2 * 67, 64]).await?;
            self.gate(Precision::F32, [1, 2 * 300, 40]).await?;
            self.matmul_nt(5, 67, 100).await?;
        }
        self.set_override(VariantOverride::default());
        for soft_cap in [None, Some(30.0)] {
            // More rows of each kind than go through together, and blocks of scales that share a number.
            self.top([300, 700, 64], 150, soft_cap).await?;
            self.top([7, 300, 72], 3, soft_cap).await?;
            self.top([3, 5, 72], 0, soft_cap).await?;
        }
        Ok(())
    }

    async fn every_row_kernel(&mut self) -> Result<()> {
        for threads in ROW_THREADS {
            self.set_override(VariantOverride { row_threads: Some(threads), ..VariantOverride::default() });
            for (tokens, first) in [(1, 0), (5, 0), (1, 299), (66, 3), (6, 700), (5, 574)] {
                self.attention(tokens, first, [4, 2, 13, 70], Some(5.0), Some(3)).await?;
                self.attention(tokens, first, [4, 1, 16, 8], None, None).await?;
                self.attention(tokens, first, [8, 4, 256, 256], Some(50.0), Some(40)).await?;
                self.attention(tokens, first, [2, 2, 12, 300], None, Some(64)).await?;
                self.attention(tokens, first, [4, 4, 120, 480], None, None).await?;
                self.attention(tokens, first, [4, 4, 12, 12], None, None).await?;
                self.attention(tokens, first, [2, 1, 16, 160], None, None).await?;
                self.mean_attention(tokens, first, [4, 16]).await?;
                self.mean_attention(tokens, first, [3, 13]).await?;
            }
            for (tokens, width) in [(1, 2), (5, 72), (3, 2304), (66, 130)] {
                self.rows(tokens, width).await?;
            }
        }
        Ok(())
    }

    /// Runs `kernel` on both devices and notes how far apart the results are.
    async fn compare(&mut self, name: String, kernel: impl Fn(&ComputeDevice) -> Vec<Tensor<2>>) -> Result<()> {
        let mut results = Vec::new();
        for device in [&self.device, &Device::flex().into()] {
            let reads = kernel(device).into_iter().fold(Transaction::default(), Transaction::register);
            let data = reads.execute_async().await.map_err(|e| DeviceError::ReadBack(e.to_string()))?;
            let values: std::result::Result<Vec<Vec<f32>>, _> =
                data.into_iter().map(TensorData::try_into_vec::<f32>).collect();
            results.push(values.map_err(|e| DeviceError::ReadBack(format!("{e:?}")))?);
        }
        // Each tensor for itself: a large one would hide a small one.
        let error = results[0].iter().zip(&results[1]).map(|(found, wanted)| relative_rms(found, wanted));
        let error = error.fold(0.0, |worst: f64, e| if worst.is_nan() || e <= worst { worst } else { e });
        self.done.push(Checked { name, error });
        Ok(())
    }

    async fn linear(&mut self, precision: Precision, [tokens, rows, cols]: [usize; 3], range: f32) -> Result<()> {
        let variant = self.device.kernels.linear(tokens);
        let name = format!("{precision} product, {variant:?}, {tokens} x {cols} by {rows}");
        self.compare(name, |device| {
            let w = packed(rows, cols, precision, device);
            vec![w.linear(matrix(tokens, cols, device, |i| range * value(3 * i + 1)))]
        })
        .await
    }

    async fn transposed(&mut self, precision: Precision, [tokens, rows, cols]: [usize; 3], range: f32) -> Result<()> {
        let variant = self.device.kernels.transposed(tokens);
        let name = format!("{precision} transposed product, {variant:?}, {tokens} x {rows} by {cols}");
        self.compare(name, |device| {
            let w = packed(rows, cols, precision, device);
            // Codes are sparse: most rows of W are used by no token.
            let sparse = |i: usize| if i % 7 < 5 { 0.0 } else { range * value(5 * i + 1) };
            vec![w.linear_transposed(matrix(tokens, rows, device, sparse))]
        })
        .await
    }

    async fn finishes(&mut self, [tokens, rows, cols]: [usize; 3]) -> Result<()> {
        let variant = self.device.kernels.linear(tokens);
        self.compare(format!("product with bias, relu and GeGLU, {variant:?}"), |device| {
            let weight = packed(rows, cols, Precision::Q8, device);
            let bias = matrix(1, rows, device, |i| 9.0 * value(i)).reshape([rows]);
            let x = matrix(tokens, cols, device, |i| 3.0 * value(3 * i + 1));
            // Gates far past the point where tanh is one.
            let large = x.clone() * 100.0;
            let linear = Linear { weight: Matrix::Packed(weight.clone()), bias: Some(bias) };
            // An even number of rows: the gate's, then up's.
            let pairs = packed(rows + rows % 2, cols, Precision::Q8, device);
            vec![
                linear.forward(x.clone()),
                linear.forward_relu(x.clone()),
                weight.linear_relu(x.clone(), 0.37),
                pairs.linear_gate(x),
                pairs.linear_gate(large),
            ]
        })
        .await
    }

    async fn gate(&mut self, precision: Precision, [tokens, rows, cols]: [usize; 3]) -> Result<()> {
        let variant = self.device.kernels.linear(tokens);
        self.compare(format!("{precision} product with GeGLU, {variant:?}, {tokens} x {cols} by {rows}"), |device| {
            vec![packed(rows, cols, precision, device).linear_gate(matrix(tokens, cols, device, |i| value(3 * i + 1)))]
        })
        .await
    }

    async fn matmul_nt(&mut self, m: usize, n: usize, width: usize) -> Result<()> {
        let variant = self.device.kernels.linear(m);
        self.compare(format!("products of rows, {variant:?}"), |device| {
            let (a, b) = (matrix(m, width, device, value), matrix(n, width, device, |i| value(i + 7)));
            vec![matmul_nt(a.clone(), b.clone(), device.kernels), matmul_rows(a, b, n - 2, device.kernels)]
        })
        .await
    }

    /// The highest entries of a product, and some rows of its matrix.
    async fn top(&mut self, [tokens, rows, cols]: [usize; 3], logits_from: usize, soft_cap: Option<f32>) -> Result<()> {
        let name = format!("highest of {tokens} x {cols} by {rows}, logits from {logits_from}, soft cap {soft_cap:?}");
        self.compare(name, |device| {
            let weight = packed(rows, cols, Precision::Q8, device);
            // Of the first token all entries are equal.
            let x = matrix(tokens, cols, device, |i| if i < cols { 0.0 } else { 3.0 * value(3 * i + 1) });
            let offset = matrix(tokens, 1, device, |t| if t < logits_from { value(5 * t) } else { 0.0 });
            let k = 5.min(rows);
            let top = weight.top(x, offset, TopOptions { k, logits_from, soft_cap });
            // Columns are whole numbers in the hundreds: next to them no value would count.
            let pairs = top.clone().narrow(1, 0, 2 * k).reshape([tokens * k, 2]);
            let sums = top.narrow(1, 2 * k, 2);
            vec![
                pairs.clone().narrow(1, 0, 1),
                pairs.narrow(1, 1, 1),
                sums.clone().narrow(1, 0, 1),
                sums.narrow(1, 1, 1),
                weight.unpacked_rows(&[rows - 1, 0, rows / 2, 0]),
            ]
        })
        .await
    }

    /// `[heads, kv_heads, d, dv]`.
    async fn attention(
        &mut self,
        tokens: usize,
        first: usize,
        [heads, kv_heads, d, dv]: [usize; 4],
        soft_cap: Option<f32>,
        window: Option<usize>,
    ) -> Result<()> {
        let options = AttentionOptions { heads, kv_heads, scale: 0.7, soft_cap, window, first };
        let keys = first + tokens;
        let threads = self.device.kernels.row_threads();
        self.compare(format!("attention of {tokens} tokens after {first}, {options:?}, {threads} threads"), |device| {
            // Scores of tens would turn rounding into differences of the weights.
            let q = matrix(tokens, heads * d, device, value);
            let k = matrix(keys, kv_heads * d, device, |i| value(i + 5));
            let v = matrix(keys, kv_heads * dv, device, |i| 3.0 * value(i + 9));
            vec![attend(q, k, v, options, device.kernels)]
        })
        .await
    }

    /// Mean weights of `tokens` queries after `first`, of buffers with more rows than there are positions.
    async fn mean_attention(&mut self, tokens: usize, first: usize, [heads, d]: [usize; 2]) -> Result<()> {
        let options = AttentionOptions { heads, kv_heads: heads, scale: 0.7, soft_cap: None, window: None, first };
        let threads = self.device.kernels.row_threads();
        let name = format!("mean attention of {tokens} tokens after {first}, {heads} heads of {d}, {threads} threads");
        self.compare(name, |device| {
            let rows = |shift: usize| matrix(first + tokens + 2, heads * d, device, |i| value(i + shift));
            vec![mean_weights(&rows(0), &rows(5), tokens, options, device.kernels)]
        })
        .await
    }

    /// The kernels that work row by row.
    async fn rows(&mut self, tokens: usize, width: usize) -> Result<()> {
        let threads = self.device.kernels.row_threads();
        self.compare(format!("RMSNorm and rotation of {tokens} x {width}, {threads} threads"), |device| {
            let weight = |shift: usize| matrix(1, width, device, |i| value(i + shift)).reshape([width]);
            let norm = |shift: usize| RmsNorm::new(weight(shift), 1e-6, device.kernels);
            let x = matrix(tokens, width, device, |i| 1e5 * value(3 * i));
            let hidden = matrix(tokens, width, device, |i| 9.0 * value(i + 1));
            let (added, normed) = norm(3).add_then(hidden, x.clone(), &norm(5));
            let rope = Rope { theta: 10_000.0, factor: 2.0 };
            let table = RotaryTable::new(rope, width, 7, tokens, device);
            // Two heads of queries, one of keys, one of values.
            let qkv = Tensor::cat(vec![x.clone(), added.clone(), normed.clone(), x.clone()], 1);
            let mut seen = KeysValues::default();
            let mut results = vec![norm(0).forward(x), added, normed];
            // The second time after the keys and values of the first.
            for norms in [HeadNorms::none(width, &device.burn), HeadNorms::new(weight(2), weight(4), 1e-6)] {
                let (q, [k, v]) = table.rotate_append(qkv.clone(), &norms, [2, 1], &mut seen, 0);
                let rows = seen.k.len();
                results.extend([q, k.narrow(0, 0, rows), v.narrow(0, 0, rows)]);
            }
            results
        })
        .await?;
        self.compare(format!("top k, sums and projection of {tokens} x {width}, {threads} threads"), |device| {
            let codes = matrix(tokens, width, device, |i| (40.0 * value(i)).floor().max(0.0));
            let x = matrix(tokens, width, device, |i| value(3 * i));
            let (factor, left) = project(x, codes.clone(), device.kernels);
            let k = (width / 3).max(1);
            // Of both signs, with equal magnitudes among them.
            let signed = matrix(tokens, width, device, |i| (40.0 * value(i)).floor());
            let pairs = top_entries(signed.clone(), k).reshape([tokens * k, 2]);
            let sums = pair_sums(codes.clone(), signed, -0.5, device.kernels);
            let mut results = vec![top_k(codes, k), factor, left, pairs.clone().narrow(1, 0, 1), pairs.narrow(1, 1, 1)];
            results.extend((0..9).map(|column| sums.clone().narrow(1, column, 1)));
            results
        })
        .await
    }
}

/// |a - b| / |b| in the root-mean-square sense; NaN when there is one in either; of zeros, |a|.
pub fn relative_rms(a: &[f32], b: &[f32]) -> f64 {
    let norm: f64 = b.iter().map(|v| f64::from(*v).powi(2)).sum();
    let difference: f64 = a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum();
    if norm == 0.0 { difference.sqrt() } else { (difference / norm).sqrt() }
}
