//! How checkpoints store numbers, and how to read them as f32.
//!
//! The block formats are ggml's; each decodes to exactly what llama.cpp and gguf-py give
//! (`dequantize_row_*` in ggml-quants.c; fixtures from gguf-py in `tests/fixtures/gguf`).

use half::{bf16, f16};

/// Values in a block of ggml's K formats.
const K_BLOCK: usize = 256;

/// Storage of one tensor in a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// 32-bit float.
    F32,
    /// 16-bit float.
    F16,
    /// The upper half of a 32-bit float.
    Bf16,
    /// 32 nibbles minus 8, one f16 scale.
    Q4_0,
    /// 32 nibbles, one f16 scale and minimum.
    Q4_1,
    /// 32 five-bit values, one f16 scale and minimum.
    Q5_1,
    /// 32 nibbles that choose among sixteen values, one f16 scale.
    Iq4Nl,
    /// 32 five-bit values minus 16, one f16 scale.
    Q5_0,
    /// 32 signed bytes, one f16 scale.
    Q8_0,
    /// 256 nibbles in eight groups with 6-bit scales and minima.
    Q4K,
    /// 256 five-bit values in eight groups with 6-bit scales and minima.
    Q5K,
    /// 256 six-bit values minus 32 in sixteen groups with 8-bit scales.
    Q6K,
}

/// A storage type that this crate does not read, by its name in the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UnknownStorage(pub(crate) String);

impl Storage {
    /// Values in one block; rows are whole blocks.
    pub const fn block_values(self) -> usize {
        match self {
            Self::F32 | Self::F16 | Self::Bf16 => 1,
            Self::Q4_0 | Self::Q4_1 | Self::Q5_0 | Self::Q5_1 | Self::Q8_0 | Self::Iq4Nl => 32,
            Self::Q4K | Self::Q5K | Self::Q6K => K_BLOCK,
        }
    }

    /// Bytes of one block.
    pub const fn block_bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
            Self::Q4_0 | Self::Iq4Nl => 2 + 16,
            Self::Q4_1 => 4 + 16,
            Self::Q5_1 => 4 + 4 + 16,
            Self::Q5_0 => 2 + 4 + 16,
            Self::Q8_0 => 2 + 32,
            Self::Q4K => 4 + 12 + 128,
            Self::Q5K => 4 + 12 + 32 + 128,
            Self::Q6K => 128 + 64 + 16 + 2,
        }
    }

    /// Bytes of `values` numbers, or `None` when they do not fill whole blocks or are too many to count.
    pub fn bytes(self, values: u64) -> Option<u64> {
        let block = self.block_values() as u64;
        if !values.is_multiple_of(block) {
            return None;
        }
        (values / block).checked_mul(self.block_bytes() as u64)
    }

    /// Decodes whole blocks of `bytes` to f32, appended to `out`.
    pub fn decode(self, bytes: &[u8], out: &mut Vec<f32>) {
        out.reserve(bytes.len() / self.block_bytes() * self.block_values());
        match self {
            Self::F32 => out.extend(bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b))),
            Self::F16 => out.extend(bytes.as_chunks().0.iter().map(|b| f16::from_le_bytes(*b).to_f32())),
            Self::Bf16 => out.extend(bytes.as_chunks().0.iter().map(|b| bf16::from_le_bytes(*b).to_f32())),
            Self::Q4_0 => blocks(bytes, out, q4_0),
            Self::Q4_1 => blocks(bytes, out, q4_1),
            Self::Q5_1 => blocks(bytes, out, q5_1),
            Self::Iq4Nl => blocks(bytes, out, iq4_nl),
            Self::Q5_0 => blocks(bytes, out, q5_0),
            Self::Q8_0 => blocks(bytes, out, q8_0),
            Self::Q4K => blocks(bytes, out, q4_k),
            Self::Q5K => blocks(bytes, out, q5_k),
            Self::Q6K => blocks(bytes, out, q6_k),
        }
    }
}

fn blocks<const BYTES: usize, const VALUES: usize>(
    bytes: &[u8],
    out: &mut Vec<f32>,
    decode: impl Fn(&[u8; BYTES]) -> [f32; VALUES],
) {
    for block in bytes.as_chunks().0 {
        out.extend_from_slice(&decode(block));
    }
}

fn half_at(block: &[u8], at: usize) -> f32 {
    f16::from_le_bytes([block[at], block[at + 1]]).to_f32()
}

fn q4_0(block: &[u8; 18]) -> [f32; 32] {
    let d = half_at(block, 0);
    let mut out = [0f32; 32];
    for (i, byte) in block[2..].iter().enumerate() {
        out[i] = (i32::from(byte & 15) - 8) as f32 * d;
        out[i + 16] = (i32::from(byte >> 4) - 8) as f32 * d;
    }
    out
}

fn q4_1(block: &[u8; 20]) -> [f32; 32] {
    let (d, min) = (half_at(block, 0), half_at(block, 2));
    let mut out = [0f32; 32];
    for (i, byte) in block[4..].iter().enumerate() {
        out[i] = f32::from(byte & 15) * d + min;
        out[i + 16] = f32::from(byte >> 4) * d + min;
    }
    out
}

fn q5_1(block: &[u8; 24]) -> [f32; 32] {
    let (d, min) = (half_at(block, 0), half_at(block, 2));
    let high = u32::from_le_bytes([block[4], block[5], block[6], block[7]]);
    let mut out = [0f32; 32];
    for (i, byte) in block[8..].iter().enumerate() {
        let low_half = u32::from(byte & 15) | ((high >> i) & 1) << 4;
        let high_half = u32::from(byte >> 4) | ((high >> (i + 16)) & 1) << 4;
        out[i] = low_half as f32 * d + min;
        out[i + 16] = high_half as f32 * d + min;
    }
    out
}

/// The values of IQ4_NL's nibbles (`kvalues_iq4nl` in ggml-common.h).
const IQ4_NL: [f32; 16] =
    [-127.0, -104.0, -83.0, -65.0, -49.0, -35.0, -22.0, -10.0, 1.0, 13.0, 25.0, 38.0, 53.0, 69.0, 89.0, 113.0];

fn iq4_nl(block: &[u8; 18]) -> [f32; 32] {
    let d = half_at(block, 0);
    let mut out = [0f32; 32];
    for (i, byte) in block[2..].iter().enumerate() {
        out[i] = IQ4_NL[usize::from(byte & 15)] * d;
        out[i + 16] = IQ4_NL[usize::from(byte >> 4)] * d;
    }
    out
}

fn q5_0(block: &[u8; 22]) -> [f32; 32] {
    let d = half_at(block, 0);
    let high = u32::from_le_bytes([block[2], block[3], block[4], block[5]]);
    let mut out = [0f32; 32];
    for (i, byte) in block[6..].iter().enumerate() {
        let low_half = u32::from(byte & 15) | ((high >> i) & 1) << 4;
        let high_half = u32::from(byte >> 4) | ((high >> (i + 16)) & 1) << 4;
        out[i] = (low_half as i32 - 16) as f32 * d;
        out[i + 16] = (high_half as i32 - 16) as f32 * d;
    }
    out
}

fn q8_0(block: &[u8; 34]) -> [f32; 32] {
    let d = half_at(block, 0);
    std::array::from_fn(|i| f32::from(block[2 + i] as i8) * d)
}

/// Scale and minimum of group `j` of eight: 6 bits each, packed into 12 bytes.
fn k_scale_and_min(packed: &[u8], j: usize) -> (f32, f32) {
    let (scale, min) = if j < 4 {
        (packed[j] & 63, packed[j + 4] & 63)
    } else {
        (packed[j + 4] & 15 | (packed[j - 4] >> 6) << 4, packed[j + 4] >> 4 | (packed[j] >> 6) << 4)
    };
    (f32::from(scale), f32::from(min))
}

fn q4_k(block: &[u8; 144]) -> [f32; K_BLOCK] {
    let (d, d_min) = (half_at(block, 0), half_at(block, 2));
    let (packed, quants) = (&block[4..16], &block[16..]);
    let mut out = [0f32; K_BLOCK];
    for (j, group) in out.chunks_exact_mut(32).enumerate() {
        let (scale, min) = k_scale_and_min(packed, j);
        let (scale, min) = (d * scale, d_min * min);
        // Groups 2n and 2n + 1 share 32 bytes: low nibbles, then high ones.
        for (o, byte) in group.iter_mut().zip(&quants[32 * (j / 2)..]) {
            *o = scale * f32::from((byte >> (4 * (j % 2))) & 15) - min;
        }
    }
    out
}

fn q5_k(block: &[u8; 176]) -> [f32; K_BLOCK] {
    let (d, d_min) = (half_at(block, 0), half_at(block, 2));
    let (packed, high, quants) = (&block[4..16], &block[16..48], &block[48..]);
    let mut out = [0f32; K_BLOCK];
    for (j, group) in out.chunks_exact_mut(32).enumerate() {
        let (scale, min) = k_scale_and_min(packed, j);
        let (scale, min) = (d * scale, d_min * min);
        for ((o, byte), high) in group.iter_mut().zip(&quants[32 * (j / 2)..]).zip(high) {
            let value = (byte >> (4 * (j % 2))) & 15 | ((high >> j) & 1) << 4;
            *o = scale * f32::from(value) - min;
        }
    }
    out
}

fn q6_k(block: &[u8; 210]) -> [f32; K_BLOCK] {
    let (low, high, scales) = (&block[..128], &block[128..192], &block[192..208]);
    let d = half_at(block, 208);
    let mut out = [0f32; K_BLOCK];
    for (i, o) in out.iter_mut().enumerate() {
        // Two halves of 128 values; in each, four runs of 32 values share 64 low and 32 high bytes.
        let (half, run, lane) = (i / 128, i % 128 / 32, i % 32);
        let nibble = (low[64 * half + 32 * (run % 2) + lane] >> (4 * (run / 2))) & 15;
        let top = (high[32 * half + lane] >> (2 * run)) & 3;
        let value = i32::from(nibble | top << 4) - 32;
        *o = d * f32::from(scales[i / 16] as i8) * value as f32;
    }
    out
}
