//! The trajectory's choices, zoom buttons and files.

use std::sync::Arc;

use lens_analysis::per_token::Quantity;
use lens_view::choice::Choice;
use lens_view::film::{self, Reading};
use lens_view::layout::AvailableSpace;
use lens_view::statistics;
use lens_view::trajectory::{Camera, Dimensions, Method, Metric, Positions, Scene, TrajectorySettings, layout};
use leptos::prelude::*;
use wasm_bindgen::JsValue;
use web_sys::HtmlCanvasElement;

use super::picker::{Picker, Toggle};
use super::save_figure::SaveFigure;
use super::trajectory_stage::{TrajectoryStage, rings};
use crate::part::Part;
use crate::state::{ShownAnalysis, State};
use crate::trajectory::Work;
use crate::views::Derived;
use crate::{canvas, saved, trajectory_canvas};

/// Space of a frame of the film.
const SAVED_SPACE: AvailableSpace = AvailableSpace { width: 900.0, max_height: 760.0, pixel_ratio: 2.0 };

/// A menu over one field of what is asked for.
fn field<C: Choice + Send + Sync>(
    stage: TrajectoryStage,
    label: &'static str,
    testid: &'static str,
    get: fn(&TrajectorySettings) -> C,
    set: fn(&mut TrajectorySettings, C),
) -> impl IntoView {
    let chosen = Signal::derive(move || stage.settings.with(get));
    let choose = Callback::new(move |choice| stage.settings.update(|settings| set(settings, choice)));
    view! { <Picker<C> label testid chosen choose /> }
}

/// A number of what is asked for; what does not fit its range is not taken, and said.
#[component]
fn NumberField(
    label: &'static str,
    testid: &'static str,
    value: String,
    range: (f64, f64, f64),
    take: Callback<f64>,
) -> impl IntoView {
    let (least, most, step) = range;
    view! {
        <label class="field">
            <span>{label}</span>
            <input
                type="number"
                class="short"
                min=least
                max=most
                step=step
                value=value
                data-testid=testid
                on:change=move |event| {
                    if let Ok(number) = event_target_value(&event).parse::<f64>()
                        && (least..=most).contains(&number)
                    {
                        take.run(number);
                    } else {
                        // The browser says which numbers fit.
                        event_target::<web_sys::HtmlInputElement>(&event).report_validity();
                    }
                }
            />
        </label>
    }
}

/// What is drawn, and what can be done with it.
#[component]
pub fn TrajectoryBar(
    state: State,
    shown: Arc<ShownAnalysis>,
    derived: Derived,
    stage: TrajectoryStage,
) -> impl IntoView {
    let settings = stage.settings;
    let start = settings.get_untracked();
    let is_umap = move || settings.with(|it| it.method == Method::Umap);
    let is_space = move || settings.with(|it| it.dimensions == Dimensions::Three);
    let is_under_way = move || stage.computation.work.with(|work| matches!(work, Work::UnderWay(..)));
    let zoom = move |factor: f64| stage.camera.update(|camera| *camera = camera.zoomed(factor, [0.0; 2]));
    let color =
        Part::new(state, state.look(|model| &model.view.trajectory_color), |view, color| view.trajectory_color = color);
    let turn = Callback::new(move |on| stage.is_turning.set(on));
    let figure = saved::path(state, &shown, derived, stage.drawing);
    view! {
        <div class="toolbar" role="group" aria-label="What the trajectory shows">
            {field(stage, "Of", "trajectory-source", |it| it.source, |it, source| it.source = source)}
            {field::<Method>(stage, "By", "trajectory-method", |it| it.method, |it, method| it.method = method)}
            {field::<Dimensions>(stage, "In", "trajectory-dimensions", |it| it.dimensions, |it, n| it.dimensions = n)}
            {field::<Positions>(stage, "Tokens", "trajectory-positions", |it| it.positions, |it, p| it.positions = p)}
            <label class="field picker">
                <span>"Colored by"</span>
                <select
                    data-testid="trajectory-color"
                    prop:value=move || color.get().map_or("position", Choice::key)
                    on:change=move |event| color.set(Quantity::from_key(&event_target_value(&event)))
                >
                    <option value="position" selected=move || color.get().is_none()>
                        "Position"
                    </option>
                    {Quantity::CHOICES
                        .iter()
                        .map(|choice| {
                            let choice = *choice;
                            view! {
                                <option value=choice.key() selected=move || color.get() == Some(choice)>
                                    {choice.label()}
                                </option>
                            }
                        })
                        .collect_view()}
                </select>
            </label>
        </div>
        <Show when=is_umap>
            <div class="toolbar" role="group" aria-label="UMAP's settings">
                {field::<Metric>(stage, "Distance", "trajectory-metric", |it| it.metric, |it, m| it.metric = m)}
                <NumberField
                    label="Neighbors"
                    testid="n-neighbors"
                    value=start.n_neighbors.to_string()
                    range=(2.0, 200.0, 1.0)
                    take=Callback::new(move |n: f64| settings.update(|it| it.n_neighbors = n as usize))
                />
                <NumberField
                    label="min_dist"
                    testid="min-dist"
                    value=start.min_dist.to_string()
                    range=(0.0, 0.99, 0.01)
                    take=Callback::new(move |d: f64| settings.update(|it| it.min_dist = d))
                />
                <NumberField
                    label="Seed"
                    testid="seed"
                    value=start.seed.to_string()
                    range=(0.0, 4_294_967_295.0, 1.0)
                    take=Callback::new(move |seed: f64| settings.update(|it| it.seed = seed as u64))
                />
                <Show when=is_under_way>
                    <button type="button" class="small" data-testid="umap-cancel" on:click=move |_| stage.computation.stop()>
                        "Cancel"
                    </button>
                </Show>
            </div>
        </Show>
        <div class="toolbar" role="group" aria-label="Zoom and save">
            <button type="button" class="small" aria-label="Zoom in" on:click=move |_| zoom(1.25)>
                "+"
            </button>
            <button type="button" class="small" aria-label="Zoom out" on:click=move |_| zoom(0.8)>
                "−"
            </button>
            <button
                type="button"
                class="small"
                data-testid="camera-reset"
                disabled=move || stage.camera.get() == Camera::default()
                on:click=move |_| stage.camera.set(Camera::default())
            >
                "Reset"
            </button>
            <Show when=is_space>
                <Toggle label="Turn" testid="auto-rotate" is_on=stage.is_turning.into() turn=turn />
            </Show>
            <span class="end">
                <SaveFigure state testid="trajectory" saved=figure />
            </span>
        </div>
    }
}

/// A frame of the film: the figure as it is looked at, at twice the size, with the words read last for a title, model and
/// pack.
///
/// # Errors
/// The browser's, or that there is no path yet.
pub fn drawn(
    state: State,
    shown: &ShownAnalysis,
    derived: Derived,
    stage: TrajectoryStage,
    reading: Reading,
) -> Result<HtmlCanvasElement, JsValue> {
    let Some(Ok(drawing)) = stage.drawing.get_untracked() else { return Err("there is none yet".into()) };
    let place = layout(drawing.dimensions(), SAVED_SPACE);
    let scene = stage.camera.with_untracked(|camera| Scene::of(&drawing, camera, &place));
    let rings = untrack(|| rings(state, derived, &drawing));
    let (scene, title) = (scene.read(&drawing, reading), film::caption(&shown.analysis.tokens, reading.position));
    let palette = state.print.get_untracked().palette();
    let credit = statistics::credit(&shown.analysis);
    canvas::saved_figure((place.width, place.height), &palette, &title, &credit, |context, _| {
        trajectory_canvas::draw(context, &drawing, &scene, &place, &rings, &palette)
    })
}
