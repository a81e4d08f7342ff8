//! Is the adapter faster than the CPU? A processor that stands in for a GPU is not, as a rule: it computes with the same
//! cores, and has kernels to compile first. A name alone does not tell: some software adapters are named after their driver,
//! and one with many cores may win over WebAssembly's one.

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

/// The adapter's time of a product, as a multiple of the CPU's, above which the CPU is taken. Below that, the adapter's start is worth
/// its while when more is computed.
const MARGIN: f64 = 1.2;

/// [`MARGIN`] of an adapter that is known to be a software one. Compiling and checking its kernels takes 7 s and more, a short text's
/// analysis by the CPU half a second: it has to be twice as fast.
const SOFTWARE_MARGIN: f64 = 0.5;

/// Milliseconds that one product takes on either.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Raced {
    /// On the adapter.
    pub gpu_ms: f64,
    /// On the CPU.
    pub cpu_ms: f64,
    /// Whether the adapter is known to be a software one.
    pub is_software: bool,
}

impl Raced {
    /// Whether the CPU answers sooner. A time that is not a number decides for the adapter.
    pub fn prefers_cpu(&self) -> bool {
        self.gpu_ms > self.cpu_ms * if self.is_software { SOFTWARE_MARGIN } else { MARGIN }
    }

    /// Why the CPU is preferred to the adapter of this name, as a sentence.
    pub fn why_cpu(&self, adapter: &str) -> String {
        let Self { gpu_ms, cpu_ms, .. } = self;
        if cpu_ms < gpu_ms {
            return format!(
                "Faster here than WebGPU: one product of matrices took {cpu_ms:.0} ms, on {adapter} {gpu_ms:.0} ms."
            );
        }
        format!(
            "WebGPU runs on the processor here, too, and takes seconds to start: one product of matrices took {cpu_ms:.0} ms, on {adapter} \
             {gpu_ms:.0} ms."
        )
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
    Ok(Raced { gpu_ms: without_waiting(alone, each), cpu_ms, is_software: device.kernels.is_software() })
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
        let prefers_cpu = |gpu_ms, cpu_ms| Raced { gpu_ms, cpu_ms, is_software: false }.prefers_cpu();
        assert!(prefers_cpu(40.0, 9.0));
        for (gpu_ms, cpu_ms) in [(1.0, 9.0), (9.0, 9.0), (10.0, 9.0), (f64::NAN, 9.0), (9.0, f64::NAN)] {
            assert!(!prefers_cpu(gpu_ms, cpu_ms), "{gpu_ms} {cpu_ms}");
        }
    }

    #[test]
    fn a_software_adapter_is_taken_where_it_is_twice_as_fast() {
        let of = |gpu_ms, cpu_ms| Raced { gpu_ms, cpu_ms, is_software: true };
        assert!(of(9.0, 9.0).prefers_cpu() && of(6.0, 9.0).prefers_cpu() && !of(4.0, 9.0).prefers_cpu());
        assert!(!of(f64::NAN, 9.0).prefers_cpu());
        assert!(
            of(12.0, 9.0)
                .why_cpu("llvmpipe")
                .starts_with("Faster here than WebGPU: one product of matrices took 9 ms, on llvmpipe 12 ms")
        );
        assert!(
            of(6.0, 9.0)
                .why_cpu("llvmpipe")
                .contains("takes seconds to start: one product of matrices took 9 ms, on llvmpipe 6 ms.")
        );
    }
}
