//! Files in and out: the precomputed example, saved results, downloads.

use gloo_net::http::Request;
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, BlobPropertyBag, File, HtmlAnchorElement, Url};

use crate::environment;
use crate::state::{Origin, Phase, State};

/// The seed's prompt on the default model, made beforehand.
const EXAMPLE: &str = "examples/seed-prompt.json";

/// Results are a few megabytes; far larger files are something else.
const LARGEST_FILE: f64 = 512e6;

/// Shows the precomputed example, unless something else is shown by then. A page without one is
/// whole without it.
pub fn show_example(state: State) {
    spawn_local(async move {
        let example = match environment::address(EXAMPLE) {
            Some(url) => fetch(&url).await,
            None => None,
        };
        state.example_pending.set(false);
        if let Some(json) = example
            && state.shown.with_untracked(Option::is_none)
            && let Err(problem) = state.show(json, Origin::Precomputed)
        {
            leptos::logging::warn!("{EXAMPLE}: {problem}");
        }
    });
}

async fn fetch(url: &str) -> Option<String> {
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
            Ok(()) => {
                if let Some(shown) = state.shown.get_untracked() {
                    state.text.set(shown.analysis.text.clone());
                    state.inf_k.set(shown.analysis.inf_k.map(|k| k.to_string()).unwrap_or_default());
                }
                state.problem.set(None);
                state.phase.set(Phase::Done);
            }
            Err(problem) => state.fail(format!("{name} was not opened: {problem}.")),
        }
    });
}

/// Hands the shown document to the visitor, exactly as it came.
pub fn download(state: State) {
    let Some(shown) = state.shown.get_untracked() else { return };
    save_text(state, "temporal-lens-analysis.json", "application/json", &shown.json);
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
