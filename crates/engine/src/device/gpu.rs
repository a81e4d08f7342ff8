//! Adapters: finding one, and opening it as burn's device.

use burn::tensor::Device;
use burn_wgpu::graphics::AutoGraphicsApi;
use burn_wgpu::{RuntimeOptions, WgpuDevice, try_init_setup_async};
use lens_model::ComputeDevice;

use super::opened::{OpenedDevice, kernels};
use crate::DeviceError;

/// An adapter that can be opened.
pub struct FoundAdapter {
    name: String,
    device: WgpuDevice,
}

/// A hardware adapter, or a software one where that is allowed.
#[cfg(target_family = "wasm")]
pub async fn find_adapter(_allow_software: bool) -> Result<FoundAdapter, DeviceError> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends: wgpu::Backends::BROWSER_WEBGPU,
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    let options =
        wgpu::RequestAdapterOptions { power_preference: wgpu::PowerPreference::HighPerformance, ..Default::default() };
    match instance.request_adapter(&options).await {
        Ok(adapter) => Ok(FoundAdapter { name: describe(&adapter.get_info()), device: WgpuDevice::default() }),
        Err(_) => Err(DeviceError::NoWebGpuAdapter),
    }
}

/// A hardware adapter, or a software one where that is allowed.
#[cfg(not(target_family = "wasm"))]
pub async fn find_adapter(allow_software: bool) -> Result<FoundAdapter, DeviceError> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    let adapters = instance.enumerate_adapters(wgpu::Backends::PRIMARY).await;
    let hardware = adapters.iter().map(wgpu::Adapter::get_info).find(|i| i.device_type != wgpu::DeviceType::Cpu);
    let software = adapters.iter().map(wgpu::Adapter::get_info).find(|i| i.device_type == wgpu::DeviceType::Cpu);
    match (hardware, software) {
        (Some(info), _) => Ok(FoundAdapter { name: describe(&info), device: WgpuDevice::default() }),
        (None, Some(info)) if allow_software => {
            Ok(FoundAdapter { name: describe(&info), device: WgpuDevice::new(burn::backend::WgpuDeviceKind::Cpu) })
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

/// Opens it with its own limits.
pub async fn open(found: FoundAdapter) -> Result<OpenedDevice, DeviceError> {
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
