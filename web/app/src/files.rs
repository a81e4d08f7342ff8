//! Files in and out: the precomputed examples, saved results, downloads.

use gloo_net::http::Request;
use lens_analysis::Analysis;
use lens_view::gallery::{self, Gallery};
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, BlobPropertyBag, File, HtmlAnchorElement, Url};

use crate::environment;
use crate::state::{Origin, Phase, State};

/// The list of precomputed examples.
const GALLERY: &str = "examples/index.json";
/// What the page opens with: the seed's prompt.
const FIRST_EXAMPLE: &str = "seed-prompt";

/// Results are a few megabytes; far larger files are something else.
const LARGEST_FILE: f64 = 512e6;

/// Fetches the list of examples. A page without one is whole without it.
pub fn list_examples(state: State) {
    spawn_local(async move {
        let Some(url) = environment::address(GALLERY) else { return };
        let Some(json) = fetch(&url).await else { return };
        match Gallery::from_json(&json) {
            Ok(gallery) => state.gallery.set(gallery),
            Err(problem) => leptos::logging::warn!("{GALLERY}: {problem}"),
        }
    });
}

/// Shows the first precomputed example, unless something else is shown by then.
pub fn show_first_example(state: State) {
    spawn_local(async move {
        let example = fetch_example(FIRST_EXAMPLE).await;
        state.example_pending.set(false);
        if let Some(json) = example
            && state.shown.with_untracked(Option::is_none)
            && let Err(problem) = state.show(json, Origin::Precomputed)
        {
            leptos::logging::warn!("{FIRST_EXAMPLE}: {problem}");
        }
    });
}

/// Shows a precomputed example and puts its text into the box.
pub fn show_example(state: State, id: String) {
    // Of two that are asked for, the later one is shown.
    let asked = state.text.get_untracked();
    spawn_local(async move {
        let Some(json) = fetch_example(&id).await else {
            return state.fail(format!("The example “{id}” could not be fetched; try again."));
        };
        if state.phase.get_untracked() == Phase::Loading || state.text.get_untracked() != asked {
            return;
        }
        match state.show(json, Origin::Precomputed) {
            Ok(()) => opened(state, Phase::Idle),
            Err(problem) => state.fail(format!("The example “{id}” cannot be read: {problem}.")),
        }
    });
}

/// Shows the precomputed comparison of an example with its pair.
pub fn show_pair(state: State, id: String) {
    spawn_local(async move {
        let address = gallery::pair_address(&id).and_then(|address| environment::address(&address));
        let json = match address {
            Some(url) => fetch(&url).await,
            None => None,
        };
        let shown = match json {
            Some(json) => state.show_comparison(json, true),
            None => Err("it could not be fetched; try again".to_owned()),
        };
        if let Err(problem) = shown {
            state.fail(format!("The comparison of “{id}” cannot be shown: {problem}."));
        }
    });
}

/// The box holds what is shown.
fn opened(state: State, phase: Phase) {
    if let Some(shown) = state.shown.get_untracked() {
        state.text.set(shown.analysis.text.clone());
        state.inf_k.set(shown.analysis.inf_k.map(|k| k.to_string()).unwrap_or_default());
    }
    state.problem.set(None);
    state.phase.set(phase);
}

async fn fetch_example(id: &str) -> Option<String> {
    fetch(&environment::address(&gallery::address(id)?)?).await
}

/// A text from `url`; none when it cannot be had.
pub async fn fetch(url: &str) -> Option<String> {
    let response = Request::get(url).send().await.ok()?;
    if !response.ok() {
        return None;
    }
    response.text().await.ok()
}

/// Shows a saved result, without any model.
pub fn open(state: State, file: File) {
    if state.phase.get_untracked() == Phase::Loading {
        return;
    }
    spawn_local(async move {
        let name = file.name();
        let read = if file.size() > LARGEST_FILE {
            Err("it is too large for a saved result".to_owned())
        } else {
            match JsFuture::from(file.text()).await {
                Ok(text) => text.as_string().ok_or_else(|| "it is not text".to_owned()),
                Err(_) => Err("it could not be read".to_owned()),
            }
        };
        match read.and_then(|json| state.show(json, Origin::File(name.clone()))) {
            Ok(()) => opened(state, Phase::Done),
            Err(problem) => state.fail(format!("{name} was not opened: {problem}.")),
        }
    });
}

/// Hands the shown document to the visitor: exactly as it came, with attention weights where they
/// were asked for later.
pub fn download(state: State) {
    let Some(shown) = state.shown.get_untracked() else { return };
    let name = "temporal-lens-analysis.json";
    let added = state.attention.get_untracked().filter(|_| shown.analysis.attention.is_none());
    let whole = added.and_then(|attention| {
        let analysis = Analysis { attention: Some((*attention).clone()), ..shown.analysis.clone() };
        serde_json::to_string(&analysis).ok()
    });
    save_text(state, name, "application/json", whole.as_ref().unwrap_or(&shown.json));
}

/// Hands a text file to the visitor.
pub fn save_text(state: State, name: &str, mime: &str, content: &str) {
    if save(name, mime, content).is_err() {
        state.problem.set(Some("This browser refused the download.".to_owned()));
    }
}

/// Puts text on the clipboard; says so where that is refused.
pub fn copy(state: State, text: &str) {
    let Some(clipboard) = environment::window().map(|window| window.navigator().clipboard()) else { return };
    let copied = clipboard.write_text(text);
    spawn_local(async move {
        if JsFuture::from(copied).await.is_err() {
            state.problem.set(Some("This browser does not let the page copy.".to_owned()));
        }
    });
}

fn save(name: &str, mime: &str, content: &str) -> Result<(), JsValue> {
    let options = BlobPropertyBag::new();
    options.set_type(mime);
    let parts = js_sys::Array::of1(&content.into());
    save_blob(name, &Blob::new_with_str_sequence_and_options(&parts, &options)?)
}

/// Hands a file to the visitor.
///
/// # Errors
/// The browser's.
pub fn save_blob(name: &str, blob: &Blob) -> Result<(), JsValue> {
    let url = Url::create_object_url_with_blob(blob)?;
    let document = environment::document().ok_or(JsValue::NULL)?;
    let link: HtmlAnchorElement = document.create_element("a")?.dyn_into()?;
    link.set_href(&url);
    link.set_download(name);
    link.click();
    // The download has its own hold on the data from here on.
    set_timeout(
        move || {
            let _ = Url::revoke_object_url(&url);
        },
        std::time::Duration::from_secs(10),
    );
    Ok(())
}
