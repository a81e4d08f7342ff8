//! Which kernels a device runs: few measured variants, chosen by adapter and number of tokens
//! (docs/performance.md has the measurements). There is no tuning at run time: the first pass is as fast as the
//! second.

/// What kind of adapter the kernels run on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum AdapterKind {
    /// A GPU: workgroup memory is fast, many small workgroups.
    #[default]
    Hardware,
    /// A software adapter, which runs on the CPU (SwiftShader, lavapipe): caches do what workgroup memory does, and
    /// barriers are expensive.
    Software,
}

/// One WGSL source for a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Variant {
    /// A tile of so many tokens by so many outputs in registers; no workgroup memory.
    Tile(u32, u32),
    /// Such a tile, whose x four neighboring invocations read together; tokens are a multiple of four.
    Quad(u32, u32),
    /// Matrix times few vectors: eight invocations share a row of W, for this many tokens at a time.
    Gemv(u32),
    /// So many tokens, 32 or 64, by 64 outputs through workgroup memory.
    Shared(u32),
}

impl Variant {
    /// Every variant of a linear layer.
    pub const LINEAR: [Self; 10] = [
        Self::Tile(1, 8),
        Self::Tile(8, 8),
        Self::Quad(4, 8),
        Self::Quad(12, 8),
        Self::Quad(16, 8),
        Self::Gemv(1),
        Self::Gemv(4),
        Self::Gemv(8),
        Self::Shared(32),
        Self::Shared(64),
    ];
    /// Every variant of a product with the transpose.
    pub const TRANSPOSED: [Self; 6] =
        [Self::Tile(1, 8), Self::Tile(4, 8), Self::Quad(4, 8), Self::Quad(16, 8), Self::Shared(32), Self::Shared(64)];

    /// Tokens of a tile in workgroup memory.
    #[cfg(feature = "gpu")]
    pub(crate) fn shared_tokens(self) -> u32 {
        match self {
            Self::Shared(n) => n,
            _ => 64,
        }
    }
}

/// Invocations of a workgroup that owns a row, or a head's queries: on a GPU, on a processor.
pub const ROW_THREADS: [u32; 2] = [64, 4];

/// Fixed choices in place of those by adapter and number of tokens, for checks and benches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct VariantOverride {
    /// For linear layers.
    pub linear: Option<Variant>,
    /// For products with the transpose.
    pub transposed: Option<Variant>,
    /// For [`KernelConfig::row_threads`].
    pub row_threads: Option<u32>,
}

/// How the kernels of a device are chosen. The default is a GPU without subgroups.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct KernelConfig {
    /// The kind of adapter.
    pub adapter: AdapterKind,
    /// Whether the device has subgroup operations.
    pub subgroups: bool,
    /// Choices that are fixed.
    pub overrides: VariantOverride,
}

impl KernelConfig {
    /// Whether the adapter is a software one.
    pub fn is_software(&self) -> bool {
        self.adapter == AdapterKind::Software
    }

    /// Whether the device runs `variant`.
    pub fn has(&self, variant: Variant) -> bool {
        self.subgroups || !matches!(variant, Variant::Quad(..))
    }

    /// Tokens that go through the networks together: enough to fill the adapter, few enough that
    /// activations stay small and that a pass that is canceled ends soon.
    pub fn chunk_tokens(&self) -> usize {
        if self.is_software() { 128 } else { 512 }
    }

    /// Invocations of a workgroup that owns a row: a processor runs four at once, and waiting for more is slow.
    pub fn row_threads(&self) -> u32 {
        self.overrides.row_threads.unwrap_or(ROW_THREADS[usize::from(self.is_software())])
    }

    /// Invocations of a workgroup whose invocations own tiles. On processors few: narrow layers still give
    /// every core work.
    pub fn tile_threads(&self) -> u32 {
        if self.is_software() { 8 } else { 64 }
    }

    /// The variant of a linear layer over `tokens`.
    pub fn linear(&self, tokens: usize) -> Variant {
        if let Some(variant) = self.overrides.linear {
            return variant;
        }
        match (self.is_software(), tokens) {
            (true, 1) => Variant::Tile(1, 8),
            (true, _) if !self.subgroups => Variant::Tile(8, 8),
            (true, ..=4) => Variant::Quad(4, 8),
            // The taller one is faster per token, the lower one where less of it is left empty.
            (true, _) if tokens.next_multiple_of(12) < tokens.next_multiple_of(16) => Variant::Quad(12, 8),
            (true, _) => Variant::Quad(16, 8),
            (false, 1) => Variant::Gemv(1),
            (false, ..=4) => Variant::Gemv(4),
            (false, ..=8) => Variant::Gemv(8),
            (false, _) => shared(tokens),
        }
    }

    /// The variant of a product with the transpose over `tokens`.
    pub fn transposed(&self, tokens: usize) -> Variant {
        if let Some(variant) = self.overrides.transposed {
            return variant;
        }
        match (self.is_software(), tokens) {
            (_, 1) => Variant::Tile(1, 8),
            (false, ..=8) => Variant::Tile(4, 8),
            (false, _) => shared(tokens),
            (true, _) if !self.subgroups => Variant::Tile(4, 8),
            (true, ..=4) => Variant::Quad(4, 8),
            (true, _) => Variant::Quad(16, 8),
        }
    }
}

/// A short text leaves less of the lower tile empty; in a long one the taller reads W half as often.
fn shared(tokens: usize) -> Variant {
    Variant::Shared(if tokens <= 32 { 32 } else { 64 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_override_holds_for_its_configuration_alone() {
        let hardware = KernelConfig::default();
        let software = KernelConfig { adapter: AdapterKind::Software, subgroups: true, ..KernelConfig::default() };
        let overrides =
            VariantOverride { linear: Some(Variant::Tile(1, 8)), transposed: None, row_threads: Some(ROW_THREADS[1]) };
        let fixed = KernelConfig { overrides, ..hardware };
        assert_eq!(hardware.linear(100), Variant::Shared(64));
        assert_eq!(software.linear(100), Variant::Quad(12, 8));
        assert_eq!(fixed.linear(100), Variant::Tile(1, 8));
        assert_eq!([hardware, software, fixed].map(|config| config.row_threads()), [64, 4, 4]);
        assert_eq!(fixed.transposed(100), hardware.transposed(100));
        assert_eq!([hardware, software].map(|config| config.chunk_tokens()), [512, 128]);
    }

    #[test]
    fn only_devices_with_subgroups_run_quads() {
        let without = KernelConfig { adapter: AdapterKind::Software, ..KernelConfig::default() };
        for tokens in 1..100 {
            assert!(without.has(without.linear(tokens)) && without.has(without.transposed(tokens)), "{tokens}");
        }
        assert!(!without.has(Variant::Quad(4, 8)));
    }
}
