//! The similarity heatmap: figure, crosshair, tooltip, readout, pointer and keys.

use std::sync::Arc;

use lens_view::focus::{Spot, Step};
use lens_view::heatmap::{Heatmap, Layout, Room, layout};
use leptos::ev;
use leptos::html::{Canvas, Div};
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{HtmlCanvasElement, KeyboardEvent, PointerEvent, ResizeObserver};

use crate::canvas;
use crate::environment::window;
use crate::state::{Shown, State};

/// The figure of a shown analysis.
#[component]
pub fn HeatmapFigure(state: State, shown: Arc<Shown>) -> impl IntoView {
    let heatmap = Arc::new(Heatmap::of(&shown.analysis));
    let tokens = heatmap.size();
    let (frame, base, overlay) = (NodeRef::<Div>::new(), NodeRef::<Canvas>::new(), NodeRef::<Canvas>::new());
    let room = RwSignal::new(None::<Room>);
    observe_room(frame, room);

    let shape = heatmap.clone();
    let place = Memo::new(move |_| {
        let room = room.get()?;
        Some(layout(tokens, shape.label_columns(room.label_columns()), room))
    });
    let ground = repaints(state);
    let raster = StoredValue::new_local(None::<HtmlCanvasElement>);

    let drawn = heatmap.clone();
    Effect::new(move |_| {
        ground.track();
        let (Some(canvas), Some(place), Some(room)) = (base.get(), place.get(), room.get()) else { return };
        if raster.with_value(Option::is_none) {
            raster.set_value(canvas::raster(&drawn).ok());
        }
        size_in_css(&canvas, &place);
        raster.with_value(|raster| {
            if let Some(raster) = raster {
                report(canvas::draw_figure(&canvas, raster, &drawn, &place, room.label_columns(), room.pixel_ratio));
            }
        });
    });
    let crossed = heatmap.clone();
    Effect::new(move |_| {
        ground.track();
        let (Some(canvas), Some(place), Some(room)) = (overlay.get(), place.get(), room.get()) else { return };
        size_in_css(&canvas, &place);
        let focus = state.focus.get();
        report(canvas::draw_crosshair(&canvas, &crossed, &place, focus, room.label_columns(), room.pixel_ratio));
    });

    // The tooltip belongs to this figure's pointer and keys, not to tokens hovered elsewhere.
    let inside = RwSignal::new(false);
    let enter = move || {
        if !inside.get_untracked() {
            inside.set(true);
        }
    };
    let leave = move || {
        inside.set(false);
        hover(state, None);
    };
    let on_move = move |event: PointerEvent| {
        enter();
        let (x, y) = (f64::from(event.offset_x()), f64::from(event.offset_y()));
        let spot = place.with_untracked(|place| place.as_ref().and_then(|place| place.cell_at(x, y)));
        hover(state, spot);
    };
    let on_click = move |event: web_sys::MouseEvent| {
        let (x, y) = (f64::from(event.offset_x()), f64::from(event.offset_y()));
        let spot = place.with_untracked(|place| place.as_ref().and_then(|place| place.cell_at(x, y)));
        if let Some(spot) = spot {
            state.focus.update(|focus| focus.click(spot));
        }
    };
    let on_key = move |event: KeyboardEvent| {
        if let Some(step) = Step::from_key(&event.key()) {
            event.prevent_default();
            enter();
            state.focus.update(|focus| focus.walk(step, tokens));
        } else if matches!(event.key().as_str(), "Enter" | " ") {
            event.prevent_default();
            state.focus.update(|focus| {
                if let Some(spot) = focus.focused() {
                    focus.click(spot);
                }
            });
        }
    };

    let described = heatmap.clone();
    view! {
        <figure class="heatmap" aria-labelledby="heatmap-title">
            <figcaption id="heatmap-title">"Similarity of predictable codes"</figcaption>
            <div class="heatmap-frame" node_ref=frame>
                <canvas
                    node_ref=base
                    tabindex="0"
                    role="application"
                    aria-roledescription="heatmap"
                    aria-label=described.summary()
                    aria-describedby="heatmap-readout"
                    data-testid="heatmap"
                    on:pointermove=on_move
                    on:pointerdown=on_move
                    on:pointerleave=move |_| leave()
                    on:blur=move |_| leave()
                    on:click=on_click
                    on:keydown=on_key
                ></canvas>
                <canvas class="overlay" node_ref=overlay aria-hidden="true"></canvas>
                <Tooltip state heatmap=heatmap.clone() place inside />
            </div>
            <Readout state heatmap />
        </figure>
    }
}

/// Sets the hovered cell, once a change.
fn hover(state: State, spot: Option<Spot>) {
    if state.focus.with_untracked(|focus| focus.hovered) != spot {
        state.focus.update(|focus| focus.hovered = spot);
    }
}

/// Beside the hovered cell; takes no room and no pointer events.
#[component]
fn Tooltip(state: State, heatmap: Arc<Heatmap>, place: Memo<Option<Layout>>, inside: RwSignal<bool>) -> impl IntoView {
    move || {
        if !inside.get() {
            return None;
        }
        let spot = state.focus.get().hovered?;
        let readout = heatmap.readout(spot)?;
        let (x, y, left, up) = place.with(|place| {
            let place = place.as_ref()?;
            let cell = place.cell_rect(spot);
            let left = cell.x > place.matrix.x + place.matrix.width * 0.5;
            let up = cell.y > place.matrix.y + place.matrix.height * 0.3;
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
fn Readout(state: State, heatmap: Arc<Heatmap>) -> impl IntoView {
    let pinned = move || state.focus.get().pinned.is_some();
    let text = move || {
        let readout = state.focus.get().focused().and_then(|spot| heatmap.readout(spot));
        match readout {
            Some(it) => view! {
                <span class="readout-token">{it.row}</span>
                <span class="readout-times">" × "</span>
                <span class="readout-token">{it.column}</span>
                <strong>{it.value}</strong>
            }
            .into_any(),
            None => view! { <span class="hint">"Hover, tap or arrow keys; a click pins, Esc unpins"</span> }.into_any(),
        }
    };
    view! {
        <p class="readout" id="heatmap-readout" role="status" aria-live="polite" data-testid="heatmap-readout" class:is-pinned=pinned>
            {text}
        </p>
    }
}

/// Counts up whenever colours may have changed: theme switch or system setting.
fn repaints(state: State) -> RwSignal<u32> {
    let count = RwSignal::new(0);
    Effect::new(move |_| {
        state.theme.track();
        // After the theme's own effect has set the attribute.
        set_timeout(move || count.update(|n| *n += 1), std::time::Duration::ZERO);
    });
    if let Some(query) = window().and_then(|w| w.match_media("(prefers-color-scheme: dark)").ok().flatten()) {
        let on_change = Closure::<dyn FnMut()>::new(move || {
            let _ = count.try_update(|n| *n += 1);
        });
        query.set_onchange(Some(on_change.as_ref().unchecked_ref()));
        let kept = StoredValue::new_local(Some((query, on_change)));
        on_cleanup(move || {
            kept.update_value(|kept| {
                if let Some((query, _)) = kept.take() {
                    query.set_onchange(None);
                }
            });
        });
    }
    count
}

/// Keeps `room` at what the frame and the window give.
fn observe_room(frame: NodeRef<Div>, room: RwSignal<Option<Room>>) {
    let measure = move || {
        let (Some(frame), Some(window)) = (frame.get_untracked(), window()) else { return };
        let height = window.inner_height().ok().and_then(|h| h.as_f64()).unwrap_or(800.0);
        let measured = Room {
            width: f64::from(frame.client_width()),
            max_height: (height * 0.82).clamp(420.0, 900.0),
            pixel_ratio: window.device_pixel_ratio(),
        };
        if measured.width > 0.0 && room.get_untracked() != Some(measured) {
            room.set(Some(measured));
        }
    };
    let observer = StoredValue::new_local(None::<(ResizeObserver, Closure<dyn FnMut()>)>);
    Effect::new(move |_| {
        let Some(element) = frame.get() else { return };
        measure();
        let on_resize = Closure::<dyn FnMut()>::new(measure);
        if let Ok(it) = ResizeObserver::new(on_resize.as_ref().unchecked_ref()) {
            it.observe(&element);
            observer.set_value(Some((it, on_resize)));
        }
    });
    // The window's height and the screen's density are not the frame's size.
    let resized = window_event_listener(ev::resize, move |_| measure());
    on_cleanup(move || {
        resized.remove();
        observer.update_value(|observer| {
            if let Some((it, _)) = observer.take() {
                it.disconnect();
            }
        });
    });
}

fn size_in_css(canvas: &HtmlCanvasElement, place: &Layout) {
    // By its full name: leptos has a `style` of its own on elements.
    let style = web_sys::HtmlElement::style(canvas);
    let _ = style.set_property("width", &format!("{}px", place.width));
    let _ = style.set_property("height", &format!("{}px", place.height));
}

/// A canvas that cannot be drawn leaves the readout and the table: said on the console.
fn report(drawn: Result<(), wasm_bindgen::JsValue>) {
    if let Err(error) = drawn {
        leptos::logging::warn!("the heatmap could not be drawn: {error:?}");
    }
}
