//! What pointer and wheel do alike on every canvas.

use lens_view::focus::{Cell, Focus};
use leptos::prelude::*;
use web_sys::{MouseEvent, WheelEvent};

/// Where on its canvas an event of the pointer is, in CSS pixels.
pub fn place(event: &MouseEvent) -> (f64, f64) {
    (f64::from(event.offset_x()), f64::from(event.offset_y()))
}

/// Sets what is hovered, once a change.
pub fn hover(focus: RwSignal<Focus>, cell: Option<Cell>) {
    // A canvas that is taken off the page while it has the focus loses it then: its focus is gone by now.
    if focus.try_with_untracked(|focus| focus.hovered).is_some_and(|hovered| hovered != cell) {
        focus.update(|focus| focus.hovered = cell);
    }
}

/// How far Ctrl and the wheel, or a pinch, zoom out: the logarithm of the factor. `None` for the wheel
/// alone, which scrolls the page.
pub fn zooms_out(event: &WheelEvent) -> Option<f64> {
    if !(event.ctrl_key() || event.meta_key()) {
        return None;
    }
    event.prevent_default();
    Some((event.delta_y() * 0.004).clamp(-0.7, 0.7))
}
