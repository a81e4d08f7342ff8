//! Trajectories are laid out in a worker of their own, so that neither the page nor the networks'
//! worker waits: the page's own module, started again where there is no page.
//!
//! A command comes with the upper triangle of the Gram matrix as a buffer, as the engine's messages do
//! ([`lens_protocol::port`]); events are headers alone.

use std::ops::ControlFlow;

use lens_analysis::SymmetricMatrix;
use lens_protocol::buffers::Buffer;
use lens_protocol::port::{Outgoing, incoming};
use lens_protocol::{decode, encode};
use lens_umap::{Distances, Metric, Parameters, pca, same_everywhere, umap};
use serde::{Deserialize, Serialize};
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::prelude::JsValue;
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

/// Milliseconds between two reports.
const INTERVAL_MS: f64 = 40.0;

/// What the page asks of the worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LayoutCommand {
    /// Lay out points.
    Layout(LayoutRequest),
    /// Draw what [`same_everywhere`] compares machines by (tests only).
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

fn scope() -> DedicatedWorkerGlobalScope {
    js_sys::global().unchecked_into()
}

fn post(event: &LayoutEvent) {
    // The page may be gone: then there is nothing left to answer.
    let _ = scope().post_message(&Outgoing::new(&encode(event), &[]).message);
}

/// Runs commands, one after another. The page ends the worker to stop it.
pub fn serve() {
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(|event: MessageEvent| answer(&event.data()));
    scope().set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    on_message.forget();
}

fn answer(data: &JsValue) {
    let Some((header, buffers)) = incoming(data) else { return };
    match decode(&header) {
        Ok(LayoutCommand::Layout(request)) => {
            let placed = gram_of(request.size, buffers).and_then(|gram| {
                // Layouts run over whole rows.
                placed(&request, &gram.to_dense()).map_err(|error| error.to_string())
            });
            post(
                &placed
                    .unwrap_or_else(|problem| LayoutEvent::Failed { id: request.id, message: format!("{problem}.") }),
            );
        }
        Ok(LayoutCommand::Fingerprint) => post(&match same_everywhere::fingerprint() {
            Ok(found) => LayoutEvent::Fingerprint { hexadecimal: format!("{found:#018x}") },
            Err(error) => LayoutEvent::Failed { id: 0, message: error.to_string() },
        }),
        Err(error) => {
            post(&LayoutEvent::Failed { id: 0, message: format!("the command is not understood: {error}") });
        }
    }
}

/// The Gram matrix that came with a command.
fn gram_of(size: usize, buffers: Vec<Buffer>) -> Result<SymmetricMatrix, String> {
    match buffers.into_iter().next() {
        Some(Buffer::F32(upper)) => SymmetricMatrix::new(size, upper).map_err(|error| error.to_string()),
        _ => Err("no Gram matrix came with the command".to_owned()),
    }
}

fn placed(request: &LayoutRequest, gram: &[f32]) -> lens_umap::Result<LayoutEvent> {
    let metric = if request.is_cosine { Metric::Cosine } else { Metric::Euclidean };
    let distances = Distances::from_gram(gram, request.size, metric)?.select(&request.positions)?;
    let coordinates = if request.is_umap {
        let parameters = Parameters {
            n_neighbors: request.n_neighbors,
            n_components: request.dimensions,
            min_dist: request.min_dist,
            seed: request.seed,
            ..Parameters::notebook()
        };
        let mut last = js_sys::Date::now();
        umap(&distances, &parameters, |done, of| {
            let now = js_sys::Date::now();
            if now - last >= INTERVAL_MS {
                last = now;
                post(&LayoutEvent::Progress { id: request.id, done, of });
            }
            ControlFlow::Continue(())
        })?
        .coordinates
    } else {
        if request.size <= request.dimensions {
            return Err(lens_umap::Error::TooFew { found: request.size });
        }
        let all = pca(gram, request.size, request.dimensions)?;
        let rows: Vec<&[f32]> = all.coordinates.chunks_exact(all.n_components).collect();
        request.positions.iter().filter_map(|p| rows.get(*p)).flat_map(|row| *row).copied().collect()
    };
    Ok(LayoutEvent::Placed { id: request.id, coordinates, tortuosity: distances.tortuosity() })
}
