//! The page's end of a trajectory: asks a worker of its own for the layout (web/layouts).

use std::sync::Arc;

use lens_analysis::per_token::Quantity;
use lens_analysis::similarity;
use lens_protocol::buffers::Buffer;
use lens_protocol::layouts::{LayoutCommand, LayoutEvent, LayoutRequest};
use lens_umap::notebook_positions;
use lens_view::choice::Choice;
use lens_view::strip::Shading;
use lens_view::trajectory::{Method, Metric, Positions, Trajectory, TrajectorySettings};
use leptos::prelude::*;

use crate::environment;
use crate::state::{ShownAnalysis, State};
use crate::worker::WorkerHandle;

/// A way through the codes, and how much it winds.
#[derive(Debug, Clone)]
pub struct TrajectoryResult {
    /// Coordinates of `positions`, row by row.
    pub coordinates: Vec<f32>,
    /// Tokens that are points.
    pub positions: Vec<usize>,
    /// What it was made as.
    pub settings: TrajectorySettings,
    /// Length of the path over the distance of its ends, among the codes themselves.
    pub tortuosity: Option<f64>,
}

impl TrajectoryResult {
    /// The drawing model, colored by the position or a quantity.
    ///
    /// # Errors
    /// A sentence about what the result lacks.
    pub fn drawing(&self, shown: &ShownAnalysis, color: Option<Quantity>) -> Result<Trajectory, String> {
        let tokens = shown.analysis.tokens.clone();
        let dimensions = self.settings.dimensions.count();
        let it = Trajectory::new(self.settings.method, &self.coordinates, dimensions, self.positions.clone(), tokens)
            .map_err(|e| e.to_string())?;
        match color {
            None => Ok(it),
            Some(quantity) => {
                let shading = Shading::of(&shown.analysis, quantity).map_err(|e| e.to_string())?;
                it.shaded_by(quantity.label(), &shading.values).map_err(|e| e.to_string())
            }
        }
    }
}

/// What there is to draw, or why not; none while it is laid out.
pub type Drawing = Memo<Option<Result<Arc<Trajectory>, String>>>;

/// The path of a shown analysis as the view asks for it: how far it is, and what there is to draw.
pub fn of_view(state: State, shown: &Arc<ShownAnalysis>) -> (Computation, Drawing) {
    let settings = state.look(|model| &model.view.trajectory);
    let color = state.look(|model| &model.view.trajectory_color);
    let computation = Computation::new();
    let asked = shown.clone();
    Effect::new(move |_| computation.start(&asked, settings.get()));
    let colored = shown.clone();
    let drawing = Memo::new_with_compare(
        move |_| match computation.work.get() {
            Work::UnderWay(..) | Work::Stopped => None,
            Work::Failed(problem) => Some(Err(problem)),
            Work::Done(found) => Some(found.drawing(&colored, color.get()).map(Arc::new)),
        },
        |_, _| true,
    );
    (computation, drawing)
}

/// Where the work is.
#[derive(Debug, Clone)]
pub enum Work {
    /// Epochs done, of how many.
    UnderWay(usize, usize),
    /// The answer.
    Done(Arc<TrajectoryResult>),
    /// Stopped by the visitor.
    Stopped,
    /// A sentence.
    Failed(String),
}

/// The latest request. A worker that is busy with an older one is ended: it reads no messages.
#[derive(Clone, Copy)]
pub struct Computation {
    /// Where it is.
    pub work: RwSignal<Work>,
    /// The latest request, with all but its answer.
    asked: StoredValue<(u32, Option<TrajectoryResult>)>,
    worker: StoredValue<Option<WorkerHandle>, LocalStorage>,
}

impl Computation {
    /// Nothing asked yet.
    pub fn new() -> Self {
        Self {
            work: RwSignal::new(Work::UnderWay(0, 0)),
            asked: StoredValue::new((0, None)),
            worker: StoredValue::new_local(None),
        }
    }

    /// Stops what is under way.
    pub fn stop(self) {
        self.forget();
        self.work.set(Work::Stopped);
    }

    /// Starts over.
    pub fn start(self, shown: &ShownAnalysis, settings: TrajectorySettings) {
        self.forget();
        self.work.set(Work::UnderWay(0, 0));
        if let Err(problem) = self.ask(shown, settings) {
            self.asked.update_value(|asked| asked.1 = None);
            self.work.set(Work::Failed(problem));
        }
    }

    /// Ends a worker that is busy; one that waits may wait on.
    fn forget(self) {
        let was_asked = self.asked.try_update_value(|asked| asked.1.take()).flatten().is_some();
        if was_asked {
            self.worker.set_value(None);
        }
    }

    fn ask(self, shown: &ShownAnalysis, settings: TrajectorySettings) -> Result<(), String> {
        let gram = similarity::gram_of(&shown.analysis, settings.source).map_err(|missing| format!("{missing}."))?;
        let positions = match settings.positions {
            Positions::All => (0..gram.size()).collect(),
            Positions::Notebook => notebook_positions(gram.size()),
        };
        let id = self.asked.with_value(|asked| asked.0).wrapping_add(1).max(1);
        let request = LayoutRequest {
            id,
            size: gram.size(),
            positions: positions.clone(),
            is_umap: settings.method == Method::Umap,
            is_cosine: settings.metric == Metric::Cosine,
            dimensions: settings.dimensions.count(),
            n_neighbors: settings.n_neighbors,
            min_dist: settings.min_dist,
            seed: settings.seed,
        };
        self.asked
            .set_value((id, Some(TrajectoryResult { coordinates: Vec::new(), positions, settings, tortuosity: None })));
        if self.worker.with_value(Option::is_none) {
            self.worker.set_value(Some(self.start_worker()?));
        }
        let gram = js_sys::Float32Array::from(gram.upper());
        let sent = self.worker.with_value(|worker| {
            worker.as_ref().is_some_and(|it| it.send(&LayoutCommand::Layout(request), &[gram.into()]).is_ok())
        });
        if sent { Ok(()) } else { Err("The layout’s worker takes no messages.".to_owned()) }
    }

    fn start_worker(self) -> Result<WorkerHandle, String> {
        let refused = || "This browser does not start a worker for the layout.".to_owned();
        let address = environment::layouts_worker().ok_or_else(refused)?;
        let on_message = move |header: &str, _: Vec<Buffer>| {
            if let Ok(event) = lens_protocol::decode(header) {
                self.receive(event);
            }
        };
        let on_crash = move |_: Option<String>| {
            self.receive(LayoutEvent::Failed {
                id: 0, message: "The layout’s worker stopped; try again.".to_owned()
            });
        };
        WorkerHandle::start(&address, "", on_message, on_crash).map_err(|_| refused())
    }

    fn receive(self, event: LayoutEvent) {
        // The figure may be gone.
        let Some((latest, is_open)) = self.asked.try_with_value(|asked| (asked.0, asked.1.is_some())) else { return };
        if !is_open {
            return;
        }
        match event {
            LayoutEvent::Progress { id, done, of } if id == latest => self.work.set(Work::UnderWay(done, of)),
            LayoutEvent::Placed { id, coordinates, tortuosity } if id == latest => {
                if let Some(found) = self.asked.try_update_value(|asked| asked.1.take()).flatten() {
                    self.work.set(Work::Done(Arc::new(TrajectoryResult { coordinates, tortuosity, ..found })));
                }
            }
            LayoutEvent::Failed { id, message } if id == latest || id == 0 => {
                self.asked.update_value(|asked| asked.1 = None);
                self.work.set(Work::Failed(message));
                if id == 0 {
                    // Ended once this closure, which it owns, has returned.
                    let gone = self.worker.try_update_value(Option::take).flatten();
                    leptos::task::spawn_local(async move { drop(gone) });
                }
            }
            LayoutEvent::Progress { .. }
            | LayoutEvent::Placed { .. }
            | LayoutEvent::Failed { .. }
            | LayoutEvent::Fingerprint { .. } => {}
        }
    }
}
