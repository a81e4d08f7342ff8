//! Messages between the page and the worker that lays out trajectories.
//!
//! A command comes with the upper triangle of the Gram matrix as a buffer, as the engine's messages do; events are headers alone.

use serde::{Deserialize, Serialize};

/// What the page asks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LayoutCommand {
    /// Lay out points.
    Layout(LayoutRequest),
    /// Draw what `lens_umap::same_everywhere` compares machines by (tests only).
    Fingerprint,
}

/// Points to lay out, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LayoutRequest {
    /// Number of the request.
    pub id: u32,
    /// Rows of the Gram matrix.
    pub size: usize,
    /// Which of them are points.
    pub positions: Vec<usize>,
    /// UMAP, or else principal components.
    pub is_umap: bool,
    /// Cosine distance, or else Euclidean.
    pub is_cosine: bool,
    /// 2 or 3.
    pub dimensions: usize,
    /// UMAP's neighbors.
    pub n_neighbors: usize,
    /// UMAP's closest packing.
    pub min_dist: f64,
    /// Where UMAP's random numbers start.
    pub seed: u64,
}

/// What the worker answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LayoutEvent {
    /// Epochs done, of how many.
    Progress {
        /// Number of the request.
        id: u32,
        /// Done.
        done: usize,
        /// In all.
        of: usize,
    },
    /// A picture.
    Placed {
        /// Number of the request.
        id: u32,
        /// Coordinates, row by row.
        coordinates: Vec<f32>,
        /// Length of the path over the distance of its ends.
        tortuosity: Option<f64>,
    },
    /// The fingerprint in hexadecimal: JSON's numbers are too short for it.
    Fingerprint {
        /// As `0x...`.
        hexadecimal: String,
    },
    /// There is no answer; of request 0 when the worker itself is gone.
    Failed {
        /// Number of the request.
        id: u32,
        /// A sentence.
        message: String,
    },
}
