//! Runs a piece of work with the widest vectors that the machine has.

use pulp::{Arch, Scalar128b, Simd, WithSimd};

/// Runs `work` compiled for the machine's vectors: AVX-512, AVX2 with FMA, NEON, wasm's SIMD, or else four numbers at
/// a time as the compiler makes them.
#[inline]
pub fn widest<W: WithSimd>(work: W) -> W::Output {
    match Arch::new() {
        Arch::Scalar => Scalar128b.vectorize(work),
        arch => arch.dispatch(work),
    }
}
