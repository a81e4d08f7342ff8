//! The packed matrix: rows of f32, f16, or symmetric blocks of 32 values with an f16 scale.
//!
//! One layout serves file, CPU and GPU. A row is padded with zeros to a multiple of [`BLOCK`]
//! columns, so that every kernel reads whole blocks; "the last block may be short" means that its
//! tail is this padding. Blocks run along the columns, the input dimension of a linear layer.

use half::f16;
use serde::{Deserialize, Serialize};

/// Values that share one scale, and the padding unit of a row.
pub const BLOCK: usize = 32;

/// How the values of a tensor are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32-bit float.
    F32,
    /// 16-bit float.
    F16,
    /// Signed bytes, times the block's f16 scale.
    Q8,
    /// Nibbles minus 8, times the block's f16 scale.
    Q4,
}

impl Precision {
    /// Values in one 32-bit word: 1, 2, 4 or 8.
    pub const fn values_per_word(self) -> usize {
        match self {
            Self::F32 => 1,
            Self::F16 => 2,
            Self::Q8 => 4,
            Self::Q4 => 8,
        }
    }

    /// Whether blocks carry scales.
    pub const fn is_quantized(self) -> bool {
        matches!(self, Self::Q8 | Self::Q4)
    }
}

impl std::fmt::Display for Precision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Q8 => "q8",
            Self::Q4 => "q4",
        })
    }
}

/// A matrix [rows, cols] in one of the four precisions.
///
/// `words` holds rows of `words_per_row` little-endian words; value `j` of a row sits in word
/// `j / values_per_word`, lowest bits first (f16 and f32 as their bit patterns, q8 as two's
/// complement bytes, q4 as value + 8). `scales` holds f16 bit patterns two to a word, block
/// `r * blocks_per_row + b` in the low half when even; it is empty for f32 and f16.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackedMatrix {
    /// Output dimension of a linear layer.
    pub rows: usize,
    /// Input dimension, without padding.
    pub cols: usize,
    /// How values are stored.
    pub precision: Precision,
    /// Packed values, `rows * words_per_row`.
    pub words: Vec<u32>,
    /// Packed scales, two f16 to a word.
    pub scales: Vec<u32>,
}

/// Rows of a named tensor, read from a shard.
#[derive(Debug)]
pub struct TensorPart {
    /// Name in the manifest.
    pub name: String,
    /// First row.
    pub row_start: usize,
    /// Rows of the whole tensor.
    pub rows_total: usize,
    /// The rows.
    pub matrix: PackedMatrix,
}

/// Blocks in a row of `cols` values.
pub const fn blocks_per_row(cols: usize) -> usize {
    cols.div_ceil(BLOCK)
}

/// 32-bit words in a padded row of `cols` values.
pub const fn words_per_row(cols: usize, precision: Precision) -> usize {
    blocks_per_row(cols) * BLOCK / precision.values_per_word()
}

/// The first of `values` that `precision` cannot store: one that is not finite, or past the largest f16 where values or
/// scales are f16.
pub fn unstorable(values: &[f32], precision: Precision) -> Option<f32> {
    let largest = if precision == Precision::F32 { f32::MAX } else { f16::MAX.to_f32() };
    values.iter().copied().find(|value| value.is_nan() || value.abs() > largest)
}

impl PackedMatrix {
    /// Packs `values` [rows, cols], row-major.
    ///
    /// Quantized scales are chosen for the least squared error of each block. Values that are [`unstorable`] become
    /// zero or infinite: callers refuse them.
    ///
    /// # Panics
    /// If `values` does not hold `rows * cols` numbers: callers check shapes against the config.
    pub fn pack(values: &[f32], rows: usize, cols: usize, precision: Precision) -> Self {
        assert_eq!(values.len(), rows * cols, "matrix of {rows} x {cols}");
        let per_word = precision.values_per_word();
        let row_words = words_per_row(cols, precision);
        let blocks = blocks_per_row(cols);
        let mut words = vec![0u32; rows * row_words];
        let mut scales = vec![0u32; if precision.is_quantized() { (rows * blocks).div_ceil(2) } else { 0 }];
        for (r, row) in values.chunks_exact(cols.max(1)).enumerate() {
            let out = &mut words[r * row_words..(r + 1) * row_words];
            match precision {
                Precision::F32 => {
                    for (j, v) in row.iter().enumerate() {
                        out[j] = v.to_bits();
                    }
                }
                Precision::F16 => {
                    for (j, v) in row.iter().enumerate() {
                        out[j / 2] |= u32::from(f16::from_f32(*v).to_bits()) << (16 * (j % 2));
                    }
                }
                Precision::Q8 | Precision::Q4 => {
                    for (b, block) in row.chunks(BLOCK).enumerate() {
                        let (scale, codes) = quantize_block(block, precision);
                        let index = r * blocks + b;
                        scales[index / 2] |= u32::from(scale.to_bits()) << (16 * (index % 2));
                        for (i, code) in codes.iter().enumerate().take(BLOCK) {
                            let j = b * BLOCK + i;
                            let bits = match precision {
                                Precision::Q8 => u32::from(*code as u8),
                                _ => (*code + 8) as u32,
                            };
                            out[j / per_word] |= bits << ((32 / per_word) * (j % per_word));
                        }
                    }
                }
            }
        }
        Self { rows, cols, precision, words, scales }
    }

    /// Writes row `r` as f32 into `out`, which holds `cols` numbers.
    pub fn unpack_row(&self, r: usize, out: &mut [f32]) {
        let row_words = words_per_row(self.cols, self.precision);
        let words = &self.words[r * row_words..(r + 1) * row_words];
        unpack_words(words, |b| self.scale(r, b), self.precision, out);
    }

    /// The scale of block `b` of row `r` (q8 and q4 only).
    pub fn scale(&self, r: usize, b: usize) -> f32 {
        let index = r * blocks_per_row(self.cols) + b;
        f16::from_bits((self.scales[index / 2] >> (16 * (index % 2))) as u16).to_f32()
    }

    /// The whole matrix as f32, row-major [rows, cols].
    pub fn unpack(&self) -> Vec<f32> {
        let mut out = vec![0f32; self.rows * self.cols];
        for (r, row) in out.chunks_exact_mut(self.cols.max(1)).enumerate() {
            self.unpack_row(r, row);
        }
        out
    }

    /// Whether every value is finite.
    pub fn is_finite(&self) -> bool {
        let halves_are = |word: &u32| word & 0x7c00 != 0x7c00 && word & 0x7c00_0000 != 0x7c00_0000;
        match self.precision {
            Precision::F32 => self.words.iter().all(|word| f32::from_bits(*word).is_finite()),
            Precision::F16 => self.words.iter().all(halves_are),
            Precision::Q8 | Precision::Q4 => self.scales.iter().all(halves_are),
        }
    }

    /// Bytes of words and scales together: what a device holds.
    pub fn bytes(&self) -> usize {
        4 * (self.words.len() + self.scales.len())
    }
}

/// Decodes one row's words into `out` (its length is the number of columns wanted).
pub fn unpack_words(words: &[u32], scale: impl Fn(usize) -> f32, precision: Precision, out: &mut [f32]) {
    match precision {
        Precision::F32 => {
            for (o, w) in out.iter_mut().zip(words) {
                *o = f32::from_bits(*w);
            }
        }
        Precision::F16 => {
            for (pair, w) in out.chunks_mut(2).zip(words) {
                for (i, o) in pair.iter_mut().enumerate() {
                    *o = f16::from_bits((w >> (16 * i)) as u16).to_f32();
                }
            }
        }
        Precision::Q8 => {
            for (b, block) in out.chunks_mut(BLOCK).enumerate() {
                let s = scale(b);
                // Bytes are in memory as they are read here: the loop becomes vector code.
                for (quad, w) in block.chunks_mut(4).zip(&words[b * 8..]) {
                    for (o, code) in quad.iter_mut().zip(w.to_le_bytes()) {
                        *o = f32::from(code as i8) * s;
                    }
                }
            }
        }
        Precision::Q4 => {
            for (b, block) in out.chunks_mut(BLOCK).enumerate() {
                let s = scale(b);
                for (oct, w) in block.chunks_mut(8).zip(&words[b * 4..]) {
                    for (i, o) in oct.iter_mut().enumerate() {
                        *o = (((w >> (4 * i)) & 15) as i32 - 8) as f32 * s;
                    }
                }
            }
        }
    }
}

/// `x` to the nearest whole number, halves away from zero, as `f32::round` and with the same bits;
/// |x| < 2^22. That function is a call where the target has no instruction for it, this is not.
#[inline]
fn rounded(x: f32) -> f32 {
    /// The number before 0.5: adding 0.5 itself would lift the number before 0.5 to 1.
    const NEARLY_HALF: f32 = 0.499_999_97;
    (x + NEARLY_HALF.copysign(x)) as i32 as f32
}

/// Codes and scale of one block with the least squared error among a few candidate scales.
///
/// Every candidate scale is rounded to f16 before its codes are chosen, so that the error counted
/// is the error stored. After rounding, the scale is refitted by least squares to the codes.
fn quantize_block(block: &[f32], precision: Precision) -> (f16, [i8; BLOCK]) {
    let (low, high) = if precision == Precision::Q8 { (-127f32, 127f32) } else { (-8f32, 7f32) };
    let extreme = block.iter().copied().fold(0f32, |m, v| if v.abs() > m.abs() { v } else { m });
    if extreme == 0.0 || !extreme.is_finite() {
        return (f16::ZERO, [0; BLOCK]);
    }
    // Whole blocks of floats keep the loops below in vector registers: packing spends its time here.
    // A short block's tail is zeros, which any scale stores as they are.
    let mut values = [0f32; BLOCK];
    values[..block.len()].copy_from_slice(block);
    let mut best = (f16::ZERO, [0f32; BLOCK]);
    let mut best_error = f64::INFINITY;
    let mut consider = |scale: f32| {
        let stored = f16::from_f32(scale);
        let scale = stored.to_f32();
        // A zero or infinite f16 scale can hold nothing.
        if scale == 0.0 || !scale.is_finite() {
            return None;
        }
        let (mut codes, mut errors) = ([0f32; BLOCK], [0f32; BLOCK]);
        for ((code, error), v) in codes.iter_mut().zip(&mut errors).zip(&values) {
            // First within reach of `rounded`, then onto the codes there are.
            *code = rounded((v / scale).clamp(low - 1.0, high + 1.0)).clamp(low, high);
            *error = v - *code * scale;
        }
        let squared: f64 = errors.iter().map(|e| f64::from(*e).powi(2)).sum();
        if squared < best_error {
            best_error = squared;
            best = (stored, codes);
        }
        Some(codes)
    };
    // Q8 is fine enough that the extreme fixes the scale; Q4 gains by searching around it. A
    // negative scale lets -8 stand for a positive extreme.
    let divisors: &[f32] = if precision == Precision::Q8 {
        &[127.0, -127.0]
    } else {
        &[-8.0, 8.0, 7.0, -7.6, 7.6, -7.2, 7.2, -8.4, 8.4, -6.6, 6.6, -9.0, 9.0]
    };
    for divisor in divisors {
        if let Some(codes) = consider(extreme / divisor) {
            let (dot, norm) = values.iter().zip(&codes).fold((0f32, 0f32), |(d, n), (v, c)| (d + v * c, n + c.powi(2)));
            if norm > 0.0 {
                consider(dot / norm);
            }
        }
    }
    (best.0, best.1.map(|code| code as i8))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(n: usize) -> Vec<f32> {
        (0..n).map(|i| ((i * 37 % 101) as f32 / 50.0 - 1.0) * (1.0 + (i % 7) as f32)).collect()
    }

    #[test]
    fn floats_survive_exactly_with_short_last_block() {
        let values = wave(3 * 45);
        let packed = PackedMatrix::pack(&values, 3, 45, Precision::F32);
        assert_eq!(packed.unpack(), values);
        assert_eq!(packed.words.len(), 3 * 64);
    }

    #[test]
    fn quantization_error_is_bounded_by_precision() {
        let values = wave(4 * 77);
        let norm: f32 = values.iter().map(|v| v * v).sum::<f32>().sqrt();
        for (precision, bound) in [(Precision::F16, 5e-4), (Precision::Q8, 6e-3), (Precision::Q4, 0.1)] {
            let back = PackedMatrix::pack(&values, 4, 77, precision).unpack();
            let error: f32 = values.iter().zip(&back).map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt();
            assert!(error / norm < bound, "{precision}: {}", error / norm);
        }
    }

    #[test]
    fn rounding_is_that_of_the_standard_library() {
        let near_halves = (-300..300).map(|i| i as f32 / 2.0).flat_map(|x| [x.next_down(), x, x.next_up()]);
        for x in near_halves.chain([1e-30, -1e-30, 0.25, 4_000_000.5, -4_000_000.5]) {
            assert_eq!(rounded(x), x.round(), "{x:?}");
        }
    }

    #[test]
    fn a_block_of_zeros_stays_zero() {
        assert_eq!(PackedMatrix::pack(&[0.0; 64], 2, 32, Precision::Q4).unpack(), vec![0.0; 64]);
    }

    #[test]
    fn one_value_that_is_not_finite_is_found_in_every_precision() {
        for precision in [Precision::F32, Precision::F16, Precision::Q8, Precision::Q4] {
            let packed = PackedMatrix::pack(&wave(3 * 45), 3, 45, precision);
            assert!(packed.is_finite());
            // The bits of an infinite and of a NaN f16, in either half of a word, and of f32s.
            for bits in if precision == Precision::F32 { [0x7f80_0000, 0xffc0_0000] } else { [0x7c00, 0xfe00_0000] } {
                let mut damaged = packed.clone();
                let place = if precision.is_quantized() { &mut damaged.scales[2] } else { &mut damaged.words[2] };
                *place = bits;
                assert!(!damaged.is_finite(), "{precision} {bits:x}");
            }
        }
    }

    #[test]
    fn the_chosen_scale_is_no_worse_than_the_plain_ones() {
        let values = wave(32);
        let plain = |d: f32| -> f32 {
            let extreme = values.iter().copied().fold(0f32, |m, v| if v.abs() > m.abs() { v } else { m });
            let s = f16::from_f32(extreme / d).to_f32();
            values.iter().map(|v| (v - (v / s).round().clamp(-8.0, 7.0) * s).powi(2)).sum()
        };
        let back = PackedMatrix::pack(&values, 1, 32, Precision::Q4).unpack();
        let ours: f32 = values.iter().zip(&back).map(|(a, b)| (a - b).powi(2)).sum();
        assert!(ours <= plain(-8.0) + 1e-6 && ours <= plain(7.0) + 1e-6);
    }
}
