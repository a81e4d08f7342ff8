//! The fused kernels: [`crate::ops`] on the GPU and on the CPU.
//!
//! | file | what it is |
//! |---|---|
//! | [`config`] | which of its kernels a device runs |
//! | `gpu` | WGSL for every burn device that runs on wgpu |
//! | `cpu` | Rust over the vectors of the `pulp` crate, for the CPU device: the oracle of the first |
//! | `rows` | what both do to append rows in place |

pub mod config;
mod cpu;
#[cfg(feature = "gpu")]
mod gpu;
mod rows;

#[cfg(not(target_family = "wasm"))]
pub use cpu::side_by_side;
