//! Ridge regression from sums over many samples: y ~ (x - mean_x) M + mean_y.
//!
//! Sums are kept in double precision around a first guess of the means, so that large means do not drown the variances.
//! Columns of x are divided by their standard deviation before the penalty is applied: it is the same for all of them.

/// Sums over samples of x [dx] and y [dy].
#[derive(Debug, Clone)]
pub struct Moments {
    samples: u64,
    shift_x: Vec<f64>,
    shift_y: Vec<f64>,
    sum_x: Vec<f64>,
    sum_y: Vec<f64>,
    /// [dx, dx]
    xx: Vec<f64>,
    /// [dx, dy]
    xy: Vec<f64>,
}

/// A fitted map.
#[derive(Debug, Clone, PartialEq)]
pub struct Ridge {
    /// M transposed [dy, dx]: as the weight of a linear layer.
    pub matrix: Vec<f32>,
    /// Mean of x [dx].
    pub mean_x: Vec<f32>,
    /// Mean of y [dy].
    pub mean_y: Vec<f32>,
}

/// Why there is no fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RidgeError {
    /// Nothing to fit.
    #[error("there are no samples to fit")]
    NoSamples,
    /// A sum overflowed or was of what is not a number.
    #[error("the samples hold values that are not finite")]
    NotFinite,
    /// The system has no solution: no penalty, and columns that depend on each other.
    #[error("the samples do not determine a fit; take more of them or a larger penalty")]
    Singular,
}

impl Moments {
    /// No samples yet; `near_x` [dx] and `near_y` [dy] are near their means.
    pub fn new(near_x: &[f32], near_y: &[f32]) -> Self {
        let wide = |v: &[f32]| v.iter().map(|v| f64::from(*v)).collect::<Vec<_>>();
        let (dx, dy) = (near_x.len(), near_y.len());
        Self {
            samples: 0,
            shift_x: wide(near_x),
            shift_y: wide(near_y),
            sum_x: vec![0.0; dx],
            sum_y: vec![0.0; dy],
            xx: vec![0.0; dx * dx],
            xy: vec![0.0; dx * dy],
        }
    }

    /// What samples are shifted by before their products are taken: x's and y's.
    pub fn shifts(&self) -> [Vec<f32>; 2] {
        let narrow = |v: &[f64]| v.iter().map(|v| *v as f32).collect();
        [narrow(&self.shift_x), narrow(&self.shift_y)]
    }

    /// Adds `samples` by their sums, all of shifted values: of x [dx], of y [dy], of products x x [dx, dx] and x y [dx, dy].
    pub fn add(&mut self, samples: usize, sum_x: &[f32], sum_y: &[f32], xx: &[f32], xy: &[f32]) {
        self.samples += samples as u64;
        let sums = [(&mut self.sum_x, sum_x), (&mut self.sum_y, sum_y), (&mut self.xx, xx), (&mut self.xy, xy)];
        for (all, new) in sums {
            all.iter_mut().zip(new).for_each(|(all, new)| *all += f64::from(*new));
        }
    }

    /// Samples so far.
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// The fit with a penalty of `lambda` times the variance of a column on the square of its coefficient.
    ///
    /// # Errors
    /// [`RidgeError`].
    pub fn fit(&self, lambda: f64) -> Result<Ridge, RidgeError> {
        if self.samples == 0 {
            return Err(RidgeError::NoSamples);
        }
        let (dx, dy, n) = (self.sum_x.len(), self.sum_y.len(), self.samples as f64);
        let mean = |sums: &[f64]| sums.iter().map(|sum| sum / n).collect::<Vec<_>>();
        let (mx, my) = (mean(&self.sum_x), mean(&self.sum_y));
        let covariance = |i: usize, j: usize| self.xx[i * dx + j] / n - mx[i] * mx[j];
        // A column that never changes says nothing; any scale will do.
        let scales: Vec<f64> =
            (0..dx).map(|i| covariance(i, i).max(0.0).sqrt()).map(|s| if s > 0.0 { s } else { 1.0 }).collect();
        let mut system = vec![0.0; dx * dx];
        let mut right = vec![0.0; dx * dy];
        for i in 0..dx {
            for j in 0..dx {
                system[i * dx + j] = covariance(i, j) / (scales[i] * scales[j]);
            }
            system[i * dx + i] += lambda;
            for j in 0..dy {
                right[i * dy + j] = (self.xy[i * dy + j] / n - mx[i] * my[j]) / scales[i];
            }
        }
        if !system.iter().chain(&right).all(|value| value.is_finite()) {
            return Err(RidgeError::NotFinite);
        }
        cholesky(&mut system, dx).ok_or(RidgeError::Singular)?;
        solve(&system, dx, &mut right, dy);
        let mut matrix = vec![0f32; dx * dy];
        for i in 0..dx {
            for j in 0..dy {
                matrix[j * dx + i] = (right[i * dy + j] / scales[i]) as f32;
            }
        }
        let shifted = |shift: &[f64], mean: &[f64]| shift.iter().zip(mean).map(|(a, b)| (a + b) as f32).collect();
        Ok(Ridge { matrix, mean_x: shifted(&self.shift_x, &mx), mean_y: shifted(&self.shift_y, &my) })
    }
}

/// Replaces the lower half of a symmetric positive definite matrix [n, n] by L with L L^T equal to it; `None` where it is
/// not positive definite.
fn cholesky(a: &mut [f64], n: usize) -> Option<()> {
    for i in 0..n {
        for j in 0..=i {
            let (before, row) = a.split_at_mut(i * n);
            let of_j = if j < i { &before[j * n..j * n + j] } else { &[][..] };
            let product: f64 = if j < i {
                row[..j].iter().zip(of_j).map(|(a, b)| a * b).sum()
            } else {
                row[..i].iter().map(|a| a * a).sum()
            };
            let rest = row[j] - product;
            row[j] = if j < i {
                rest / before[j * n + j]
            } else if rest > 1e-13 {
                rest.sqrt()
            } else {
                return None;
            };
        }
    }
    Some(())
}

/// Replaces `b` [n, columns] by the solution of L L^T x = b.
fn solve(l: &[f64], n: usize, b: &mut [f64], columns: usize) {
    let subtract = |to: &mut [f64], from: &[f64], factor: f64| {
        to.iter_mut().zip(from).for_each(|(to, from)| *to -= factor * from);
    };
    for i in 0..n {
        let (before, row) = b.split_at_mut(i * columns);
        let row = &mut row[..columns];
        for j in 0..i {
            subtract(row, &before[j * columns..(j + 1) * columns], l[i * n + j]);
        }
        row.iter_mut().for_each(|value| *value /= l[i * n + i]);
    }
    for i in (0..n).rev() {
        let (row, after) = b[i * columns..].split_at_mut(columns);
        for j in i + 1..n {
            subtract(row, &after[(j - i - 1) * columns..(j - i) * columns], l[j * n + i]);
        }
        row.iter_mut().for_each(|value| *value /= l[i * n + i]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that look random.
    fn numbers(seed: u64) -> impl FnMut() -> f32 {
        let mut state = seed;
        move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 40) as f32) / (1u64 << 23) as f32 - 1.0
        }
    }

    fn moments(xs: &[Vec<f32>], ys: &[Vec<f32>], near_x: &[f32], near_y: &[f32]) -> Moments {
        let mut all = Moments::new(near_x, near_y);
        let [shift_x, shift_y] = all.shifts();
        for (x, y) in xs.iter().zip(ys) {
            let x: Vec<f32> = x.iter().zip(&shift_x).map(|(a, b)| a - b).collect();
            let y: Vec<f32> = y.iter().zip(&shift_y).map(|(a, b)| a - b).collect();
            let xx: Vec<f32> = x.iter().flat_map(|a| x.iter().map(move |b| a * b)).collect();
            let xy: Vec<f32> = x.iter().flat_map(|a| y.iter().map(move |b| a * b)).collect();
            all.add(1, &x, &y, &xx, &xy);
        }
        all
    }

    #[test]
    fn a_known_map_is_found_whatever_the_means_and_scales() -> Result<(), RidgeError> {
        let mut next = numbers(7);
        let (dx, dy) = (5, 3);
        let scales = [1.0, 300.0, 0.01, 2.0, 5.0];
        let offsets = [0.0, 40_000.0, 1.0, -3.0, 2.0];
        let map: Vec<f32> = (0..dx * dy).map(|_| next()).collect();
        let xs: Vec<Vec<f32>> = (0..400).map(|_| (0..dx).map(|i| next() * scales[i] + offsets[i]).collect()).collect();
        let image = |x: &[f32]| -> Vec<f32> {
            (0..dy)
                .map(|j| (0..dx).map(|i| (x[i] - offsets[i]) / scales[i] * map[i * dy + j]).sum::<f32>() + 10.0)
                .collect()
        };
        let ys: Vec<Vec<f32>> = xs.iter().map(|x| image(x)).collect();
        let fit = moments(&xs, &ys, &xs[0], &ys[0]).fit(1e-9)?;
        for (x, y) in xs.iter().zip(&ys) {
            for (j, expected) in y.iter().enumerate() {
                let found: f32 =
                    (0..dx).map(|i| (x[i] - fit.mean_x[i]) * fit.matrix[j * dx + i]).sum::<f32>() + fit.mean_y[j];
                assert!((found - expected).abs() < 2e-3, "{found} is not {expected}");
            }
        }
        Ok(())
    }

    #[test]
    fn the_penalty_shrinks_as_it_should() -> Result<(), RidgeError> {
        // One column of variance 1: the coefficient is that of least squares / (1 + lambda).
        let xs: Vec<Vec<f32>> = [-1.0, 1.0, -1.0, 1.0].iter().map(|x| vec![*x]).collect();
        let ys: Vec<Vec<f32>> = [-2.0, 2.0, -2.0, 2.0].iter().map(|y| vec![y + 5.0]).collect();
        let fit = moments(&xs, &ys, &[0.0], &[0.0]).fit(0.25)?;
        assert_eq!(fit, Ridge { matrix: vec![1.6], mean_x: vec![0.0], mean_y: vec![5.0] });
        Ok(())
    }

    #[test]
    fn what_has_no_fit_says_so() {
        assert_eq!(Moments::new(&[0.0], &[0.0]).fit(0.1), Err(RidgeError::NoSamples));
        let twice: Vec<Vec<f32>> = [1.0, 2.0, 3.0].iter().map(|x| vec![*x, *x]).collect();
        let one: Vec<Vec<f32>> = [1.0, 2.0, 3.0].iter().map(|x| vec![*x]).collect();
        let sums = moments(&twice, &one, &[0.0, 0.0], &[0.0]);
        assert_eq!(sums.fit(0.0), Err(RidgeError::Singular));
        assert!(sums.fit(0.01).is_ok());
        let bad = moments(&[vec![f32::NAN]], &[vec![1.0]], &[0.0], &[0.0]);
        assert_eq!(bad.fit(0.1), Err(RidgeError::NotFinite));
    }
}
