//! Files in and out: the precomputed examples, saved results, downloads.

use gloo_net::http::Request;
use lens_analysis::comparison::Comparison;
use lens_analysis::dashboard::{INDEX_FILE, Index};
use lens_analysis::document::{AnalysisFile, ComparisonFile, to_json};
use lens_session::figure::Figure;
use lens_session::library::FILE;
use lens_session::outside::result_text;
use lens_session::view_state::is_fetchable;
use lens_session::{Fetch, Msg, OutsideError, ViewState};
use lens_view::one_file::{Contents, TEMPLATE, one_file};
use lens_view::{gallery, number};
use leptos::prelude::*;
use leptos::task::spawn_local;
use serde::Serialize;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Blob, BlobPropertyBag, File, HtmlAnchorElement, ReadableStreamDefaultReader, ReferrerPolicy, RequestCredentials,
    Url,
};

use crate::fetch::fetch;
use crate::state::State;
use crate::{carried, diagnostics, environment};

/// The list of precomputed examples.
const GALLERY: &str = "examples/index.json";
/// Where the dashboards of the default pack lie beside the page.
const DASHBOARDS: &str = "dashboards";

/// Results are a few megabytes; far larger files are something else.
const LARGEST_FILE: f64 = 512e6;

/// A text that the model asks for.
///
/// # Errors
/// Why it did not come.
pub async fn fetch_named(what: &Fetch) -> Result<String, OutsideError> {
    match what {
        Fetch::Carried => return carried::result().ok_or(OutsideError::SingleFile),
        Fetch::CarriedComparison => return carried::comparison().ok_or(OutsideError::SingleFile),
        Fetch::DashboardIndex if carried::carried().is_some() => {
            return carried::features().ok_or(OutsideError::SingleFile);
        }
        _ if carried::carried().is_some() => return Err(OutsideError::SingleFile),
        _ => {}
    }
    let relative = match what {
        Fetch::Carried | Fetch::CarriedComparison => None,
        Fetch::Gallery => Some(GALLERY.to_owned()),
        Fetch::Example(id) => gallery::address(id),
        Fetch::Pair(id) => gallery::pair_address(id),
        Fetch::Models => Some(FILE.to_owned()),
        Fetch::Manifest(url) => Some(format!("{url}manifest.json")),
        Fetch::DashboardIndex => Some(format!("{DASHBOARDS}/{INDEX_FILE}")),
        Fetch::Dashboard(file) => Some(format!("{DASHBOARDS}/{file}")),
        Fetch::Result(url) => return fetch_result(url).await,
    };
    let text = match relative.and_then(|relative| environment::address(&relative)) {
        Some(url) => fetch(&url).await,
        None => None,
    };
    text.ok_or(OutsideError::FetchFailed)
}

/// Reads a file with a saved result, for the model to show.
pub fn open(state: State, file: File) {
    spawn_local(async move {
        let read = if file.size() > LARGEST_FILE {
            Err(OutsideError::TooLarge)
        } else {
            match JsFuture::from(file.array_buffer()).await {
                Ok(buffer) => result_text(&js_sys::Uint8Array::new(&buffer).to_vec()),
                Err(_) => Err(OutsideError::Unreadable),
            }
        };
        state.tell(Msg::FileOpened(file.name(), read));
    });
}

/// The file that a file field was given.
pub fn first_file(event: &web_sys::Event) -> Option<File> {
    let input: web_sys::HtmlInputElement = event.target()?.dyn_into().ok()?;
    let file = input.files()?.get(0);
    // The same file may be opened again.
    input.set_value("");
    file
}

async fn fetch_result(url: &str) -> Result<String, OutsideError> {
    let address = environment::address(url).filter(|_| is_fetchable(url)).ok_or(OutsideError::NotWebAddress)?;
    // No cookies go out to a host that a link names.
    let response = Request::get(&address)
        .credentials(RequestCredentials::Omit)
        .referrer_policy(ReferrerPolicy::NoReferrer)
        .send()
        .await
        .map_err(|_| OutsideError::Unreachable)?;
    if !response.ok() {
        return Err(OutsideError::Status(response.status()));
    }
    // Hosts may say any length, or none: what has come is counted.
    let body = response.body().ok_or(OutsideError::ConnectionLost)?;
    let reader: ReadableStreamDefaultReader = body.get_reader().unchecked_into();
    let mut bytes = Vec::new();
    loop {
        let part = JsFuture::from(reader.read()).await.map_err(|_| OutsideError::ConnectionLost)?;
        let field = |name: &str| js_sys::Reflect::get(&part, &name.into()).unwrap_or(JsValue::UNDEFINED);
        if field("done").is_truthy() {
            break;
        }
        bytes.extend_from_slice(&js_sys::Uint8Array::new(&field("value")).to_vec());
        if bytes.len() as f64 > LARGEST_FILE {
            // The rest is not needed; whether canceling works does not matter.
            let _ = reader.cancel();
            return Err(OutsideError::TooLarge);
        }
    }
    result_text(&bytes)
}

/// Hands the shown document to the visitor, whole: with attention weights where they were asked for later.
pub fn download(state: State) {
    let Some(shown) = state.shown.get_untracked() else { return };
    let asked = state.attention.get_untracked();
    let shuffled = state.shuffled.get_untracked();
    let file = AnalysisFile::whole(&shown.analysis).or_attention(asked.as_deref()).or_shuffled(shuffled.as_deref());
    save_json(state, "temporal-lens-analysis.json", &file);
}

/// Hands the shown document to the visitor as one HTML file that shows it, with the comparison where there is one; `then`
/// is called with the outcome, a sentence.
pub fn download_one_file(state: State, then: impl FnOnce(String) + 'static) {
    spawn_local(async move {
        let sentence = match one_file_of(state).await {
            Ok(html) => {
                save_text(state, "temporal-lens.html", "text/html", &html);
                format!("Saved, {}.", number::bytes(html.len() as u64))
            }
            Err(problem) => format!("The file was not made: {problem}."),
        };
        then(sentence);
    });
}

async fn one_file_of(state: State) -> Result<String, String> {
    let shown = state.shown.get_untracked().ok_or("nothing is shown")?;
    let address = environment::address(TEMPLATE).ok_or("this page has no address of its own")?;
    let template = fetch(&address).await.ok_or("its template could not be fetched; try again")?;
    let asked = state.attention.get_untracked();
    let shuffled = state.shuffled.get_untracked();
    let file = AnalysisFile::compact(&shown.analysis).or_attention(asked.as_deref()).or_shuffled(shuffled.as_deref());
    let result = to_json(&file).map_err(|problem| problem.to_string())?;
    let compared = state.compared.get_untracked().filter(|it| it.is_of(&shown.analysis));
    let comparison = compared.map(|it| to_json(&ComparisonFile::compact(&it.comparison))).transpose();
    let comparison = comparison.map_err(|problem| problem.to_string())?;
    let view = state.store.model().current_address();
    // The file is about what it carries, whatever the page's link was about.
    // It opens with a view of the text, not with the one that it was saved from.
    let figure = if view.figure == Figure::Export { Figure::default() } else { view.figure };
    let view =
        ViewState { subject: None, second: None, model: None, words: false, inf_k: None, device: None, figure, ..view };
    let is_its_own = |index: Index| index.pack_hash == shown.analysis.model.pack_hash;
    let index = fetch_named(&Fetch::DashboardIndex).await.ok();
    let features = index.filter(|json| Index::from_json(json).is_ok_and(is_its_own));
    let contents = Contents {
        result: &result,
        comparison: comparison.as_deref(),
        features: features.as_deref(),
        query: &view.query(),
    };
    one_file(&template, &shown.analysis, contents).map_err(|problem| problem.to_string())
}

/// Hands a shown comparison to the visitor.
pub fn download_comparison(state: State, comparison: &Comparison) {
    save_json(state, "temporal-lens-comparison.json", &ComparisonFile::compact(comparison));
}

fn save_json(state: State, name: &str, file: &impl Serialize) {
    match to_json(file) {
        Ok(json) => save_text(state, name, "application/json", &json),
        Err(problem) => state.report(format!("The result was not saved: {problem}.")),
    }
}

/// Hands a text file to the visitor.
pub fn save_text(state: State, name: &str, mime: &str, content: &str) {
    if save(name, mime, content).is_err() {
        state.report("This browser refused the download.".to_owned());
    }
}

/// Puts text on the clipboard; says so where that is refused.
pub fn copy(state: State, text: &str) {
    copy_then(text.to_owned(), move |is_copied| {
        if !is_copied {
            state.report("This browser does not let the page copy.".to_owned());
        }
    });
}

/// Puts text on the clipboard, then says whether it is there.
pub fn copy_then(text: String, then: impl FnOnce(bool) + 'static) {
    spawn_local(async move { then(diagnostics::write_clipboard(&text).await.is_some()) });
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
