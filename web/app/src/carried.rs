//! What the page carries in its own file, where it is the single file that Export writes: web/one-file.js unpacks it
//! before this module starts. Nothing lies beside such a page, and its policy lets it ask for nothing.

use js_sys::Reflect;
use lens_session::Carried;

/// The object that the file's script leaves on the window.
const NAME: &str = "temporalLensFile";

/// What there is; none where the page is a site's.
pub fn carried() -> Option<Carried> {
    field("result")?;
    Some(Carried { has_comparison: comparison().is_some() })
}

/// The analysis, as JSON.
pub fn result() -> Option<String> {
    field("result")
}

/// The comparison, as JSON.
pub fn comparison() -> Option<String> {
    field("comparison")
}

/// The index of the dashboards of its features, as JSON: their names.
pub fn features() -> Option<String> {
    field("features")
}

/// What the page's address would say of the view, where the address itself says nothing.
pub fn query() -> Option<String> {
    field("query")
}

/// The theme of the notebook around, where the file stands in one.
pub fn theme() -> Option<String> {
    field("theme")
}

/// The address of the worker that lays out trajectories.
pub fn layouts_worker() -> Option<String> {
    field("layoutsWorker")
}

fn field(name: &str) -> Option<String> {
    let file = Reflect::get(&web_sys::window()?.into(), &NAME.into()).ok().filter(wasm_bindgen::JsValue::is_object)?;
    Reflect::get(&file, &name.into()).ok()?.as_string()
}
