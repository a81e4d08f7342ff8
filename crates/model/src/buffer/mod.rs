//! Device buffers that are filled part by part, so that a large matrix never lies in memory as a whole.
//!
//! | file | what it is |
//! |---|---|
//! | `mod.rs` | [`Buffer`]: on the CPU device, memory |
//! | `gpu` | on a GPU, a buffer of burn's (feature `gpu`) |
//! | `memory` | how much a GPU has in use |

#[cfg(feature = "gpu")]
mod gpu;
mod memory;

use burn::tensor::{DType, Device, Int, Tensor, TensorData};

pub use self::memory::GpuMemory;

/// A buffer of words that is filled part by part.
pub enum Buffer {
    /// A GPU buffer of its final size.
    #[cfg(feature = "gpu")]
    Gpu(gpu::GpuBuffer),
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
        #[cfg(feature = "gpu")]
        if let Some(buffer) = gpu::GpuBuffer::new(words, device) {
            return Self::Gpu(buffer);
        }
        Self::Memory { words: vec![0; words], device: device.clone() }
    }

    /// Writes the words that come after the `at` first ones.
    pub fn write(&mut self, at: usize, next: Vec<u32>) {
        match self {
            #[cfg(feature = "gpu")]
            Self::Gpu(buffer) => buffer.write(at, next),
            Self::Memory { words, .. } => words[at..at + next.len()].copy_from_slice(&next),
        }
    }

    /// The buffer as a tensor.
    pub fn finish(self) -> Tensor<1, Int> {
        match self {
            #[cfg(feature = "gpu")]
            Self::Gpu(buffer) => buffer.finish(),
            Self::Memory { words, device } => {
                let n = words.len();
                let words: Vec<i32> = bytemuck::allocation::cast_vec(words);
                Tensor::from_data(TensorData::new(words, [n]), (&device, DType::I32))
            }
        }
    }
}

/// GPU memory of a device; `None` for the CPU.
pub fn gpu_memory(device: &Device) -> Option<GpuMemory> {
    #[cfg(feature = "gpu")]
    return gpu::memory(device);
    #[cfg(not(feature = "gpu"))]
    {
        let _ = device;
        None
    }
}
