//! The SAE's attention: hover a token to see where its prediction came from.

use std::sync::Arc;

use lens_analysis::similarity::MissingError;
use lens_session::Msg;
use lens_view::attention::{AttentionLayout, AttentionMap, BAR_TITLE, MAP};
use lens_view::focus::{Cell, Step};
use lens_view::layout::{AvailableSpace, Rect};
use lens_view::number;
use leptos::html::{Canvas, Div, P};
use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, HtmlElement, KeyboardEvent};

use super::gear::Gear;
use super::save_figure::SaveFigure;
use super::token_text::{LineBreak, TokenText};
use crate::canvas::{ColorBar, draw_bar, fresh, pixels, upwards};
use crate::palette::Palette;
use crate::part::Part;
use crate::state::{Origin, Phase, ShownAnalysis, State};
use crate::surface::{observe_space, repaints, report, size_in_css};
use crate::{pointing, saved};

/// Origins listed beside the map.
const ORIGINS: usize = 8;

/// The weights, or how to come by them.
#[component]
pub fn AttentionPanel(state: State, shown: Arc<ShownAnalysis>) -> impl IntoView {
    let is_live = matches!(shown.origin, Origin::Live(_));
    let ask = move |_| state.tell(Msg::AskAttention);
    let body = move || match state.attention.get() {
        Some(_) => view! { <AttentionFigure state shown=shown.clone() /> }.into_any(),
        None if is_live => view! {
            <button
                type="button"
                data-testid="attention-compute"
                disabled=move || state.phase.get() == Phase::Loading
                on:click=ask
            >
                {move || if state.phase.get() == Phase::Loading { "Computing …" } else { "Compute attention" }}
            </button>
        }
        .into_any(),
        None => {
            view! { <p class="empty" data-testid="attention-missing">{format!("{}.", MissingError::Attention)}</p> }
                .into_any()
        }
    };
    view! {
        <section class="attention" aria-label="What made words expected">
            {body}
        </section>
    }
}

#[component]
fn AttentionFigure(state: State, shown: Arc<ShownAnalysis>) -> impl IntoView {
    let chosen = state.look(|model| &model.view.attention);
    let tokens = shown.analysis.tokens.clone();
    let count = tokens.len();
    let map = Memo::new_with_compare(
        move |_| {
            let attention = state.attention.get()?;
            Some(AttentionMap::of(&attention, &tokens, chosen.get()).map(Arc::new))
        },
        |_, _| true,
    );
    let drawn = Signal::derive(move || map.get()?.ok());
    let problem = move || map.with(|map| map.as_ref()?.as_ref().err().map(ToString::to_string));
    let (frame, canvas) = (NodeRef::<Div>::new(), NodeRef::<Canvas>::new());
    let space = RwSignal::new(None::<AvailableSpace>);
    observe_space(frame, space);
    let layout = Memo::new(move |_| space.get().map(|space| AttentionLayout::within(count, space)));
    let raster = StoredValue::new_local(None::<(Arc<AttentionMap>, HtmlCanvasElement)>);
    let ground = repaints(state);
    // With nothing pointed at it is the word that the page speaks of.
    let row = state.word.looked_at;
    Effect::new(move |_| {
        ground.track();
        let (Some(canvas), Some(layout), Some(space)) = (canvas.get(), layout.get(), space.get()) else { return };
        let Some(map) = drawn.get() else { return };
        let is_drawn = raster.with_value(|it| it.as_ref().is_some_and(|(of, _)| Arc::ptr_eq(of, &map)));
        if !is_drawn {
            let n = map.size() as u32;
            raster.set_value(pixels(&map.raster(), n, n).ok().map(|raster| (map.clone(), raster)));
        }
        size_in_css(&canvas, layout.figure.width, layout.figure.height);
        let palette = Palette::of(&canvas);
        raster.with_value(|it| {
            if let Some((map, raster)) = it {
                let context = fresh(&canvas, (layout.figure.width, layout.figure.height), space.pixel_ratio);
                report(context.and_then(|context| draw(&context, map, raster, &layout, row.get(), &palette)));
            }
        });
    });
    let text = NodeRef::<P>::new();
    Effect::new(move |_| {
        let (Some(text), Some(map)) = (text.get(), drawn.get()) else { return };
        let levels = row.get().map(|position| map.levels(position)).unwrap_or_default();
        shade(&text, &levels, row.get());
    });

    let at = move |event: &web_sys::MouseEvent| {
        let (x, y) = pointing::place(event);
        let (position, column) = layout.with_untracked(|layout| layout.as_ref()?.at(x, y))?;
        // The empty context is no token.
        Some(Cell { row: position, column: column.checked_sub(1).unwrap_or(position) })
    };
    let on_click = move |event: web_sys::MouseEvent| {
        if let Some(cell) = at(&event) {
            state.point(|focus| focus.click(cell));
        }
    };
    let on_key = move |event: KeyboardEvent| {
        match Step::from_key(&event.key()) {
            Some(step) => state.point(|focus| focus.walk_tokens(step, count)),
            None if event.key() == "Enter" => state.point(|focus| focus.click_token()),
            None => return,
        }
        event.prevent_default();
    };
    let readout = move || {
        let map = drawn.get()?;
        let cell = state.focus.get().focused()?;
        if cell.column < cell.row {
            return map.readout(cell.row, cell.column + 1);
        }
        let origin = map.origins(cell.row, 1).pop()?;
        Some(format!("{} ← {}   {}", map.name(cell.row), origin.name, number::fixed4(origin.weight)))
    };
    let readout =
        move || readout().unwrap_or_else(|| "Point at a word to see where its prediction came from".to_owned());
    let summary = move || drawn.get().map(|map| map.summary()).unwrap_or_default();
    let words = shown
        .analysis
        .tokens
        .iter()
        .enumerate()
        .map(|(position, token)| {
            view! {
                <span class="token" data-attended=position.to_string()>
                    <LineBreak token=token.clone() />
                    <TokenText token=token.clone() />
                </span>
            }
        })
        .collect_view();
    let over = move |event: web_sys::PointerEvent| {
        if event.pointer_type() == "mouse" {
            state.hover(attended(&event).map(Cell::token));
        }
    };
    let pick = move |event: web_sys::MouseEvent| {
        if let Some(position) = attended(&event) {
            state.point(|focus| focus.click(Cell::token(position)));
        }
    };
    let figure = saved::sources(state, &shown);
    view! {
        <div class="figure-head">
            <h2>"What made words expected"</h2>
            <Gear label="Settings of the sources" sign="⚙" testid="sources-settings">
                <div class="toolbar" role="group" aria-label="Which attention is shown, and saving it">
                    <Choices state />
                    <span class="end">
                        <SaveFigure state testid="attention" saved=figure />
                    </span>
                </div>
            </Gear>
        </div>
        {move || problem().map(|problem| view! { <p class="empty" role="alert">{problem}</p> })}
        <p
            class="token-strip attended"
            dir="auto"
            translate="no"
            node_ref=text
            tabindex="0"
            aria-label="The text, shaded by where the focused token’s prediction comes from"
            data-testid="attention-text"
            on:pointerover=over
            on:pointerleave=move |_| state.hover(None)
            on:click=pick
            on:keydown=on_key
        >
            {words}
        </p>
        <div class="attention-views">
            <figure>
                <div class="heatmap-frame" node_ref=frame>
                    <canvas
                        node_ref=canvas
                        tabindex="0"
                        role="application"
                        aria-roledescription="attention map"
                        aria-label=summary
                        aria-describedby="attention-readout"
                        data-testid="attention"
                        on:pointermove=move |event| state.hover(at(&event))
                        on:pointerleave=move |_| state.hover(None)
                        on:blur=move |_| state.hover(None)
                        on:click=on_click
                        on:keydown=on_key
                    ></canvas>
                </div>
            </figure>
            <Origins state drawn />
        </div>
        <p class="readout" id="attention-readout" role="status" aria-live="polite" data-testid="attention-readout">
            {readout}
        </p>
        <Table drawn />
    }
}

/// Layer and head.
#[component]
fn Choices(state: State) -> impl IntoView {
    let chosen = Part::new(state, state.look(|model| &model.view.attention), |view, chosen| view.attention = chosen);
    let sizes = move || state.attention.with(|it| it.as_ref().map_or((0, 0), |it| (it.layers(), it.heads())));
    let has_layers = move || sizes().0 > 1;
    let number = |event: &web_sys::Event| event_target_value(event).parse::<usize>().ok();
    view! {
            <Show when=has_layers>
                <label class="field picker">
                    <span>"Layer"</span>
                    <select
                        data-testid="attention-layer"
                        on:change=move |event| chosen.update(|it| it.layer = number(&event).unwrap_or(0))
                    >
                        {move || numbers(sizes().0, move || Some(chosen.get().layer))}
                    </select>
                </label>
            </Show>
            <label class="field picker">
                <span>"Head"</span>
                <select
                    data-testid="attention-head"
                    on:change=move |event| chosen.update(|it| it.head = number(&event))
                >
                    <option value="mean" prop:selected=move || chosen.get().head.is_none()>
                        "Mean of all"
                    </option>
                    {move || numbers(sizes().1, move || chosen.get().head)}
                </select>
            </label>
    }
}

/// An option for each of `count`, the chosen one selected.
fn numbers(count: usize, chosen: impl Fn() -> Option<usize> + Copy + Send + 'static) -> impl IntoView {
    let option = move |number: usize| {
        view! {
            <option value=number prop:selected=move || chosen() == Some(number)>
                {number}
            </option>
        }
    };
    (0..count).map(option).collect_view()
}

/// The strongest origins of the focused token.
#[component]
fn Origins(state: State, drawn: Signal<Option<Arc<AttentionMap>>>) -> impl IntoView {
    let rows = move || {
        let map = drawn.get()?;
        let position = state.word.looked_at.get()?;
        let origins = map.origins(position, ORIGINS);
        let most = origins.first().map_or(1.0, |it| it.weight.max(f32::MIN_POSITIVE));
        let rows = origins
            .into_iter()
            .map(|origin| {
                view! {
                    <li>
                        <span class="origin">{origin.name}</span>
                        <span class="feature-bar" aria-hidden="true">
                            <span style:transform=format!("scaleX({:.4})", origin.weight / most)></span>
                        </span>
                        <span class="value">{number::fixed(origin.weight, 3)}</span>
                    </li>
                }
            })
            .collect_view();
        Some(view! {
            <h3>{format!("What made {} expected", map.name(position))}</h3>
            <ol class="features origins">{rows}</ol>
        })
    };
    view! { <div class="origin-list" data-testid="attention-origins">{rows}</div> }
}

/// Every token's strongest origin, for those who do not see the map.
#[component]
fn Table(drawn: Signal<Option<Arc<AttentionMap>>>) -> impl IntoView {
    let open = RwSignal::new(false);
    let rows = move || {
        let map = drawn.get()?;
        let row = |position| {
            let cells = map.origins(position, 2).into_iter();
            let cells = cells.map(|it| format!("{} ({})", it.name, number::fixed4(it.weight)));
            view! {
                <tr>
                    <th scope="row">{map.name(position)}</th>
                    {cells.map(|cell| view! { <td>{cell}</td> }).collect_view()}
                </tr>
            }
        };
        Some((0..map.size()).map(row).collect_view())
    };
    view! {
        <details data-testid="attention-table" on:toggle=move |_| open.set(true)>
            <summary>"The attention as a table"</summary>
            <div class="scroll" tabindex="0" role="region" aria-label="The attention as a table">
                <table>
                    <thead>
                        <tr>
                            <th scope="col">"Token"</th>
                            <th scope="col">"Comes from"</th>
                            <th scope="col">"and from"</th>
                        </tr>
                    </thead>
                    <tbody>{move || open.get().then(&rows)}</tbody>
                </table>
            </div>
        </details>
    }
}

/// Draws map, titles and color bar with their upper left corner at the origin; the row `focused` stands out.
fn draw(
    context: &CanvasRenderingContext2d,
    map: &AttentionMap,
    raster: &HtmlCanvasElement,
    layout: &AttentionLayout,
    focused: Option<usize>,
    palette: &Palette,
) -> Result<(), JsValue> {
    let Rect { x, y, width: side, .. } = layout.figure.plot;
    context.set_fill_style_str(&palette.sunken);
    context.fill_rect(x, y, side, side);
    // Hard cells while a cell has a pixel; below that neighbors have to be averaged.
    context.set_image_smoothing_enabled(layout.cell_side < 1.0);
    context.draw_image_with_html_canvas_element_and_dw_and_dh(raster, x, y, side, side)?;
    if let Some(position) = focused {
        let (top, height) = (layout.row_y(position), layout.cell_side.max(1.0));
        let width = layout.cell_side * (position + 1) as f64;
        for (grow, line, color) in [(0.75, 2.0, &palette.cell_outer), (0.0, 1.0, &palette.cell_inner)] {
            context.set_stroke_style_str(color);
            context.set_line_width(line);
            context.stroke_rect(x - grow, top - grow, width + 2.0 * grow, height + 2.0 * grow);
        }
    }
    context.set_font(&format!("12px {}", palette.typeface));
    context.set_text_baseline("middle");
    context.set_text_align("center");
    context.set_fill_style_str(&palette.muted);
    context.fill_text("From", x + side / 2.0, y + side + 11.0)?;
    upwards(context, 8.0, y + side / 2.0, |context| context.fill_text("Prediction at", 0.0, 0.0))?;
    let Some(place) = layout.figure.color_bar else { return Ok(()) };
    draw_bar(
        context,
        &ColorBar {
            map: MAP,
            range: map.range,
            layout: place,
            title: BAR_TITLE,
            is_clamped: [false, map.is_clamped()],
        },
        palette,
    )
}

/// Sets each token's `--level`, 0..=1, and marks the one that is looked at.
fn shade(text: &HtmlElement, levels: &[f32], focused: Option<usize>) {
    let words = text.children();
    for position in 0..words.length() {
        let Some(word) = words.item(position).and_then(|it| it.dyn_into::<HtmlElement>().ok()) else { continue };
        let level = levels.get(position as usize).copied().unwrap_or(0.0);
        // A token that cannot be styled is still readable.
        let _ = HtmlElement::style(&word).set_property("--level", &format!("{level:.3}"));
        let _ = word.class_list().toggle_with_force("is-focused", focused == Some(position as usize));
    }
}

/// The position of the token an event is about.
fn attended(event: &web_sys::Event) -> Option<usize> {
    let element: web_sys::Element = event.target()?.dyn_into().ok()?;
    element.closest("[data-attended]").ok().flatten()?.get_attribute("data-attended")?.parse().ok()
}
