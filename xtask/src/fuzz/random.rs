//! Seeded changes of files: the same on every machine.

/// SplitMix64.
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `n`; 0 where there is none.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    /// One of the seeds with one or two changes.
    pub fn altered(&mut self, all: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = all[self.below(all.len())].clone();
        for _ in 0..=self.below(2) {
            self.change(&mut bytes, all);
        }
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>, all: &[Vec<u8>]) {
        /// What stands in the place of a number or another value of a text.
        const ODD: [&str; 20] = [
            "0",
            "-1",
            "1",
            "255",
            "65536",
            "4294967295",
            "9007199254740993",
            "18446744073709551615",
            "1e39",
            "-1e300",
            "1e-60",
            "NaN",
            "null",
            "true",
            "[]",
            "{}",
            "\"\"",
            "\"\\ud800\"",
            "\"../../x\"",
            "\"\u{202e}\"",
        ];
        let at = self.below(bytes.len());
        let length = self.below(64).min(bytes.len() - at.min(bytes.len()));
        // Half of them change a value: what is no JSON at all is refused at once.
        match self.below(14) {
            // Headers are short: half of the changes of single bytes go there.
            0 if !bytes.is_empty() => {
                let at = if self.below(2) == 0 { at } else { at.min(self.below(2048)) };
                bytes[at] ^= 1 << self.below(8);
            }
            1 if !bytes.is_empty() => {
                let at = at.min(self.below(4096));
                bytes[at] = [0, 1, 0x7f, 0x80, 0xff][self.below(5)];
            }
            2 => bytes.truncate(at),
            3 => {
                bytes.drain(at..at + length);
            }
            4 => {
                let copy = bytes[at..at + length].to_vec();
                let to = self.below(bytes.len());
                bytes.splice(to..to, copy);
            }
            5 => {
                let other = &all[self.below(all.len())];
                let from = self.below(other.len());
                let piece = other[from..other.len().min(from + 1 + self.below(512))].to_vec();
                bytes.splice(at..at + length, piece);
            }
            6 if at + 8 <= bytes.len() => {
                let value = [0, 1, u64::from(u32::MAX), u64::MAX, 1 << 40, self.next()][self.below(6)];
                bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
            }
            _ => {
                // A value of a text: what stands behind a colon, a comma or a bracket.
                let ends = |byte: &u8| matches!(byte, b',' | b']' | b'}' | b'\n');
                let start = bytes[at..].iter().position(|byte| matches!(byte, b':' | b',' | b'['));
                let Some(start) = start.map(|it| at + it + 1) else { return };
                let length = bytes[start..].iter().position(ends).unwrap_or(0);
                bytes.splice(start..start + length, ODD[self.below(ODD.len())].bytes());
            }
        }
    }
}
