//! Principal components of a centered Gram matrix.

use crate::distances::check;
use crate::eigen::{BLOCK, BlockRow, MOST, Symmetric, largest};
use crate::{Error, Result};

/// Points along their principal components.
#[derive(Debug, Clone, PartialEq)]
pub struct Components {
    /// How many were found: no more than there are points.
    pub n_components: usize,
    /// Coordinates [T, n_components], row-major, in the points' own unit.
    pub coordinates: Vec<f32>,
    /// Share of the points' variance along each; 0 where there is no variance at all.
    pub explained: Vec<f32>,
}

/// The first `n_components` (at most 5) principal components from the centered Gram matrix [T, T] of the
/// points, row-major: its eigenvectors times the square roots of their eigenvalues. A
/// component's sign is such that it grows from the first point to the last, as far as it does.
///
/// # Errors
/// [`Error::NotSquare`], [`Error::NotFinite`], [`Error::Setting`], [`Error::NotAGram`].
pub fn pca(gram: &[f32], points: usize, n_components: usize) -> Result<Components> {
    check(gram, points)?;
    if n_components == 0 || n_components > MOST {
        return Err(Error::Setting { name: "n_components", found: n_components.to_string(), range: "1 to 5" });
    }
    let trace = check_products(gram, points)?;
    let pairs = largest(&Gram { values: gram, points }, n_components);
    // A matrix that passed the check on pairs of points and still has negative eigenvalues can throw the
    // filters off.
    if !pairs.vectors.iter().flatten().chain(&pairs.values).all(|v| v.is_finite()) {
        return Err(Error::NotAGram);
    }
    let lengths: Vec<f64> = pairs.values.iter().map(|w| w.max(0.0).sqrt()).collect();
    let coordinates = (0..points)
        .flat_map(|i| pairs.vectors.iter().zip(&lengths).map(move |(v, length)| (v[i] * length) as f32))
        .collect();
    let share = |w: &f64| if trace > 0.0 { (w.max(0.0) / trace) as f32 } else { 0.0 };
    Ok(Components { n_components: lengths.len(), coordinates, explained: pairs.values.iter().map(share).collect() })
}

/// Checks (x y)^2 <= x^2 y^2 for every pair, with room for rounding; gives the trace.
fn check_products(gram: &[f32], points: usize) -> Result<f64> {
    let norms: Vec<f64> = (0..points).map(|i| f64::from(gram[i * points + i])).collect();
    let largest = norms.iter().copied().fold(0.0, f64::max);
    let room = 1e-4 * largest;
    let fits = |(at, value): (usize, &f32)| {
        let (x, y) = (norms[at / points].max(0.0), norms[at % points].max(0.0));
        f64::from(value.abs()) <= (x * y).sqrt() + room
    };
    if norms.iter().any(|norm| *norm < -room) || !gram.iter().enumerate().all(fits) {
        return Err(Error::NotAGram);
    }
    Ok(norms.iter().sum())
}

struct Gram<'a> {
    values: &'a [f32],
    points: usize,
}

impl Symmetric for Gram<'_> {
    fn size(&self) -> usize {
        self.points
    }

    fn lowest(&self) -> f64 {
        0.0
    }

    fn accuracy(&self, value: f64) -> f64 {
        1e-5 * value.abs()
    }

    fn apply(&self, x: &[BlockRow], out: &mut [BlockRow]) {
        for (out, row) in out.iter_mut().zip(self.values.chunks_exact(self.points)) {
            let mut sum = [0.0; BLOCK];
            for (w, x) in row.iter().zip(x) {
                let w = f64::from(*w);
                for c in 0..BLOCK {
                    sum[c] += w * x[c];
                }
            }
            *out = sum;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lens_analysis::gram::centered_gram;

    #[test]
    fn an_ellipse_lies_along_its_axes() {
        for points in [20usize, 400] {
            // 3 wide along (0.6, 0.8), 1 along (-0.8, 0.6), around (5, 7).
            let values: Vec<f32> = (0..points)
                .flat_map(|i| {
                    let angle = std::f32::consts::TAU * i as f32 / points as f32;
                    let (x, y) = (-3.0 * angle.cos(), angle.sin());
                    [5.0 + 0.6 * x - 0.8 * y, 7.0 + 0.8 * x + 0.6 * y]
                })
                .collect();
            let gram = centered_gram(&values, points, 2).to_dense();
            let found = pca(&gram, points, 2).unwrap();
            let [first, second] = found.explained[..] else { panic!("two components") };
            assert!((first - 0.9).abs() < 1e-4 && (second - 0.1).abs() < 1e-4, "{points}: {first} {second}");
            for (i, c) in found.coordinates.chunks(2).enumerate() {
                let angle = std::f32::consts::TAU * i as f32 / points as f32;
                assert!((c[0].abs() - 3.0 * angle.cos().abs()).abs() < 1e-2, "{points}: {c:?} at {angle}");
                assert!((c[1].abs() - angle.sin().abs()).abs() < 1e-2, "{points}: {c:?} at {angle}");
            }
        }
    }

    #[test]
    fn hostile_matrices_get_errors_or_numbers() {
        assert_eq!(pca(&[1.0; 5], 2, 1), Err(Error::NotSquare { points: 2, values: 5 }));
        assert!(matches!(pca(&[f32::NAN; 4], 2, 1), Err(Error::NotFinite { .. })));
        assert!(matches!(pca(&[1.0; 4], 2, 6), Err(Error::Setting { .. })));
        assert_eq!(pca(&[-1.0, 0.0, 0.0, 1.0], 2, 1), Err(Error::NotAGram));
        assert_eq!(pca(&[1.0, 2.0, 2.0, 1.0], 2, 1), Err(Error::NotAGram));
        // No variance: all points are one.
        let nothing = pca(&vec![0.0; 100 * 100], 100, 3).unwrap();
        assert!(nothing.coordinates.iter().all(|v| *v == 0.0) && nothing.explained == [0.0; 3]);
        assert_eq!(pca(&[], 0, 3).unwrap().n_components, 0);
        // Every pair fits, but all pairs are opposite: the smallest eigenvalue is -98.
        let opposite: Vec<f32> = (0..100 * 100).map(|at| if at % 101 == 0 { 1.0 } else { -1.0 }).collect();
        match pca(&opposite, 100, 3) {
            Ok(found) => assert!(found.coordinates.iter().all(|v| v.is_finite())),
            Err(error) => assert_eq!(error, Error::NotAGram),
        }
    }
}
