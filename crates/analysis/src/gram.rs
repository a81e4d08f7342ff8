//! Gram matrices: from vectors, centered, and cosine similarity from them.

use crate::matrix::SymmetricMatrix;

/// Subtracts the mean row of `values` [t, d] from every row (BOS included, as the notebook does).
pub fn center_rows(values: &[f32], t: usize, d: usize) -> Vec<f32> {
    let mut mean = vec![0f64; d];
    for row in values.chunks_exact(d.max(1)) {
        for (m, v) in mean.iter_mut().zip(row) {
            *m += f64::from(*v);
        }
    }
    let mean: Vec<f32> = mean.iter().map(|m| (m / t.max(1) as f64) as f32).collect();
    values.chunks_exact(d.max(1)).flat_map(|row| row.iter().zip(&mean).map(|(v, m)| v - m)).collect()
}

/// `values` [t, d] times its transpose: [t, t].
pub fn gram(values: &[f32], t: usize, d: usize) -> SymmetricMatrix {
    const LANES: usize = 16;
    SymmetricMatrix::from_fn(t, |i, j| {
        let (a, b) = (&values[i * d..(i + 1) * d], &values[j * d..(j + 1) * d]);
        let mut lanes = [0f32; LANES];
        let (a_whole, a_rest) = a.as_chunks::<LANES>();
        let (b_whole, b_rest) = b.as_chunks::<LANES>();
        for (x, y) in a_whole.iter().zip(b_whole) {
            for l in 0..LANES {
                lanes[l] += x[l] * y[l];
            }
        }
        let rest: f32 = a_rest.iter().zip(b_rest).map(|(x, y)| x * y).sum();
        lanes.iter().map(|l| f64::from(*l)).sum::<f64>() as f32 + rest
    })
}

/// The Gram matrix [t, t] of the rows of `values` [t, d] less their mean.
pub fn centered_gram(values: &[f32], t: usize, d: usize) -> SymmetricMatrix {
    gram(&center_rows(values, t, d), t, d)
}

/// What double centering takes from a Gram matrix of any vectors to make it that of the same vectors
/// less their mean: the means of its rows, and of all entries.
pub struct Means {
    rows: Vec<f64>,
    all: f64,
}

impl Means {
    /// Of a symmetric matrix [n, n] with `entry(i, j)`, j <= i, in its lower triangle.
    pub fn of(n: usize, entry: impl Fn(usize, usize) -> f32) -> Self {
        let mut rows = vec![0f64; n];
        // Each row's sum runs over its columns in order.
        for i in 0..n {
            for j in 0..=i {
                let value = f64::from(entry(i, j));
                rows[i] += value;
                if j < i {
                    rows[j] += value;
                }
            }
        }
        let count = n.max(1) as f64;
        rows.iter_mut().for_each(|sum| *sum /= count);
        let all = rows.iter().sum::<f64>() / count;
        Self { rows, all }
    }

    /// The centered entry of row i, column j, that was `value`.
    pub fn centered(&self, i: usize, j: usize, value: f32) -> f32 {
        (f64::from(value) - self.rows[i] - self.rows[j] + self.all) as f32
    }
}

/// A Gram matrix of any vectors to that of the same vectors less their mean.
pub fn center(gram: &SymmetricMatrix) -> SymmetricMatrix {
    let entry = |i: usize, j: usize| gram.get(i, j).unwrap_or(f32::NAN);
    let means = Means::of(gram.size(), entry);
    SymmetricMatrix::from_fn(gram.size(), |i, j| means.centered(i, j, entry(i, j)))
}

/// By how much a cosine, a share or a probability may lie outside its range: other programs compute in bfloat16.
pub const ROUNDING: f32 = 0.01;

/// Lengths of vectors, by which their inner products are divided to be cosines: at least 1e-12, the floor
/// of torch's `F.normalize`.
pub struct Norms(Vec<f32>);

impl Norms {
    /// From the diagonal of their Gram matrix.
    pub fn of(diagonal: impl Iterator<Item = f32>) -> Self {
        Self(diagonal.map(|square| square.max(0.0).sqrt().max(1e-12)).collect())
    }

    /// The cosine of vectors i and j, whose inner product is `value`. Of vectors that are nothing but rounding it can be anything:
    /// it stays in its range.
    pub fn cosine(&self, i: usize, j: usize, value: f32) -> f32 {
        (value / self.0[i] / self.0[j]).clamp(-1.0 - ROUNDING, 1.0 + ROUNDING)
    }
}

/// Cosine similarity from a Gram matrix.
pub fn cosine(gram: &SymmetricMatrix) -> SymmetricMatrix {
    let norms = Norms::of(gram.diagonal());
    SymmetricMatrix::from_fn(gram.size(), |i, j| norms.cosine(i, j, gram.get(i, j).unwrap_or(f32::NAN)))
}

/// The rows of cosine similarity from a Gram matrix, one after another, each [n]. Unlike those of [`cosine`]
/// an entry is divided by the norm of its own row first, as documents have it.
pub fn cosine_rows(gram: &SymmetricMatrix) -> impl Iterator<Item = Vec<f32>> + '_ {
    let norms = Norms::of(gram.diagonal());
    (0..gram.size()).map(move |i| gram.row(i).enumerate().map(|(j, value)| norms.cosine(i, j, value)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opposite_rows_have_similarity_minus_one() {
        let similarity = cosine(&centered_gram(&[1.0, 0.0, 3.0, 0.0], 2, 2));
        assert_eq!(similarity.to_dense(), [1.0, -1.0, -1.0, 1.0]);
    }

    #[test]
    fn equal_rows_give_zeros_instead_of_nan() {
        assert_eq!(cosine(&centered_gram(&[2.0; 40], 2, 20)).to_dense(), [0.0; 4]);
    }

    #[test]
    fn both_ways_to_center_are_one() {
        let codes = [9.0, -3.0, 1.0, 2.0, 4.0, 0.5, -1.0, 2.5, 0.25, 1.0];
        let (found, expected) = (center(&gram(&codes, 5, 2)), centered_gram(&codes, 5, 2));
        for (a, b) in found.upper().iter().zip(expected.upper()) {
            assert!((a - b).abs() < 1e-4, "{a} {b}");
        }
    }

    #[test]
    fn rows_of_similarity_are_the_matrix() {
        let gram = centered_gram(&[9.0, -3.0, 1.0, 2.0, 4.0, 0.5, -1.0, 2.5], 4, 2);
        let rows: Vec<f32> = cosine_rows(&gram).flatten().collect();
        for (a, b) in rows.iter().zip(cosine(&gram).to_dense()) {
            assert!((a - b).abs() <= f32::EPSILON, "{a} {b}");
        }
    }
}
