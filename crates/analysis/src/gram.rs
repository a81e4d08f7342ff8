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
    /// Of a symmetric matrix [n, n], from rows of one of its triangles with the diagonal in order: each with the column
    /// of its first entry.
    pub fn of<R: IntoIterator<Item = f32>>(n: usize, triangle: impl IntoIterator<Item = (usize, R)>) -> Self {
        let mut rows = vec![0f64; n];
        // Each row's sum runs over its columns in order.
        for (i, (first, row)) in triangle.into_iter().enumerate().take(n) {
            let mut own = rows[i];
            for (j, (sum, value)) in rows[first..].iter_mut().zip(row).enumerate() {
                own += f64::from(value);
                if first + j != i {
                    *sum += f64::from(value);
                }
            }
            rows[i] = own;
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

    /// Centers a row's entries from the diagonal on.
    fn center(&self, i: usize, row: &mut [f32]) {
        for (value, mean) in row.iter_mut().zip(&self.rows[i..]) {
            *value = (f64::from(*value) - self.rows[i] - mean + self.all) as f32;
        }
    }
}

/// A Gram matrix of any vectors to that of the same vectors less their mean.
pub fn center(mut gram: SymmetricMatrix) -> SymmetricMatrix {
    let n = gram.size();
    let means = Means::of(n, (0..n).map(|i| (i, gram.upper_row(i).iter().copied())));
    gram.upper_rows_mut().enumerate().for_each(|(i, row)| means.center(i, row));
    gram
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

    /// The cosine of vectors i and j, whose inner product is `value`.
    pub fn cosine(&self, i: usize, j: usize, value: f32) -> f32 {
        of_product(value, self.0[i], self.0[j])
    }

    /// A row's entries from the diagonal on to cosines.
    fn to_cosines(&self, i: usize, row: &mut [f32]) {
        let own = self.0[i];
        for (value, other) in row.iter_mut().zip(&self.0[i..]) {
            *value = of_product(*value, own, *other);
        }
    }
}

/// The cosine of vectors of two lengths. Of vectors that are nothing but rounding it can be anything: it stays in its range.
fn of_product(product: f32, a: f32, b: f32) -> f32 {
    (product / a / b).clamp(-1.0 - ROUNDING, 1.0 + ROUNDING)
}

/// Cosine similarity from a Gram matrix.
pub fn cosine(mut gram: SymmetricMatrix) -> SymmetricMatrix {
    let norms = Norms::of(gram.diagonal());
    gram.upper_rows_mut().enumerate().for_each(|(i, row)| norms.to_cosines(i, row));
    gram
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
        let similarity = cosine(centered_gram(&[1.0, 0.0, 3.0, 0.0], 2, 2));
        assert_eq!(similarity.to_dense(), [1.0, -1.0, -1.0, 1.0]);
    }

    #[test]
    fn equal_rows_give_zeros_instead_of_nan() {
        assert_eq!(cosine(centered_gram(&[2.0; 40], 2, 20)).to_dense(), [0.0; 4]);
    }

    #[test]
    fn both_ways_to_center_are_one() {
        let codes = [9.0, -3.0, 1.0, 2.0, 4.0, 0.5, -1.0, 2.5, 0.25, 1.0];
        let (found, expected) = (center(gram(&codes, 5, 2)), centered_gram(&codes, 5, 2));
        for (a, b) in found.upper().iter().zip(expected.upper()) {
            assert!((a - b).abs() < 1e-4, "{a} {b}");
        }
    }

    #[test]
    fn rows_of_similarity_are_the_matrix() {
        let gram = centered_gram(&[9.0, -3.0, 1.0, 2.0, 4.0, 0.5, -1.0, 2.5], 4, 2);
        let rows: Vec<f32> = cosine_rows(&gram).flatten().collect();
        for (a, b) in rows.iter().zip(cosine(gram).to_dense()) {
            assert!((a - b).abs() <= f32::EPSILON, "{a} {b}");
        }
    }
}
