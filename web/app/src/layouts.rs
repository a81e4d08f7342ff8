//! Trajectories are laid out in a worker of their own, so that neither the page nor the networks'
//! worker waits: the page's own module, started again where there is no page.
//!
//! A question is a JSON string, beside it the Gram matrix as a Float32Array; answers are JSON strings.

use std::ops::ControlFlow;

use lens_umap::{Distances, Metric, Parameters, pca, same_everywhere, umap};
use serde::{Deserialize, Serialize};
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::prelude::JsValue;
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

/// Milliseconds between two reports.
const INTERVAL_MS: f64 = 40.0;

/// What the page asks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Ask {
    /// Lay out points.
    Layout(Layout),
    /// Draw what [`same_everywhere`] compares machines by (tests only).
    Fingerprint,
}

/// Points to lay out, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Layout {
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
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Said {
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

fn scope() -> DedicatedWorkerGlobalScope {
    js_sys::global().unchecked_into()
}

fn post(said: &Said) {
    if let Ok(json) = serde_json::to_string(said) {
        // The page may be gone; there is nobody left to tell.
        let _ = scope().post_message(&JsValue::from_str(&json));
    }
}

/// Answers questions, one after another. The page ends the worker to stop it.
pub fn serve() {
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(|event: MessageEvent| answer(&event.data()));
    scope().set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    on_message.forget();
}

fn answer(data: &JsValue) {
    let parts = data.dyn_ref::<js_sys::Array>();
    let json = parts.map_or_else(|| data.clone(), |parts| parts.get(0)).as_string().unwrap_or_default();
    match serde_json::from_str(&json) {
        Ok(Ask::Layout(layout)) => {
            let gram = parts.and_then(|parts| parts.get(1).dyn_into::<js_sys::Float32Array>().ok());
            let gram = gram.map(|gram| gram.to_vec()).unwrap_or_default();
            post(
                &placed(&layout, &gram)
                    .unwrap_or_else(|error| Said::Failed { id: layout.id, message: format!("{error}.") }),
            );
        }
        Ok(Ask::Fingerprint) => post(&match same_everywhere::fingerprint() {
            Ok(found) => Said::Fingerprint { hexadecimal: format!("{found:#018x}") },
            Err(error) => Said::Failed { id: 0, message: error.to_string() },
        }),
        Err(error) => post(&Said::Failed { id: 0, message: format!("the question is not understood: {error}") }),
    }
}

fn placed(asked: &Layout, gram: &[f32]) -> lens_umap::Result<Said> {
    let metric = if asked.is_cosine { Metric::Cosine } else { Metric::Euclidean };
    let distances = Distances::from_gram(gram, asked.size, metric)?.select(&asked.positions)?;
    let coordinates = if asked.is_umap {
        let parameters = Parameters {
            n_neighbors: asked.n_neighbors,
            n_components: asked.dimensions,
            min_dist: asked.min_dist,
            seed: asked.seed,
            ..Parameters::notebook()
        };
        let mut last = js_sys::Date::now();
        umap(&distances, &parameters, |done, of| {
            let now = js_sys::Date::now();
            if now - last >= INTERVAL_MS {
                last = now;
                post(&Said::Progress { id: asked.id, done, of });
            }
            ControlFlow::Continue(())
        })?
        .coordinates
    } else {
        if asked.size <= asked.dimensions {
            return Err(lens_umap::Error::TooFew { found: asked.size });
        }
        let all = pca(gram, asked.size, asked.dimensions)?;
        let rows: Vec<&[f32]> = all.coordinates.chunks_exact(all.n_components).collect();
        asked.positions.iter().filter_map(|p| rows.get(*p)).flat_map(|row| *row).copied().collect()
    };
    Ok(Said::Placed { id: asked.id, coordinates, tortuosity: distances.tortuosity() })
}
