//! Distances of all pairs of points.

use crate::{Error, Result};

/// How far two points are from each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Metric {
    /// Length of the difference. Centering the points changes nothing.
    #[default]
    Euclidean,
    /// 1 - cosine, 0..=2. From a centered Gram matrix this is the cosine of *centered* points, the one
    /// that the similarity matrix shows, not the cosine of the points themselves.
    Cosine,
}

/// Distances [T, T]: symmetric, finite, not negative, zero on the diagonal.
#[derive(Debug, Clone, PartialEq)]
pub struct Distances {
    points: usize,
    values: Vec<f32>,
}

impl Distances {
    /// From a symmetric Gram matrix [T, T], row-major, centered or not; only the upper triangle is
    /// used. Where points lie much closer to each other than to the origin, the f32 rounding of
    /// the matrix shows: a squared distance is off by up to about 1e-7 times the squared norms.
    ///
    /// # Errors
    /// [`Error::NotSquare`], [`Error::NotFinite`].
    pub fn from_gram(gram: &[f32], points: usize, metric: Metric) -> Result<Self> {
        check(gram, points)?;
        let norms: Vec<f64> = (0..points).map(|i| f64::from(gram[i * points + i]).max(0.0)).collect();
        Ok(Self::of_pairs(points, |i, j| {
            distance_of_products(norms[i], norms[j], f64::from(gram[i * points + j]), metric)
        }))
    }

    /// From points [T, d], row-major, without the rounding of a Gram matrix. `T x d` steps a point.
    ///
    /// # Errors
    /// [`Error::NotSquare`] when the length is not T x d, [`Error::NotFinite`].
    pub fn from_points(values: &[f32], points: usize, metric: Metric) -> Result<Self> {
        let width = values.len() / points.max(1);
        if width * points != values.len() {
            return Err(Error::NotSquare { points, values: values.len() });
        }
        if let Some(at) = values.iter().position(|v| !v.is_finite()) {
            return Err(Error::NotFinite { row: at / width, column: at % width, value: values[at] });
        }
        let row = |i: usize| &values[i * width..(i + 1) * width];
        let sum = |a: &[f32], b: &[f32], f: fn(f64, f64) -> f64| -> f64 {
            a.iter().zip(b).map(|(x, y)| f(f64::from(*x), f64::from(*y))).sum()
        };
        Ok(match metric {
            Metric::Euclidean => {
                Self::of_pairs(points, |i, j| sum(row(i), row(j), |x, y| (x - y) * (x - y)).sqrt() as f32)
            }
            Metric::Cosine => {
                let norms: Vec<f64> = (0..points).map(|i| sum(row(i), row(i), |x, y| x * y)).collect();
                Self::of_pairs(points, |i, j| {
                    distance_of_products(norms[i], norms[j], sum(row(i), row(j), |x, y| x * y), metric)
                })
            }
        })
    }

    /// Distances [T, T] as they are, row-major; only the upper triangle is used.
    ///
    /// # Errors
    /// [`Error::NotSquare`], [`Error::NotFinite`], [`Error::Negative`].
    pub fn from_matrix(matrix: &[f32], points: usize) -> Result<Self> {
        check(matrix, points)?;
        for row in 0..points {
            for column in row + 1..points {
                let value = matrix[row * points + column];
                if value < 0.0 {
                    return Err(Error::Negative { row, column, value });
                }
            }
        }
        Ok(Self::of_pairs(points, |i, j| matrix[i * points + j]))
    }

    /// Those of some of the points, in the order given; a position may come twice.
    ///
    /// # Errors
    /// [`Error::NoSuchPosition`].
    pub fn select(&self, positions: &[usize]) -> Result<Self> {
        if let Some(&position) = positions.iter().find(|p| **p >= self.points) {
            return Err(Error::NoSuchPosition { position, points: self.points });
        }
        Ok(Self::of_pairs(positions.len(), |i, j| self.get(positions[i], positions[j])))
    }

    /// T.
    pub fn points(&self) -> usize {
        self.points
    }

    /// Distance of two points.
    pub fn get(&self, i: usize, j: usize) -> f32 {
        self.values[i * self.points + j]
    }

    /// Distances of one point to all, T values.
    pub fn row(&self, i: usize) -> &[f32] {
        &self.values[i * self.points..(i + 1) * self.points]
    }

    fn of_pairs(points: usize, distance: impl Fn(usize, usize) -> f32) -> Self {
        let mut values = vec![0f32; points * points];
        for i in 0..points {
            for j in i + 1..points {
                let d = distance(i, j);
                values[i * points + j] = d;
                values[j * points + i] = d;
            }
        }
        Self { points, values }
    }
}

/// A distance from |x|^2, |y|^2 and x y.
fn distance_of_products(x: f64, y: f64, product: f64, metric: Metric) -> f32 {
    match metric {
        Metric::Euclidean => (x + y - 2.0 * product).max(0.0).sqrt() as f32,
        // A point at the origin has no direction: as umap-learn, near its like, far from all others.
        Metric::Cosine if x == 0.0 && y == 0.0 => 0.0,
        Metric::Cosine if x == 0.0 || y == 0.0 => 1.0,
        Metric::Cosine => (1.0 - (product / (x * y).sqrt()).clamp(-1.0, 1.0)) as f32,
    }
}

pub(crate) fn check(matrix: &[f32], points: usize) -> Result<()> {
    if points.checked_mul(points) != Some(matrix.len()) {
        return Err(Error::NotSquare { points, values: matrix.len() });
    }
    match matrix.iter().position(|v| !v.is_finite()) {
        Some(at) => Err(Error::NotFinite { row: at / points, column: at % points, value: matrix[at] }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POINTS: [f32; 8] = [0.0, 0.0, 3.0, 4.0, 0.0, 2.0, -3.0, -4.0];

    fn gram_of(points: &[f32]) -> Vec<f32> {
        let rows: Vec<&[f32]> = points.chunks(2).collect();
        rows.iter().flat_map(|a| rows.iter().map(|b| a[0] * b[0] + a[1] * b[1])).collect()
    }

    #[test]
    fn gram_and_points_give_the_same_distances() {
        for metric in [Metric::Euclidean, Metric::Cosine] {
            let a = Distances::from_points(&POINTS, 4, metric).unwrap();
            assert_eq!(a, Distances::from_gram(&gram_of(&POINTS), 4, metric).unwrap());
        }
    }

    #[test]
    fn distances_are_the_metric_s() {
        let euclidean = Distances::from_points(&POINTS, 4, Metric::Euclidean).unwrap();
        assert_eq!(euclidean.row(1), [5.0, 0.0, 13f32.sqrt(), 10.0]);
        let cosine = Distances::from_points(&POINTS, 4, Metric::Cosine).unwrap();
        // The first point has no direction.
        assert_eq!(cosine.row(0), [0.0, 1.0, 1.0, 1.0]);
        assert!((cosine.get(1, 2) - 0.2).abs() < 1e-6);
        assert_eq!(cosine.get(1, 3), 2.0);
    }

    #[test]
    fn selections_keep_their_order() {
        let all = Distances::from_points(&POINTS, 4, Metric::Euclidean).unwrap();
        let some = all.select(&[3, 1, 3]).unwrap();
        assert_eq!((some.points(), some.row(0)), (3, [0.0, 10.0, 0.0].as_slice()));
        assert_eq!(all.select(&[4]), Err(Error::NoSuchPosition { position: 4, points: 4 }));
    }

    #[test]
    fn malformed_matrices_are_named() {
        assert_eq!(Distances::from_matrix(&[0.0; 5], 2), Err(Error::NotSquare { points: 2, values: 5 }));
        assert_eq!(Distances::from_matrix(&[], usize::MAX), Err(Error::NotSquare { points: usize::MAX, values: 0 }));
        let error = Distances::from_gram(&[1.0, f32::INFINITY, 0.0, 1.0], 2, Metric::Cosine).unwrap_err();
        assert_eq!(error, Error::NotFinite { row: 0, column: 1, value: f32::INFINITY });
        assert!(matches!(
            Distances::from_points(&[0.0, f32::NAN], 1, Metric::Euclidean),
            Err(Error::NotFinite { row: 0, column: 1, .. })
        ));
        assert_eq!(
            Distances::from_matrix(&[0.0, -1.0, -1.0, 0.0], 2),
            Err(Error::Negative { row: 0, column: 1, value: -1.0 })
        );
    }
}
