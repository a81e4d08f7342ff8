//! Counting: what the test runners say, as passed and failed.

use std::ops::AddAssign;

/// Tests that passed, that failed, and that were not run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// How many passed.
    pub passed: u32,
    /// How many failed.
    pub failed: u32,
    /// How many were not run.
    pub skipped: u32,
}

impl Count {
    /// A check that counts as one.
    pub fn one(passed: bool) -> Self {
        Self { passed: u32::from(passed), failed: u32::from(!passed), skipped: 0 }
    }
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

/// Adds up cargo's "test result: ok. 5 passed; 0 failed; ..." lines.
pub fn cargo(lines: &[String]) -> Count {
    let mut sum = Count::default();
    for line in lines.iter().filter_map(|line| line.trim().strip_prefix("test result: ")) {
        let number_before = |word: &str| -> u32 {
            let before = line.split(word).next().unwrap_or_default();
            before.split_whitespace().next_back().and_then(|number| number.parse().ok()).unwrap_or_default()
        };
        let [passed, failed, skipped] = [" passed", " failed", " ignored"].map(number_before);
        sum += Count { passed, failed, skipped };
    }
    sum
}

/// Reads the closing lines of node's runner: "# pass 5" (tap) or "ℹ pass 5" (spec).
pub fn node(lines: &[String]) -> Count {
    let closing = |word: &str| {
        lines.iter().rev().find_map(|line| {
            let mut words = line.split_whitespace();
            let mark = words.next()?;
            (matches!(mark, "#" | "ℹ") && words.next()? == word).then(|| words.next()?.parse::<u32>().ok())?
        })
    };
    let number = |word: &str| closing(word).unwrap_or_default();
    Count {
        passed: number("pass"),
        failed: number("fail") + number("cancelled"),
        skipped: number("skipped") + number("todo"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runners_are_understood() {
        let lines: Vec<String> = [
            "running 3 tests",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out",
            "test result: FAILED. 12 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out",
        ]
        .map(str::to_owned)
        .to_vec();
        assert_eq!(cargo(&lines), Count { passed: 15, failed: 2, skipped: 1 });
        let lines: Vec<String> =
            ["ℹ tests 10", "ℹ pass 7", "ℹ fail 1", "ℹ cancelled 1", "ℹ skipped 1"].map(str::to_owned).to_vec();
        assert_eq!(node(&lines), Count { passed: 7, failed: 2, skipped: 1 });
    }
}
