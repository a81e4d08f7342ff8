//! Is the adapter faster than the CPU? A processor that stands in for a GPU is not, as a rule: it computes with the same
//! cores, and has kernels to compile first. Names do not tell: some software adapters are named after their driver, and one
//! with many cores may win over WebAssembly's one.

use lens_model::ComputeDevice;
use lens_pack::block::Precision;

use super::bench::{LinearCase, linear};
use crate::{Result, device};

/// A product as the default model's layers have them, for a text of about a hundred tokens. The adapter's kernel for it
/// is one that an analysis needs anyway.
const PRODUCT: LinearCase =
    LinearCase { tokens: 128, rows: 1024, cols: 640, precision: Precision::Q8, variant: None, repeats: 1 };

/// Products in a row, compared with one alone: the additional time is their own. Some browsers look every 100 ms
/// whether a GPU is done, which an analysis waits for once.
const IN_A_ROW: usize = 3;

/// The fastest of so many counts: others may be busy.
const SAMPLES: usize = 3;

/// So many times faster has the CPU to be: below that, the adapter's start is worth its while when more is computed.
const MARGIN: f64 = 1.2;

/// Milliseconds that one product takes on either.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Raced {
    /// On the adapter.
    pub gpu_ms: f64,
    /// On the CPU.
    pub cpu_ms: f64,
}

impl Raced {
    /// Whether the CPU is clearly faster. A time that is not a number decides for the adapter.
    pub fn is_cpu_faster(&self) -> bool {
        self.gpu_ms > MARGIN * self.cpu_ms
    }
}

/// Times a product on the adapter `device` and on the CPU; `now` is a clock in milliseconds.
///
/// # Errors
/// [`crate::Error`] when the device fails.
pub async fn race(device: &ComputeDevice, now: impl Fn() -> f64) -> Result<Raced> {
    let alone = fastest(&linear(device, PRODUCT, SAMPLES, &now).await?);
    let each = fastest(&linear(device, LinearCase { repeats: IN_A_ROW, ..PRODUCT }, SAMPLES, &now).await?);
    // Nothing is waited for there.
    let cpu_ms = fastest(&linear(&device::cpu(None).device, PRODUCT, SAMPLES, &now).await?);
    Ok(Raced { gpu_ms: without_waiting(alone, each), cpu_ms })
}

/// Milliseconds of a product of which one takes `alone`, and [`IN_A_ROW`] take `each`, waiting included.
fn without_waiting(alone: f64, each: f64) -> f64 {
    let row = IN_A_ROW as f64;
    (row * each - alone) / (row - 1.0)
}

fn fastest(times: &[f64]) -> f64 {
    times.iter().copied().fold(f64::INFINITY, f64::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_waited_for_is_no_part_of_a_product() {
        // A product of 2 ms behind a clock that looks every 100 ms, and one of 40 ms.
        assert!(without_waiting(103.0, 103.0 / 3.0).abs() < 1e-9);
        assert!((without_waiting(5.0 + 40.0, (5.0 + 120.0) / 3.0) - 40.0).abs() < 1e-9);
        assert!(without_waiting(f64::INFINITY, 1.0).is_nan() || without_waiting(f64::INFINITY, 1.0) < 0.0);
    }

    #[test]
    fn the_cpu_is_taken_where_it_is_clearly_faster() {
        let raced = |gpu_ms, cpu_ms| Raced { gpu_ms, cpu_ms }.is_cpu_faster();
        assert!(raced(40.0, 9.0));
        for (gpu_ms, cpu_ms) in [(1.0, 9.0), (9.0, 9.0), (10.0, 9.0), (f64::NAN, 9.0), (9.0, f64::NAN)] {
            assert!(!raced(gpu_ms, cpu_ms), "{gpu_ms} {cpu_ms}");
        }
    }
}
