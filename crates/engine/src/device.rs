//! Which adapter there is, and opening it.

use burn::tensor::Device;
use burn_wgpu::graphics::AutoGraphicsApi;
use burn_wgpu::{RuntimeOptions, WgpuDevice, try_init_setup_async};

use lens_model::kernels::variant::{AdapterKind, set_adapter_kind, set_subgroups};

use crate::{Error, Result};

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

/// A device that is ready, and what to tell the visitor about it.
#[derive(Debug, Clone)]
pub struct OpenedDevice {
    /// burn's handle.
    pub device: Device,
    /// Whether the kernels run on an adapter (else on the CPU device).
    pub gpu: bool,
    /// The adapter's name and driver, or "CPU".
    pub name: String,
    /// Why it is the CPU although nobody asked for it.
    pub note: Option<String>,
    /// wgpu's own handle of a GPU: its limits and features, and word of its loss.
    pub handle: Option<wgpu::Device>,
}

/// The CPU device; `note` says why it is that one although nobody asked for it.
pub fn cpu(note: Option<String>) -> OpenedDevice {
    set_adapter_kind(AdapterKind::Software);
    OpenedDevice { device: Device::flex(), gpu: false, name: "CPU".to_owned(), note, handle: None }
}

/// Opens the device asked for; without a choice a GPU if there is one, else the CPU.
///
/// In the browser the adapter is requested, not only `navigator.gpu` looked at: browsers without a
/// usable GPU have the one without the other. There any adapter counts, as the browser decides
/// whether software rendering is allowed.
///
/// # Errors
/// [`Error::NoDevice`] when a GPU was asked for and there is none, or it cannot be opened.
pub async fn open_device(choice: Option<DeviceChoice>) -> Result<OpenedDevice> {
    if choice == Some(DeviceChoice::Cpu) {
        return Ok(cpu(None));
    }
    let allow_software = choice == Some(DeviceChoice::GpuSoftware) || cfg!(target_family = "wasm");
    match find_adapter(allow_software).await {
        Ok(found) => match open_gpu(found).await {
            Ok(opened) => Ok(opened),
            Err(problem) if choice.is_some() => Err(Error::NoDevice(problem)),
            Err(problem) => Ok(cpu(Some(problem))),
        },
        Err(problem) if choice.is_some() => Err(Error::NoDevice(format!("no GPU: {problem}; use --device cpu"))),
        Err(problem) => Ok(cpu(Some(problem))),
    }
}

struct Found {
    name: String,
    device: WgpuDevice,
}

#[cfg(target_family = "wasm")]
async fn find_adapter(_allow_software: bool) -> std::result::Result<Found, String> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends: wgpu::Backends::BROWSER_WEBGPU,
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    let options =
        wgpu::RequestAdapterOptions { power_preference: wgpu::PowerPreference::HighPerformance, ..Default::default() };
    match instance.request_adapter(&options).await {
        Ok(adapter) => Ok(Found { name: describe(&adapter.get_info()), device: WgpuDevice::default() }),
        Err(_) => Err("this browser offers no WebGPU adapter".to_owned()),
    }
}

#[cfg(not(target_family = "wasm"))]
async fn find_adapter(allow_software: bool) -> std::result::Result<Found, String> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    let adapters = instance.enumerate_adapters(wgpu::Backends::PRIMARY).await;
    let hardware = adapters.iter().map(wgpu::Adapter::get_info).find(|i| i.device_type != wgpu::DeviceType::Cpu);
    let software = adapters.iter().map(wgpu::Adapter::get_info).find(|i| i.device_type == wgpu::DeviceType::Cpu);
    match (hardware, software) {
        (Some(info), _) => Ok(Found { name: describe(&info), device: WgpuDevice::default() }),
        (None, Some(info)) if allow_software => {
            Ok(Found { name: describe(&info), device: WgpuDevice::new(burn::backend::WgpuDeviceKind::Cpu) })
        }
        (None, Some(info)) => Err(format!("the only adapter is a software one ({})", describe(&info))),
        (None, None) => Err("no Vulkan, Metal or DirectX 12 adapter was found".to_owned()),
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

/// Takes what wgpu does not tell in a browser: the adapter's name, as the names of software adapters
/// are few, and whether the device has subgroups.
pub fn say_adapter(name: &str, subgroups: bool) {
    set_subgroups(subgroups);
    let name = name.to_lowercase();
    let software = ["swiftshader", "llvmpipe", "lavapipe", "basic render"].iter().any(|known| name.contains(known));
    set_adapter_kind(if software { AdapterKind::Software } else { AdapterKind::Hardware });
}

async fn open_gpu(found: Found) -> std::result::Result<OpenedDevice, String> {
    let options = RuntimeOptions::try_default().map_err(|e| e.to_string())?;
    let setup = try_init_setup_async::<AutoGraphicsApi>(&found.device, options)
        .await
        .map_err(|e| format!("the adapter {} could not be opened: {e}", found.name))?;
    let info = setup.adapter.get_info();
    let name = describe(&info);
    let software = info.device_type == wgpu::DeviceType::Cpu;
    set_subgroups(setup.device.features().contains(wgpu::Features::SUBGROUP));
    set_adapter_kind(if software { AdapterKind::Software } else { AdapterKind::Hardware });
    Ok(OpenedDevice { device: Device::new(found.device), gpu: true, name, note: None, handle: Some(setup.device) })
}
