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

/// Loops that the compiler makes vector code of: a closure that is `#[inline(always)]`.
#[cfg(not(target_family = "wasm"))]
pub struct Work<F>(pub F);

#[cfg(not(target_family = "wasm"))]
impl<T, F: FnOnce() -> T> WithSimd for Work<F> {
    type Output = T;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) -> T {
        (self.0)()
    }
}
