//! The page's address: opened as a link, kept as the visitor goes on.
//!
//! What is dragged replaces the entry of the history that its first step made; everything else makes
//! an entry of its own, so that Back undoes it. An embedded page leaves its frame's history alone.

use std::sync::Arc;
use std::time::Duration;

use lens_analysis::Analysis;
use lens_view::focus::Spot;
use lens_view::gallery::Gallery;
use lens_view::link::{Link, Opened, Subject};
use lens_view::selection::Selection;
use lens_view::settings::Theme;
use leptos::ev;
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::JsValue;

use crate::environment::{self, Pack, now, window};
use crate::files::{self, FIRST_EXAMPLE};
use crate::state::{Origin, Phase, Shown, State};

/// Camera changes that follow each other faster belong to one drag.
const DRAG_PAUSE_MS: f64 = 700.0;
/// Browsers refuse more than some hundred changes of the address in half a minute.
const REPLACE_EVERY: Duration = Duration::from_millis(250);
/// Analyses kept for Back.
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
}

impl Address {
    /// Nothing is opened yet.
    pub fn new() -> Self {
        Self {
            asked: RwSignal::new(None),
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
    open(state, &environment::query());
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
    let _back = window_event_listener(ev::popstate, move |_| open(state, &environment::query()));
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
        pin: state.focus.with(|focus| focus.pinned),
        feature: state.dashboards.open.get(),
        spans: views.selection.with(|selection| selection.spans().to_vec()),
        theme: if theme == state.address.own_theme.get_value() { Theme::System } else { theme },
    }
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
        set_timeout(
            move || {
                address.is_replacing.set_value(false);
                to_history(&address.written.get_value(), false);
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

/// Makes the page what a query string says.
fn open(state: State, query: &str) {
    let Opened { link, dropped } = Link::read(query);
    let address = state.address;
    address.is_opening.set_value(true);
    address.dropped.set(dropped);
    address.demo.set(link.neuronpedia_demo.clone());
    let views = state.views;
    views.source.set(link.source);
    views.mode.set(link.mode);
    views.scale.set(link.scale);
    views.quantity.set(link.quantity);
    views.has_events.set(link.has_events);
    views.is_ordered.set(link.is_ordered);
    views.wanted.set(link.trajectory);
    views.trajectory_colour.set(link.trajectory_colour);
    views.camera.set(link.camera);
    match link.feature {
        Some(feature) => state.dashboards.show(feature),
        None => state.dashboards.open.set(None),
    }
    state.theme.set(if link.theme == Theme::System { address.own_theme.get_value() } else { link.theme });
    let named = link.model.as_ref().and_then(|model| Pack::at(model));
    state.pack.set(named.or_else(|| address.own_pack.get_value()));
    let selection = Selection::of(link.spans.clone());
    address.pending.set_value(Some(Pending { pin: link.pin, selection, zoom: link.zoom }));
    let turn = address.next_turn();
    spawn_local(async move {
        show(state, &link, turn).await;
        if address.turn() != turn {
            return;
        }
        place_pins(state);
        // After the effects that this set off.
        set_timeout(
            move || {
                // A later link may have come meanwhile; it ends for both.
                if address.turn() == turn {
                    address.written.set_value(untrack(|| current(state)));
                    address.is_opening.set_value(false);
                }
            },
            Duration::ZERO,
        );
    });
}

/// Shows what a link is about.
async fn show(state: State, link: &Link, turn: u32) {
    let is_late = || state.address.turn() != turn;
    match &link.subject {
        None if link.neuronpedia_demo.is_some() => {
            files::list_examples(state).await;
            if is_late() {
                return;
            }
            let demo = link.neuronpedia_demo.as_deref().unwrap_or_default();
            let nearest = state.gallery.with_untracked(|gallery| gallery.nearest(demo).map(|it| it.id.clone()));
            example(state, nearest.as_deref().unwrap_or(FIRST_EXAMPLE)).await;
        }
        None => {
            example(state, FIRST_EXAMPLE).await;
            files::list_examples(state).await;
        }
        Some(Subject::Example(id)) => {
            example(state, id).await;
            files::list_examples(state).await;
        }
        Some(Subject::Text(text)) => {
            files::list_examples(state).await;
            if is_late() {
                return;
            }
            self::text(state, text, link.inf_k).await;
        }
        Some(Subject::Result(url)) => {
            let is_shown = state
                .shown
                .with_untracked(|shown| shown.as_ref().is_some_and(|shown| shown.origin == Origin::Link(url.clone())));
            if !is_shown {
                begin(state, link.subject.clone());
                files::open_link(state, url.clone()).await;
            }
            files::list_examples(state).await;
        }
    }
    state.example_pending.set(false);
}

fn begin(state: State, asked: Option<Subject>) {
    state.address.asked.set(asked);
    if state.phase.get_untracked() != Phase::Loading {
        state.shown.set(None);
        state.phase.set(Phase::Idle);
        state.problem.set(None);
    }
}

async fn example(state: State, id: &str) {
    state.address.asked.set((id != FIRST_EXAMPLE).then(|| Subject::Example(id.to_owned())));
    if let Err(problem) = files::example(state, id).await {
        // The page is whole without its first example.
        if id == FIRST_EXAMPLE {
            leptos::logging::warn!("{problem}");
        } else {
            state.fail(problem);
        }
    }
}

/// A text: shown where its analysis is at hand, else put into the box.
async fn text(state: State, text: &str, inf_k: Option<usize>) {
    let fits = |analysis: &Analysis| analysis.text == text && analysis.inf_k == inf_k;
    if state.shown.with_untracked(|shown| shown.as_ref().is_some_and(|shown| fits(&shown.analysis))) {
        return;
    }
    let known = state.address.recent.with_value(|recent| recent.iter().rfind(|it| fits(&it.analysis)).cloned());
    let with_text = |gallery: &Gallery| gallery.with_text(text).map(|example| example.id.clone());
    if let Some(known) = known {
        state.show_again(known);
        state.text.set(text.to_owned());
    } else if let Some(id) = state.gallery.with_untracked(with_text).filter(|_| inf_k.is_none()) {
        example(state, &id).await;
    } else {
        begin(state, Some(Subject::Text(text.to_owned())));
        state.text.set(text.to_owned());
    }
    state.inf_k.set(inf_k.map(|k| k.to_string()).unwrap_or_default());
}

/// A text that a message brings.
pub async fn show_text(state: State, text: &str) {
    files::list_examples(state).await;
    self::text(state, text, None).await;
}

/// An analysis is shown from now on: keeps it for Back, and puts the link's pins on it.
pub fn arrived(state: State, shown: &Arc<Shown>) {
    state.address.recent.update_value(|recent| {
        recent.retain(|it| it.analysis.text != shown.analysis.text || it.analysis.inf_k != shown.analysis.inf_k);
        recent.push(shown.clone());
        if recent.len() > RECENT {
            recent.remove(0);
        }
    });
    // Another text's part means nothing here; a link's own comes with its pins.
    state.views.zoom.set(None);
    place_pins(state);
}

/// Pin and spans of the link, where the shown text has them.
fn place_pins(state: State) {
    let Some(tokens) = state.shown.with_untracked(|it| it.as_ref().map(|it| it.analysis.tokens.len())) else { return };
    // Once: what is shown later has pins of its own.
    let Some(pending) = state.address.pending.try_update_value(Option::take).flatten() else { return };
    let Pending { pin, selection, zoom } = pending;
    state.views.zoom.set(zoom);
    let fits = pin.is_none_or(|pin| pin.row < tokens && pin.column < tokens);
    let all_fit = fits && selection.spans().iter().all(|span| span.end <= tokens);
    if !all_fit {
        state.address.dropped.update(|dropped| {
            dropped.push(format!("what it pins or selects lies past the text’s {tokens} tokens"));
        });
    }
    if fits && (pin.is_some() || state.address.is_opening.get_value()) {
        state.focus.update(|focus| focus.pinned = pin);
    }
    let inside = Selection::of(selection.spans().iter().filter(|span| span.end <= tokens).cloned().collect());
    if state.address.is_opening.get_value() || !inside.spans().is_empty() {
        state.views.selection.set(inside);
    }
}
