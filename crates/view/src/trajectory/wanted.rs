//! What is asked of a trajectory.

use lens_analysis::similarity::Source;
use lens_umap::Parameters;

use super::Method;
use crate::settings::{Dimensions, Metric, Positions};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wanted {
    /// What the points are.
    pub source: Source,
    /// How they are laid out.
    pub method: Method,
    /// In how many dimensions.
    pub dimensions: Dimensions,
    /// Which tokens.
    pub positions: Positions,
    /// UMAP's neighbours.
    pub n_neighbors: usize,
    /// UMAP's closest packing.
    pub min_dist: f64,
    /// UMAP's distance.
    pub metric: Metric,
    /// Where UMAP's random numbers start.
    pub seed: u64,
}

impl Default for Wanted {
    /// The notebook's, of all tokens.
    fn default() -> Self {
        let notebook = Parameters::notebook();
        Self {
            source: Source::default(),
            method: Method::default(),
            dimensions: Dimensions::default(),
            positions: Positions::default(),
            n_neighbors: notebook.n_neighbors,
            min_dist: notebook.min_dist,
            metric: Metric::default(),
            seed: notebook.seed,
        }
    }
}
