//! What the page finds around it: its own meta tags and addresses, the visitor's theme.

use lens_session::embed::Embed;
use lens_session::view_state::Opened;
use lens_session::{Msg, Pack, Theme, ViewState};
use lens_view::choice::Choice;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Document, HtmlMetaElement, Location, Window};

use crate::carried;

/// The window; none in a worker.
pub fn window() -> Option<Window> {
    web_sys::window()
}

/// The document.
pub fn document() -> Option<Document> {
    window().and_then(|window| window.document())
}

/// Takes away the line that stood in the page until now.
pub fn remove_boot_note() {
    if let Some(note) = document().and_then(|document| document.get_element_by_id("boot")) {
        note.remove();
    }
}

/// A pack that a link or a list names; what it costs is not known.
pub fn pack_at(folder: &str) -> Option<Pack> {
    let slash = if folder.ends_with('/') { "" } else { "/" };
    let url = address(&format!("{folder}{slash}"))?;
    Some(Pack { foreign_host: foreign_host(&url), url, bytes: 0, embedding_bytes: 0, words_bytes: 0 })
}

/// The host of an address, where it is not the page's own.
fn foreign_host(url: &str) -> Option<String> {
    let url = web_sys::Url::new(url).ok()?;
    let own = web_sys::Url::new(&address("")?).ok()?;
    (url.origin() != own.origin()).then(|| url.host())
}

/// The pack that the page's meta tag names.
pub fn pack() -> Option<Pack> {
    let tag: HtmlMetaElement =
        document()?.query_selector("meta[name=temporal-lens-pack]").ok().flatten()?.dyn_into().ok()?;
    let number = |name: &str| tag.get_attribute(name).and_then(|text| text.parse().ok()).unwrap_or(0);
    let [bytes, embedding_bytes, words_bytes] = ["data-bytes", "data-embedding-bytes", "data-words-bytes"].map(number);
    Some(Pack { bytes, embedding_bytes, words_bytes, ..pack_at(&tag.content())? })
}

/// The commit that the page was built from, where the build knew it.
pub fn commit() -> Option<String> {
    let tag: HtmlMetaElement =
        document()?.query_selector("meta[name=temporal-lens-commit]").ok().flatten()?.dyn_into().ok()?;
    Some(tag.content()).filter(|commit| !commit.is_empty())
}

/// The absolute address of something beside the page.
pub fn address(relative: &str) -> Option<String> {
    let base = document()?.base_uri().ok().flatten()?;
    let url = web_sys::Url::new_with_base(relative, &base).ok()?;
    if relative.is_empty() {
        // The page itself, whatever state its own address carries.
        url.set_search("");
        url.set_hash("");
    }
    Some(url.href())
}

/// The address of the worker that lays out trajectories.
pub fn layouts_worker() -> Option<String> {
    carried::layouts_worker().or_else(|| address("worker-loader.js?module=layouts.js&wasm=layouts_bg.wasm"))
}

/// Milliseconds of a clock that never goes back.
pub fn now() -> f64 {
    window().and_then(|window| window.performance()).map_or(0.0, |performance| performance.now())
}

fn loaded_key(pack_url: &str) -> String {
    format!("temporal-lens-loaded {pack_url}")
}

/// Whether this browser has loaded a pack before, and its files were not deleted since.
pub fn was_loaded(pack_url: &str) -> bool {
    storage().and_then(|storage| storage.get_item(&loaded_key(pack_url)).ok().flatten()).is_some()
}

/// Remembers that a pack was loaded, or that its files are gone; not where storage is refused.
pub fn remember_loaded(pack_url: &str, loaded: bool) {
    if let Some(storage) = storage() {
        let key = loaded_key(pack_url);
        let _ = if loaded { storage.set_item(&key, "yes") } else { storage.remove_item(&key) };
    }
}

const WORDS_KEY: &str = "temporal-lens-words";

/// Whether the visitor asked for words on an earlier visit.
pub fn wants_words() -> bool {
    storage().and_then(|storage| storage.get_item(WORDS_KEY).ok().flatten()).is_some()
}

/// Remembers whether the visitor asks for words; not where storage is refused.
pub fn remember_words(wanted: bool) {
    if let Some(storage) = storage() {
        let _ = if wanted { storage.set_item(WORDS_KEY, "yes") } else { storage.remove_item(WORDS_KEY) };
    }
}

const ROWS_KEY: &str = "temporal-lens-rows-while-typing";

/// Whether the visitor agreed to have a foreign host asked for rows while typing.
pub fn agreed() -> bool {
    storage().and_then(|storage| storage.get_item(ROWS_KEY).ok().flatten()).is_some()
}

/// Remembers what the visitor agreed to; not where storage is refused.
pub fn remember_agreement(agreed: bool) {
    if let Some(storage) = storage() {
        let _ = if agreed { storage.set_item(ROWS_KEY, "yes") } else { storage.remove_item(ROWS_KEY) };
    }
}

const THEME_KEY: &str = "temporal-lens-theme";

/// What the visitor chose before; the system's where nothing was, or storage is refused.
pub fn remembered_theme() -> Theme {
    let key = storage().and_then(|storage| storage.get_item(THEME_KEY).ok().flatten());
    key.and_then(|key| Theme::from_key(&key)).unwrap_or_default()
}

/// Remembers what the visitor chose; not where storage is refused.
pub fn remember_theme(theme: Theme) {
    if let Some(storage) = storage() {
        let _ = match theme {
            Theme::System => storage.remove_item(THEME_KEY),
            theme => storage.set_item(THEME_KEY, theme.key()),
        };
    }
}

/// Shows a theme.
pub fn apply_theme(theme: Theme) {
    if let Some(root) = document().and_then(|document| document.document_element()) {
        // A page without a root element cannot be themed either way.
        let _ = root.set_attribute("data-theme", theme.key());
    }
}

/// The page's address, as it is now, is a link to be opened.
pub fn url_changed() -> Msg {
    let opened = opened();
    let pack = opened.view.model.as_deref().and_then(pack_at);
    Msg::UrlChanged(Box::new(opened), pack)
}

/// The whole page's address with a link, which begins with its mark.
pub fn page_at(link: &str) -> String {
    address("").unwrap_or_default() + link
}

/// What the page's address says. Where it says nothing, what the page's own file does.
fn opened() -> Opened {
    let location = window().map(|window| window.location());
    let part =
        |of: fn(&Location) -> Result<String, JsValue>| location.as_ref().and_then(|it| of(it).ok()).unwrap_or_default();
    let (query, fragment) = (part(Location::search), part(Location::hash));
    match carried::query() {
        Some(own) if query.is_empty() && !fragment.contains('=') => ViewState::read(&own),
        _ => ViewState::read_address(&query, &fragment),
    }
}

/// Whether the page stands inside another one, as its address says.
pub fn embed() -> Option<Embed> {
    Some(opened().view.embed).filter(|embed| embed.is_embedded)
}

fn storage() -> Option<web_sys::Storage> {
    window()?.local_storage().ok().flatten()
}
