//! The text's strongest novel features against its tokens.

use std::sync::Arc;

use lens_session::Msg;
use lens_view::dashboard;
use lens_view::feature_map::{FeatureMap, FeatureMapLayout};
use lens_view::focus::{Cell, Step};
use lens_view::layout::AvailableSpace;
use lens_view::{number, token};
use leptos::html::{Canvas, Div};
use leptos::prelude::*;
use wasm_bindgen::JsValue;
use web_sys::{CanvasRenderingContext2d, KeyboardEvent};

use super::gear::Gear;
use super::save_figure::SaveFigure;
use crate::canvas::{fitting, fresh};
use crate::palette::Palette;
use crate::state::{ShownAnalysis, State};
use crate::surface::{observe_space, repaints, report, size_in_css};
use crate::{pointing, saved};

/// The figure of a shown analysis.
#[component]
pub fn FeatureMapFigure(state: State, shown: Arc<ShownAnalysis>) -> impl IntoView {
    let map = Arc::new(FeatureMap::of(&shown.analysis, saved::FEATURES));
    if map.features.is_empty() {
        return ().into_any();
    }
    let (frame, canvas) = (NodeRef::<Div>::new(), NodeRef::<Canvas>::new());
    let space = RwSignal::new(None::<AvailableSpace>);
    observe_space(frame, space);
    let (rows, tokens) = (map.features.len(), map.tokens);
    let layout = Memo::new(move |_| space.get().map(|space| FeatureMapLayout::new(rows, tokens, space.width)));
    // The strongest at the word in focus, where it has one of them.
    let strongest = state.word.pinned.get_untracked().and_then(|word| map.strongest_at(word));
    let row = RwSignal::new(strongest.unwrap_or(0));
    let ground = repaints(state);
    let drawn = map.clone();
    state.tell(Msg::WantFeatureNames);
    let named = shown.clone();
    let names = Memo::new(move |_| saved::feature_names(state, &named, &drawn));
    let drawn = map.clone();
    Effect::new(move |_| {
        ground.track();
        let (Some(canvas), Some(layout), Some(space)) = (canvas.get(), layout.get(), space.get()) else { return };
        size_in_css(&canvas, layout.figure.width, layout.figure.height);
        let focused = state.focus.get().focused().map(|cell| cell.row);
        let drawing = fresh(&canvas, (layout.figure.width, layout.figure.height), space.pixel_ratio);
        let palette = Palette::of(&canvas);
        report(
            drawing.and_then(|context| {
                draw_on(&context, &drawn, &names.get(), &layout, focused, Some(row.get()), &palette)
            }),
        );
    });

    let at = move |event: &web_sys::MouseEvent| {
        let (x, y) = pointing::place(event);
        layout.with_untracked(|layout| layout.as_ref()?.at(x, y))
    };
    let on_move = move |event: web_sys::PointerEvent| {
        let found = at(&event);
        if let Some((over, _)) = found {
            row.set(over);
        }
        let cell = found.map(|(_, position)| Cell::token(position));
        state.hover(cell);
    };
    let leave = move || state.hover(None);
    let opened = map.clone();
    let open_card = move || {
        let feature = opened.features.get(row.get_untracked()).copied();
        state.choose(|view| view.feature = feature);
    };
    let open_by_key = open_card.clone();
    let on_click = move |event: web_sys::MouseEvent| {
        // A touch points at nothing before it presses.
        if let Some((pressed, position)) = at(&event) {
            row.set(pressed);
            state.point(|focus| focus.click(Cell::token(position)));
            open_card();
        }
    };
    let on_key = move |event: KeyboardEvent| {
        match Step::from_key(&event.key()) {
            Some(Step::Up) => row.update(|row| *row = row.saturating_sub(1)),
            Some(Step::Down) => row.update(|row| *row = (*row + 1).min(rows - 1)),
            Some(step) => state.point(|focus| focus.walk_tokens(step, tokens)),
            None if event.key() == "Enter" => {
                state.point(|focus| focus.click_token());
                open_by_key();
            }
            None => return,
        }
        event.prevent_default();
    };
    let read = (shown.clone(), map.clone());
    let readout = move || {
        let (shown, map) = &read;
        let feature = map.features.get(row.get()).copied().unwrap_or_default();
        let Some(position) = state.focus.get().focused().map(|cell| cell.row) else {
            return format!("The {rows} strongest new features of the text, by where they are strongest");
        };
        let name = shown.analysis.tokens.get(position).map(|t| token::shortened(t, 24)).unwrap_or_default();
        let value = map.value(row.get(), position).map(number::significant).unwrap_or_default();
        let index = state.dashboards.get().index_of(&shown.analysis.model.pack_hash);
        let feature_name = dashboard::name(index.as_deref(), feature).map(|name| name.text).unwrap_or_default();
        format!("#{feature} at {position} {name}   {value}   {feature_name}").trim_end().to_owned()
    };
    let figure = saved::features(state, &shown);
    view! {
        <figure class="feature-map" aria-labelledby="feature-map-title">
            <div class="figure-head">
                <figcaption id="feature-map-title">{saved::FEATURES_TITLE}</figcaption>
                <Gear label="Save the features" sign="⚙" testid="features-settings">
                    <div class="toolbar">
                        <SaveFigure state testid="features" saved=figure />
                    </div>
                </Gear>
            </div>
            <div class="heatmap-frame" node_ref=frame>
                <canvas
                    node_ref=canvas
                    tabindex="0"
                    role="application"
                    aria-roledescription="feature map"
                    aria-label=format!("{rows} features by {tokens} tokens: up and down walk the features, left and right the tokens, Enter pins the token and opens the feature")
                    aria-describedby="feature-map-readout"
                    data-testid="feature-map"
                    on:pointermove=on_move
                    on:pointerleave=move |_| leave()
                    on:blur=move |_| leave()
                    on:click=on_click
                    on:keydown=on_key
                ></canvas>
            </div>
            <p class="readout" id="feature-map-readout" role="status" aria-live="polite" data-testid="feature-map-readout">
                {readout}
            </p>
        </figure>
    }
    .into_any()
}

/// Draws the map with its upper left corner at the origin; `focused` token and `row` stand out.
fn draw_on(
    context: &CanvasRenderingContext2d,
    map: &FeatureMap,
    names: &[String],
    layout: &FeatureMapLayout,
    focused: Option<usize>,
    row: Option<usize>,
    palette: &Palette,
) -> Result<(), JsValue> {
    context.set_fill_style_str(&palette.sunken);
    let plot = layout.figure.plot;
    context.fill_rect(plot.x, plot.y, plot.width, plot.height);
    context.set_font(&format!("11px {}", palette.typeface));
    context.set_text_baseline("middle");
    context.set_text_align("right");
    if let Some(position) = focused {
        context.set_fill_style_str(&palette.rule);
        let x = layout.column_x(position);
        context.fill_rect(x, plot.y, layout.column_width.max(1.0), plot.height);
    }
    for index in 0..map.features.len() {
        let y = index as f64 * layout.row_height;
        context.set_fill_style_str(if Some(index) == row { &palette.accent } else { &palette.ink });
        let name = fitting(context, names.get(index).map_or("", String::as_str), plot.x - 10.0)?;
        context.fill_text(&name, plot.x - 6.0, y + layout.row_height / 2.0)?;
        context.set_fill_style_str(&palette.added);
        for position in 0..map.tokens {
            let level = map.level(index, position);
            if level > 0.0 {
                context.set_global_alpha(f64::from(FeatureMap::opacity(level)));
                let width = layout.column_width.max(1.0);
                context.fill_rect(layout.column_x(position), y + 1.0, width, layout.row_height - 2.0);
            }
        }
        context.set_global_alpha(1.0);
    }
    context.set_fill_style_str(&palette.muted);
    context.set_text_align("center");
    context.fill_text("Token position", plot.center()[0], plot.height + 11.0)
}
