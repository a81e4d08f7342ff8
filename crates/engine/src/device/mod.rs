//! Finding an adapter and opening a device.
//!
//! | file | what it is |
//! |---|---|
//! | `mod.rs` | the choice of a device, and the CPU |
//! | `opened` | a device that is ready |
//! | `gpu` | adapters (feature `gpu`) |

#[cfg(feature = "gpu")]
mod gpu;
mod opened;

use burn::tensor::Device;
use lens_model::ComputeDevice;
use lens_model::kernels::config::{AdapterKind, KernelConfig};

pub use self::opened::OpenedDevice;
use crate::{DeviceError, Result};

/// Where to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceChoice {
    /// The CPU device.
    Cpu,
    /// A GPU; a software adapter does not count.
    Gpu,
    /// Any adapter, a software one too: for testing kernels where there is no GPU.
    GpuSoftware,
}

/// The CPU device; `note` is the reason where it was not chosen.
pub fn cpu(note: Option<String>) -> OpenedDevice {
    let kernels = KernelConfig { adapter: AdapterKind::Software, ..KernelConfig::default() };
    OpenedDevice {
        device: ComputeDevice { burn: Device::flex(), kernels },
        gpu: false,
        name: "CPU".to_owned(),
        note,
        #[cfg(feature = "gpu")]
        handle: None,
        #[cfg(feature = "gpu")]
        queue: None,
    }
}

/// Opens the chosen device; without a choice a GPU if there is one, else the CPU.
///
/// In the browser the adapter is requested, not only `navigator.gpu` looked at: browsers without a
/// usable GPU have the one without the other. There any adapter counts, as the browser decides
/// whether software rendering is allowed.
///
/// # Errors
/// [`DeviceError`] when a GPU was chosen and there is none, or it cannot be opened.
pub async fn open_device(choice: Option<DeviceChoice>) -> Result<OpenedDevice> {
    if choice == Some(DeviceChoice::Cpu) {
        return Ok(cpu(None));
    }
    match open_adapter(choice).await {
        Ok(opened) => Ok(opened),
        Err(problem) if choice.is_some() => Err(problem.into()),
        Err(problem) => Ok(cpu(Some(problem.to_string()))),
    }
}

#[cfg(feature = "gpu")]
async fn open_adapter(choice: Option<DeviceChoice>) -> std::result::Result<OpenedDevice, DeviceError> {
    let allow_software = choice == Some(DeviceChoice::GpuSoftware) || cfg!(target_family = "wasm");
    let found = gpu::find_adapter(allow_software).await.map_err(|problem| no_gpu(choice, problem))?;
    gpu::open(found).await
}

#[cfg(not(feature = "gpu"))]
#[expect(clippy::unused_async, reason = "with the feature it waits")]
async fn open_adapter(choice: Option<DeviceChoice>) -> std::result::Result<OpenedDevice, DeviceError> {
    Err(no_gpu(choice, DeviceError::BuiltWithoutGpu))
}

/// Why there is no GPU, and what to do where one was asked for.
fn no_gpu(choice: Option<DeviceChoice>, problem: DeviceError) -> DeviceError {
    if choice.is_some() { DeviceError::NoGpu(Box::new(problem)) } else { problem }
}
