//! Functions of single numbers, and sums, that the compiler turns into vector code: no call, no branch, and sums over
//! a fixed number of lanes, so that their order is the same on every machine.

/// Numbers that a sum or a maximum looks at together.
pub const LANES: usize = 16;

/// exp(x) for x <= 0 within 3e-7 of it; x < -87 counts as -87, and NaN stays NaN.
#[inline(always)]
pub fn exponential(x: f32) -> f32 {
    /// Adding it rounds a small number to a whole one, which is then in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    let x = if x < -87.0 { -87.0 } else { x };
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    // ln 2 in two parts, so that the product with n is exact.
    let r = x - n * 0.693_359_4 + n * 2.121_944_4e-4;
    let r2 = r * r;
    let p = 1.987_569_1e-4;
    let p = p * r + 1.398_199_9e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 0.5;
    let p = p * r2 + r + 1.0;
    let power = shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127) << 23;
    p * f32::from_bits(power)
}

/// GELU's tanh approximation: x (1 + tanh z) / 2 = x / (1 + exp(-2 z)), where z is a polynomial of x.
#[inline(always)]
pub fn gelu(x: f32) -> f32 {
    let z = 0.797_884_6 * (x + 0.044_715 * x * x * x);
    // Only exponentials of negative numbers, so that none overflows.
    let e = exponential(-2.0 * z.abs());
    x * (if z < 0.0 { e } else { 1.0 } / (1.0 + e))
}

/// The larger of `x` and 0; NaN stays, as in PyTorch, so that a damaged number is not taken for a code of 0.
#[inline(always)]
pub fn relu(x: f32) -> f32 {
    if x < 0.0 { 0.0 } else { x }
}

/// The sum of `values` after `of`.
#[inline(always)]
pub fn sum_of(values: &[f32], of: impl Fn(f32) -> f32) -> f32 {
    let mut sums = [0f32; LANES];
    let (lanes, rest) = values.as_chunks::<LANES>();
    for lanes in lanes {
        for (sum, value) in sums.iter_mut().zip(lanes) {
            *sum += of(*value);
        }
    }
    for (sum, value) in sums.iter_mut().zip(rest) {
        *sum += of(*value);
    }
    sums.iter().sum()
}

/// `with(i)` for each of `values` that is not zero, in their order; NaN is not zero.
#[inline(always)]
pub fn each_nonzero(values: &[f32], mut with: impl FnMut(usize)) {
    let (parts, rest) = values.as_chunks::<LANES>();
    for (part, values) in parts.iter().enumerate() {
        let bit = |(i, value): (usize, &f32)| u32::from(*value != 0.0) << i;
        let mut found = values.iter().enumerate().map(bit).fold(0, |found, bit| found | bit);
        while found != 0 {
            with(LANES * part + found.trailing_zeros() as usize);
            found &= found - 1;
        }
    }
    for (i, _) in rest.iter().enumerate().filter(|(_, value)| **value != 0.0) {
        with(LANES * parts.len() + i);
    }
}

/// The sum of the products of `a` and `b`.
#[cfg(not(target_family = "wasm"))]
#[inline(always)]
pub fn scalar_product(a: &[f32], b: &[f32]) -> f32 {
    // Four vectors of sums, so that one addition does not wait for the one before.
    let mut sums = [[0f32; LANES]; 4];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<{ 4 * LANES }>(), b.as_chunks::<{ 4 * LANES }>());
    for (a, b) in a.iter().zip(b) {
        for ((sums, a), b) in sums.iter_mut().zip(a.as_chunks::<LANES>().0).zip(b.as_chunks::<LANES>().0) {
            for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
                *sum += a * b;
            }
        }
    }
    for ((sum, a), b) in sums.as_flattened_mut().iter_mut().zip(a_rest).zip(b_rest) {
        *sum += a * b;
    }
    let [mut sum, b, c, d] = sums;
    for (((sum, b), c), d) in sum.iter_mut().zip(b).zip(c).zip(d) {
        *sum = (*sum + b) + (c + d);
    }
    for half in [8, 4, 2, 1] {
        for i in 0..half {
            sum[i] += sum[i + half];
        }
    }
    sum[0]
}

/// The largest of `values`; NaN is left out.
#[inline(always)]
pub fn highest(values: &[f32]) -> f32 {
    let larger = |a: f32, b: f32| if b > a { b } else { a };
    let mut highest = [f32::NEG_INFINITY; LANES];
    let (lanes, rest) = values.as_chunks::<LANES>();
    for lanes in lanes {
        for (highest, value) in highest.iter_mut().zip(lanes) {
            *highest = larger(*highest, *value);
        }
    }
    for (highest, value) in highest.iter_mut().zip(rest) {
        *highest = larger(*highest, *value);
    }
    highest.into_iter().fold(f32::NEG_INFINITY, larger)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponentials_are_those_of_the_standard_library() {
        let mut x = 0f32;
        while x > -86.9 {
            let (found, wanted) = (exponential(x), x.exp());
            assert!((found - wanted).abs() <= 3e-7 * wanted, "exp({x}) is {wanted}, not {found}");
            x -= 0.003_7;
        }
        assert_eq!(exponential(0.0), 1.0);
        assert!(exponential(-1e9) < 1e-37 && exponential(f32::NEG_INFINITY) < 1e-37);
        assert!(exponential(f32::NAN).is_nan());
    }

    #[test]
    fn gelu_is_that_of_its_formula() {
        for i in -4000..4000 {
            let x = i as f32 / 300.0;
            let wide = f64::from(x);
            let z = (2.0 / std::f64::consts::PI).sqrt() * (wide + 0.044_715 * wide.powi(3));
            // As x / (1 + exp(-2 z)): 1 + tanh(z) would cancel.
            let wanted = wide / (1.0 + (-2.0 * z).exp());
            let error = (f64::from(gelu(x)) - wanted).abs();
            assert!(error <= 2e-5 * wanted.abs() + 1e-36, "gelu({x}) is {wanted}, not {}", gelu(x));
            assert!(error <= 3e-7 * (1.0 + wanted.abs()), "gelu({x}) is {wanted}, not {}", gelu(x));
        }
        assert_eq!((gelu(1e20), gelu(0.0)), (1e20, 0.0));
        assert!(gelu(-1e20).abs() < 1e-10 && gelu(f32::NAN).is_nan());
    }

    #[test]
    fn relu_keeps_what_is_not_a_number() {
        assert_eq!([relu(-1.0), relu(2.0), relu(0.0)], [0.0, 2.0, 0.0]);
        assert!(relu(f32::NAN).is_nan());
    }

    #[test]
    fn what_is_not_zero_is_found_in_order() {
        let values: Vec<f32> = (0..83).map(|i| if i % 5 == 1 || i > 60 { i as f32 - 70.0 } else { -0.0 }).collect();
        for values in [&values[..], &values[1..17], &[0.0, f32::NAN], &[]] {
            let mut found = Vec::new();
            each_nonzero(values, |i| found.push(i));
            let wanted: Vec<usize> = (0..values.len()).filter(|i| values[*i] != 0.0).collect();
            assert_eq!(found, wanted);
        }
    }

    #[test]
    fn sums_and_maxima_are_those_of_the_plain_loop() {
        for n in [0, 1, 15, 16, 17, 101] {
            let values: Vec<f32> = (0..n).map(|i| ((i * 37) % 23) as f32 - 11.0).collect();
            assert_eq!(sum_of(&values, |v| v * v), values.iter().map(|v| v * v).sum::<f32>(), "{n}");
            let turned: Vec<f32> = values.iter().rev().copied().collect();
            let products: f32 = values.iter().zip(&turned).map(|(a, b)| a * b).sum();
            assert_eq!(scalar_product(&values, &turned), products, "{n}");
            assert_eq!(highest(&values), values.iter().copied().fold(f32::NEG_INFINITY, f32::max), "{n}");
        }
        assert_eq!(highest(&[f32::NAN, -2.0, f32::NAN]), -2.0);
    }
}
