//! Random rows of any tensor: from the seed, the tensor's name and the row's number alone.

use std::collections::BTreeMap;

/// Normally distributed values, made again whenever they are read.
#[derive(Debug)]
pub(crate) struct RandomRows {
    /// Chooses among the values that a tensor may have.
    pub(crate) seed: u64,
    /// Standard deviation of each tensor.
    pub(crate) spreads: BTreeMap<String, f32>,
}

/// Odd, and near 2^64 divided by the golden ratio: the step of SplitMix64.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// The output function of SplitMix64 (Steele, Lea and Flood 2014).
const fn mixed(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl RandomRows {
    /// Rows of tensor `name`, `cols` values each. The sum of four 16-bit numbers stands for a normal
    /// distribution: integers only, so that every machine has the same bits.
    pub(crate) fn rows(&self, name: &str, rows: std::ops::Range<usize>, cols: usize) -> Vec<f32> {
        /// Standard deviation of the sum of four numbers from 0 to 65535.
        const SUM_SPREAD: f32 = 37_837.2;
        const SUM_MEAN: f32 = 131_070.0;
        let factor = self.spreads.get(name).copied().unwrap_or_default() / SUM_SPREAD;
        let tensor = name.bytes().fold(mixed(self.seed), |h, byte| mixed(h ^ u64::from(byte)).wrapping_add(STEP));
        let mut values = Vec::with_capacity(rows.len() * cols);
        for row in rows {
            let mut state = mixed(tensor ^ mixed(row as u64));
            values.extend((0..cols).map(|_| {
                state = state.wrapping_add(STEP);
                let bits = mixed(state);
                let sum = (bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) + (bits >> 48);
                (sum as f32 - SUM_MEAN) * factor
            }));
        }
        values
    }
}
