//! What the parts of the trajectory's figure share.

use lens_view::focus::Cell;
use lens_view::trajectory::{Camera, Trajectory, TrajectorySettings};
use leptos::prelude::*;

use crate::part::Part;
use crate::state::State;
use crate::trajectory::{Computation, Drawing};
use crate::trajectory_canvas::Rings;
use crate::views::Derived;

/// What the figure's parts share.
#[derive(Clone, Copy)]
pub struct TrajectoryStage {
    /// What is asked for.
    pub settings: Part<TrajectorySettings>,
    /// Where it is.
    pub computation: Computation,
    /// What is drawn.
    pub drawing: Drawing,
    /// From where it is looked at.
    pub camera: Part<Camera>,
    /// Whether it turns by itself.
    pub is_turning: RwSignal<bool>,
}

/// Points that stand out now.
pub fn rings(state: State, derived: Derived, drawing: &Trajectory) -> Rings {
    let focus = state.focus.get();
    let point = |cell: Cell| drawing.point_at(cell.row);
    let begins = derived.event_starts();
    Rings {
        focused: focus.focused().and_then(point),
        pinned: focus.pinned.and_then(point),
        events: begins.into_iter().filter_map(|position| drawing.point_at(position)).collect(),
    }
}
