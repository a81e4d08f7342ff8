//! A figure as a picture: saved or copied, and what is said where the browser refuses.

use leptos::prelude::*;
use wasm_bindgen::JsValue;
use web_sys::HtmlCanvasElement;

use crate::canvas;
use crate::state::State;

/// A figure as it is to be saved, and the file's name.
pub type Picture = Result<(HtmlCanvasElement, String), JsValue>;

/// "PNG" and "Copy figure". Tests find them as `{testid}-png` and `{testid}-copy`.
#[component]
pub fn SaveFigure(
    state: State,
    testid: &'static str,
    picture: impl Fn() -> Picture + Clone + 'static,
) -> impl IntoView {
    let refuse = move |what: &str, error: Option<JsValue>| {
        leptos::logging::warn!("the figure could not be {what}: {error:?}");
        state.problem.set(Some(format!("This browser could not have the figure {what}.")));
    };
    let copied = picture.clone();
    let save = move |_| {
        let asked = picture().and_then(|(canvas, name)| canvas::save_png(&canvas, name, move || refuse("saved", None)));
        if let Err(error) = asked {
            refuse("saved", Some(error));
        }
    };
    let copy = move |_| {
        let asked = copied().and_then(|(canvas, _)| canvas::copy_png(&canvas, move || refuse("copied", None)));
        if let Err(error) = asked {
            refuse("copied", Some(error));
        }
    };
    view! {
        <button type="button" class="quiet small" data-testid=format!("{testid}-png") on:click=save>
            "PNG"
        </button>
        <button type="button" class="quiet small" data-testid=format!("{testid}-copy") on:click=copy>
            "Copy figure"
        </button>
    }
}
