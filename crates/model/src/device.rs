//! A device, and which kernels run on it.

use burn::tensor::Device;

use crate::kernels::config::KernelConfig;

/// burn's handle of a device, with the choice of kernels for it. Networks take both from the store that they are
/// built from, so several devices, or one with several choices, can be in use at the same time.
#[derive(Debug, Clone)]
pub struct ComputeDevice {
    /// burn's handle.
    pub burn: Device,
    /// How kernels are chosen; the CPU device ignores it.
    pub kernels: KernelConfig,
}

impl ComputeDevice {
    /// Whether it is the CPU, which computes in the thread that asks.
    pub fn is_cpu(&self) -> bool {
        self.burn == Device::flex()
    }
}

impl From<Device> for ComputeDevice {
    /// With the default choice of kernels.
    fn from(burn: Device) -> Self {
        Self { burn, kernels: KernelConfig::default() }
    }
}
