//! Settings, named and defaulted as umap-learn's.

use crate::Result;
use crate::error::{Error, MIN_POINTS};

/// Settings of [`crate::umap`]. The metric is chosen where [`crate::Distances`] are made.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameters {
    /// Size of a neighborhood, the point itself included; T - 1 where there are not more points.
    pub n_neighbors: usize,
    /// Dimensions of the picture: 2 or 3.
    pub n_components: usize,
    /// How closely points may be packed, in units of `spread`.
    pub min_dist: f64,
    /// The scale of the picture.
    pub spread: f64,
    /// Where the random numbers start.
    pub seed: u64,
    /// Epochs of the layout; none for umap-learn's choice: 500 up to 10,000 points.
    pub n_epochs: Option<usize>,
    /// 1: fuzzy union of the two directions of an edge, 0: fuzzy intersection.
    pub set_op_mix_ratio: f64,
    /// Neighbors that count as connected, however far they are.
    pub local_connectivity: f64,
    /// Factor on the size of fuzzy neighborhoods.
    pub bandwidth: f64,
    /// Points pushed away for each point pulled near.
    pub negative_sample_rate: usize,
    /// Weight of pushing away (`gamma`).
    pub repulsion_strength: f64,
    /// Learning rate of the first epoch; it falls to zero.
    pub learning_rate: f64,
}

impl Default for Parameters {
    /// umap-learn's, in two dimensions.
    fn default() -> Self {
        Self {
            n_neighbors: 15,
            n_components: 2,
            min_dist: 0.1,
            spread: 1.0,
            seed: 42,
            n_epochs: None,
            set_op_mix_ratio: 1.0,
            local_connectivity: 1.0,
            bandwidth: 1.0,
            negative_sample_rate: 5,
            repulsion_strength: 1.0,
            learning_rate: 1.0,
        }
    }
}

impl Parameters {
    /// What the authors' notebook sets: 3 dimensions, 15 neighbors, min_dist 0.1, random_state 42 (and
    /// the euclidean metric).
    pub fn notebook() -> Self {
        Self { n_components: 3, n_neighbors: 15, min_dist: 0.1, seed: 42, ..Self::default() }
    }

    /// Neighbors where there are `points` points, as umap-learn truncates them.
    pub(crate) fn neighbors_of(&self, points: usize) -> usize {
        if points <= self.n_neighbors { points - 1 } else { self.n_neighbors }
    }

    /// umap-learn's choice of epochs, unless one was made.
    pub(crate) fn epochs_of(&self, points: usize) -> usize {
        self.n_epochs.unwrap_or_else(|| default_epochs(points))
    }

    /// Whether every setting is in its range and there are points enough.
    pub(crate) fn check(&self, points: usize) -> Result<()> {
        let setting = |name, found: String, range| Err(Error::Setting { name, found, range });
        let real = |name, value: f64, least: f64, most: f64, range| {
            // NaN is in no range.
            if value >= least && value <= most { Ok(()) } else { setting(name, value.to_string(), range) }
        };
        if points < MIN_POINTS {
            return Err(Error::TooFew { found: points });
        }
        if self.n_neighbors < 2 {
            return setting("n_neighbors", self.n_neighbors.to_string(), "at least 2");
        }
        if !matches!(self.n_components, 2 | 3) {
            return setting("n_components", self.n_components.to_string(), "2 or 3");
        }
        if self.n_epochs.is_some_and(|n| n > 100_000) {
            return setting("n_epochs", format!("{:?}", self.n_epochs), "at most 100,000");
        }
        if self.negative_sample_rate > 1000 {
            return setting("negative_sample_rate", self.negative_sample_rate.to_string(), "at most 1,000");
        }
        real("spread", self.spread, 1e-3, 1e3, "0.001 to 1,000")?;
        real("min_dist", self.min_dist, 0.0, self.spread, "at least 0 and at most spread")?;
        real("set_op_mix_ratio", self.set_op_mix_ratio, 0.0, 1.0, "0 to 1")?;
        real("local_connectivity", self.local_connectivity, 0.0, 1e6, "at least 0")?;
        real("bandwidth", self.bandwidth, 1e-3, 1e3, "0.001 to 1,000")?;
        real("repulsion_strength", self.repulsion_strength, 0.0, 1e3, "0 to 1,000")?;
        real("learning_rate", self.learning_rate, 1e-6, 1e3, "0.000001 to 1,000")
    }
}

/// Small sets can afford more epochs.
pub(crate) fn default_epochs(points: usize) -> usize {
    if points <= 10_000 { 500 } else { 200 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_texts_get_a_sentence() {
        let error = Parameters::default().check(4).unwrap_err();
        assert_eq!(error.to_string(), "a trajectory needs at least 5 tokens, this text has 4: write a longer one");
        assert!(Parameters::default().check(5).is_ok());
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let bad = [
            Parameters { n_neighbors: 1, ..Parameters::default() },
            Parameters { n_components: 4, ..Parameters::default() },
            Parameters { min_dist: 1.5, ..Parameters::default() },
            Parameters { min_dist: f64::NAN, ..Parameters::default() },
            Parameters { spread: 0.0, ..Parameters::default() },
            Parameters { set_op_mix_ratio: -0.1, ..Parameters::default() },
            Parameters { n_epochs: Some(usize::MAX), ..Parameters::default() },
        ];
        let names = ["n_neighbors", "n_components", "min_dist", "min_dist", "spread", "set_op_mix_ratio", "n_epochs"];
        for (parameters, expected) in bad.iter().zip(names) {
            match parameters.check(100) {
                Err(Error::Setting { name, .. }) => assert_eq!(name, expected),
                other => panic!("{expected}: {other:?}"),
            }
        }
    }

    #[test]
    fn neighbors_are_truncated_as_umap_learn_does() {
        let parameters = Parameters::default();
        assert_eq!([5, 15, 16, 100].map(|t| parameters.neighbors_of(t)), [4, 14, 15, 15]);
    }
}
