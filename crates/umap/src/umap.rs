//! From distances to a picture.

use std::ops::ControlFlow;

use crate::curve::find_ab_params;
use crate::layout::Layout;
use crate::parameters::default_epochs;
use crate::random::Random;
use crate::{Distances, Error, Parameters, Result, fuzzy_graph, spectral};

/// A picture: a place for every point.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding {
    /// 2 or 3.
    pub n_components: usize,
    /// Coordinates [T, n_components], row-major.
    pub coordinates: Vec<f32>,
}

/// A picture in the making. Each [`step`](Self::step) is short, so that a caller on a single thread can look
/// after other things (messages, a cancel button, drawing what there is) in between.
#[derive(Debug, Clone)]
pub struct Umap {
    layout: Dimensions,
    n_epochs: usize,
}

#[derive(Debug, Clone)]
enum Dimensions {
    Two(Layout<2>),
    Three(Layout<3>),
}

impl Umap {
    /// Finds the graph and where the layout starts.
    ///
    /// # Errors
    /// [`Error::TooFew`], [`Error::Setting`].
    pub fn new(distances: &Distances, parameters: &Parameters) -> Result<Self> {
        let graph = fuzzy_graph(distances, parameters)?;
        let n_epochs = parameters.epochs_of(distances.points());
        // umap-learn's rule: a layout of a few epochs keeps the edges that a usual one would.
        let graph = graph.without_weak_edges(if n_epochs > 10 { n_epochs } else { default_epochs(distances.points()) });
        let curve = find_ab_params(parameters.spread, parameters.min_dist);
        let mut random = Random::new(parameters.seed, 0);
        let start = spectral::start(&graph, distances, parameters.n_components, &mut random);
        let layout = if parameters.n_components == 2 {
            Dimensions::Two(Layout::new(&graph, &start, curve, parameters, n_epochs, random))
        } else {
            Dimensions::Three(Layout::new(&graph, &start, curve, parameters, n_epochs, random))
        };
        Ok(Self { layout, n_epochs })
    }

    /// Epochs in all.
    pub fn n_epochs(&self) -> usize {
        self.n_epochs
    }

    /// Epochs done.
    pub fn epoch(&self) -> usize {
        match &self.layout {
            Dimensions::Two(layout) => layout.epoch(),
            Dimensions::Three(layout) => layout.epoch(),
        }
    }

    /// Whether all epochs are done.
    pub fn is_done(&self) -> bool {
        self.epoch() >= self.n_epochs
    }

    /// One epoch; nothing after the last.
    pub fn step(&mut self) {
        match &mut self.layout {
            Dimensions::Two(layout) => layout.step(),
            Dimensions::Three(layout) => layout.step(),
        }
    }

    /// The picture as it is now.
    pub fn embedding(&self) -> Embedding {
        match &self.layout {
            Dimensions::Two(layout) => {
                Embedding { n_components: 2, coordinates: layout.points().as_flattened().to_vec() }
            }
            Dimensions::Three(layout) => {
                Embedding { n_components: 3, coordinates: layout.points().as_flattened().to_vec() }
            }
        }
    }
}

/// UMAP from beginning to end. `after_epoch` receives the epochs done and their total, and decides whether to
/// go on.
///
/// # Errors
/// [`Error::TooFew`], [`Error::Setting`]; [`Error::Canceled`] when `after_epoch` breaks.
pub fn umap(
    distances: &Distances,
    parameters: &Parameters,
    mut after_epoch: impl FnMut(usize, usize) -> ControlFlow<()>,
) -> Result<Embedding> {
    let mut umap = Umap::new(distances, parameters)?;
    while !umap.is_done() {
        umap.step();
        if after_epoch(umap.epoch(), umap.n_epochs()).is_break() {
            return Err(Error::Canceled);
        }
    }
    Ok(umap.embedding())
}
