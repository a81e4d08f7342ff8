//! How strongly points pull and push each other, by their squared distance: tables in place of powers.
//!
//! A picture of 2,000 points takes tens of millions of powers, each waiting for the one before. Both
//! forces are smooth functions of the squared distance alone, so they are tabulated, 64 cells to an
//! octave with straight lines between: off by less than 5e-4 relatively, far below the noise of
//! stochastic gradient descent, and made of nothing that two machines could round differently.

/// Bits of an f32 below those that name a cell: 17 of 23, so that 64 cells make an octave.
const REST_BITS: u32 = 17;
/// The table's first and last octave: below and above, forces are those at the end. Points 2^-20 apart
/// are as good as one, and nothing is 2^20 away.
const FIRST_OCTAVE: i32 = -40;
const LAST_OCTAVE: i32 = 40;
/// Added to squared distances where points push each other away.
const SOFTENING: f64 = 0.001;

/// Factors of the difference of two points.
#[derive(Debug, Clone)]
pub struct Forces {
    cells: Vec<Cell>,
}

/// Both forces at the cell's beginning and how much they change over it.
#[derive(Debug, Clone, Copy)]
struct Cell {
    pull: [f32; 2],
    push: [f32; 2],
}

impl Forces {
    /// Of the curve 1 / (1 + a x^(2b)), with weight `gamma` on pushing.
    pub fn new(a: f64, b: f64, gamma: f64) -> Self {
        let first = first_cell();
        let count = ((LAST_OCTAVE - FIRST_OCTAVE) as u32) << (23 - REST_BITS);
        let at = |cell: u32| {
            let d2 = f64::from(f32::from_bits((first + cell) << REST_BITS));
            let curve = 1.0 + a * libm::pow(d2, b);
            (-2.0 * a * b * libm::pow(d2, b - 1.0) / curve, 2.0 * gamma * b / ((SOFTENING + d2) * curve))
        };
        let cell = |cell: u32| {
            let ((pull, push), (next_pull, next_push)) = (at(cell), at(cell + 1));
            Cell { pull: [pull as f32, (next_pull - pull) as f32], push: [push as f32, (next_push - push) as f32] }
        };
        Self { cells: (0..count).map(cell).collect() }
    }

    /// Between neighbors at a squared distance > 0: negative.
    #[inline]
    pub fn pull(&self, d2: f32) -> f32 {
        let (cell, within) = self.find(d2);
        cell.pull[0] + within * cell.pull[1]
    }

    /// Between any two at a squared distance > 0: positive.
    #[inline]
    pub fn push(&self, d2: f32) -> f32 {
        let (cell, within) = self.find(d2);
        cell.push[0] + within * cell.push[1]
    }

    #[inline]
    fn find(&self, d2: f32) -> (&Cell, f32) {
        const REST: u32 = (1 << REST_BITS) - 1;
        let bits = d2.to_bits();
        let index = (bits >> REST_BITS).saturating_sub(first_cell()) as usize;
        let within = (bits & REST) as f32 * (1.0 / (REST + 1) as f32);
        (&self.cells[index.min(self.cells.len() - 1)], within)
    }
}

const fn first_cell() -> u32 {
    ((FIRST_OCTAVE + 127) as u32) << (23 - REST_BITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_hold_the_gradient_of_the_curve() {
        for (a, b) in [(1.577, 0.895), (0.115, 1.929), (1.93, 0.79), (5.07, 1.003)] {
            let forces = Forces::new(a, b, 1.5);
            let mut d2 = 1e-12f32;
            while d2 < 1e12 {
                let x = f64::from(d2);
                let curve = 1.0 + a * x.powf(b);
                let pull = -2.0 * a * b * x.powf(b - 1.0) / curve;
                let push = 3.0 * b / ((0.001 + x) * curve);
                assert!((f64::from(forces.pull(d2)) / pull - 1.0).abs() < 5e-4, "{a} {b}: pull at {d2}");
                assert!((f64::from(forces.push(d2)) / push - 1.0).abs() < 5e-4, "{a} {b}: push at {d2}");
                d2 *= 1.00731;
            }
        }
    }

    #[test]
    fn forces_are_numbers_at_any_distance() {
        let forces = Forces::new(1.577, 0.895, 1.0);
        for d2 in [f32::from_bits(1), f32::MIN_POSITIVE, 1e-13, 1e13, f32::MAX, f32::INFINITY] {
            assert!(forces.pull(d2).is_finite() && forces.pull(d2) < 0.0, "{d2}");
            assert!(forces.push(d2).is_finite() && forces.push(d2) >= 0.0, "{d2}");
        }
    }
}
