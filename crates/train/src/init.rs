//! How parameters are initialized.
//!
//! With the authors' recipe only one constant direction is predicted for the first millions of tokens: codes
//! are small next to PyTorch's default biases, and residual streams have a massive dimension. After [`from_data`]
//! prediction works from the first step: every dimension is scaled by its standard deviation, rows of D are residual
//! streams, and attention copies similar codes.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::seq::index::sample;
use rand::{RngExt, SeedableRng};
use rand_distr::StandardNormal;

use crate::parameters::{Array, Parameters};
use crate::recipe::Kind;
use crate::{Error, Recipe, Result};

/// Noise on maps that are initialized as an identity, in norm.
const NOISE: f32 = 0.1;

/// Noise on a row of D, in norm, next to the residual stream that it is initialized with.
const ROW_NOISE: f32 = 0.5;

/// Tokens over which mean codes are taken.
const CODES_OF: usize = 2048;

/// Initial parameters, and the size of q_target and k_ctx in them.
pub struct Initial {
    /// The parameters.
    pub parameters: Parameters,
    /// c of q_target = k_ctx = c * (projection + noise).
    pub score_scale: f32,
}

fn normal(rng: &mut StdRng, n: usize, size: f32) -> Vec<f32> {
    (0..n).map(|_| rng.sample::<f32, _>(StandardNormal) * size).collect()
}

/// Initializes from residual streams `x` [n, d_model], BOS left out, n at least the width.
///
/// # Errors
/// [`Error::Recipe`] when there are too few, or the recipe's numbers do not fit each other.
pub fn from_data(recipe: &Recipe, x: &[f32], d_model: usize) -> Result<Initial> {
    let config = recipe.config(d_model, 1.0)?;
    let (d, width, n) = (d_model, config.width, x.len() / d_model.max(1));
    if n < width {
        return Err(Error::Recipe(format!("initialization from data needs {width} tokens or more; there are {n}")));
    }
    let mut rng = StdRng::seed_from_u64(recipe.seed);
    // scaling = 1 / (std sqrt(d)): the massive dimension counts as much as any other.
    let mut mean = vec![0f64; d];
    let mut square = vec![0f64; d];
    for row in x.chunks_exact(d) {
        for (j, v) in row.iter().enumerate() {
            mean[j] += f64::from(*v);
            square[j] += f64::from(*v) * f64::from(*v);
        }
    }
    let scaling: Vec<f32> = (0..d)
        .map(|j| {
            let m = mean[j] / n as f64;
            let variance = (square[j] / n as f64 - m * m).max(1e-12);
            (1.0 / (variance.sqrt() * (d as f64).sqrt())) as f32
        })
        .collect();
    let b: Vec<f32> = (0..d).map(|j| (mean[j] / n as f64) as f32 * scaling[j]).collect();
    let centered = |row: usize| -> Vec<f32> { (0..d).map(|j| x[row * d + j] * scaling[j] - b[j]).collect() };

    let mut rows = Vec::with_capacity(width * d);
    for row in sample(&mut rng, n, width) {
        let mut v = unit(centered(row));
        let noise = unit(normal(&mut rng, d, 1.0));
        v.iter_mut().zip(noise).for_each(|(v, e)| *v += ROW_NOISE * e);
        rows.extend(unit(v).into_iter().map(|v| v * (d as f32).sqrt()));
    }
    let mut arrays = BTreeMap::new();
    let mut score_scale = 1.0;
    if recipe.kind != Kind::TopK {
        let lam = 1.0 / (4.0 * d as f32);
        let codes: Vec<Vec<f32>> = sample(&mut rng, n, CODES_OF.min(n))
            .into_iter()
            .map(|row| {
                let v = centered(row);
                rows.chunks_exact(d).map(|r| (dot(r, &v) * lam).max(0.0)).collect()
            })
            .collect();
        let mut mean_code = vec![0f32; width];
        for code in &codes {
            mean_code.iter_mut().zip(code).for_each(|(m, c)| *m += c / codes.len() as f32);
        }
        score_scale = attention(recipe, width, &codes, &mean_code, &mut rng, &mut arrays);
    }
    arrays.insert("D".to_owned(), Array::matrix(rows, d));
    arrays.insert("b".to_owned(), Array::vector(b));
    arrays.insert("scaling".to_owned(), Array::vector(scaling));
    Ok(Initial { parameters: Parameters { config, arrays }, score_scale })
}

/// Puts the attention layer's parameters into `arrays`; returns c, the mean of the heads'.
fn attention(
    recipe: &Recipe,
    width: usize,
    codes: &[Vec<f32>],
    mean: &[f32],
    rng: &mut StdRng,
    arrays: &mut BTreeMap<String, Array>,
) -> f32 {
    let heads = recipe.heads;
    let (slice, narrow) = (width / heads, width / recipe.bottleneck / heads);
    // Each head projects its own slice of the codes onto random orthogonal directions.
    let mut projection = vec![0f32; heads * narrow * width];
    for head in 0..heads {
        for (i, row) in orthogonal(narrow, slice, recipe.bottleneck == 1, rng).into_iter().enumerate() {
            let at = (head * narrow + i) * width + head * slice;
            projection[at..at + slice].copy_from_slice(&row);
        }
    }
    // The heads' projections have as many rows each as there are values in them: c is found for each of them.
    let mut self_scores = vec![0f32; heads];
    for code in codes {
        let left: Vec<f32> = code.iter().zip(mean).map(|(c, m)| c - m).collect();
        for (score, rows) in self_scores.iter_mut().zip(projection.chunks_exact(narrow * width)) {
            *score += rows.chunks_exact(width).map(|row| dot(row, &left).powi(2)).sum::<f32>();
        }
    }
    let all = self_scores.iter().sum::<f32>() / heads as f32;
    let scale = codes.len() as f32 * (narrow as f32).sqrt();
    // One number is for the heads together: some of them have larger codes than others, and score higher.
    let together = recipe.init_scores.len() == 1;
    let sizes: Vec<f32> = (0..heads)
        .map(|head| {
            let wanted = recipe.init_scores.get(head * recipe.init_scores.len() / heads).copied().unwrap_or_default();
            let found = if together { all } else { self_scores[head] };
            (wanted / (found / scale).max(1e-30)).sqrt()
        })
        .collect();
    let cancel = |w: &[f32]| -> Vec<f32> { w.chunks_exact(width).map(|row| -dot(row, mean)).collect() };
    let noisy = |map: &[f32], rng: &mut StdRng| -> Vec<f32> {
        let noise = normal(rng, map.len(), NOISE / (width as f32).sqrt());
        map.iter().zip(noise).map(|(m, e)| m + e).collect()
    };
    let mut scores = noisy(&projection, rng);
    for (rows, c) in scores.chunks_exact_mut(narrow * width).zip(&sizes) {
        rows.iter_mut().for_each(|v| *v *= c);
    }
    for name in ["q_target", "k_ctx"] {
        put(arrays, name, Array::matrix(scores.clone(), width), cancel(&scores));
    }
    let mut identity = vec![0f32; width * width];
    identity.iter_mut().step_by(width + 1).for_each(|v| *v = 1.0);
    let v = noisy(&identity, rng);
    let bias = cancel(&v);
    put(arrays, "v_ctx", Array::matrix(v, width), bias);
    put(arrays, "c_proj", Array::matrix(noisy(&identity, rng), width), vec![0.0; width]);
    sizes.iter().sum::<f32>() / heads as f32
}

/// Initializes as the authors' modules do: D as randn, weights of the attention with rows of the authors'
/// lengths, biases as PyTorch draws them, b zero. Residual streams are scaled by one factor that brings
/// the mean norm of `x` [n, d_model], BOS left out, to 1.
///
/// # Errors
/// [`Error::Recipe`] when the recipe's numbers do not fit each other, or there are no streams.
pub fn random(recipe: &Recipe, x: &[f32], d_model: usize) -> Result<Initial> {
    let norms: f64 = x.chunks_exact(d_model.max(1)).map(|row| f64::from(dot(row, row)).sqrt()).sum();
    let tokens = x.len() / d_model.max(1);
    if tokens == 0 || norms == 0.0 {
        return Err(Error::Recipe("initialization needs residual streams to know their size".to_owned()));
    }
    let config = recipe.config(d_model, tokens as f64 / norms)?;
    let width = config.width;
    let mut rng = StdRng::seed_from_u64(recipe.seed);
    let mut arrays = BTreeMap::new();
    arrays.insert("D".to_owned(), Array::matrix(normal(&mut rng, width * d_model, 1.0), d_model));
    arrays.insert("b".to_owned(), Array::vector(vec![0.0; d_model]));
    let narrow = width / recipe.bottleneck;
    let head = |n: usize| (n / recipe.heads) as f32;
    let bias_size = 1.0 / (width as f32).sqrt();
    let parts = [("k_ctx", narrow, head(narrow)), ("q_target", narrow, head(narrow)), ("v_ctx", width, head(width))];
    for (name, rows, size) in parts.into_iter().chain([("c_proj", width, width as f32)]) {
        if config.n_attn_layers == 0 {
            break;
        }
        let mut weight = Vec::with_capacity(rows * width);
        for _ in 0..rows {
            let row = unit((0..width).map(|_| rng.random_range(-1.0f32..1.0)).collect());
            weight.extend(row.into_iter().map(|v| v / size.sqrt()));
        }
        let bias = (0..rows).map(|_| rng.random_range(-bias_size..bias_size)).collect();
        put(&mut arrays, name, Array::matrix(weight, width), bias);
    }
    Ok(Initial { parameters: Parameters { config, arrays }, score_scale: 1.0 })
}

fn put(arrays: &mut BTreeMap<String, Array>, name: &str, weight: Array, bias: Vec<f32>) {
    arrays.insert(format!("attn_layers.0.{name}.weight"), weight);
    arrays.insert(format!("attn_layers.0.{name}.bias"), Array::vector(bias));
}

/// `rows` orthonormal rows of `cols` values; the identity where nothing is projected away.
fn orthogonal(rows: usize, cols: usize, identity: bool, rng: &mut StdRng) -> Vec<Vec<f32>> {
    let mut out: Vec<Vec<f32>> = Vec::with_capacity(rows);
    for i in 0..rows {
        if identity {
            out.push((0..cols).map(|j| f32::from(u8::from(i == j))).collect());
            continue;
        }
        let mut v = normal(rng, cols, 1.0);
        // Twice: once leaves what rounding brings back.
        for _ in 0..2 {
            for before in &out {
                let along = dot(before, &v);
                v.iter_mut().zip(before).for_each(|(v, b)| *v -= along * b);
            }
        }
        out.push(unit(v));
    }
    out
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn unit(mut v: Vec<f32>) -> Vec<f32> {
    let norm = dot(&v, &v).sqrt().max(1e-30);
    v.iter_mut().for_each(|v| *v /= norm);
    v
}
