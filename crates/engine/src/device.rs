//! Finding an adapter and opening a device.

use burn::tensor::Device;
use burn_wgpu::graphics::AutoGraphicsApi;
use burn_wgpu::{RuntimeOptions, WgpuDevice, try_init_setup_async};

use lens_model::ComputeDevice;
use lens_model::kernels::config::{AdapterKind, KernelConfig};

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
    pub handle: Option<wgpu::Device>,
    /// What the GPU has still to do: it tells when what was submitted is done.
    pub queue: Option<wgpu::Queue>,
}

/// The CPU device; `note` is the reason where it was not chosen.
pub fn cpu(note: Option<String>) -> OpenedDevice {
    let kernels = KernelConfig { adapter: AdapterKind::Software, ..KernelConfig::default() };
    OpenedDevice {
        device: ComputeDevice { burn: Device::flex(), kernels },
        gpu: false,
        name: "CPU".to_owned(),
        note,
        handle: None,
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
    let allow_software = choice == Some(DeviceChoice::GpuSoftware) || cfg!(target_family = "wasm");
    match find_adapter(allow_software).await {
        Ok(found) => match open_gpu(found).await {
            Ok(opened) => Ok(opened),
            Err(problem) if choice.is_some() => Err(problem.into()),
            Err(problem) => Ok(cpu(Some(problem.to_string()))),
        },
        Err(problem) if choice.is_some() => Err(DeviceError::NoGpu(Box::new(problem)).into()),
        Err(problem) => Ok(cpu(Some(problem.to_string()))),
    }
}

struct Found {
    name: String,
    device: WgpuDevice,
}

#[cfg(target_family = "wasm")]
async fn find_adapter(_allow_software: bool) -> std::result::Result<Found, DeviceError> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends: wgpu::Backends::BROWSER_WEBGPU,
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    let options =
        wgpu::RequestAdapterOptions { power_preference: wgpu::PowerPreference::HighPerformance, ..Default::default() };
    match instance.request_adapter(&options).await {
        Ok(adapter) => Ok(Found { name: describe(&adapter.get_info()), device: WgpuDevice::default() }),
        Err(_) => Err(DeviceError::NoWebGpuAdapter),
    }
}

#[cfg(not(target_family = "wasm"))]
async fn find_adapter(allow_software: bool) -> std::result::Result<Found, DeviceError> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    let adapters = instance.enumerate_adapters(wgpu::Backends::PRIMARY).await;
    let hardware = adapters.iter().map(wgpu::Adapter::get_info).find(|i| i.device_type != wgpu::DeviceType::Cpu);
    let software = adapters.iter().map(wgpu::Adapter::get_info).find(|i| i.device_type == wgpu::DeviceType::Cpu);
    match (hardware, software) {
        (Some(info), _) => Ok(Found { name: describe(&info), device: WgpuDevice::default() }),
        (None, Some(info)) if allow_software => {
            Ok(Found { name: describe(&info), device: WgpuDevice::new(burn::backend::WgpuDeviceKind::Cpu) })
        }
        (None, Some(info)) => Err(DeviceError::OnlySoftware { name: describe(&info) }),
        (None, None) => Err(DeviceError::NoAdapter),
    }
}

/// Vendor and architecture where there is no name: browsers hide it.
fn describe(info: &wgpu::AdapterInfo) -> String {
    let parts: Vec<&str> = [info.name.as_str(), info.driver.as_str(), info.driver_info.as_str()]
        .into_iter()
        .filter(|p| !p.is_empty())
        .collect();
    if parts.is_empty() { format!("{:?} adapter", info.backend) } else { parts.join(", ") }
}

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

fn kernels(software: bool, subgroups: bool) -> KernelConfig {
    let adapter = if software { AdapterKind::Software } else { AdapterKind::Hardware };
    KernelConfig { adapter, subgroups, ..KernelConfig::default() }
}

async fn open_gpu(found: Found) -> std::result::Result<OpenedDevice, DeviceError> {
    let options = RuntimeOptions::try_default().map_err(|e| DeviceError::Runtime(e.to_string()))?;
    let setup = try_init_setup_async::<AutoGraphicsApi>(&found.device, options)
        .await
        .map_err(|e| DeviceError::Open { name: found.name.clone(), problem: e.to_string() })?;
    let info = setup.adapter.get_info();
    let name = describe(&info);
    let software = info.device_type == wgpu::DeviceType::Cpu;
    let kernels = kernels(software, setup.device.features().contains(wgpu::Features::SUBGROUP));
    let device = ComputeDevice { burn: Device::new(found.device), kernels };
    Ok(OpenedDevice { device, gpu: true, name, note: None, handle: Some(setup.device), queue: Some(setup.queue) })
}
