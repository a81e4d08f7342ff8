//! Centred Gram matrices and cosine similarity from them.

/// Subtracts the mean row of `values` [t, d] from every row (BOS included, as the notebook does).
pub fn centre(values: &[f32], t: usize, d: usize) -> Vec<f32> {
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
pub fn gram(values: &[f32], t: usize, d: usize) -> Vec<f32> {
    const LANES: usize = 16;
    let mut out = vec![0f32; t * t];
    for i in 0..t {
        let a = &values[i * d..(i + 1) * d];
        for j in i..t {
            let b = &values[j * d..(j + 1) * d];
            let mut lanes = [0f32; LANES];
            let (a_whole, a_rest) = a.as_chunks::<LANES>();
            let (b_whole, b_rest) = b.as_chunks::<LANES>();
            for (x, y) in a_whole.iter().zip(b_whole) {
                for l in 0..LANES {
                    lanes[l] += x[l] * y[l];
                }
            }
            let rest: f32 = a_rest.iter().zip(b_rest).map(|(x, y)| x * y).sum();
            let dot = lanes.iter().map(|l| f64::from(*l)).sum::<f64>() as f32 + rest;
            out[i * t + j] = dot;
            out[j * t + i] = dot;
        }
    }
    out
}

/// A Gram matrix [t, t] of any vectors to that of the same vectors less their mean: rows and columns
/// less their means (double centring).
pub fn centre_gram(gram: &[f32], t: usize) -> Vec<f32> {
    let n = t.max(1) as f64;
    let means: Vec<f64> =
        gram.chunks_exact(t.max(1)).map(|row| row.iter().map(|v| f64::from(*v)).sum::<f64>() / n).collect();
    let mean = means.iter().sum::<f64>() / n;
    let entry = |(k, v): (usize, &f32)| (f64::from(*v) - means[k / t] - means[k % t] + mean) as f32;
    gram.iter().enumerate().map(entry).collect()
}

/// Cosine similarity [t, t] from a Gram matrix, with `F.normalize`'s floor of 1e-12 on norms.
pub fn cosine(gram: &[f32], t: usize) -> Vec<f32> {
    let norms: Vec<f32> = (0..t).map(|i| gram[i * t + i].max(0.0).sqrt().max(1e-12)).collect();
    let mut out = vec![0f32; t * t];
    for i in 0..t {
        for j in 0..t {
            out[i * t + j] = gram[i * t + j] / norms[i] / norms[j];
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opposite_rows_have_similarity_minus_one() {
        let centred = centre(&[1.0, 0.0, 3.0, 0.0], 2, 2);
        assert_eq!(cosine(&gram(&centred, 2, 2), 2), [1.0, -1.0, -1.0, 1.0]);
    }

    #[test]
    fn equal_rows_give_zeros_instead_of_nan() {
        let centred = centre(&[2.0; 40], 2, 20);
        assert_eq!(cosine(&gram(&centred, 2, 20), 2), [0.0; 4]);
    }
}
