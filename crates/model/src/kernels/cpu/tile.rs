//! The register tile: a few rows of x times a panel of W, with all sums in vector registers.
//!
//! Each sum is taken over the inputs in their order, one fused multiplication and addition after another where the
//! machine has that instruction. Neither the width of its vectors nor the size of the tile changes a result.

use pulp::Simd;

/// Vectors side by side in a panel.
const VECTORS: usize = 2;

/// Outputs in a panel.
pub const fn panel_width<S: Simd>() -> usize {
    VECTORS * S::F32_LANES
}

/// Most rows of a tile: AVX-512 has 32 registers, of which 24 hold sums; the others have at least 16, of which 12 do.
pub const fn tile_rows<S: Simd>() -> usize {
    if S::F32_LANES >= 16 { 12 } else { 6 }
}

/// sums [rows, width] = x [rows, k] panel [k, width], where k is the panel's, or += unless `is_first`; at most
/// [`tile_rows`] rows. `x` is packed: [k, [`tile_rows`]].
#[inline(always)]
pub fn multiply_tile<S: Simd>(simd: S, rows: usize, x: &[f32], panel: &[f32], sums: &mut [f32], is_first: bool) {
    macro_rules! of_rows {
        ($most:literal: $($n:literal)*) => {
            match rows {
                $($n => tile_of::<S, $most, $n>(simd, x, panel, sums, is_first),)*
                _ => {}
            }
        };
    }
    if S::F32_LANES >= 16 {
        of_rows!(12: 1 2 3 4 5 6 7 8 9 10 11 12);
    } else {
        of_rows!(6: 1 2 3 4 5 6);
    }
}

#[inline(always)]
fn tile_of<S: Simd, const MOST: usize, const M: usize>(
    simd: S,
    x: &[f32],
    panel: &[f32],
    sums: &mut [f32],
    is_first: bool,
) {
    const { assert!(M <= MOST) };
    let (panel, _) = S::as_simd_f32s(panel).0.as_chunks::<VECTORS>();
    let (sums, _) = S::as_mut_simd_f32s(sums).0.as_chunks_mut::<VECTORS>();
    let sums = &mut sums[..M];
    let mut tile = [[simd.splat_f32s(0.0); VECTORS]; M];
    if !is_first {
        tile.copy_from_slice(sums);
    }
    for (x, weights) in x.as_chunks::<MOST>().0.iter().zip(panel) {
        for (sums, x) in tile.iter_mut().zip(x) {
            let x = simd.splat_f32s(*x);
            for (sum, weights) in sums.iter_mut().zip(weights) {
                *sum = simd.mul_add_e_f32s(x, *weights, *sum);
            }
        }
    }
    sums.copy_from_slice(&tile);
}
