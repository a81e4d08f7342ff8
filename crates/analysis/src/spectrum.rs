//! Eigenvalues of Gram matrices, and the effective rank they give.
//!
//! A Gram matrix's eigenvalues are the squared singular values of the codes it was made of.

use crate::matrix::SymmetricMatrix;
use crate::order::largest_first;

/// Householder tridiagonalization of a symmetric matrix [n, n], a column at a time, so that a page
/// can spread it over frames: it takes 4/3 n³ operations.
#[derive(Debug, Clone)]
pub struct Tridiagonal {
    /// [n, n], row-major; the lower triangle counts.
    matrix: Vec<f64>,
    n: usize,
    next: usize,
    diagonal: Vec<f64>,
    off_diagonal: Vec<f64>,
}

impl Tridiagonal {
    /// Starts on a matrix. Entries that are not finite count as 0.
    pub fn new(matrix: &SymmetricMatrix) -> Self {
        let n = matrix.size();
        let mut dense = vec![0f64; n * n];
        for i in 0..n {
            for (j, value) in (i..).zip(matrix.upper_row(i)) {
                dense[j * n + i] = if value.is_finite() { f64::from(*value) } else { 0.0 };
            }
        }
        Self { matrix: dense, n, next: 0, diagonal: Vec::with_capacity(n), off_diagonal: Vec::with_capacity(n) }
    }

    /// How much is done, 0..=1.
    pub fn progress(&self) -> f64 {
        let left = (self.n - self.next.min(self.n)) as f64 / self.n.max(1) as f64;
        1.0 - left * left * left
    }

    /// Eliminates one more column; false when nothing is left to do.
    pub fn step(&mut self) -> bool {
        let (n, k) = (self.n, self.next);
        if k >= n {
            return false;
        }
        self.diagonal.push(self.matrix[k * n + k]);
        self.next += 1;
        if k + 1 < n {
            // The column below the diagonal becomes (alpha, 0, .., 0) by a reflection along v.
            let mut v: Vec<f64> = (k + 1..n).map(|i| self.matrix[i * n + k]).collect();
            let norm = v.iter().map(|x| x * x).sum::<f64>().sqrt();
            let alpha = if v[0] > 0.0 { -norm } else { norm };
            self.off_diagonal.push(alpha);
            v[0] -= alpha;
            let length = v.iter().map(|x| x * x).sum::<f64>();
            if length > 0.0 {
                self.reflect(k + 1, &v, 2.0 / length);
            }
        }
        self.next < n
    }

    /// A := H A H on the block from `from` on, with H = I - factor v vᵀ.
    fn reflect(&mut self, from: usize, v: &[f64], factor: f64) {
        let n = self.n;
        let mut p = vec![0f64; v.len()];
        // Only the lower triangle is kept up to date: each entry serves its row and its column.
        for (i, vi) in v.iter().enumerate() {
            let row = &self.matrix[(from + i) * n + from..(from + i) * n + from + i];
            let mut sum = self.matrix[(from + i) * n + from + i] * vi;
            for ((a, vj), pj) in row.iter().zip(v).zip(&mut p) {
                sum += a * vj;
                *pj += a * vi;
            }
            p[i] += sum;
        }
        let half = factor * 0.5 * factor * p.iter().zip(v).map(|(a, b)| a * b).sum::<f64>();
        let w: Vec<f64> = p.iter().zip(v).map(|(p, v)| factor * p - half * v).collect();
        for (i, (vi, wi)) in v.iter().zip(&w).enumerate() {
            let row = &mut self.matrix[(from + i) * n + from..(from + i) * n + from + i + 1];
            for ((a, vj), wj) in row.iter_mut().zip(v).zip(&w) {
                *a -= vi * wj + wi * vj;
            }
        }
    }

    /// The eigenvalues, largest first; finishes what is left to do.
    pub fn eigenvalues(mut self) -> Vec<f64> {
        while self.step() {}
        largest_first(of_tridiagonal(self.diagonal, self.off_diagonal), |value| *value)
    }
}

/// Implicit QL with Wilkinson's shift on a diagonal [n] and the entries next to it [n - 1].
fn of_tridiagonal(mut d: Vec<f64>, mut e: Vec<f64>) -> Vec<f64> {
    /// Two or three are usual; past this the value is taken as it stands.
    const ROUNDS_MAX: usize = 60;
    let n = d.len();
    e.resize(n, 0.0);
    for l in 0..n {
        for _ in 0..ROUNDS_MAX {
            let m = (l..n.saturating_sub(1))
                .find(|m| e[*m].abs() <= f64::EPSILON * (d[*m].abs() + d[m + 1].abs()))
                .unwrap_or(n - 1);
            if m == l {
                break;
            }
            let mut g = (d[l + 1] - d[l]) / (2.0 * e[l]);
            let mut r = g.hypot(1.0);
            g = d[m] - d[l] + e[l] / (g + r.copysign(g));
            let (mut s, mut c, mut p) = (1.0, 1.0, 0.0);
            let mut whole = true;
            for i in (l..m).rev() {
                let f = s * e[i];
                let b = c * e[i];
                r = f.hypot(g);
                e[i + 1] = r;
                if r == 0.0 {
                    d[i + 1] -= p;
                    e[m] = 0.0;
                    whole = false;
                    break;
                }
                s = f / r;
                c = g / r;
                g = d[i + 1] - p;
                r = (d[i] - g) * s + 2.0 * c * b;
                p = s * r;
                d[i + 1] = g + p;
                g = c * r - b;
            }
            if whole {
                d[l] -= p;
                e[l] = g;
                e[m] = 0.0;
            }
        }
    }
    d
}

/// Exponential of the entropy of the normalized eigenvalues: how many directions the codes use.
/// None when there is no variance at all.
pub fn effective_rank(eigenvalues: &[f64]) -> Option<f64> {
    let total: f64 = eigenvalues.iter().map(|v| v.max(0.0)).sum();
    if total <= 0.0 {
        return None;
    }
    let entropy: f64 = eigenvalues.iter().map(|v| v.max(0.0) / total).filter(|p| *p > 0.0).map(|p| -p * p.ln()).sum();
    Some(entropy.exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers without a pattern, -1..1.
    fn noise(count: usize) -> Vec<f32> {
        let mut state = 1u32;
        std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / 8_388_608.0 - 1.0
        })
        .take(count)
        .collect()
    }

    #[test]
    fn a_known_matrix_has_its_known_eigenvalues() {
        // The path graph's Laplacian [n]: 2 - 2 cos(pi k / n).
        let n = 12;
        let mut laplacian = vec![0f32; n * n];
        for i in 0..n {
            laplacian[i * n + i] = if i == 0 || i == n - 1 { 1.0 } else { 2.0 };
            if i + 1 < n {
                laplacian[i * n + i + 1] = -1.0;
                laplacian[(i + 1) * n + i] = -1.0;
            }
        }
        let laplacian = SymmetricMatrix::from_dense(n, &laplacian).unwrap();
        let found = Tridiagonal::new(&laplacian).eigenvalues();
        for (k, value) in found.iter().rev().enumerate() {
            let expected = 2.0 - 2.0 * (std::f64::consts::PI * k as f64 / n as f64).cos();
            assert!((value - expected).abs() < 1e-12, "{k}: {value} {expected}");
        }
    }

    #[test]
    fn trace_and_squares_are_kept_and_the_rank_is_found() {
        let (n, d) = (40, 7);
        let gram = crate::gram::gram(&noise(n * d), n, d);
        let found = Tridiagonal::new(&gram).eigenvalues();
        let trace: f64 = gram.diagonal().map(f64::from).sum();
        let squares: f64 = gram.to_dense().into_iter().map(|v| f64::from(v).powi(2)).sum();
        assert!((found.iter().sum::<f64>() / trace - 1.0).abs() < 1e-10);
        assert!((found.iter().map(|v| v * v).sum::<f64>() / squares - 1.0).abs() < 1e-10);
        assert!(found[d - 1] > 0.1 && found[d].abs() < 1e-4, "{found:?}");
        let rank = effective_rank(&found).unwrap();
        assert!(rank > 5.0 && rank < d as f64 + 1e-6, "{rank}");
    }

    #[test]
    fn equal_directions_count_as_one_each() {
        assert!((effective_rank(&[2.0, 2.0, 2.0, 0.0, -1e-9]).unwrap() - 3.0).abs() < 1e-9);
        assert_eq!(effective_rank(&[0.0, 0.0]), None);
        assert!(Tridiagonal::new(&SymmetricMatrix::default()).eigenvalues().is_empty());
        let three = SymmetricMatrix::new(1, vec![3.0]).unwrap();
        assert_eq!(Tridiagonal::new(&three).eigenvalues(), [3.0]);
    }

    #[test]
    fn it_can_be_done_in_pieces() {
        let gram = crate::gram::gram(&noise(60), 20, 3);
        let mut slow = Tridiagonal::new(&gram);
        let mut before = slow.progress();
        for _ in 0..7 {
            slow.step();
            assert!(slow.progress() > before);
            before = slow.progress();
        }
        assert_eq!(slow.eigenvalues(), Tridiagonal::new(&gram).eigenvalues());
    }
}
