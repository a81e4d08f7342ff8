//! Times and trustworthiness of pictures of random walks with two events, to compare umap-learn's with:
//!
//!     cargo run --release -p lens-umap --example times -- [--write FOLDER]
//!
//! With --write, the points of each size as FOLDER/walk-T.f32 (little-endian [T, 64]), for
//! `tests/reference/umap_times.py`.

use std::error::Error;
use std::ops::ControlFlow;
use std::time::Instant;

use lens_analysis::gram::centered_gram;
use lens_umap::{Distances, Metric, Parameters, Umap, pca, trustworthiness, umap};

const WIDTH: usize = 64;
const SIZES: [usize; 4] = [20, 141, 500, 2000];
const RUNS: usize = 3;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let folder = match args.as_slice() {
        [] => None,
        [flag, folder] if flag == "--write" => Some(folder),
        _ => return Err("usage: times [--write FOLDER]".into()),
    };
    println!(
        "{:>6}{:>5}{:>14}{:>12}{:>10}{:>10}{:>17}",
        "points", "dim", "distances ms", "start ms", "all ms", "PCA ms", "trustworthiness"
    );
    for points in SIZES {
        let values = walk(points);
        if let Some(folder) = folder {
            let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
            std::fs::write(format!("{folder}/walk-{points}.f32"), bytes)?;
        }
        let gram = centered_gram(&values, points, WIDTH).to_dense();
        for n_components in [2, 3] {
            let parameters = Parameters { n_components, ..Parameters::default() };
            let (distances, distances_ms) = best(|| Distances::from_gram(&gram, points, Metric::Euclidean))?;
            let (_, start_ms) = best(|| Umap::new(&distances, &parameters))?;
            let (picture, layout_ms) = best(|| umap(&distances, &parameters, |_, _| ControlFlow::Continue(())))?;
            let (_, pca_ms) = best(|| pca(&gram, points, n_components))?;
            let seen = Distances::from_points(&picture.coordinates, points, Metric::Euclidean)?;
            let score = trustworthiness(&distances, &seen, 15.min((points - 1) / 2));
            println!(
                "{points:>6}{n_components:>5}{distances_ms:>14.1}{start_ms:>12.1}{:>10.1}{pca_ms:>10.1}{:>17.4}",
                distances_ms + layout_ms,
                score.unwrap_or(f64::NAN)
            );
        }
    }
    Ok(())
}

/// The shortest of several runs, in milliseconds.
fn best<T>(mut run: impl FnMut() -> lens_umap::Result<T>) -> Result<(T, f64), lens_umap::Error> {
    let mut shortest = f64::INFINITY;
    loop {
        let mut result = None;
        for _ in 0..RUNS {
            let started = Instant::now();
            result = Some(run()?);
            shortest = shortest.min(started.elapsed().as_secs_f64() * 1e3);
        }
        if let Some(result) = result {
            return Ok((result, shortest));
        }
    }
}

/// A random walk around a place, and half way a jump to another [T, 64].
fn walk(points: usize) -> Vec<f32> {
    let mut state = 7u32;
    // Sum of four even numbers: near enough to normal.
    let mut random = || {
        (0..4)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
                state as f32 / u32::MAX as f32 - 0.5
            })
            .sum::<f32>()
    };
    let places: Vec<f32> = (0..2 * WIDTH).map(|_| 3.0 * random()).collect();
    let mut offset = vec![0f32; WIDTH];
    let mut values = Vec::with_capacity(points * WIDTH);
    for i in 0..points {
        let place = &places[if 2 * i < points { 0 } else { WIDTH }..][..WIDTH];
        for (o, p) in offset.iter_mut().zip(place) {
            *o = 0.95 * *o + 0.4 * random();
            values.push(p + *o);
        }
    }
    values
}
