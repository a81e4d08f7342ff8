//! [`SymmetricMatrix`]: a symmetric matrix in memory, one triangle of it.

/// Entries that do not make up a triangle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{found} entries are not the upper triangle of a matrix of {n} rows, which has {expected}")]
pub struct MatrixError {
    /// Rows asked for.
    pub n: usize,
    /// Entries given.
    pub found: usize,
    /// Entries called for.
    pub expected: usize,
}

/// A symmetric matrix [n, n] of f32: the upper triangle with the diagonal, row by row, n (n + 1) / 2
/// entries. Row i of it has columns i to n - 1.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SymmetricMatrix {
    n: usize,
    upper: Vec<f32>,
}

impl SymmetricMatrix {
    /// Entries of the triangle of `n` rows; none where that is more than an address space holds.
    pub fn entries_of(n: usize) -> Option<usize> {
        n.checked_add(1).and_then(|next| n.checked_mul(next)).map(|twice| twice / 2)
    }

    /// Of `n` rows, with the entries of the upper triangle.
    ///
    /// # Errors
    /// [`MatrixError`] when their number is not n (n + 1) / 2.
    pub fn new(n: usize, upper: Vec<f32>) -> Result<Self, MatrixError> {
        match Self::entries_of(n) {
            Some(expected) if expected == upper.len() => Ok(Self { n, upper }),
            expected => Err(MatrixError { n, found: upper.len(), expected: expected.unwrap_or(usize::MAX) }),
        }
    }

    /// With `entry(i, j)`, i <= j, at each place of the upper triangle.
    pub fn from_fn(n: usize, mut entry: impl FnMut(usize, usize) -> f32) -> Self {
        let mut upper = Vec::with_capacity(n * (n + 1) / 2);
        for i in 0..n {
            upper.extend((i..n).map(|j| entry(i, j)));
        }
        Self { n, upper }
    }

    /// The upper triangle of a row-major matrix [n, n].
    ///
    /// # Errors
    /// [`MatrixError`] when `dense` does not have n² entries.
    pub fn from_dense(n: usize, dense: &[f32]) -> Result<Self, MatrixError> {
        let expected = n.saturating_mul(n);
        if dense.len() != expected {
            return Err(MatrixError { n, found: dense.len(), expected });
        }
        let mut upper = Vec::with_capacity(n * (n + 1) / 2);
        for (i, row) in dense.chunks_exact(n.max(1)).enumerate() {
            upper.extend_from_slice(&row[i..]);
        }
        Ok(Self { n, upper })
    }

    /// Number of rows, n.
    pub fn size(&self) -> usize {
        self.n
    }

    /// Where row i of the triangle begins.
    fn start(&self, i: usize) -> usize {
        // Rows before it have n, n - 1, .. entries.
        i * (2 * self.n + 1 - i) / 2
    }

    /// The entry at row i, column j; none outside the matrix.
    pub fn get(&self, i: usize, j: usize) -> Option<f32> {
        let (i, j) = (i.min(j), i.max(j));
        if j >= self.n { None } else { self.upper.get(self.start(i) + j - i).copied() }
    }

    /// Columns i to n - 1 of row i; empty past the last row.
    pub fn upper_row(&self, i: usize) -> &[f32] {
        if i >= self.n { &[] } else { &self.upper[self.start(i)..self.start(i + 1)] }
    }

    /// Columns i to n - 1 of each row i in turn, to be changed.
    pub fn upper_rows_mut(&mut self) -> impl Iterator<Item = &mut [f32]> {
        let (n, mut rest) = (self.n, self.upper.as_mut_slice());
        (0..n).map(move |i| {
            let (row, after) = std::mem::take(&mut rest).split_at_mut(n - i);
            rest = after;
            row
        })
    }

    /// All columns of row i, one after another; empty past the last row.
    pub fn row(&self, i: usize) -> impl Iterator<Item = f32> + '_ {
        // Column i of the rows above it: each is one entry shorter than the one before.
        let above = (0..i.min(self.n)).map(move |k| self.upper[self.start(k) + i - k]);
        above.take(if i < self.n { i } else { 0 }).chain(self.upper_row(i).iter().copied())
    }

    /// The diagonal [n].
    pub fn diagonal(&self) -> impl Iterator<Item = f32> + '_ {
        (0..self.n).map(|i| self.upper[self.start(i)])
    }

    /// The triangle's entries, row by row.
    pub fn upper(&self) -> &[f32] {
        &self.upper
    }

    /// The triangle's entries, to be taken elsewhere.
    pub fn into_upper(self) -> Vec<f32> {
        self.upper
    }

    /// The whole matrix, row by row: for loops that want it dense.
    pub fn to_dense(&self) -> Vec<f32> {
        let mut dense = vec![0f32; self.n * self.n];
        for i in 0..self.n {
            for (j, value) in (i..).zip(self.upper_row(i)) {
                dense[i * self.n + j] = *value;
                dense[j * self.n + i] = *value;
            }
        }
        dense
    }

    /// Without its first row and column.
    pub fn without_first(&self) -> Self {
        match self.n.checked_sub(1) {
            // What is left of the triangle is its tail.
            Some(n) => Self { n, upper: self.upper[self.n..].to_vec() },
            None => Self::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three() -> SymmetricMatrix {
        SymmetricMatrix::new(3, vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap()
    }

    #[test]
    fn both_triangles_are_one() {
        let it = three();
        let dense = [1.0, 2.0, 3.0, 2.0, 4.0, 5.0, 3.0, 5.0, 6.0];
        assert_eq!(it.to_dense(), dense);
        for (k, value) in dense.into_iter().enumerate() {
            assert_eq!(it.get(k / 3, k % 3), Some(value));
        }
        let rows: Vec<f32> = (0..3).flat_map(|i| it.row(i)).collect();
        assert_eq!(rows, dense);
        assert_eq!((it.upper_row(1), it.diagonal().collect::<Vec<_>>()), (&[4.0, 5.0][..], vec![1.0, 4.0, 6.0]));
        let upper: Vec<Vec<f32>> = it.clone().upper_rows_mut().map(|row| row.to_vec()).collect();
        assert_eq!(upper, [vec![1.0, 2.0, 3.0], vec![4.0, 5.0], vec![6.0]]);
        assert_eq!(SymmetricMatrix::from_dense(3, &dense), Ok(it.clone()));
        assert_eq!(SymmetricMatrix::from_fn(3, |i, j| dense[i * 3 + j]), it);
        assert_eq!(SymmetricMatrix::new(3, it.clone().into_upper()), Ok(it));
    }

    #[test]
    fn there_is_nothing_outside() {
        let it = three();
        assert_eq!((it.get(3, 0), it.get(0, 3), it.row(3).count()), (None, None, 0));
        assert!(it.upper_row(3).is_empty());
        let none = SymmetricMatrix::default();
        assert_eq!((none.size(), none.get(0, 0), none.to_dense()), (0, None, vec![]));
        assert_eq!(none.without_first(), none);
    }

    #[test]
    fn the_first_row_and_column_go_together() {
        assert_eq!(three().without_first().to_dense(), [4.0, 5.0, 5.0, 6.0]);
        assert_eq!(three().without_first().without_first().without_first().size(), 0);
    }

    #[test]
    fn another_number_of_entries_is_refused() {
        let problem = SymmetricMatrix::new(3, vec![0.0; 9]).unwrap_err();
        assert_eq!(problem, MatrixError { n: 3, found: 9, expected: 6 });
        assert!(problem.to_string().contains("9 entries"), "{problem}");
        assert!(SymmetricMatrix::new(usize::MAX, Vec::new()).is_err());
        assert!(SymmetricMatrix::from_dense(2, &[0.0; 3]).is_err());
        assert!(SymmetricMatrix::from_dense(usize::MAX, &[0.0; 3]).is_err());
        assert_eq!(SymmetricMatrix::new(0, Vec::new()).map(|it| it.size()), Ok(0));
    }
}
