//! Does this machine draw the picture that all others draw?
//!
//! A last bit that a compiler, an operating system or a browser rounds differently would show as another
//! picture for the same seed. [`fingerprint`] draws a few and condenses all their bits into one
//! number; the tests compare it with [`FINGERPRINT`], and so can any program that runs this crate elsewhere (as
//! WebAssembly, for instance).

use std::ops::ControlFlow;

use crate::random::Random;
use crate::{Distances, Metric, Parameters, Result, pca, trustworthiness, umap};

/// What [`fingerprint`] gives on every machine. It changes when the method does, and then this constant with it.
pub const FINGERPRINT: u64 = 0x6f5a_1b43_db6e_3af8;

/// Pictures of made-up points: small ones and large ones, whole graphs and ones in pieces, two and three
/// dimensions, both metrics. Takes some tens of milliseconds.
///
/// # Errors
/// None on any machine: those of [`umap`] for other data.
pub fn fingerprint() -> Result<u64> {
    let mut hash = Fnv::default();
    let settings = [
        (20, 1, Metric::Euclidean, Parameters::notebook()),
        (90, 1, Metric::Cosine, Parameters { n_epochs: Some(100), ..Parameters::default() }),
        (120, 3, Metric::Euclidean, Parameters { n_epochs: Some(60), n_neighbors: 8, ..Parameters::default() }),
        (150, 9, Metric::Euclidean, Parameters { n_epochs: Some(60), n_neighbors: 6, ..Parameters::notebook() }),
    ];
    for (points, pieces, metric, parameters) in settings {
        let gram = made_up_gram(points, pieces);
        let distances = Distances::from_gram(&gram, points, metric)?;
        let picture = umap(&distances, &parameters, |_, _| ControlFlow::Continue(()))?;
        let seen = Distances::from_points(&picture.coordinates, points, Metric::Euclidean)?;
        picture.coordinates.iter().for_each(|v| hash.add(u64::from(v.to_bits())));
        hash.add(trustworthiness(&distances, &seen, 9).unwrap_or(0.0).to_bits());
        pca(&gram, points, 3)?.coordinates.iter().for_each(|v| hash.add(u64::from(v.to_bits())));
    }
    Ok(hash.0)
}

/// Gram matrix of a random walk that jumps far away between its pieces.
fn made_up_gram(points: usize, pieces: usize) -> Vec<f32> {
    const WIDTH: usize = 6;
    let mut random = Random::new(points as u64, 2);
    let mut place = [0.0; WIDTH];
    let walk: Vec<[f64; WIDTH]> = (0..points)
        .map(|i| {
            let step = if (i * pieces) % points < pieces { 50.0 } else { 1.0 };
            place = place.map(|v| v + step * random.signed());
            place
        })
        .collect();
    let dot = |x: &[f64; WIDTH], y: &[f64; WIDTH]| x.iter().zip(y).map(|(a, b)| a * b).sum::<f64>() as f32;
    walk.iter().flat_map(|x| walk.iter().map(|y| dot(x, y))).collect()
}

/// FNV-1a on whole words.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn add(&mut self, word: u64) {
        self.0 = (self.0 ^ word).wrapping_mul(0x0100_0000_01b3);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_draws_what_others_do() {
        let found = fingerprint().unwrap();
        assert_eq!(found, FINGERPRINT, "found {found:#018x}");
    }
}
