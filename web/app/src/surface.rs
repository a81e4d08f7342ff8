//! What every canvas of the page needs: its room, its colors' changes, its size.

use lens_view::layout::AvailableSpace;
use leptos::ev;
use leptos::html::Div;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{HtmlCanvasElement, ResizeObserver};

use crate::environment::{self, document, window};
use crate::state::State;

/// Counts up whenever colors may have changed: theme switch or system setting.
pub fn repaints(state: State) -> RwSignal<u32> {
    let count = RwSignal::new(0);
    Effect::new(move |_| {
        state.theme.track();
        // After the theme's own effect has set the attribute.
        set_timeout(
            move || {
                let _ = count.try_update(|n| *n += 1);
            },
            std::time::Duration::ZERO,
        );
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

/// The frame's own height where the page gives it one, as on a screen that shows all zones at once.
fn boxed_height(frame: &web_sys::HtmlElement) -> Option<f64> {
    let style = window()?.get_computed_style(frame).ok()??;
    let is_boxed = style.get_property_value("--is-boxed").is_ok_and(|value| value.trim() == "1");
    is_boxed.then(|| f64::from(frame.client_height()).max(120.0))
}

/// Height of a frame's caption and link, CSS pixels.
fn foot_height() -> f64 {
    let foot = document().and_then(|document| document.query_selector(".embed-foot").ok().flatten());
    foot.map_or(0.0, |foot| foot.get_bounding_client_rect().height())
}

/// Keeps `room` at what the frame and the window give.
pub fn observe_space(frame: NodeRef<Div>, space: RwSignal<Option<AvailableSpace>>) {
    let is_embedded = environment::embed().is_some();
    let measure = move || {
        let (Some(frame), Some(window)) = (frame.get_untracked(), window()) else { return };
        let height = window.inner_height().ok().and_then(|h| h.as_f64()).unwrap_or(800.0);
        let is_full = document().is_some_and(|document| document.fullscreen_element().is_some());
        let measured = AvailableSpace {
            width: f64::from(frame.client_width()),
            max_height: if let Some(height) = boxed_height(&frame) {
                height
            } else if is_embedded {
                // What the frame has below the figure's top, less the caption and the link below.
                (height - frame.get_bounding_client_rect().top().max(0.0) - foot_height() - 10.0).max(120.0)
            } else if is_full {
                height - 110.0
            } else {
                (height * 0.82).clamp(420.0, 900.0)
            },
            pixel_ratio: window.device_pixel_ratio(),
        };
        if measured.width > 0.0 && space.get_untracked() != Some(measured) {
            space.set(Some(measured));
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

/// Gives a canvas its size in CSS pixels.
pub fn size_in_css(canvas: &HtmlCanvasElement, width: f64, height: f64) {
    // By its full name: leptos has a `style` of its own on elements.
    let style = web_sys::HtmlElement::style(canvas);
    let _ = style.set_property("width", &format!("{width}px"));
    let _ = style.set_property("height", &format!("{height}px"));
}

/// A canvas that cannot be drawn leaves the readout and the table: said on the console.
pub fn report(drawn: Result<(), wasm_bindgen::JsValue>) {
    if let Err(error) = drawn {
        leptos::logging::warn!("a figure could not be drawn: {error:?}");
    }
}
