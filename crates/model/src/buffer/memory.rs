//! How much memory a GPU has in use.

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
