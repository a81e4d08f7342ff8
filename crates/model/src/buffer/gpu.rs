//! burn's buffers on a GPU.

use burn::backend::{Cube, DispatchDevice};
use burn::tensor::{Bytes, DType, Device, Int, Shape, Tensor};
use burn_cubecl::CubeDevice;
use burn_cubecl::cubecl::MemoryScope;
use burn_cubecl::cubecl::server::Handle;
use burn_cubecl::tensor::CubeTensor;

use super::memory::GpuMemory;

/// A GPU buffer of words, of its final size.
pub struct GpuBuffer {
    device: CubeDevice,
    handle: Handle,
    words: usize,
}

impl GpuBuffer {
    /// An empty buffer for `words` words; `None` for the CPU.
    pub fn new(words: usize, device: &Device) -> Option<Self> {
        let DispatchDevice::Cube(device) = device.as_dispatch() else { return None };
        // Of exactly this size, and outside the pages that activations come and go in.
        let client = device.client();
        let handle = client.memory_persistent_allocation((), |()| client.empty(4 * words));
        Some(Self { device: device.clone(), handle, words })
    }

    /// Writes the words that come after the `at` first ones.
    pub fn write(&mut self, at: usize, next: Vec<u32>) {
        let (start, end) = (4 * at as u64, 4 * (self.words - at - next.len()) as u64);
        let client = self.device.client();
        client.write(&self.handle.clone().offset_start(start).offset_end(end), Bytes::from_elems(next));
        // Writes wait in a queue, and hold their bytes, until it is flushed. Errors show in the
        // next read-back.
        let _ = client.flush();
    }

    /// The buffer as a tensor.
    pub fn finish(self) -> Tensor<1, Int> {
        let Self { device, handle, words } = self;
        let tensor = CubeTensor::new_contiguous(device.client(), device, Shape::new([words]), handle, DType::I32);
        Tensor::from_primitive::<Cube>(tensor)
    }
}

/// Memory of a GPU; `None` for the CPU.
pub fn memory(device: &Device) -> Option<GpuMemory> {
    let DispatchDevice::Cube(cube) = device.as_dispatch() else { return None };
    let report = cube.client().memory_report(MemoryScope::Device);
    let usage = report.usage();
    let weights = report.streams.iter().map(|stream| stream.pools.persistent.usage.bytes_reserved).sum();
    Some(GpuMemory { weights, in_use: usage.bytes_in_use, reserved: usage.bytes_reserved })
}
