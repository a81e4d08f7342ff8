//! Products x Wᵀ: x is packed once; the weights are unpacked into panels of a few outputs, each once, and all rows of x go
//! over a panel while it is in the cache. Threads take different panels; what an output is summed up of, and in which order, is the
//! same for any number of threads.

use std::ops::Range;

use lens_pack::block::BLOCK;
use pulp::{Simd, WithSimd};

use super::level::widest;
use super::panel::Weights;
use super::rows::{MostRows, Pack, Rows, pack};
use super::threads::each_index;
use super::tile::{multiply_tile, panel_width, tile_rows};

/// The widest panel: threads take as many outputs at a time, or a multiple.
const GROUP: usize = 32;

/// Most outputs whose sums are in memory at a time. For all of them the same inputs of x are read, of which those of 500 rows fit a
/// second-level cache.
const OUTPUTS_AT_ONCE: usize = 4 * GROUP;

/// The fewest parts of a product with many outputs: no thread waits long for the last.
const PARTS: usize = 8;

/// Inputs of which a panel is in memory at a time: 20 KiB of f32 fit a first-level cache with a tile's rows of x.
const INPUTS_AT_ONCE: usize = 160;

const _: () = assert!(INPUTS_AT_ONCE.is_multiple_of(BLOCK));

/// Where sums go.
pub trait Sink {
    /// Takes the sums of some neighboring outputs of a row, from `first` on. It may change them.
    fn take(&mut self, row: usize, first: usize, sums: &mut [f32]);

    /// Is called before `count` sums of a row are computed: a chance to fetch what they will be written to.
    #[inline(always)]
    fn expect(&self, _row: usize, _first: usize, _count: usize) {}
}

/// What a product needs in addition to its result.
#[derive(Default)]
pub struct Scratch {
    x: Aligned,
    panel: Aligned,
    sums: Aligned,
}

/// Numbers that begin at a cache line: vectors of them do not cross lines.
#[derive(Default)]
struct Aligned(Vec<Line>);

#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C, align(64))]
struct Line([f32; 16]);

impl Aligned {
    /// `length` of them, whatever they hold.
    fn numbers(&mut self, length: usize) -> &mut [f32] {
        self.0.resize(length.div_ceil(16), Line([0.0; 16]));
        &mut bytemuck::cast_slice_mut(&mut self.0)[..length]
    }
}

/// x Wᵀ into `sink`, on all threads: each has a copy of it.
pub fn multiply<W: Weights, K: Sink + Copy + Sync>(x: Rows, weights: &W, sink: K) {
    let most = widest(MostRows);
    let mut packed = Aligned::default();
    let packed = packed.numbers(x.packed_length(most));
    pack(x, most, packed);
    let packed = &*packed;
    let at_once = (weights.outputs() / (PARTS * GROUP) * GROUP).clamp(GROUP, OUTPUTS_AT_ONCE);
    each_index(weights.outputs().div_ceil(at_once), |part, scratch: &mut Scratch| {
        let first = part * at_once;
        let outputs = first..weights.outputs().min(first + at_once);
        let Scratch { panel, sums, .. } = scratch;
        widest(Outputs { x, packed, weights, outputs, sink: &mut { sink }, panel, sums });
    });
}

/// As [`multiply`], on the calling thread.
pub fn multiply_alone<W: Weights>(x: Rows, weights: &W, sink: &mut impl Sink, scratch: &mut Scratch) {
    widest(Alone { x, weights, sink, scratch });
}

struct Alone<'a, W, K> {
    x: Rows<'a>,
    weights: &'a W,
    sink: &'a mut K,
    scratch: &'a mut Scratch,
}

impl<W: Weights, K: Sink> WithSimd for Alone<'_, W, K> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { x, weights, sink, scratch } = self;
        let Scratch { x: packed, panel, sums } = scratch;
        let packed = packed.numbers(x.packed_length(tile_rows::<S>()));
        Pack { rows: x, first: 0, packed }.with_simd(simd);
        Outputs { x, packed, weights, outputs: 0..weights.outputs(), sink, panel, sums }.with_simd(simd);
    }
}

/// Some outputs of x Wᵀ; the first is a multiple of [`GROUP`].
struct Outputs<'a, W, K> {
    x: Rows<'a>,
    packed: &'a [f32],
    weights: &'a W,
    outputs: Range<usize>,
    sink: &'a mut K,
    panel: &'a mut Aligned,
    sums: &'a mut Aligned,
}

impl<W: Weights, K: Sink> WithSimd for Outputs<'_, W, K> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { x, packed, weights, outputs, sink, panel, sums } = self;
        let width = panel_width::<S>();
        let inputs = weights.inputs();
        let of_panel = width * x.len();
        if of_panel == 0 {
            return;
        }
        let panel = panel.numbers(width * inputs.min(INPUTS_AT_ONCE));
        for start in outputs.clone().step_by(OUTPUTS_AT_ONCE) {
            let firsts = (start..outputs.end.min(start + OUTPUTS_AT_ONCE)).step_by(width);
            let all_sums = sums.numbers(of_panel * firsts.len());
            if inputs == 0 {
                all_sums.fill(0.0);
                for (first, sums) in firsts.clone().zip(all_sums.chunks_exact_mut(of_panel)) {
                    give(sink, 0, first, width.min(outputs.end - first), sums, width);
                }
            }
            for start in (0..inputs).step_by(INPUTS_AT_ONCE) {
                let part = start..inputs.min(start + INPUTS_AT_ONCE);
                let panel = &mut panel[..width * part.len()];
                for (first, sums) in firsts.clone().zip(all_sums.chunks_exact_mut(of_panel)) {
                    match width {
                        32 => weights.fill::<32>(first, part.clone(), panel),
                        16 => weights.fill::<16>(first, part.clone(), panel),
                        _ => weights.fill::<8>(first, part.clone(), panel),
                    }
                    let last = (part.end == inputs).then_some((first, width.min(outputs.end - first)));
                    multiply_rows(simd, x, packed, part.clone(), panel, sums, last, sink);
                }
            }
        }
    }
}

/// Sums [rows, width] of some columns of every row and a panel, in place or, after the first columns, added; tile by tile. With the
/// last columns, as many of each row as `last` has after its first output go to the sink while they are in the first-level cache.
#[allow(clippy::too_many_arguments)]
#[inline(always)]
fn multiply_rows<S: Simd, K: Sink>(
    simd: S,
    x: Rows,
    packed: &[f32],
    columns: Range<usize>,
    panel: &[f32],
    sums: &mut [f32],
    last: Option<(usize, usize)>,
    sink: &mut K,
) {
    let (width, most) = (panel_width::<S>(), tile_rows::<S>());
    for (tile, packed) in packed.chunks_exact(x.width * most).enumerate() {
        let (row, rows) = x.tile(tile, most);
        let packed = &packed[columns.start * most..columns.end * most];
        let sums = &mut sums[width * row..][..width * rows];
        if let Some((first, count)) = last {
            (row..row + rows).for_each(|row| sink.expect(row, first, count));
        }
        multiply_tile(simd, rows, packed, panel, sums, columns.start == 0);
        if let Some((first, count)) = last {
            give(sink, row, first, count, sums, width);
        }
    }
}

/// `count` sums of each of some rows, which are `width` apart, to the sink.
#[inline(always)]
fn give<K: Sink>(sink: &mut K, row: usize, first: usize, count: usize, sums: &mut [f32], width: usize) {
    for (row, sums) in (row..).zip(sums.chunks_exact_mut(width)) {
        // Two calls, so that the length is a constant in the first.
        if count == width {
            sink.take(row, first, sums);
        } else {
            sink.take(row, first, &mut sums[..count]);
        }
    }
}

#[cfg(test)]
mod tests {
    use lens_pack::block::{PackedMatrix, Precision};
    use pulp::Scalar128b;

    use super::super::linear::product_of;
    use super::super::panel::{DenseColumns, DenseRows, PackedColumns, PackedRows};
    use super::*;
    use crate::ops::{Epilogue, PackedShape};

    /// Keeps a result as it is.
    struct ProductSink<'a> {
        values: &'a mut [f32],
        width: usize,
    }

    impl Sink for ProductSink<'_> {
        fn take(&mut self, row: usize, first: usize, sums: &mut [f32]) {
            self.values[row * self.width + first..][..sums.len()].copy_from_slice(sums);
        }
    }

    /// Some number in -1 ..= 1; the same for the same `i` everywhere.
    fn value(i: usize) -> f32 {
        ((i * 7919 + 13) % 1009) as f32 / 504.0 - 1.0
    }

    fn values(n: usize) -> Vec<f32> {
        (0..n).map(value).collect()
    }

    /// The product with vectors of every kind that this machine has, the narrowest first.
    fn of_every_level<W: Weights>(x: Rows, weights: &W) -> Vec<Vec<f32>> {
        let width = weights.outputs();
        let mut results = Vec::new();
        let mut with = |run: &dyn Fn(Alone<'_, W, ProductSink>)| {
            let mut out = vec![f32::NAN; x.count * x.groups * width];
            // More than is needed, and not zero: what was there before does not matter.
            let mut scratch = Scratch::default();
            scratch.x.numbers(3000).fill(f32::NAN);
            scratch.panel.numbers(7).fill(f32::NAN);
            scratch.sums.numbers(5000).fill(f32::NAN);
            let sink = &mut ProductSink { values: &mut out, width };
            run(Alone { x, weights, sink, scratch: &mut scratch });
            results.push(out);
        };
        with(&|product| Scalar128b.vectorize(product));
        #[cfg(target_arch = "x86_64")]
        {
            if let Some(level) = pulp::x86::V3::try_new() {
                with(&|product| Simd::vectorize(level, product));
            }
            if let Some(level) = pulp::x86::V4::try_new() {
                with(&|product| Simd::vectorize(level, product));
            }
        }
        with(&|product| widest(product));
        results
    }

    /// Compares with the plain loop over `weight(output, input)`.
    fn check<W: Weights>(what: &str, rows: usize, weights: &W, weight: impl Fn(usize, usize) -> f32) {
        let (inputs, outputs) = (weights.inputs(), weights.outputs());
        let x = values(rows * inputs);
        let results = of_every_level(Rows::of_matrix(&x, rows, inputs), weights);
        for result in &results {
            assert_eq!(result.len(), rows * outputs);
            for (i, found) in result.iter().enumerate() {
                let (row, output) = (i / outputs, i % outputs);
                let wanted: f64 =
                    (0..inputs).map(|k| f64::from(x[row * inputs + k]) * f64::from(weight(output, k))).sum();
                let scale: f64 = (0..inputs).map(|k| f64::from(weight(output, k)).abs()).sum();
                let error = (f64::from(*found) - wanted).abs();
                assert!(error <= 1e-6 * scale, "{what}, {rows} rows: [{row}, {output}] is {wanted}, not {found}");
            }
        }
        // All that fuse multiplication and addition give the same bits.
        for pair in results[1..].windows(2) {
            assert_eq!(pair[0], pair[1], "{what}, {rows} rows");
        }
    }

    #[test]
    fn products_with_packed_matrices_are_those_of_the_plain_loop() {
        for (rows, cols) in [(1, 1), (7, 31), (31, 32), (33, 45), (67, 101), (5, INPUTS_AT_ONCE + 33)] {
            for precision in [Precision::F32, Precision::F16, Precision::Q8, Precision::Q4] {
                let matrix = PackedMatrix::pack(&values(rows * cols), rows, cols, precision);
                let plain = matrix.unpack();
                let shape = PackedShape { rows, cols, precision };
                for tokens in [0, 1, 2, 5, 6, 7, 12, 13, 18, 37] {
                    let what = format!("{rows} x {cols} {precision}");
                    let of_rows = PackedRows::new(&matrix.words, &matrix.scales, shape);
                    let weight = |r: usize, k: usize| if k < cols { plain[r * cols + k] } else { 0.0 };
                    check(&what, tokens, &of_rows, weight);
                    let (first, count) = (rows / 3, rows - rows / 3);
                    check(&what, tokens, &of_rows.part(first, count), |r, k| weight(first + r, k));
                    let of_columns = PackedColumns::new(&matrix.words, &matrix.scales, shape);
                    check(&what, tokens, &of_columns, |c, k| plain[k * cols + c]);
                }
            }
        }
    }

    #[test]
    fn products_with_dense_matrices_are_those_of_the_plain_loop() {
        for (rows, columns) in [(0, 3), (1, 1), (3, 0), (13, 37), (37, 13), (101, 67), (2, INPUTS_AT_ONCE + 1)] {
            // Rows of a matrix with more columns.
            let stride = columns + 3;
            let all = values(rows * stride);
            for tokens in [1, 6, 13] {
                let of_rows = DenseRows { values: &all, rows, columns, stride };
                check("rows", tokens, &of_rows, |r, k| all[r * stride + k]);
                let of_columns = DenseColumns { values: &all, rows, columns, stride };
                check("columns", tokens, &of_columns, |c, k| all[k * stride + c]);
            }
        }
    }

    #[test]
    fn rows_can_be_neighboring_heads() {
        // Three tokens of four heads of five numbers; the two middle heads count, the first of them first.
        let (all, weights) = (values(3 * 20), values(7 * 5));
        let x = Rows { values: &all[5..], count: 3, groups: 2, width: 5, stride: 20, across: 1 };
        let of_head = |start: usize| (0..3).map(move |token| token * 20 + start);
        let plain: Vec<f32> = of_head(5).chain(of_head(10)).flat_map(|at| all[at..at + 5].to_vec()).collect();
        let weights = DenseRows { values: &weights, rows: 7, columns: 5, stride: 5 };
        assert_eq!(of_every_level(x, &weights), of_every_level(Rows::of_matrix(&plain, 6, 5), &weights));
    }

    #[test]
    fn rows_can_be_the_columns_of_a_matrix() {
        let weights = values(7 * 29);
        let weights = DenseRows { values: &weights, rows: 7, columns: 29, stride: 29 };
        for rows in [1, 5, 12, 31] {
            let all = values(29 * rows);
            let plain: Vec<f32> = (0..rows * 29).map(|i| all[i % 29 * rows + i / 29]).collect();
            let expected = of_every_level(Rows::of_matrix(&plain, rows, 29), &weights);
            assert_eq!(of_every_level(Rows::of_columns(&all, rows, 29), &weights), expected);
        }
    }

    #[test]
    fn the_number_of_threads_does_not_change_a_bit() {
        let (rows, cols, tokens) = (165, 64, 29);
        let matrix = PackedMatrix::pack(&values(rows * cols), rows, cols, Precision::Q8);
        let x = values(tokens * cols);
        let product = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let shape = PackedShape { rows, cols, precision: Precision::Q8 };
            let weights = PackedRows::new(&matrix.words, &matrix.scales, shape);
            let x = Rows::of_matrix(&x, tokens, cols);
            pool.install(|| product_of(x, &weights, Epilogue::Plain, &[]))
        };
        let alone = product(1);
        assert!(alone.iter().all(|v| v.is_finite()));
        assert_eq!([product(2), product(5)], [alone.clone(), alone]);
    }
}
