//! The text's way through its codes: points to hover, orbit and zoom.

use std::sync::Arc;

use lens_session::figure::Figure;
use lens_view::focus::{Cell, Step};
use lens_view::layout::{AvailableSpace, FigureLayout};
use lens_view::measures;
use lens_view::trajectory::{Camera, Dimensions, Method, Scene, Trajectory, layout};
use leptos::html::{Canvas, Div};
use leptos::prelude::*;
use web_sys::{KeyboardEvent, PointerEvent, WheelEvent};

use super::gear::Gear;
use super::trajectory_bar::{TrajectoryBar, drawn};
use super::trajectory_stage::{TrajectoryStage, rings};
use crate::canvas::fresh;
use crate::film_frames;
use crate::palette::Palette;
use crate::part::Part;
use crate::pointing;
use crate::state::{ShownAnalysis, State};
use crate::surface::{observe_space, repaints, report, size_in_css};
use crate::trajectory::{Work, of_view};
use crate::trajectory_canvas;
use crate::views::Derived;

/// The figure of a shown analysis.
#[component]
pub fn TrajectoryFigure(state: State, shown: Arc<ShownAnalysis>, derived: Derived) -> impl IntoView {
    let settings =
        Part::new(state, state.look(|model| &model.view.trajectory), |view, settings| view.trajectory = settings);
    let (computation, drawing) = of_view(state, &shown);
    let (frame, canvas) = (NodeRef::<Div>::new(), NodeRef::<Canvas>::new());
    let space = RwSignal::new(None::<AvailableSpace>);
    observe_space(frame, space);
    let camera = Part::new(state, state.look(|model| &model.view.camera), |view, camera| view.camera = camera);
    let stage = TrajectoryStage { settings, computation, drawing, camera, is_turning: RwSignal::new(false) };
    turn(stage);
    let seen = Memo::new_with_compare(
        move |_| {
            let drawing = drawing.get()?.ok()?;
            let figure = layout(drawing.dimensions(), space.get()?);
            let scene = camera.with(|camera| Scene::of(&drawing, camera, &figure));
            Some(Arc::new(DrawnTrajectory { drawing, scene, figure }))
        },
        |_, _| true,
    );
    let filmed = shown.clone();
    film_frames::offer(Figure::Path, move |reading| drawn(state, &filmed, derived, stage, reading));
    let (film, read_to) = (state.look(|model| &model.film), state.look(|model| &model.view.read_to));
    let ground = repaints(state);
    Effect::new(move |_| {
        ground.track();
        let (Some(canvas), Some(seen), Some(space)) = (canvas.get(), seen.get(), space.get()) else { return };
        let mut rings = rings(state, derived, &seen.drawing);
        // The film is followed at every frame, while it is open.
        let reading = read_to.get().map(|_| film.get().reading());
        let read = reading.map(|reading| {
            let is_hovering = state.focus.with_untracked(|focus| focus.hovered.is_some());
            if !is_hovering {
                rings.focused = seen.drawing.point_at(reading.position);
            }
            seen.scene.read(&seen.drawing, reading)
        });
        let scene = read.as_ref().unwrap_or(&seen.scene);
        size_in_css(&canvas, seen.figure.width, seen.figure.height);
        let drawn = fresh(&canvas, (seen.figure.width, seen.figure.height), space.pixel_ratio).and_then(|context| {
            let palette = Palette::of(&canvas);
            trajectory_canvas::draw(&context, &seen.drawing, scene, &seen.figure, &rings, &palette)
        });
        report(drawn);
    });

    let inside = RwSignal::new(false);
    let hand = Hand { state, stage, seen, inside, drag: StoredValue::new(None) };
    let status = move || match computation.work.get() {
        Work::UnderWay(_, 0) => Some("Starting …".to_owned()),
        Work::UnderWay(done, of) => Some(format!("UMAP, epoch {done} of {of}")),
        Work::Stopped => Some("Stopped.".to_owned()),
        Work::Failed(_) | Work::Done(_) => drawing.with(|it| it.as_ref()?.as_ref().err().cloned()),
    };
    let summary = move || seen.with(|seen| seen.as_ref().map(|it| it.drawing.summary()).unwrap_or_default());
    let points = move || seen.with(|seen| seen.as_ref().map(|it| it.drawing.size()));
    let wound = shown.clone();
    let winding = move || match computation.work.get() {
        Work::Done(found) => found.tortuosity.map(|it| {
            let sentence = measures::wandering(it, wound.analysis.shuffled.as_ref());
            view! { <span class="note" data-testid="tortuosity">{sentence}</span> }
        }),
        _ => None,
    };
    let rows = move || {
        let seen = seen.get()?;
        Some(
            seen.drawing
                .rows()
                .map(|row| {
                    view! {
                        <tr>
                            <th scope="row">{format!("{} {}", row.position, row.token)}</th>
                            {row.coordinates.into_iter().map(|it| view! { <td class="number">{it}</td> }).collect_view()}
                        </tr>
                    }
                })
                .collect_view(),
        )
    };
    let is_table_open = RwSignal::new(false);
    view! {
        <figure class="trajectory" aria-labelledby="trajectory-title">
            {move || {
                status()
                    .map(|status| view! { <p class="empty" role="status" data-testid="trajectory-status">{status}</p> })
            }}
            <div class="heatmap-frame" node_ref=frame>
                <canvas
                    node_ref=canvas
                    tabindex="0"
                    role="application"
                    aria-roledescription="trajectory"
                    aria-label=summary
                    aria-describedby="trajectory-readout"
                    data-testid="trajectory"
                    data-points=points
                    on:pointermove=move |event| hand.moved(&event)
                    on:pointerdown=move |event| hand.down(&event)
                    on:pointerleave=move |_| hand.leave()
                    on:blur=move |_| hand.leave()
                    on:click=move |event| hand.click(&event)
                    on:wheel=move |event| hand.wheel(&event)
                    on:keydown=move |event| hand.key(&event)
                ></canvas>
                <Card state seen inside />
            </div>
            // Above the figure for the eye, after it for the Tab key.
            <div class="figure-head">
                <figcaption id="trajectory-title">"Path of the expectation " {winding}</figcaption>
                <Gear label="Settings of the path" sign="⚙" testid="path-settings">
                    <TrajectoryBar state shown derived stage />
                </Gear>
            </div>
            <p class="readout" id="trajectory-readout" role="status" aria-live="polite" data-testid="trajectory-readout">
                {move || readout(state, settings.with(|it| (it.method, it.dimensions)), seen.get().as_deref())}
            </p>
            <details on:toggle=move |_| is_table_open.set(true)>
                <summary>"The trajectory as a table"</summary>
                <div class="scroll" tabindex="0" role="region" aria-label="The trajectory as a table">
                    <table>
                        <tbody>{move || is_table_open.get().then(&rows)}</tbody>
                    </table>
                </div>
            </details>
        </figure>
    }
}

/// A trajectory as it stands on the page.
struct DrawnTrajectory {
    drawing: Arc<Trajectory>,
    scene: Scene,
    figure: FigureLayout,
}

fn readout(state: State, (method, dimensions): (Method, Dimensions), seen: Option<&DrawnTrajectory>) -> String {
    let point = |seen: &DrawnTrajectory| {
        let point = seen.drawing.point_at(state.focus.get().focused()?.row)?;
        let row = seen.drawing.rows().nth(point)?;
        Some(format!("{} {}   {}", row.position, row.token, row.coordinates.join(", ")))
    };
    let drag = if dimensions == Dimensions::Three { "turn" } else { "move" };
    seen.and_then(point).unwrap_or_else(|| format!("{} Drag to {drag}.", method.reading()))
}

/// Turns the camera while that is on.
fn turn(stage: TrajectoryStage) {
    fn frame(stage: TrajectoryStage, before: f64) {
        if stage.is_turning.try_get_untracked() != Some(true) {
            return;
        }
        let now = crate::environment::now();
        let seconds = ((now - before) / 1000.0).min(0.1);
        stage.camera.update(|camera| *camera = camera.rotated(seconds));
        request_animation_frame(move || frame(stage, now));
    }
    Effect::new(move |_| {
        if stage.is_turning.get() {
            let now = crate::environment::now();
            request_animation_frame(move || frame(stage, now));
        }
    });
}

/// A press that may become a drag.
#[derive(Debug, Clone, Copy)]
struct Drag {
    x: f64,
    y: f64,
    has_moved: bool,
}

/// Pixels a press may move and still be a click.
const STILL: f64 = 4.0;

/// What pointer and keys do.
#[derive(Clone, Copy)]
struct Hand {
    state: State,
    stage: TrajectoryStage,
    seen: Memo<Option<Arc<DrawnTrajectory>>>,
    inside: RwSignal<bool>,
    drag: StoredValue<Option<Drag>>,
}

impl Hand {
    fn cell(self, x: f64, y: f64) -> Option<Cell> {
        self.seen.with_untracked(|seen| {
            let seen = seen.as_ref()?;
            seen.drawing.position(seen.scene.point_under(x, y)?).map(Cell::token)
        })
    }

    fn hover(self, cell: Option<Cell>) {
        self.state.hover(cell);
    }

    fn leave(self) {
        self.inside.set(false);
        self.hover(None);
    }

    fn down(self, event: &PointerEvent) {
        let (x, y) = pointing::place(event);
        self.drag.set_value(Some(Drag { x, y, has_moved: false }));
        self.moved(event);
    }

    fn moved(self, event: &PointerEvent) {
        let (x, y) = pointing::place(event);
        if event.buttons() & 1 == 1
            && let Some(drag) = self.drag.get_value()
        {
            let (right, down) = (x - drag.x, y - drag.y);
            let has_moved = drag.has_moved || right.hypot(down) > STILL;
            if has_moved {
                self.drag.set_value(Some(Drag { x, y, has_moved }));
                let is_flat = self.stage.settings.with_untracked(|settings| settings.dimensions.count() == 2);
                let pans = is_flat || event.shift_key();
                self.stage.camera.update(|camera| {
                    *camera = if pans { camera.panned(right, down) } else { camera.orbited(right, down) };
                });
                return self.hover(None);
            }
        }
        self.inside.set(true);
        self.hover(self.cell(x, y));
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

    fn wheel(self, event: &WheelEvent) {
        let Some(out) = pointing::zooms_out(event) else { return };
        let middle = self.seen.with_untracked(|seen| seen.as_ref().map(|seen| seen.figure.plot.center()));
        if let Some([x, y]) = middle {
            let (right, down) = pointing::place(event);
            let at = [right - x, down - y];
            self.stage.camera.update(|camera| *camera = camera.zoomed((-out).exp(), at));
        }
    }

    fn key(self, event: &KeyboardEvent) {
        if event.ctrl_key() || event.meta_key() || event.alt_key() {
            return;
        }
        let zoom = |factor: f64| self.stage.camera.update(|camera| *camera = camera.zoomed(factor, [0.0; 2]));
        match event.key().as_str() {
            "Enter" => self.state.point(|focus| focus.click_token()),
            "+" | "=" => zoom(1.25),
            "-" => zoom(0.8),
            "0" => self.stage.camera.set(Camera::default()),
            key => match Step::from_key(key) {
                Some(step) => self.walk(step),
                None => return,
            },
        }
        event.prevent_default();
    }

    /// Along the path.
    fn walk(self, step: Step) {
        let Some(seen) = self.seen.get_untracked() else { return };
        let drawing = &seen.drawing;
        let focused = self.state.focus.with_untracked(|focus| focus.focused());
        let point = focused.and_then(|cell| drawing.point_at(cell.row));
        let next = match (step, point) {
            (Step::Last, _) => drawing.size().saturating_sub(1),
            (Step::First, _) | (_, None) => 0,
            (Step::Left | Step::Up, Some(point)) => drawing.beside(point, false),
            (Step::Right | Step::Down, Some(point)) => drawing.beside(point, true),
        };
        self.inside.set(true);
        self.hover(drawing.position(next).map(Cell::token));
    }
}

/// Position, coordinates and the text so far, as the notebook's hover shows them; takes no room.
#[component]
fn Card(state: State, seen: Memo<Option<Arc<DrawnTrajectory>>>, inside: RwSignal<bool>) -> impl IntoView {
    move || {
        if !inside.get() {
            return None;
        }
        let seen = seen.get()?;
        let point = seen.drawing.point_at(state.focus.get().hovered?.row)?;
        let hover = seen.drawing.hover(point)?;
        let [middle, _] = seen.figure.plot.center();
        // On the side where the point is not.
        let is_left = seen.scene.dot(point)?.at[0] > middle;
        Some(view! {
            <div class="tooltip card" aria-hidden="true" class:is-right=!is_left>
                <strong>{hover.position}</strong>
                <span>{hover.coordinates.join(", ")}</span>
                {hover.shade.map(|shade| view! { <span>{shade}</span> })}
                <div class="card-text">
                    {hover
                        .lines
                        .into_iter()
                        .map(|line| {
                            view! {
                                <div>
                                    {line
                                        .into_iter()
                                        .map(|word| {
                                            if word.current {
                                                view! { <b>{word.text}</b> }.into_any()
                                            } else {
                                                word.text.into_any()
                                            }
                                        })
                                        .collect_view()}
                                </div>
                            }
                        })
                        .collect_view()}
                </div>
            </div>
        })
    }
}
