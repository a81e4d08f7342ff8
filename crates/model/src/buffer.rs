//! Device buffers that are filled part by part, so that a large matrix never lies in memory as a whole.

use burn::backend::{Cube, DispatchDevice};
use burn::tensor::{Bytes, DType, Device, Int, Shape, Tensor, TensorData};
use burn_cubecl::CubeDevice;
use burn_cubecl::cubecl::server::Handle;
use burn_cubecl::tensor::CubeTensor;

/// A buffer of words that is filled part by part.
pub enum Buffer {
    /// A GPU buffer of its final size.
    Gpu {
        /// Its device.
        device: CubeDevice,
        /// The buffer.
        handle: Handle,
        /// Its size in words.
        words: usize,
    },
    /// Memory, for the CPU device.
    Memory {
        /// The words; zero where they have not arrived.
        words: Vec<u32>,
        /// The device.
        device: Device,
    },
}

impl Buffer {
    /// An empty buffer for `words` words, at least one.
    pub fn new(words: usize, device: &Device) -> Self {
        match device.as_dispatch() {
            DispatchDevice::Cube(cube) => {
                // Of exactly this size, and outside the pages that activations come and go in.
                let client = cube.client();
                let handle = client.memory_persistent_allocation((), |()| client.empty(4 * words));
                Self::Gpu { device: cube.clone(), handle, words }
            }
            _ => Self::Memory { words: vec![0; words], device: device.clone() },
        }
    }

    /// Writes the words that come after the `at` first ones.
    pub fn write(&mut self, at: usize, next: Vec<u32>) {
        match self {
            Self::Gpu { device, handle, words } => {
                let (start, end) = (4 * at as u64, 4 * (*words - at - next.len()) as u64);
                let client = device.client();
                client.write(&handle.clone().offset_start(start).offset_end(end), Bytes::from_elems(next));
                // Writes wait in a queue, and hold their bytes, until it is flushed. Errors show in the
                // next read-back.
                let _ = client.flush();
            }
            Self::Memory { words, .. } => words[at..at + next.len()].copy_from_slice(&next),
        }
    }

    /// The buffer as a tensor.
    pub fn finish(self) -> Tensor<1, Int> {
        match self {
            Self::Gpu { device, handle, words } => {
                let client = device.client();
                let tensor = CubeTensor::new_contiguous(client, device, Shape::new([words]), handle, DType::I32);
                Tensor::from_primitive::<Cube>(tensor)
            }
            Self::Memory { words, device } => {
                let n = words.len();
                let words: Vec<i32> = bytemuck::allocation::cast_vec(words);
                Tensor::from_data(TensorData::new(words, [n]), (&device, DType::I32))
            }
        }
    }
}

/// GPU memory, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GpuMemory {
    /// In weights.
    pub weights: u64,
    /// In everything that is in use now.
    pub in_use: u64,
    /// Allocated by the driver: in use, or reserved for the next run.
    pub reserved: u64,
}

/// GPU memory of a device; `None` for the CPU.
pub fn gpu_memory(device: &Device) -> Option<GpuMemory> {
    use burn_cubecl::cubecl::MemoryScope;
    let DispatchDevice::Cube(cube) = device.as_dispatch() else { return None };
    let report = cube.client().memory_report(MemoryScope::Device);
    let usage = report.usage();
    let weights = report.streams.iter().map(|stream| stream.pools.persistent.usage.bytes_reserved).sum();
    Some(GpuMemory { weights, in_use: usage.bytes_in_use, reserved: usage.bytes_reserved })
}
