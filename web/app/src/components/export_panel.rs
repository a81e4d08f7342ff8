//! What of an analysis can be taken away: its figures, its file, a sentence on how it was made, a link, code to embed.

use std::sync::Arc;

use lens_analysis::similarity::MissingError;
use lens_view::methods;
use lens_view::svg::{Ground, PrintWidth};
use leptos::prelude::*;

use super::picker::Picker;
use super::save_figure::SaveFigure;
use super::share::Ways;
use crate::files;
use crate::saved::{self, Saved};
use crate::state::{ShownAnalysis, State};
use crate::trajectory::of_view;
use crate::views::Derived;

/// All of it.
#[component]
pub fn ExportPanel(state: State, shown: Arc<ShownAnalysis>, derived: Derived) -> impl IntoView {
    let notice = RwSignal::new(None::<String>);
    let sentence = methods::sentence(&shown.analysis);
    let copied = sentence.clone();
    let copy = move |_| {
        files::copy_then(copied.clone(), move |is_copied| {
            notice.set(Some(if is_copied { "Copied." } else { "This browser does not let the page copy." }.to_owned()));
        });
    };
    view! {
        <section class="export" aria-labelledby="export-title" data-testid="export">
            <h2 id="export-title">"Take it with you"</h2>
            <Figures state shown derived />
            <h3>"Everything that is shown"</h3>
            <div class="controls">
                <button type="button" data-testid="download-json" on:click=move |_| files::download(state)>
                    "Save analysis"
                </button>
                <p class="note">"As JSON: it opens here again, without a model."</p>
            </div>
            // A single file has what it would be made of no more.
            {(!state.is_one_file).then(|| view! { <OneFile state notice /> })}
            <h3>"How it was made"</h3>
            <p class="methods" data-testid="methods">{sentence}</p>
            <button type="button" class="small" data-testid="methods-copy" on:click=copy>
                "Copy"
            </button>
            // A link to a file on somebody's disk leads nowhere.
            {(!state.is_one_file).then(|| view! { <Ways state notice /> })}
            <p class="note" role="status" data-testid="export-notice">{move || notice.get()}</p>
        </section>
    }
}

/// The page with what it shows, in one file.
#[component]
fn OneFile(state: State, notice: RwSignal<Option<String>>) -> impl IntoView {
    let save = move |_| {
        notice.set(Some("Making the file …".to_owned()));
        files::download_one_file(state, move |what| notice.set(Some(what)));
    };
    view! {
        <div class="controls">
            <button type="button" data-testid="export-html" on:click=save>
                "Save one HTML file"
            </button>
            <p class="note">"This page with this result: it opens by itself, without a network, wherever it is sent."</p>
        </div>
    }
}

/// Each figure as the view has it, for a screen or for print.
#[component]
fn Figures(state: State, shown: Arc<ShownAnalysis>, derived: Derived) -> impl IntoView {
    let print = state.print;
    let (_, drawing) = of_view(state, &shown);
    let no_path = move || match drawing.get() {
        None => Some("It is being laid out …".to_owned()),
        Some(Err(problem)) => Some(problem),
        Some(Ok(_)) => None,
    };
    let no_sources = move || state.attention.with(Option::is_none).then(|| format!("{}.", MissingError::Attention));
    let (quantity, heatmap) = (state.look(|model| &model.view.quantity), derived.heatmap);
    let no_text = move || quantity.with(Option::is_none).then(|| "Choose what words are colored by.".to_owned());
    let no_matrix = move || heatmap.with(|it| it.as_ref().err().map(|missing| format!("{missing}.")));
    let has_features = shown.analysis.novel_top.iter().any(|codes| !codes.is_empty());
    let no_features = move || (!has_features).then(|| "No feature is new in this text.".to_owned());
    view! {
        <h3>"Figures"</h3>
        <div class="controls">
            <Picker<Ground>
                label="Colors"
                testid="print-ground"
                chosen=Signal::derive(move || print.get().ground)
                choose=Callback::new(move |ground| print.update(|it| it.ground = ground))
            />
            <Picker<PrintWidth>
                label="Width"
                testid="print-width"
                chosen=Signal::derive(move || print.get().width)
                choose=Callback::new(move |width| print.update(|it| it.width = width))
            />
        </div>
        <ul class="export-figures">
            <Row state name="Text" testid="export-text" saved=saved::text(state, &shown, derived) missing=no_text />
            <Row state name="Scenes (matrix)" testid="export-matrix" saved=saved::matrix(state, &shown, derived) missing=no_matrix />
            <Row state name="Path" testid="export-path" saved=saved::path(state, &shown, derived, drawing) missing=no_path />
            <Row state name="Features" testid="export-features" saved=saved::features(state, &shown) missing=no_features />
            <Row state name="Sources" testid="export-sources" saved=saved::sources(state, &shown) missing=no_sources />
        </ul>
    }
}

/// A figure's buttons, or why it has none.
#[component]
fn Row(
    state: State,
    name: &'static str,
    testid: &'static str,
    saved: Saved,
    missing: impl Fn() -> Option<String> + Send + Sync + 'static,
) -> impl IntoView {
    view! {
        <li data-testid=testid>
            <span>{name}</span>
            <span class="end">
                {move || match missing() {
                    Some(why) => view! { <span class="note">{why}</span> }.into_any(),
                    None => view! { <SaveFigure state testid saved /> }.into_any(),
                }}
            </span>
        </li>
    }
}
