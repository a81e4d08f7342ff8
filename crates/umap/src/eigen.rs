//! The largest eigenpairs of a symmetric operator.
//!
//! Small operators are diagonalized whole (Jacobi). Large ones by subspace iteration with Chebyshev
//! filters (Zhou, Saad et al. 2006): a polynomial that is small where the unwanted eigenvalues lie is
//! applied to a block of vectors, again and again. It needs nothing but products with the
//! operator, and stays fast where eigenvalues lie as close as those of a long thin graph do.
//!
//! `lens_analysis::spectrum` is another solver for another task: all eigenvalues of a dense matrix, without
//! vectors, one column at a time. By this one they would cost a Jacobi sweep over the whole matrix, and that one has
//! no eigenvectors. The bits of these results are part of [`crate::same_everywhere`]'s fingerprint.

use crate::random::Random;

/// Vectors iterated together: enough for three wanted ones and a margin beyond them, on which
/// convergence depends; eight f64 fill a cache line.
pub const BLOCK: usize = 8;
/// Most eigenpairs that can be asked for.
pub const MOST: usize = 5;
/// Up to this size an operator is diagonalized whole.
const SMALL: usize = 48;
/// No pair is asked to have a smaller |A v - w v| than this times the largest eigenvalue.
const FLOOR: f64 = 1e-8;
/// Least share of the eigenvalues' range that a filter damps.
const MIN_DAMPED: f64 = 1e-3;
const MAX_ROUNDS: usize = 40;
const MAX_DEGREE: usize = 160;
/// A filter strengthens the first vector against the last by no more than e to this: beyond, all
/// vectors of a block become the same in f64.
const MAX_GROWTH: f64 = 20.0;

/// Values of [`BLOCK`] vectors at one point.
pub type BlockRow = [f64; BLOCK];

/// A symmetric linear operator on R^n.
pub trait Symmetric {
    /// n.
    fn size(&self) -> usize;
    /// No eigenvalue is smaller.
    fn lowest(&self) -> f64;
    /// Largest |A v - w v| with which an eigenvalue w and its vector v count as found.
    fn accuracy(&self, value: f64) -> f64;
    /// `out` = A `x`, for a block of vectors [n].
    fn apply(&self, x: &[BlockRow], out: &mut [BlockRow]);
}

/// Eigenpairs, largest eigenvalue first.
#[derive(Debug, Clone)]
pub struct Pairs {
    /// Eigenvalues.
    pub values: Vec<f64>,
    /// Unit eigenvectors, each [n].
    pub vectors: Vec<Vec<f64>>,
}

/// The `count` largest eigenpairs (fewer where n is smaller). The sign of a vector is such that it
/// grows from the first point to the last, as far as it does: pictures then read the same way.
///
/// Where convergence is not reached, the vectors are the best found: smooth ones, from which a
/// layout starts as well.
pub fn largest(operator: &impl Symmetric, count: usize) -> Pairs {
    let count = count.min(MOST).min(operator.size());
    let mut pairs = if operator.size() <= SMALL { whole(operator) } else { filtered(operator, count) };
    pairs.values.truncate(count);
    pairs.vectors.truncate(count);
    for vector in &mut pairs.vectors {
        let middle = (vector.len() as f64 - 1.0) / 2.0;
        let slope: f64 = vector.iter().enumerate().map(|(i, v)| (i as f64 - middle) * v).sum();
        if slope < 0.0 {
            vector.iter_mut().for_each(|v| *v = -*v);
        }
    }
    pairs
}

/// All eigenpairs of a small operator, by its columns.
fn whole(operator: &impl Symmetric) -> Pairs {
    let n = operator.size();
    let mut matrix = vec![0.0; n * n];
    let (mut unit, mut columns) = (vec![[0.0; BLOCK]; n], vec![[0.0; BLOCK]; n]);
    for start in (0..n).step_by(BLOCK) {
        let width = BLOCK.min(n - start);
        unit.fill([0.0; BLOCK]);
        (0..width).for_each(|c| unit[start + c][c] = 1.0);
        operator.apply(&unit, &mut columns);
        for (i, row) in columns.iter().enumerate() {
            matrix[i * n + start..i * n + start + width].copy_from_slice(&row[..width]);
        }
    }
    jacobi(matrix, n)
}

/// Cyclic Jacobi rotations on a symmetric matrix [n, n].
fn jacobi(mut a: Vec<f64>, n: usize) -> Pairs {
    let mut v = vec![0.0; n * n];
    (0..n).for_each(|i| v[i * n + i] = 1.0);
    let total: f64 = a.iter().map(|x| x * x).sum();
    for _ in 0..30 {
        let off: f64 = (0..n).flat_map(|i| (0..i).map(move |j| (i, j))).map(|(i, j)| a[i * n + j] * a[i * n + j]).sum();
        if off.is_nan() || off <= 1e-30 * total {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                if a[p * n + q] == 0.0 {
                    continue;
                }
                let theta = (a[q * n + q] - a[p * n + p]) / (2.0 * a[p * n + q]);
                let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
                let c = 1.0 / (t * t + 1.0).sqrt();
                let s = t * c;
                for k in 0..n {
                    let (x, y) = (a[k * n + p], a[k * n + q]);
                    (a[k * n + p], a[k * n + q]) = (c * x - s * y, s * x + c * y);
                }
                for k in 0..n {
                    let (x, y) = (a[p * n + k], a[q * n + k]);
                    (a[p * n + k], a[q * n + k]) = (c * x - s * y, s * x + c * y);
                    let (x, y) = (v[p * n + k], v[q * n + k]);
                    (v[p * n + k], v[q * n + k]) = (c * x - s * y, s * x + c * y);
                }
            }
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|x, y| a[y * n + y].total_cmp(&a[x * n + x]));
    Pairs {
        values: order.iter().map(|i| a[i * n + i]).collect(),
        vectors: order.iter().map(|i| v[i * n..(i + 1) * n].to_vec()).collect(),
    }
}

/// Subspace iteration with Chebyshev filters on a block of [`BLOCK`] vectors.
fn filtered(operator: &impl Symmetric, count: usize) -> Pairs {
    let n = operator.size();
    let mut random = Random::new(0, 1);
    let mut block: Vec<BlockRow> = (0..n).map(|_| std::array::from_fn(|_| random.signed())).collect();
    let mut product = vec![[0.0; BLOCK]; n];
    let mut values = [0.0; BLOCK];
    for _ in 0..MAX_ROUNDS {
        orthonormalize(&mut block, &mut random);
        operator.apply(&block, &mut product);
        values = rotate_to_ritz(&mut block, &mut product);
        let least = FLOOR * values[0].abs();
        let found = residuals(&block, &product, &values)
            .iter()
            .zip(&values)
            .take(count)
            .all(|(residual, value)| *residual <= operator.accuracy(*value).max(least));
        if found || !values[0].is_finite() {
            break;
        }
        let lowest = operator.lowest();
        // Where there are fewer eigenvalues than vectors, the last is the lowest: nothing would be damped.
        let damped = (lowest, values[BLOCK - 1].max(lowest + MIN_DAMPED * (values[0] - lowest)));
        filter(operator, &mut block, &mut product, damped, values[0]);
    }
    let vectors = (0..count).map(|c| block.iter().map(|row| row[c]).collect()).collect();
    Pairs { values: values[..count].to_vec(), vectors }
}

/// `block` = T_m(A) `block`, where the Chebyshev polynomial T_m stays within [-1, 1] over `damped`; scaled
/// so that it is about 1 at `top`. `spare` is overwritten.
fn filter(
    operator: &impl Symmetric,
    block: &mut Vec<BlockRow>,
    spare: &mut Vec<BlockRow>,
    damped: (f64, f64),
    top: f64,
) {
    let (half, center) = ((damped.1 - damped.0) / 2.0, (damped.1 + damped.0) / 2.0);
    if half <= 0.0 || top <= damped.1 {
        return;
    }
    let growth = acosh((top - center) / half);
    let degree = ((MAX_GROWTH / growth) as usize).clamp(2, MAX_DEGREE);
    let first = half / (top - center);
    let mut sigma = first;
    // block is the polynomial before the last, next the last.
    let mut next = spare.clone();
    operator.apply(block, &mut next);
    for (y, x) in next.iter_mut().zip(block.iter()) {
        for c in 0..BLOCK {
            y[c] = (y[c] - center * x[c]) * (sigma / half);
        }
    }
    for _ in 2..=degree {
        let following = 1.0 / (2.0 / first - sigma);
        operator.apply(&next, spare);
        let (grow, keep) = (2.0 * following / half, sigma * following);
        for ((y, x), before) in spare.iter_mut().zip(&next).zip(block.iter()) {
            for c in 0..BLOCK {
                y[c] = (y[c] - center * x[c]) * grow - keep * before[c];
            }
        }
        std::mem::swap(block, &mut next);
        std::mem::swap(&mut next, spare);
        sigma = following;
    }
    std::mem::swap(block, &mut next);
}

fn acosh(x: f64) -> f64 {
    libm::log(x + (x * x - 1.0).max(0.0).sqrt())
}

fn dot(block: &[BlockRow], a: usize, b: usize) -> f64 {
    block.iter().map(|row| row[a] * row[b]).sum()
}

/// Gram-Schmidt, twice over, column by column. A column that others span becomes random.
fn orthonormalize(block: &mut [BlockRow], random: &mut Random) {
    for c in 0..BLOCK {
        for attempt in 0..3 {
            let before = dot(block, c, c);
            for _ in 0..2 {
                for other in 0..c {
                    let part = dot(block, other, c);
                    block.iter_mut().for_each(|row| row[c] -= part * row[other]);
                }
            }
            let norm = dot(block, c, c).sqrt();
            if norm > 1e-9 * before.sqrt() && norm > 0.0 && norm.is_finite() {
                block.iter_mut().for_each(|row| row[c] /= norm);
                break;
            }
            if attempt < 2 {
                block.iter_mut().for_each(|row| row[c] = random.signed());
            }
        }
    }
}

/// Turns an orthonormal block X and A X to the best approximations of eigenvectors within X (Rayleigh
/// and Ritz), largest first; gives their eigenvalues.
fn rotate_to_ritz(block: &mut [BlockRow], product: &mut [BlockRow]) -> BlockRow {
    let mut projected = vec![0.0; BLOCK * BLOCK];
    for (x, ax) in block.iter().zip(product.iter()) {
        for a in 0..BLOCK {
            for b in 0..BLOCK {
                projected[a * BLOCK + b] += x[a] * ax[b];
            }
        }
    }
    for a in 0..BLOCK {
        for b in 0..a {
            let mean = (projected[a * BLOCK + b] + projected[b * BLOCK + a]) / 2.0;
            projected[a * BLOCK + b] = mean;
            projected[b * BLOCK + a] = mean;
        }
    }
    let ritz = jacobi(projected, BLOCK);
    for row in block.iter_mut().chain(product.iter_mut()) {
        let old = *row;
        for (new, vector) in row.iter_mut().zip(&ritz.vectors) {
            *new = old.iter().zip(vector).map(|(x, v)| x * v).sum();
        }
    }
    std::array::from_fn(|c| ritz.values[c])
}

/// |A v - w v| of every column.
fn residuals(block: &[BlockRow], product: &[BlockRow], values: &BlockRow) -> BlockRow {
    let mut sums = [0.0; BLOCK];
    for (x, ax) in block.iter().zip(product) {
        for c in 0..BLOCK {
            let r = ax[c] - values[c] * x[c];
            sums[c] += r * r;
        }
    }
    sums.map(f64::sqrt)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The path graph's adjacency matrix: eigenvalues 2 cos(pi j / (n + 1)).
    struct Path(usize);

    impl Symmetric for Path {
        fn size(&self) -> usize {
            self.0
        }

        fn lowest(&self) -> f64 {
            -2.0
        }

        fn accuracy(&self, value: f64) -> f64 {
            1e-3 * (2.0 - value)
        }

        fn apply(&self, x: &[BlockRow], out: &mut [BlockRow]) {
            for i in 0..self.0 {
                for c in 0..BLOCK {
                    let left = if i > 0 { x[i - 1][c] } else { 0.0 };
                    out[i][c] = left + x.get(i + 1).map_or(0.0, |row| row[c]);
                }
            }
        }
    }

    #[test]
    fn eigenvalues_of_a_path_are_found_small_and_large() {
        for n in [2, 5, 48, 49, 300, 2000] {
            let pairs = largest(&Path(n), 3);
            assert_eq!(pairs.values.len(), n.min(3));
            for (j, (value, vector)) in pairs.values.iter().zip(&pairs.vectors).enumerate() {
                let angle = std::f64::consts::PI * (j + 1) as f64 / (n + 1) as f64;
                let gap = 2.0 - 2.0 * angle.cos();
                assert!((2.0 - value - gap).abs() < 1e-3 * gap, "n {n}, pair {j}: {} for {gap}", 2.0 - value);
                let expected: Vec<f64> = (0..n).map(|i| (angle * (i + 1) as f64).sin()).collect();
                let norm = expected.iter().map(|v| v * v).sum::<f64>().sqrt();
                let cosine = expected.iter().zip(vector).map(|(a, b)| a * b).sum::<f64>() / norm;
                assert!(cosine.abs() > 0.9999, "n {n}, pair {j}: cosine {cosine}");
            }
        }
    }

    #[test]
    fn vectors_grow_from_first_to_last() {
        let second = &largest(&Path(100), 3).vectors[1];
        assert!(second[0] < 0.0 && second[99] > 0.0);
    }

    /// Everything is an eigenvector.
    struct Scaling(usize, f64);

    impl Symmetric for Scaling {
        fn size(&self) -> usize {
            self.0
        }

        fn lowest(&self) -> f64 {
            self.1.min(0.0)
        }

        fn accuracy(&self, _: f64) -> f64 {
            1e-6
        }

        fn apply(&self, x: &[BlockRow], out: &mut [BlockRow]) {
            for (o, x) in out.iter_mut().zip(x) {
                *o = x.map(|v| v * self.1);
            }
        }
    }

    #[test]
    fn degenerate_operators_give_unit_vectors() {
        for (n, factor) in [(5, 0.0), (100, 0.0), (100, 1.0), (100, -1.0)] {
            let pairs = largest(&Scaling(n, factor), 3);
            for (a, x) in pairs.vectors.iter().enumerate() {
                for (b, y) in pairs.vectors.iter().enumerate() {
                    let product: f64 = x.iter().zip(y).map(|(x, y)| x * y).sum();
                    assert!((product - f64::from(a == b)).abs() < 1e-9);
                }
            }
            assert!(pairs.values.iter().all(|v| (v - factor).abs() < 1e-12));
        }
    }
}
