//! A device that is ready.

use lens_model::ComputeDevice;
#[cfg(feature = "gpu")]
use lens_model::kernels::config::{AdapterKind, KernelConfig};

/// A device that is ready, and what the page shows of it.
#[derive(Debug, Clone)]
pub struct OpenedDevice {
    /// burn's handle, and which kernels run on it.
    pub device: ComputeDevice,
    /// Whether the kernels run on an adapter (else on the CPU device).
    pub gpu: bool,
    /// The adapter's name and driver, or "CPU".
    pub name: String,
    /// Why it is the CPU, where that was not chosen.
    pub note: Option<String>,
    /// wgpu's own handle of a GPU: its limits and features, and events of its loss.
    #[cfg(feature = "gpu")]
    pub handle: Option<wgpu::Device>,
    /// What the GPU has still to do: it tells when what was submitted is done.
    #[cfg(feature = "gpu")]
    pub queue: Option<wgpu::Queue>,
}

#[cfg(feature = "gpu")]
impl OpenedDevice {
    /// Sets what wgpu does not expose in a browser: the adapter's name, by which software adapters are recognized, and
    /// whether the device has subgroups.
    pub fn set_adapter(&mut self, name: String, subgroups: bool) {
        let lower = name.to_lowercase();
        let software =
            ["swiftshader", "llvmpipe", "lavapipe", "basic render"].iter().any(|known| lower.contains(known));
        self.device.kernels = kernels(software, subgroups);
        self.name = name;
    }
}

/// How the kernels of an adapter are chosen.
#[cfg(feature = "gpu")]
pub fn kernels(software: bool, subgroups: bool) -> KernelConfig {
    let adapter = if software { AdapterKind::Software } else { AdapterKind::Hardware };
    KernelConfig { adapter, subgroups, ..KernelConfig::default() }
}
