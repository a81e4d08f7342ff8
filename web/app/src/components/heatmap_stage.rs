//! What the parts of the heatmap's figure share.

use std::sync::Arc;

use lens_view::heatmap::{Heatmap, HeatmapLayout, Viewport};
use lens_view::layout::AvailableSpace;
use leptos::html::{Canvas, Figure};
use leptos::prelude::*;
use web_sys::HtmlCanvasElement;

use crate::part::Part;

/// What one press of a zoom key or button does to the number of cells shown.
pub const ZOOM_STEP: f64 = 0.7;

/// What the figure's parts share.
#[derive(Clone, Copy)]
pub struct HeatmapStage {
    /// The figure, for the full screen.
    pub figure: NodeRef<Figure>,
    /// The canvas, for its colors.
    pub base: NodeRef<Canvas>,
    /// What the picture may take.
    pub space: RwSignal<Option<AvailableSpace>>,
    /// Which part is shown.
    pub viewport: Memo<Viewport>,
    /// The same as a link names it.
    pub zoom: Part<Option<[f64; 3]>>,
    /// Where everything goes.
    pub place: Memo<Option<HeatmapLayout>>,
    /// One pixel a cell, of the matrix drawn last.
    pub raster: StoredValue<Option<(Arc<Heatmap>, HtmlCanvasElement)>, LocalStorage>,
}

impl HeatmapStage {
    /// Looks at another part.
    pub fn look(self, change: impl FnOnce(Viewport) -> Viewport) {
        let part = change(self.viewport.get_untracked()).named();
        if self.zoom.get_untracked() != part {
            self.zoom.set(part);
        }
    }
}
