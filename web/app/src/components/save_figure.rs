//! A figure as a picture: saved or copied, and what is said where the browser refuses.

use leptos::prelude::*;
use wasm_bindgen::JsValue;
use web_sys::HtmlCanvasElement;

use crate::state::State;
use crate::{canvas, files};

/// A figure as it is to be saved, and the file's name.
pub type Picture = Result<(HtmlCanvasElement, String), JsValue>;

/// A figure as SVG and the file's name; none while there is nothing to save.
pub type Vector = Option<(String, String)>;

/// "PNG", "SVG" where the figure is made of lines and shapes, and "Copy figure". Tests find them as
/// `{testid}-png`, `{testid}-svg` and `{testid}-copy`.
#[component]
pub fn SaveFigure(
    state: State,
    testid: &'static str,
    picture: impl Fn() -> Picture + Clone + 'static,
    #[prop(optional)] svg: Option<Callback<(), Vector>>,
) -> impl IntoView {
    let refuse = move |what: &str, error: Option<JsValue>| {
        leptos::logging::warn!("the figure could not be {what}: {error:?}");
        state.report(format!("This browser could not have the figure {what}."));
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
    let save_svg = move |svg: Callback<(), Vector>| {
        if let Some((text, name)) = svg.run(()) {
            files::save_text(state, &name, "image/svg+xml", &text);
        }
    };
    view! {
        <button type="button" class="quiet small" data-testid=format!("{testid}-png") on:click=save>
            "PNG"
        </button>
        {svg
            .map(|svg| {
                view! {
                    <button type="button" class="quiet small" data-testid=format!("{testid}-svg") on:click=move |_| save_svg(svg)>
                        "SVG"
                    </button>
                }
            })}
        <button type="button" class="quiet small" data-testid=format!("{testid}-copy") on:click=copy>
            "Copy figure"
        </button>
    }
}
