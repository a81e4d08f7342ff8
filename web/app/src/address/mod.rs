//! The page's address: opened as a link, kept as the visitor goes on.
//!
//! What is dragged replaces the entry of the history that its first step made; everything else makes
//! an entry of its own, so that Back undoes it. An embedded page leaves its frame's history alone.

mod open;

use std::sync::Arc;
use std::time::Duration;

use lens_view::comparison;
use lens_view::focus::Spot;
use lens_view::link::{Link, Second, Subject};
use lens_view::selection::Selection;
use lens_view::theme::Theme;
use leptos::ev;
use leptos::prelude::*;
use wasm_bindgen::JsValue;

use crate::environment::{self, Pack, now, window};
use crate::files::FIRST_EXAMPLE;
use crate::state::{Compared, Origin, Shown, State};

pub use open::{arrived, compared, show_text};

/// Camera changes that follow each other faster belong to one drag.
const DRAG_PAUSE_MS: f64 = 700.0;
/// Browsers refuse more than some hundred changes of the address in half a minute.
const REPLACE_EVERY: Duration = Duration::from_millis(250);
/// Analyses, and comparisons, kept for Back.
const RECENT: usize = 8;

/// What of a link waits until its text is shown.
#[derive(Debug, Clone)]
struct Pending {
    pin: Option<Spot>,
    selection: Selection,
    zoom: Option<[f64; 3]>,
}

/// What the page's address is about beyond the views.
#[derive(Clone, Copy)]
pub struct Address {
    /// What a link asks for and is not shown: a text that no model has seen yet, a result under way.
    pub asked: RwSignal<Option<Subject>>,
    /// A second text that a link asks for, with what it is compared with.
    second: RwSignal<Option<(Option<Subject>, Second)>>,
    /// What of the link could not be opened, a phrase each.
    pub dropped: RwSignal<Vec<String>>,
    /// A demo of Neuronpedia's that the link asked for.
    pub demo: RwSignal<Option<String>>,
    /// Pin and spans of the link, until their text is shown.
    pending: StoredValue<Option<Pending>>,
    /// The page's own pack: the link names only another one.
    own_pack: StoredValue<Option<Pack>>,
    /// The theme that needs no word in the link: the visitor's own.
    own_theme: StoredValue<Theme>,
    /// The address as it was last written.
    written: StoredValue<Link>,
    /// Counts what was asked for: what comes late gives way to what was asked since.
    turn: StoredValue<u32>,
    is_opening: StoredValue<bool>,
    last_drag_ms: StoredValue<f64>,
    is_replacing: StoredValue<bool>,
    recent: StoredValue<Vec<Arc<Shown>>>,
    recent_comparisons: StoredValue<Vec<Arc<Compared>>>,
}

impl Address {
    /// Nothing is opened yet.
    pub fn new() -> Self {
        Self {
            asked: RwSignal::new(None),
            second: RwSignal::new(None),
            dropped: RwSignal::new(Vec::new()),
            demo: RwSignal::new(None),
            pending: StoredValue::new(None),
            own_pack: StoredValue::new(environment::pack()),
            own_theme: StoredValue::new(environment::remembered_theme()),
            written: StoredValue::new(Link::default()),
            turn: StoredValue::new(0),
            is_opening: StoredValue::new(true),
            last_drag_ms: StoredValue::new(f64::NEG_INFINITY),
            is_replacing: StoredValue::new(false),
            recent: StoredValue::new(Vec::new()),
            recent_comparisons: StoredValue::new(Vec::new()),
        }
    }
}

impl Address {
    /// Something else is asked for from here on.
    pub fn next_turn(self) -> u32 {
        self.turn.update_value(|turn| *turn = turn.wrapping_add(1));
        self.turn.get_value()
    }

    /// No link is being opened any more.
    pub fn opened(self) {
        self.is_opening.set_value(false);
    }

    /// What was asked for last.
    pub fn turn(self) -> u32 {
        self.turn.get_value()
    }
}

/// Opens the address the page was loaded with, and keeps it up to date from then on.
pub fn follow(state: State) {
    open::open(state, &environment::query());
    if state.embed.is_some() {
        return;
    }
    let link = Memo::new(move |_| current(state));
    Effect::new(move |_| {
        let link = link.get();
        if !state.address.is_opening.get_value() {
            write(state, link);
        }
    });
    let _back = window_event_listener(ev::popstate, move |_| open::open(state, &environment::query()));
}

/// What the page shows, as a link.
pub fn current(state: State) -> Link {
    let views = state.views;
    let subject = state.shown.with(|shown| match shown.as_deref() {
        None => state.address.asked.get(),
        Some(Shown { origin: Origin::Link(url), .. }) => Some(Subject::Result(url.clone())),
        Some(Shown { origin: Origin::Precomputed, analysis, .. }) => {
            state.gallery.with(|gallery| match gallery.with_text(&analysis.text) {
                Some(example) if example.id == FIRST_EXAMPLE => None,
                Some(example) => Some(Subject::Example(example.id.clone())),
                None => state.address.asked.get_untracked(),
            })
        }
        Some(shown) => Some(Subject::Text(shown.analysis.text.clone())),
    });
    let second = second(state, &subject);
    let is_made_here = matches!(&subject, Some(Subject::Text(_)));
    let theme = state.theme.get();
    let own_pack = state.address.own_pack.with_value(|pack| pack.as_ref().map(|pack| pack.url.clone()));
    Link {
        model: state
            .pack
            .with(|pack| pack.as_ref().map(|pack| pack.url.clone()))
            .filter(|url| Some(url) != own_pack.as_ref()),
        subject,
        inf_k: state.shown.with(|shown| shown.as_ref().and_then(|shown| shown.analysis.inf_k)).filter(|_| is_made_here),
        second,
        neuronpedia_demo: None,
        source: views.source.get(),
        mode: views.mode.get(),
        scale: views.scale.get(),
        quantity: views.quantity.get(),
        has_events: views.has_events.get(),
        is_ordered: views.is_ordered.get(),
        zoom: views.zoom.get(),
        trajectory: views.wanted.get(),
        trajectory_colour: views.trajectory_colour.get(),
        camera: views.camera.get(),
        attention: views.attention.get(),
        pin: state.focus.with(|focus| focus.pinned),
        feature: state.dashboards.open.get(),
        spans: views.selection.with(|selection| selection.spans().to_vec()),
        theme: if theme == state.address.own_theme.get_value() { Theme::System } else { theme },
    }
}

/// What the subject is compared with, or was asked to be.
fn second(state: State, subject: &Option<Subject>) -> Option<Second> {
    let shown = state.shown.get();
    let compared = state.compared.get().filter(|it| shown.as_ref().is_some_and(|shown| it.is_of(&shown.analysis)));
    let Some(compared) = compared else {
        return state.address.second.get().filter(|(of, _)| of == subject).map(|(_, second)| second);
    };
    let selected = state.views.compared_selections.map(|it| it.get());
    let is_usual = selected == comparison::shared_ending(&compared.comparison);
    let second = &compared.comparison.second;
    let spans = (!is_usual).then(|| selected.map(|it| it.spans().to_vec()));
    Some(Second { text: second.text.clone(), inf_k: second.inf_k, spans })
}

/// The whole page's address with a state.
pub fn url_of(link: &Link) -> String {
    let page = environment::address("").unwrap_or_default();
    let query = link.query();
    if query.is_empty() { page } else { format!("{page}?{query}") }
}

fn write(state: State, link: Link) {
    let address = state.address;
    let before = address.written.get_value();
    if before == link {
        return;
    }
    let is_drag = Link { camera: before.camera, zoom: before.zoom, ..link.clone() } == before;
    let follows = is_drag && now() - address.last_drag_ms.get_value() < DRAG_PAUSE_MS;
    if is_drag {
        address.last_drag_ms.set_value(now());
    }
    // Whoever types needs no entry for every pause.
    let is_typing = state.quiet.get_untracked() && link.subject != before.subject;
    address.written.set_value(link.clone());
    if !follows {
        return to_history(&link, !is_typing);
    }
    if !address.is_replacing.get_value() {
        address.is_replacing.set_value(true);
        let turn = address.turn();
        set_timeout(
            move || {
                address.is_replacing.set_value(false);
                // Another entry may be open by now: it is not this drag's to change.
                if address.turn() == turn && !address.is_opening.get_value() {
                    to_history(&address.written.get_value(), false);
                }
            },
            REPLACE_EVERY,
        );
    }
}

/// Where the browser refuses, the address stays behind; the page works on.
fn to_history(link: &Link, is_entry: bool) {
    let Some(history) = window().and_then(|window| window.history().ok()) else { return };
    let url = url_of(link);
    let _ = if is_entry {
        history.push_state_with_url(&JsValue::NULL, "", Some(&url))
    } else {
        history.replace_state_with_url(&JsValue::NULL, "", Some(&url))
    };
}
