//! The worker that lays out trajectories, so that neither the page nor the networks' worker waits. A module of its own: the
//! page, and its first picture, do without UMAP, and this worker starts without the page.

use std::ops::ControlFlow;

use lens_analysis::SymmetricMatrix;
use lens_protocol::buffers::Buffer;
use lens_protocol::layouts::{LayoutCommand, LayoutEvent, LayoutRequest};
use lens_protocol::port::{Outgoing, incoming};
use lens_protocol::{decode, encode};
use lens_umap::{Distances, Metric, Parameters, pca, same_everywhere, umap};
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::prelude::JsValue;
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

/// Milliseconds between two reports.
const INTERVAL_MS: f64 = 40.0;

fn scope() -> DedicatedWorkerGlobalScope {
    js_sys::global().unchecked_into()
}

fn post(event: &LayoutEvent) {
    // The page may be gone: then there is nothing left to answer.
    let _ = scope().post_message(&Outgoing::new(&encode(event), &[]).message);
}

/// Runs commands, one after another. The page ends the worker to stop it.
fn main() {
    console_error_panic_hook::set_once();
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
