//! Computes a trajectory: principal components at once, UMAP in slices between which the page lives.

use std::sync::Arc;
use std::time::Duration;

use lens_analysis::per_token::Quantity;
use lens_analysis::similarity::{self, Source};
use lens_umap::{Distances, Parameters, Umap, notebook_positions, pca};
use lens_view::settings::{Choice, Dimensions, Metric, Positions};
use lens_view::strip::Shading;
use lens_view::trajectory::{Method, Trajectory};
use leptos::prelude::*;

use crate::environment::now;
use crate::state::Shown;

/// Milliseconds of one slice of UMAP: the page stays fluid.
const SLICE_MS: f64 = 9.0;

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

/// A way through the codes, and how much it winds.
#[derive(Debug, Clone)]
pub struct Found {
    /// Coordinates of `positions`, row by row.
    pub coordinates: Vec<f32>,
    /// Tokens that are points.
    pub positions: Vec<usize>,
    /// What it was made as.
    pub wanted: Wanted,
    /// Length of the path over the distance of its ends, among the codes themselves.
    pub tortuosity: Option<f64>,
}

impl Found {
    /// The drawing model, coloured by the position or a quantity.
    ///
    /// # Errors
    /// A sentence about what the result lacks.
    pub fn drawing(&self, shown: &Shown, colour: Option<Quantity>) -> Result<Trajectory, String> {
        let tokens = shown.analysis.tokens.clone();
        let dimensions = self.wanted.dimensions.count();
        let it = Trajectory::new(self.wanted.method, &self.coordinates, dimensions, self.positions.clone(), tokens)
            .map_err(|e| e.to_string())?;
        match colour {
            None => Ok(it),
            Some(quantity) => {
                let shading = Shading::of(&shown.analysis, quantity).map_err(|e| e.to_string())?;
                it.shaded_by(quantity.label(), &shading.values).map_err(|e| e.to_string())
            }
        }
    }
}

/// Where the work is.
#[derive(Debug, Clone)]
pub enum Work {
    /// Epochs done, of how many.
    UnderWay(usize, usize),
    /// The answer.
    Done(Arc<Found>),
    /// Stopped by the visitor.
    Stopped,
    /// A sentence.
    Failed(String),
}

/// The latest request; older ones stop by themselves.
#[derive(Clone, Copy)]
pub struct Computation {
    /// Where it is.
    pub work: RwSignal<Work>,
    request: StoredValue<u32>,
}

impl Computation {
    /// Nothing asked yet.
    pub fn new() -> Self {
        Self { work: RwSignal::new(Work::UnderWay(0, 0)), request: StoredValue::new(0) }
    }

    /// Stops what is under way.
    pub fn stop(self) {
        self.request.update_value(|request| *request += 1);
        self.work.set(Work::Stopped);
    }

    /// Begins anew.
    pub fn start(self, shown: &Shown, wanted: Wanted) {
        self.request.update_value(|request| *request += 1);
        let request = self.request.get_value();
        match begin(shown, wanted) {
            Err(problem) => self.work.set(Work::Failed(problem)),
            Ok(Begun::Done(found)) => self.work.set(Work::Done(Arc::new(found))),
            Ok(Begun::Layout(umap, found)) => {
                self.work.set(Work::UnderWay(0, umap.n_epochs()));
                self.go_on(*umap, found, request);
            }
        }
    }

    fn go_on(self, mut umap: Umap, mut found: Found, request: u32) {
        // Another request, or another result on the page.
        if self.request.try_get_value() != Some(request) {
            return;
        }
        let end = now() + SLICE_MS;
        while now() < end && !umap.is_done() {
            umap.step();
        }
        if umap.is_done() {
            found.coordinates = umap.embedding().coordinates;
            let _ = self.work.try_set(Work::Done(Arc::new(found)));
            return;
        }
        let _ = self.work.try_set(Work::UnderWay(umap.epoch(), umap.n_epochs()));
        set_timeout(move || self.go_on(umap, found, request), Duration::ZERO);
    }
}

enum Begun {
    Done(Found),
    Layout(Box<Umap>, Found),
}

fn begin(shown: &Shown, wanted: Wanted) -> Result<Begun, String> {
    let said = |error: lens_umap::Error| format!("{error}.");
    let gram = similarity::gram_of(&shown.analysis, wanted.source).map_err(|missing| format!("{missing}."))?;
    let positions = match wanted.positions {
        Positions::All => (0..gram.size).collect(),
        Positions::Notebook => notebook_positions(gram.size),
    };
    let metric = match wanted.metric {
        Metric::Euclidean => lens_umap::Metric::Euclidean,
        Metric::Cosine => lens_umap::Metric::Cosine,
    };
    let distances = Distances::from_gram(&gram.values, gram.size, metric)
        .and_then(|distances| distances.select(&positions))
        .map_err(said)?;
    let mut found = Found { coordinates: Vec::new(), positions, wanted, tortuosity: distances.tortuosity() };
    let dimensions = wanted.dimensions.count();
    match wanted.method {
        Method::Umap => {
            let parameters = Parameters {
                n_neighbors: wanted.n_neighbors,
                n_components: dimensions,
                min_dist: wanted.min_dist,
                seed: wanted.seed,
                ..Parameters::notebook()
            };
            Ok(Begun::Layout(Box::new(Umap::new(&distances, &parameters).map_err(said)?), found))
        }
        Method::Pca => {
            if gram.size <= dimensions {
                return Err(said(lens_umap::Error::TooFew { found: gram.size }));
            }
            let all = pca(&gram.values, gram.size, dimensions).map_err(said)?;
            let rows: Vec<&[f32]> = all.coordinates.chunks_exact(all.n_components).collect();
            found.coordinates =
                found.positions.iter().filter_map(|p| rows.get(*p)).flat_map(|row| *row).copied().collect();
            Ok(Begun::Done(found))
        }
    }
}
