//! Which WGSL text a product runs: few measured variants, chosen by adapter and number of tokens
//! (docs/performance.md has the measurements). No tuning at run time: the first pass is as fast as
//! the second.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

/// What kind of adapter the kernels run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum AdapterKind {
    /// A GPU: workgroup memory is fast, many small workgroups.
    Hardware = 0,
    /// A CPU that plays GPU (SwiftShader, lavapipe): caches do what workgroup memory does, and
    /// barriers are expensive.
    Software = 1,
}

/// One WGSL text for a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Variant {
    /// A tile of so many tokens by so many outputs in registers; no workgroup memory.
    Tile(u32, u32),
    /// Such a tile, whose x four neighbouring invocations fetch together; tokens are a multiple of four.
    Quad(u32, u32),
    /// Eight invocations share a row of W, for this many tokens at a time.
    Few(u32),
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
        Self::Few(1),
        Self::Few(4),
        Self::Few(8),
        Self::Shared(32),
        Self::Shared(64),
    ];
    /// Every variant of a product with the transpose.
    pub const TRANSPOSED: [Self; 6] =
        [Self::Tile(1, 8), Self::Tile(4, 8), Self::Quad(4, 8), Self::Quad(16, 8), Self::Shared(32), Self::Shared(64)];
}

impl Variant {
    /// Whether this adapter runs it.
    pub fn is_available(self) -> bool {
        !matches!(self, Self::Quad(..)) || SUBGROUPS.load(Ordering::Relaxed)
    }

    /// Tokens of a tile in workgroup memory.
    pub(crate) fn shared_tokens(self) -> u32 {
        match self {
            Self::Shared(n) => n,
            _ => 64,
        }
    }
}

static SUBGROUPS: AtomicBool = AtomicBool::new(false);

/// Says whether kernels may use subgroup operations on this device.
pub fn set_subgroups(available: bool) {
    SUBGROUPS.store(available, Ordering::Relaxed);
}

static KIND: AtomicU8 = AtomicU8::new(AdapterKind::Hardware as u8);

/// Says what the adapter is. A process (a worker) has one.
pub fn set_adapter_kind(kind: AdapterKind) {
    KIND.store(kind as u8, Ordering::Relaxed);
}

fn software() -> bool {
    KIND.load(Ordering::Relaxed) == AdapterKind::Software as u8
}

/// Tokens that go through the networks together: enough to fill the adapter, few enough that
/// activations stay small and that a pass which nobody wants any more ends soon.
pub fn chunk_tokens() -> usize {
    if software() { 128 } else { 512 }
}

/// Invocations of a workgroup that owns a row, or a head's queries.
pub const ROW_THREADS: [u32; 2] = [64, 4];

/// How many of them work together: a processor runs four at once, and waiting for more costs it dear.
pub fn row_threads() -> u32 {
    match FORCED_ROWS.load(Ordering::Relaxed) {
        0 => ROW_THREADS[usize::from(software())],
        i => ROW_THREADS[usize::from(i) - 1],
    }
}

/// Invocations of a workgroup whose invocations own tiles. On processors few: narrow layers still give
/// every core work.
pub fn tile_threads() -> u32 {
    if software() { 8 } else { 64 }
}

/// A short text leaves less of the lower tile empty; in a long one the taller reads W half as often.
fn shared(tokens: usize) -> Variant {
    Variant::Shared(if tokens <= 32 { 32 } else { 64 })
}

/// The variant of a linear layer over `tokens`.
pub fn linear(tokens: usize) -> Variant {
    match FORCED.load(Ordering::Relaxed) {
        0 => {}
        i => return Variant::LINEAR[usize::from(i) - 1],
    }
    match (software(), tokens) {
        (true, 1) => Variant::Tile(1, 8),
        (true, _) if !SUBGROUPS.load(Ordering::Relaxed) => Variant::Tile(8, 8),
        (true, ..=4) => Variant::Quad(4, 8),
        // The taller one is faster a token, the lower one where less of it is left empty.
        (true, _) if tokens.next_multiple_of(12) < tokens.next_multiple_of(16) => Variant::Quad(12, 8),
        (true, _) => Variant::Quad(16, 8),
        (false, 1) => Variant::Few(1),
        (false, ..=4) => Variant::Few(4),
        (false, ..=8) => Variant::Few(8),
        (false, _) => shared(tokens),
    }
}

/// The variant of a product with the transpose over `tokens`.
pub fn transposed(tokens: usize) -> Variant {
    match FORCED_TRANSPOSED.load(Ordering::Relaxed) {
        0 => {}
        i => return Variant::TRANSPOSED[usize::from(i) - 1],
    }
    match (software(), tokens) {
        (_, 1) => Variant::Tile(1, 8),
        (false, ..=8) => Variant::Tile(4, 8),
        (false, _) => shared(tokens),
        (true, _) if !SUBGROUPS.load(Ordering::Relaxed) => Variant::Tile(4, 8),
        (true, ..=4) => Variant::Quad(4, 8),
        (true, _) => Variant::Quad(16, 8),
    }
}

static FORCED: AtomicU8 = AtomicU8::new(0);
static FORCED_TRANSPOSED: AtomicU8 = AtomicU8::new(0);
static FORCED_ROWS: AtomicU8 = AtomicU8::new(0);

/// Runs one variant whatever the adapter and the number of tokens, until the guard is dropped: for
/// checks and benches.
pub struct Forced(());

impl Forced {
    /// Number `index` of [`Variant::LINEAR`].
    pub fn linear(index: usize) -> Self {
        FORCED.store(index as u8 + 1, Ordering::Relaxed);
        Self(())
    }

    /// Number `index` of [`Variant::TRANSPOSED`].
    pub fn transposed(index: usize) -> Self {
        FORCED_TRANSPOSED.store(index as u8 + 1, Ordering::Relaxed);
        Self(())
    }

    /// Number `index` of [`ROW_THREADS`].
    pub fn rows(index: usize) -> Self {
        FORCED_ROWS.store(index as u8 + 1, Ordering::Relaxed);
        Self(())
    }
}

impl Drop for Forced {
    fn drop(&mut self) {
        FORCED.store(0, Ordering::Relaxed);
        FORCED_TRANSPOSED.store(0, Ordering::Relaxed);
        FORCED_ROWS.store(0, Ordering::Relaxed);
    }
}
