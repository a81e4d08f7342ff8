//! The layout's curve 1 / (1 + a x^(2b)), fitted to what `spread` and `min_dist` ask for.

/// Points of the curve that are compared, evenly over [0, 3 spread]: umap-learn's.
const SAMPLES: usize = 300;
const MAX_STEPS: usize = 200;

/// `a` and `b` of umap-learn's `find_ab_params`: least squares between the curve and one that is 1 up to
/// `min_dist` and falls off as exp(-(x - min_dist) / spread) beyond, by Levenberg-Marquardt from
/// (1, 1). scipy's `curve_fit` finds the same minimum, where it finds one.
pub fn find_ab_params(spread: f64, min_dist: f64) -> (f64, f64) {
    // In units of `spread` the fit is well scaled; the curve is the same one.
    let (a, b) = fit(min_dist / spread);
    (a / libm::pow(spread, 2.0 * b), b)
}

/// `a` and `b` for a spread of 1.
fn fit(min_dist: f64) -> (f64, f64) {
    let samples: Vec<(f64, f64)> = (0..SAMPLES)
        .map(|i| {
            let x = 3.0 * i as f64 / (SAMPLES - 1) as f64;
            (x, if x < min_dist { 1.0 } else { libm::exp(min_dist - x) })
        })
        .collect();
    let (mut a, mut b) = (1.0, 1.0);
    let mut squares = normal_equations(&samples, a, b);
    let mut damping = 1e-3;
    for _ in 0..MAX_STEPS {
        let NormalEquations { aa, ab, bb, ga, gb, sum } = squares;
        let (daa, dbb) = (aa * (1.0 + damping), bb * (1.0 + damping));
        let determinant = daa * dbb - ab * ab;
        let (step_a, step_b) = ((dbb * ga - ab * gb) / determinant, (daa * gb - ab * ga) / determinant);
        let tried = normal_equations(&samples, a + step_a, b + step_b);
        // A step to where the curve is none (NaN) is no improvement either.
        if tried.sum <= sum {
            (a, b, squares) = (a + step_a, b + step_b, tried);
            damping /= 10.0;
            if step_a.abs() <= 1e-12 * a.abs() && step_b.abs() <= 1e-12 * b.abs() {
                break;
            }
        } else {
            damping *= 10.0;
            if damping > 1e12 {
                break;
            }
        }
    }
    (a, b)
}

/// J^T J, J^T r and r^T r of the residuals r in a and b.
struct NormalEquations {
    aa: f64,
    ab: f64,
    bb: f64,
    ga: f64,
    gb: f64,
    sum: f64,
}

fn normal_equations(samples: &[(f64, f64)], a: f64, b: f64) -> NormalEquations {
    let mut n = NormalEquations { aa: 0.0, ab: 0.0, bb: 0.0, ga: 0.0, gb: 0.0, sum: 0.0 };
    for &(x, y) in samples {
        let (power, log) = if x > 0.0 { (libm::pow(x, 2.0 * b), libm::log(x)) } else { (0.0, 0.0) };
        let value = 1.0 / (1.0 + a * power);
        let by_a = -value * value * power;
        let by_b = by_a * 2.0 * a * log;
        let r = y - value;
        n.aa += by_a * by_a;
        n.ab += by_a * by_b;
        n.bb += by_b * by_b;
        n.ga += by_a * r;
        n.gb += by_b * r;
        n.sum += r * r;
    }
    n
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_scales_with_its_spread() {
        for min_dist in [0.0, 0.1, 0.7, 1.0] {
            let (a, b) = find_ab_params(1.0, min_dist);
            for spread in [0.001, 30.0, 1000.0] {
                let (scaled_a, scaled_b) = find_ab_params(spread, min_dist * spread);
                let value = 1.0 / (1.0 + a * libm::pow(0.8, 2.0 * b));
                let scaled = 1.0 / (1.0 + scaled_a * libm::pow(0.8 * spread, 2.0 * scaled_b));
                assert!((value - scaled).abs() < 1e-6, "{spread} {min_dist}: {value} {scaled}");
            }
        }
    }
}
