//! A figure's files: as a picture, as SVG, as CSV, or on the clipboard; and what is said where the browser refuses.

use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::saved::Saved;
use crate::state::State;
use crate::{canvas, files};

/// Tests find the buttons as `{testid}-png`, `{testid}-svg`, `{testid}-copy` and `{testid}-csv`.
#[component]
pub fn SaveFigure(state: State, testid: &'static str, saved: Saved) -> impl IntoView {
    let refuse = move |what: &str| state.report(format!("This browser could not have the figure {what}."));
    // A large picture takes some frames to draw.
    let is_drawn = RwSignal::new(false);
    let save_png = move |_| {
        let Some((svg, name)) = saved.svg.run(()) else { return };
        is_drawn.set(true);
        let dots = state.print.get_untracked().width.dots();
        spawn_local(async move {
            let png = match canvas::rasterized(&svg, dots).await {
                Ok(picture) => canvas::png(&picture).await,
                Err(error) => Err(error),
            };
            let name = name.replace(".svg", ".png");
            if png.and_then(|png| files::save_blob(&name, &png)).is_err() {
                refuse("saved");
            }
            // The figure may be gone.
            let _ = is_drawn.try_set(false);
        });
    };
    let copy = move |_| {
        let Some((svg, _)) = saved.svg.run(()) else { return };
        let dots = state.print.get_untracked().width.dots();
        let picture = async move { canvas::png(&canvas::rasterized(&svg, dots).await?).await };
        if canvas::copy_png(picture, move || refuse("copied")).is_err() {
            refuse("copied");
        }
    };
    let save = move |file: Callback<(), crate::saved::TextFile>, kind: &'static str| {
        if let Some((text, name)) = file.run(()) {
            files::save_text(state, &name, kind, &text);
        }
    };
    view! {
        <button type="button" class="quiet small" data-testid=format!("{testid}-png") on:click=save_png>
            {move || if is_drawn.get() { "PNG …" } else { "PNG" }}
        </button>
        <button type="button" class="quiet small" data-testid=format!("{testid}-svg") on:click=move |_| save(saved.svg, "image/svg+xml")>
            "SVG"
        </button>
        <button type="button" class="quiet small" data-testid=format!("{testid}-copy") on:click=copy>
            "Copy picture"
        </button>
        <button type="button" class="quiet small" data-testid=format!("{testid}-csv") on:click=move |_| save(saved.csv, "text/csv")>
            "CSV"
        </button>
    }
}
