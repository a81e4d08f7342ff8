//! Panels: the weights of a few neighboring outputs as f32 [inputs, width], as the register tile reads them.

use std::ops::Range;

use bytemuck::Pod;
use lens_pack::block::{BLOCK, Precision, unpack_words, words_per_row};

use crate::ops::PackedShape;

/// A matrix of weights, of which panels are made.
pub trait Weights: Sync {
    /// Numbers of a result.
    fn outputs(&self) -> usize;

    /// Numbers that each of them is made of.
    fn inputs(&self) -> usize;

    /// The weights of `WIDTH` outputs from `first` on and some inputs into `panel` [inputs, WIDTH]; `first` is a multiple of
    /// `WIDTH` and the first of the inputs one of [`BLOCK`]. Past the last output the panel's numbers do not matter.
    fn fill<const WIDTH: usize>(&self, first: usize, inputs: Range<usize>, panel: &mut [f32]);
}

/// W [rows, columns] row-major, with a distance between rows; outputs are its rows.
#[derive(Clone, Copy)]
pub struct DenseRows<'a> {
    pub values: &'a [f32],
    pub rows: usize,
    pub columns: usize,
    pub stride: usize,
}

impl Weights for DenseRows<'_> {
    fn outputs(&self) -> usize {
        self.rows
    }

    fn inputs(&self) -> usize {
        self.columns
    }

    #[inline(always)]
    fn fill<const WIDTH: usize>(&self, first: usize, inputs: Range<usize>, panel: &mut [f32]) {
        /// Inputs at a time: their part of the panel stays in the first-level cache.
        const AT_ONCE: usize = 32;
        let (lines, _) = panel.as_chunks_mut::<WIDTH>();
        let count = WIDTH.min(self.rows - first);
        for (lines, start) in lines.chunks_mut(AT_ONCE).zip(inputs.step_by(AT_ONCE)) {
            let length = lines.len();
            transpose(count, |lane| &self.values[(first + lane) * self.stride + start..][..length], lines);
        }
    }
}

/// W [rows, columns] row-major, with a distance between rows; outputs are its columns.
#[derive(Clone, Copy)]
pub struct DenseColumns<'a> {
    pub values: &'a [f32],
    pub rows: usize,
    pub columns: usize,
    pub stride: usize,
}

impl Weights for DenseColumns<'_> {
    fn outputs(&self) -> usize {
        self.columns
    }

    fn inputs(&self) -> usize {
        self.rows
    }

    #[inline(always)]
    fn fill<const WIDTH: usize>(&self, first: usize, inputs: Range<usize>, panel: &mut [f32]) {
        let width = WIDTH.min(self.columns - first);
        let (lines, _) = panel.as_chunks_mut::<WIDTH>();
        for (line, row) in lines.iter_mut().zip(inputs) {
            let values = &self.values[row * self.stride + first..][..width];
            // Of a length that the compiler knows: a call for each line would take as long as a tenth of the product.
            match values.first_chunk() {
                Some(values) => *line = *values,
                None => line[..width].copy_from_slice(values),
            }
        }
    }
}

/// Line j gets entry j of each of `count` rows, which have one for each line.
///
/// Four by four where it can.
#[inline(always)]
pub fn transpose<'a, T: Pod, const WIDTH: usize>(
    count: usize,
    row: impl Fn(usize) -> &'a [T],
    lines: &mut [[T; WIDTH]],
) {
    let quads = count / 4 * 4;
    for lane in (0..quads).step_by(4) {
        let (a, a_rest) = row(lane).as_chunks::<4>();
        let (b, b_rest) = row(lane + 1).as_chunks::<4>();
        let (c, c_rest) = row(lane + 2).as_chunks::<4>();
        let (d, d_rest) = row(lane + 3).as_chunks::<4>();
        let (fours, rest) = lines.as_chunks_mut::<4>();
        for ((((lines, a), b), c), d) in fours.iter_mut().zip(a).zip(b).zip(c).zip(d) {
            for (line, column) in lines.iter_mut().zip(columns([*a, *b, *c, *d])) {
                line[lane..lane + 4].copy_from_slice(&column);
            }
        }
        for ((((line, a), b), c), d) in rest.iter_mut().zip(a_rest).zip(b_rest).zip(c_rest).zip(d_rest) {
            line[lane..lane + 4].copy_from_slice(&[*a, *b, *c, *d]);
        }
    }
    for lane in quads..count {
        for (line, entry) in lines.iter_mut().zip(row(lane)) {
            line[lane] = *entry;
        }
    }
}

/// The columns of four rows of four numbers.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn columns<T: Pod>([a, b, c, d]: [[T; 4]; 4]) -> [[T; 4]; 4] {
    const { assert!(size_of::<T>() == size_of::<f32>()) };
    use std::arch::x86_64::{__m128, _mm_movehl_ps, _mm_movelh_ps, _mm_unpackhi_ps, _mm_unpacklo_ps};
    let vector = bytemuck::cast::<[T; 4], __m128>;
    let (a, b, c, d) = (vector(a), vector(b), vector(c), vector(d));
    // SAFETY: every processor of this architecture has these instructions.
    let columns = unsafe {
        let (ab, cd) = (_mm_unpacklo_ps(a, b), _mm_unpacklo_ps(c, d));
        let (more_ab, more_cd) = (_mm_unpackhi_ps(a, b), _mm_unpackhi_ps(c, d));
        [_mm_movelh_ps(ab, cd), _mm_movehl_ps(cd, ab), _mm_movelh_ps(more_ab, more_cd), _mm_movehl_ps(more_cd, more_ab)]
    };
    bytemuck::cast(columns)
}

/// The columns of four rows of four numbers: the compiler makes shuffles of them.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn columns<T: Pod>([a, b, c, d]: [[T; 4]; 4]) -> [[T; 4]; 4] {
    let column = |i: usize| [a[i], b[i], c[i], d[i]];
    [column(0), column(1), column(2), column(3)]
}

/// A packed matrix's words and scales.
#[derive(Clone, Copy)]
struct Packed<'a> {
    words: &'a [u32],
    scales: &'a [u32],
    shape: PackedShape,
}

impl Packed<'_> {
    /// The scale of a block of a row; 1 where there are none.
    #[inline(always)]
    fn scale(&self, row: usize, block: usize) -> f32 {
        if !self.shape.precision.is_quantized() {
            return 1.0;
        }
        let index = row * (self.shape.padded_cols() / BLOCK) + block;
        f16_to_f32((self.scales[index / 2] >> (16 * (index % 2))) & 0xffff)
    }
}

/// Rows of a packed matrix W [rows, cols] as outputs; inputs are its padded columns.
#[derive(Clone, Copy)]
pub struct PackedRows<'a> {
    packed: Packed<'a>,
    rows: (usize, usize),
}

impl<'a> PackedRows<'a> {
    /// All rows.
    pub fn new(words: &'a [u32], scales: &'a [u32], shape: PackedShape) -> Self {
        Self { packed: Packed { words, scales, shape }, rows: (0, shape.rows) }
    }

    /// `count` rows from `first` on.
    pub fn part(self, first: usize, count: usize) -> Self {
        Self { rows: (first, count), ..self }
    }
}

impl Weights for PackedRows<'_> {
    fn outputs(&self) -> usize {
        self.rows.1
    }

    fn inputs(&self) -> usize {
        self.packed.shape.padded_cols()
    }

    /// Words are put in the panel's order before they are unpacked: there are fewer of them than values.
    #[inline(always)]
    fn fill<const WIDTH: usize>(&self, first: usize, inputs: Range<usize>, panel: &mut [f32]) {
        let Packed { words, shape, .. } = self.packed;
        let count = WIDTH.min(self.rows.1 - first);
        let first = self.rows.0 + first;
        let row_words = words_per_row(shape.cols, shape.precision);
        let block_words = BLOCK / shape.precision.values_per_word();
        let (blocks, _) = panel.as_chunks_mut::<WIDTH>().0.as_chunks_mut::<BLOCK>();
        let mut lanes = [[0u32; WIDTH]; BLOCK];
        let mut scales = [0f32; WIDTH];
        for (lines, block) in blocks.iter_mut().zip(inputs.start / BLOCK..) {
            for (lane, scale) in scales[..count].iter_mut().enumerate() {
                *scale = self.packed.scale(first + lane, block);
            }
            let row = |lane: usize| &words[(first + lane) * row_words + block * block_words..][..block_words];
            transpose(count, row, &mut lanes[..block_words]);
            match shape.precision {
                Precision::F32 => unpack::<WIDTH, 1>(lines, &lanes, &scales, |word, _| f32::from_bits(word)),
                Precision::F16 => {
                    unpack::<WIDTH, 2>(lines, &lanes, &scales, |word, i| f16_to_f32((word >> (16 * i)) & 0xffff));
                }
                Precision::Q8 => {
                    unpack::<WIDTH, 4>(lines, &lanes, &scales, |word, i| {
                        ((word << (24 - 8 * i)).cast_signed() >> 24) as f32
                    });
                }
                Precision::Q4 => {
                    unpack::<WIDTH, 8>(lines, &lanes, &scales, |word, i| {
                        (((word >> (4 * i)) & 15).cast_signed() - 8) as f32
                    });
                }
            }
        }
    }
}

/// A block of `WIDTH` rows: line `PER_WORD` w + i gets number i of word w of each row, times the row's scale.
#[inline(always)]
fn unpack<const WIDTH: usize, const PER_WORD: usize>(
    lines: &mut [[f32; WIDTH]; BLOCK],
    words: &[[u32; WIDTH]; BLOCK],
    scales: &[f32; WIDTH],
    value: impl Fn(u32, usize) -> f32,
) {
    for (lines, words) in lines.as_chunks_mut::<PER_WORD>().0.iter_mut().zip(words) {
        // All numbers of a word in one turn: a shorter body would be unrolled to single numbers before it becomes vectors.
        for lane in 0..WIDTH {
            for (i, line) in lines.iter_mut().enumerate() {
                line[lane] = value(words[lane], i) * scales[lane];
            }
        }
    }
}

/// The number whose f16 has these bits, without a call or a branch, so that a loop over it becomes vector code.
#[inline(always)]
fn f16_to_f32(bits: u32) -> f32 {
    /// 2^112 shifts the exponent, whose offset is 15 in f16 and 127 in f32; of numbers without a leading 1, too.
    const SHIFT: f32 = f32::from_bits((112 + 127) << 23);
    let magnitude = f32::from_bits((bits & 0x7fff) << 13) * SHIFT;
    let is_finite = bits & 0x7c00 != 0x7c00;
    let infinite_or_nan = 0x7f80_0000 | (bits & 0x3ff) << 13;
    f32::from_bits(if is_finite { magnitude.to_bits() } else { infinite_or_nan } | (bits & 0x8000) << 16)
}

/// Columns of a packed matrix W [rows, cols] as outputs, without the padding; inputs are its rows.
#[derive(Clone, Copy)]
pub struct PackedColumns<'a>(Packed<'a>);

impl<'a> PackedColumns<'a> {
    pub fn new(words: &'a [u32], scales: &'a [u32], shape: PackedShape) -> Self {
        Self(Packed { words, scales, shape })
    }
}

impl Weights for PackedColumns<'_> {
    fn outputs(&self) -> usize {
        self.0.shape.cols
    }

    fn inputs(&self) -> usize {
        self.0.shape.rows
    }

    /// A line of the panel is a part of a block of a row.
    #[inline(always)]
    fn fill<const WIDTH: usize>(&self, first: usize, inputs: Range<usize>, panel: &mut [f32]) {
        const { assert!(BLOCK.is_multiple_of(WIDTH)) };
        let Packed { words, shape, .. } = self.0;
        let row_words = words_per_row(shape.cols, shape.precision);
        let per_word = shape.precision.values_per_word();
        let (lines, _) = panel.as_chunks_mut::<WIDTH>();
        for (line, row) in lines.iter_mut().zip(inputs) {
            let words = &words[row * row_words + first / per_word..][..WIDTH / per_word];
            unpack_words(words, |_| self.0.scale(row, first / BLOCK), shape.precision, line);
        }
    }
}

#[cfg(test)]
mod tests {
    use half::f16;

    use super::*;

    #[test]
    fn every_f16_is_the_number_that_it_stands_for() {
        for bits in 0..=u16::MAX {
            let (found, wanted) = (f16_to_f32(u32::from(bits)), f16::from_bits(bits).to_f32());
            assert!(found.to_bits() == wanted.to_bits() || (found.is_nan() && wanted.is_nan()), "{bits:x}");
        }
    }
}
