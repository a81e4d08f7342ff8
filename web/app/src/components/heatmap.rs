//! The similarity heatmap: figure, crosshair, tooltip, readout, pointer and keys.

use std::sync::Arc;

use lens_analysis::cluster::CUT;
use lens_session::Msg;
use lens_session::figure::Figure;
use lens_view::focus::{Cell, Step};
use lens_view::heatmap::{HeatmapLayout, Viewport};
use lens_view::layout::AvailableSpace;
use lens_view::neighbors;
use lens_view::scene::{self, Scene};
use leptos::html::{Canvas, Div};
use leptos::prelude::*;
use web_sys::{KeyboardEvent, PointerEvent, WheelEvent};

use super::gear::Gear;
use super::heatmap_bar::{HeatmapBar, drawn};
use super::heatmap_stage::{HeatmapStage, ZOOM_STEP};
use super::similarity_table::SimilarityTable;
use crate::film_frames;
use crate::heatmap_canvas;
use crate::part::Part;
use crate::pointing;
use crate::state::{ShownAnalysis, State};
use crate::surface::{observe_space, repaints, report, size_in_css};
use crate::views::Derived;

/// The figure of a shown analysis.
#[component]
pub fn HeatmapFigure(state: State, shown: Arc<ShownAnalysis>, derived: Derived) -> impl IntoView {
    let (frame, base, overlay) = (NodeRef::<Div>::new(), NodeRef::<Canvas>::new(), NodeRef::<Canvas>::new());
    let space = RwSignal::new(None::<AvailableSpace>);
    observe_space(frame, space);
    let heatmap = derived.heatmap;
    let size = Memo::new(move |_| heatmap.with(|it| it.as_ref().map_or(0, |it| it.size())));
    let zoom = Part::new(state, state.look(|model| &model.view.zoom), |view, part| view.zoom = part);
    let viewport = Memo::new(move |_| {
        let n = size.get();
        zoom.get().map_or_else(|| Viewport::whole(n), |part| Viewport::part(n, part))
    });
    let place = Memo::new(move |_| {
        let (space, viewport) = (space.get()?, viewport.get());
        let has_tree = derived.clustering.with(Option::is_some);
        heatmap.with(|it| {
            let it = it.as_ref().ok()?;
            Some(HeatmapLayout::beside_text(
                it.size(),
                it.label_columns(space.label_columns()),
                space,
                viewport,
                has_tree,
            ))
        })
    });
    let stage = HeatmapStage {
        figure: NodeRef::new(),
        base,
        space,
        viewport,
        zoom,
        place,
        raster: StoredValue::new_local(None),
    };
    let scenes = scene::all(&shown.analysis);
    draw(state, stage, derived, overlay, scenes.clone());
    let (filmed, listed) = (shown.clone(), shown.clone());
    film_frames::offer(Figure::Scenes, move |reading| drawn(state, &filmed, derived, stage, reading));

    // The tooltip belongs to this figure's pointer and keys, not to tokens hovered elsewhere.
    let inside = RwSignal::new(false);
    let pointer = Pointer { state, stage, derived, inside, drag: StoredValue::new(None) };
    let on_key = move |event: KeyboardEvent| pointer.key(&event);
    let missing = move || heatmap.with(|it| it.as_ref().err().map(ToString::to_string));
    let title = move || heatmap.with(|it| it.as_ref().map_or_else(|_| "Similarity".to_owned(), |it| it.title()));
    let summary = move || heatmap.with(|it| it.as_ref().map(|it| it.summary()).unwrap_or_default());
    view! {
        <figure class="heatmap" aria-labelledby="heatmap-title" node_ref=stage.figure>
            {move || missing().map(|why| view! { <p class="empty" data-testid="heatmap-missing">{why}</p> })}
            <div class="heatmap-frame" node_ref=frame class:is-zoomed=move || !viewport.get().is_whole()>
                <div class="plot">
                <canvas
                    node_ref=base
                    tabindex="0"
                    role="application"
                    aria-roledescription="heatmap"
                    aria-label=summary
                    aria-describedby="heatmap-readout"
                    data-testid="heatmap"
                    data-span=move || format!("{:.3}", viewport.get().span)
                    on:pointermove=move |event| pointer.moved(&event)
                    on:pointerdown=move |event| pointer.down(&event)
                    on:pointerleave=move |_| pointer.leave()
                    on:blur=move |_| pointer.leave()
                    on:click=move |event| pointer.click(&event)
                    on:wheel=move |event| pointer.wheel(&event)
                    on:keydown=on_key
                ></canvas>
                <canvas class="overlay" node_ref=overlay aria-hidden="true"></canvas>
                <Tooltip state derived place inside />
                </div>
            </div>
            // Above the figure for the eye, after it for the Tab key.
            <div class="figure-head">
                <figcaption id="heatmap-title" data-testid="heatmap-title">{title}</figcaption>
                <Gear label="Settings of the matrix, and it as a table" sign="⚙" testid="scenes-settings">
                    <HeatmapBar state shown derived stage />
                    <SimilarityTable
                        label="The heatmap as a table"
                        testid="similarity-table"
                        rows=move || neighbors::rows(&listed.analysis)
                    />
                </Gear>
            </div>
            <Readout state derived scenes />
        </figure>
    }
}

/// Redraws what changed: the figure for matrix, part, size and colors, the overlay for the focus.
fn draw(state: State, stage: HeatmapStage, derived: Derived, overlay: NodeRef<Canvas>, scenes: Vec<Scene>) {
    let ground = repaints(state);
    let spans = state.look(|model| &model.view.spans);
    let read_to = state.look(|model| &model.view.read_to);
    Effect::new(move |_| {
        ground.track();
        let (Some(canvas), Some(place), Some(space)) = (stage.base.get(), stage.place.get(), stage.space.get()) else {
            return;
        };
        let Ok(heatmap) = derived.heatmap.get() else { return };
        let is_drawn = stage.raster.with_value(|it| it.as_ref().is_some_and(|(of, _)| Arc::ptr_eq(of, &heatmap)));
        if !is_drawn {
            stage.raster.set_value(heatmap_canvas::raster(&heatmap).ok().map(|raster| (heatmap.clone(), raster)));
        }
        size_in_css(&canvas, place.figure.width, place.figure.height);
        let boundaries = derived.event_starts();
        let clustering = derived.clustering.get();
        stage.raster.with_value(|raster| {
            if let Some((heatmap, raster)) = raster {
                let figure = heatmap_canvas::DrawnHeatmap {
                    heatmap,
                    raster,
                    layout: &place,
                    label_room: space.label_columns(),
                    boundaries: &boundaries,
                    scenes: if boundaries.is_empty() { &[] } else { &scenes },
                    tree: clustering.as_ref().map(|it| (&it.drawing, CUT)),
                };
                report(heatmap_canvas::draw_figure(&canvas, &figure, space.pixel_ratio));
            }
        });
    });
    Effect::new(move |_| {
        ground.track();
        let (Some(canvas), Some(place), Some(space)) = (overlay.get(), stage.place.get(), stage.space.get()) else {
            return;
        };
        let Ok(heatmap) = derived.heatmap.get() else { return };
        size_in_css(&canvas, place.figure.width, place.figure.height);
        let (focus, read_to, label_room) = (state.focus.get(), read_to.get(), space.label_columns());
        spans.with(|selection| {
            let overlay = heatmap_canvas::Overlay { focus, spans: selection.spans(), read_to, label_room };
            report(heatmap_canvas::draw_crosshair(&canvas, &heatmap, &place, &overlay, space.pixel_ratio));
        });
    });
}

/// A press that may become a drag.
#[derive(Debug, Clone, Copy)]
struct Drag {
    x: f64,
    y: f64,
    viewport: Viewport,
    has_moved: bool,
}

/// Pixels a press may move and still be a click.
const STILL: f64 = 4.0;

/// What pointer and keys do.
#[derive(Clone, Copy)]
struct Pointer {
    state: State,
    stage: HeatmapStage,
    derived: Derived,
    inside: RwSignal<bool>,
    drag: StoredValue<Option<Drag>>,
}

impl Pointer {
    fn enter(self) {
        if !self.inside.get_untracked() {
            self.inside.set(true);
        }
    }

    fn leave(self) {
        self.inside.set(false);
        self.state.hover(None);
    }

    /// Positions of the cell at a point of the figure.
    fn cell(self, x: f64, y: f64) -> Option<Cell> {
        let slots = self.stage.place.with_untracked(|place| place.as_ref()?.cell_at(x, y))?;
        self.derived.heatmap.with_untracked(|it| it.as_ref().ok()?.positions(slots))
    }

    fn moved(self, event: &PointerEvent) {
        self.enter();
        let (x, y) = pointing::place(event);
        if event.buttons() & 1 == 1
            && let Some(mut drag) = self.drag.get_value()
            && !drag.viewport.is_whole()
        {
            drag.has_moved |= (x - drag.x).hypot(y - drag.y) > STILL;
            self.drag.set_value(Some(drag));
            let cell = self.stage.place.with_untracked(|place| place.as_ref().map_or(1.0, |it| it.cell_side));
            self.stage.look(|_| drag.viewport.panned((drag.x - x) / cell, (drag.y - y) / cell));
        }
        self.state.hover(self.cell(x, y));
    }

    fn down(self, event: &PointerEvent) {
        let (x, y) = pointing::place(event);
        let viewport = self.stage.viewport.get_untracked();
        self.drag.set_value(Some(Drag { x, y, viewport, has_moved: false }));
        self.moved(event);
    }

    fn click(self, event: &web_sys::MouseEvent) {
        if self.drag.get_value().is_some_and(|drag| drag.has_moved) {
            return;
        }
        let (x, y) = pointing::place(event);
        if let Some(cell) = self.cell(x, y) {
            self.state.point(|focus| focus.click(cell));
        }
    }

    /// Zooms at the pointer.
    fn wheel(self, event: &WheelEvent) {
        let Some(out) = pointing::zooms_out(event) else { return };
        let (x, y) = pointing::place(event);
        let place = self.stage.place.with_untracked(|place| place.as_ref().map(|it| it.within(x, y)));
        if let Some((u, v)) = place {
            self.stage.look(|viewport| viewport.zoomed(out.exp(), u, v));
        }
    }

    fn key(self, event: &KeyboardEvent) {
        if event.ctrl_key() || event.meta_key() || event.alt_key() {
            return;
        }
        if let Some(step) = Step::from_key(&event.key()) {
            event.prevent_default();
            self.enter();
            let Ok(heatmap) = self.derived.heatmap.get_untracked() else { return };
            let mut focus = self.state.focus.get_untracked();
            let slots = heatmap.walk(&mut focus, step);
            self.state.tell(Msg::Focused(focus));
            if let Some(slots) = slots {
                self.stage.look(|viewport| viewport.showing(slots));
            }
            return;
        }
        match event.key().as_str() {
            "Enter" | " " => self.state.point(|focus| {
                if let Some(cell) = focus.focused() {
                    focus.click(cell);
                }
            }),
            "+" | "=" => self.zoom_at_focus(ZOOM_STEP),
            "-" => self.zoom_at_focus(1.0 / ZOOM_STEP),
            "0" => self.zoom_at_focus(f64::INFINITY),
            _ => return,
        }
        event.prevent_default();
    }

    /// Zooms about the focused cell, else the middle.
    fn zoom_at_focus(self, factor: f64) {
        let slots = self.derived.heatmap.with_untracked(|it| {
            let cell = self.state.focus.with_untracked(|focus| focus.focused())?;
            it.as_ref().ok()?.slots(cell)
        });
        self.stage.look(|viewport| {
            let of = |slot: usize, first: f64| ((slot as f64 + 0.5 - first) / viewport.span).clamp(0.0, 1.0);
            let (u, v) = slots.map_or((0.5, 0.5), |it| (of(it.column, viewport.x), of(it.row, viewport.y)));
            viewport.zoomed(factor, u, v)
        });
    }
}

/// Beside the hovered cell; takes no room and no pointer events.
#[component]
fn Tooltip(
    state: State,
    derived: Derived,
    place: Memo<Option<HeatmapLayout>>,
    inside: RwSignal<bool>,
) -> impl IntoView {
    move || {
        if !inside.get() {
            return None;
        }
        let cell = state.focus.get().hovered?;
        let heatmap = derived.heatmap.get().ok()?;
        let (readout, slots) = (heatmap.readout(cell)?, heatmap.slots(cell)?);
        let (x, y, left, up) = place.with(|place| {
            let place = place.as_ref()?;
            let cell = place.cell_rect(slots);
            let left = cell.x > place.figure.plot.x + place.figure.plot.width * 0.5;
            let up = cell.y > place.figure.plot.y + place.figure.plot.height * 0.3;
            Some((
                if left { cell.x } else { cell.x + cell.width },
                if up { cell.y } else { cell.y + cell.height },
                left,
                up,
            ))
        })?;
        let shift = format!(
            "translate({}, {})",
            if left { "calc(-100% - 10px)" } else { "10px" },
            if up { "calc(-100% - 6px)" } else { "6px" }
        );
        Some(view! {
            <div
                class="tooltip"
                aria-hidden="true"
                style:left=format!("{x}px")
                style:top=format!("{y}px")
                style:transform=shift
            >
                <strong>{readout.value}</strong>
                <span>{readout.row}</span>
                <span>{readout.column}</span>
            </div>
        })
    }
}

/// The line below the figure, read aloud as it changes.
#[component]
fn Readout(state: State, derived: Derived, scenes: Vec<Scene>) -> impl IntoView {
    let pinned = move || state.focus.get().pinned.is_some();
    // Between words that stand in another order there are no lines.
    let is_ordered = move || derived.heatmap.with(|it| it.as_ref().is_ok_and(|it| it.is_ordered()));
    let lines = move || match is_ordered() {
        true => Some("Words that are alike stand together; scene lines need the text’s order."),
        false => scene::lines(&scenes, &derived.event_starts()),
    };
    let text = move || {
        let heatmap = derived.heatmap.get().ok();
        let readout = state.focus.get().focused().and_then(|cell| heatmap?.readout(cell));
        match readout {
            Some(it) => view! {
                <span class="readout-token">{it.row}</span>
                <span class="readout-times">" × "</span>
                <span class="readout-token">{it.column}</span>
                <strong>{it.value}</strong>
            }
            .into_any(),
            None => view! {
                <span class="hint">
                    {lines()} " A click pins a cell."
                </span>
            }
            .into_any(),
        }
    };
    view! {
        <p class="readout" id="heatmap-readout" role="status" aria-live="polite" data-testid="heatmap-readout" class:is-pinned=pinned>
            {text}
        </p>
    }
}
