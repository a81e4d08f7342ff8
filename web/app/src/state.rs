//! What the components share. One analysis is shown at a time; all views draw from it.

use std::sync::Arc;

use lens_analysis::Attention;
use lens_protocol::{DeviceInfo, Request};
use lens_session::embed::Embed;
use lens_session::{Theme, ViewState};
use lens_view::focus::Focus;
use lens_view::gallery::Gallery;
use lens_view::progress::Progress;
use leptos::prelude::*;

use crate::address::record::Address;
use crate::catalog::Library;
use crate::dashboards::Dashboards;
use crate::environment::{self, Pack};
use crate::parts::{Look, Part, Store, Value};
use crate::views::Views;
use crate::worker::WorkerHandle;

pub use crate::shown::{Origin, ShownAnalysis, ShownComparison};

/// The notebook's prompt.
const PROMPT: &str = "Once upon a time, a little girl named Alice loved looking at the night sky.";

/// Where the page is with the visitor's request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Phase {
    /// Nothing was asked yet, or a request was cancelled.
    #[default]
    Idle,
    /// A request is under way.
    Loading,
    /// The answer is shown.
    Done,
    /// The request failed.
    Error,
}

impl Phase {
    /// As `data-state` says it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Loading => "loading",
            Self::Done => "done",
            Self::Error => "error",
        }
    }
}

/// What to do when the request under way has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Next {
    /// Nothing.
    #[default]
    Rest,
    /// The text has changed since: analyze it as typed.
    Typed,
    /// Analyze was pressed.
    Pressed,
}

/// What is shown after "Copy diagnostics".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopiedDiagnostics {
    /// The JSON.
    pub text: String,
    /// Whether it is in the clipboard; `None` while that is tried.
    pub copied: Option<bool>,
}

/// What the components share.
#[derive(Clone, Copy)]
pub struct State {
    /// The text box.
    pub text: RwSignal<String>,
    /// The `inf_k` field as it was typed; empty for the SAE's own k.
    pub inf_k: RwSignal<String>,
    /// Where the request is.
    pub phase: RwSignal<Phase>,
    /// How far it is, while it is under way.
    pub progress: RwSignal<Option<Progress>>,
    /// Cancel was pressed, the worker has not stopped yet.
    pub stopping: RwSignal<bool>,
    /// What went wrong, as a sentence.
    pub problem: RwSignal<Option<String>>,
    /// What else there is to know: a broken connection, a lost device, full storage.
    pub note: RwSignal<Option<String>>,
    /// Why this browser stores no files for the page.
    pub storage_note: RwSignal<Option<String>>,
    /// Bytes of models that this browser stores, once counted.
    pub stored_bytes: RwSignal<Option<u64>>,
    /// Whether a foreign host may be asked for rows while typing.
    pub rows_while_typing: RwSignal<bool>,
    /// Whether analyses are asked for in words.
    pub words: RwSignal<bool>,
    /// Diagnostics, once asked for.
    pub diagnostics: RwSignal<Option<CopiedDiagnostics>>,
    /// The analysis all views show.
    pub shown: RwSignal<Option<Arc<ShownAnalysis>>>,
    /// The SAE's attention weights over the shown text, where they came with it or were asked for.
    pub attention: RwSignal<Option<Arc<Attention>>>,
    /// The shown text beside a second one.
    pub compared: RwSignal<Option<Arc<ShownComparison>>>,
    /// The precomputed examples there are.
    pub gallery: RwSignal<Gallery>,
    /// The precomputed example is still being fetched.
    pub example_pending: RwSignal<bool>,
    /// What the worker runs on, once it has said so.
    pub device: RwSignal<Option<DeviceInfo>>,
    /// Whether the worker has the weights.
    pub loaded: RwSignal<bool>,
    /// What is hovered and pinned.
    pub focus: RwSignal<Focus>,
    /// What the visitor chose about the views. Read by [`State::look`], changed by [`State::choose`].
    pub store: &'static Store,
    /// All of it.
    pub view: Look<ViewState>,
    /// What is typed and selected for a comparison.
    pub views: Views,
    /// What features fire on, and whose card is open.
    pub dashboards: Dashboards,
    /// The packs this page knows.
    pub library: Library,
    /// The theme.
    pub theme: RwSignal<Theme>,
    /// The page's address.
    pub address: Address,
    /// How the page stands inside another one; none where it does not.
    pub embed: Option<Embed>,
    /// The model's files.
    pub pack: RwSignal<Option<Pack>>,
    /// The worker, from the first request on.
    pub engine: StoredValue<Option<WorkerHandle>, LocalStorage>,
    /// Whether the page follows while one types.
    pub live: RwSignal<bool>,
    /// The request under way came from typing: no progress bar, and it may be pushed aside.
    pub quiet: RwSignal<bool>,
    /// Counts changes of the text.
    pub typed: StoredValue<u32>,
    /// What to do when the request under way has ended.
    pub next: StoredValue<Next>,
    /// Goes on after a request has ended, with what came up meanwhile.
    pub request_ended: fn(Self),
    /// Number of the latest request.
    pub request: StoredValue<u32>,
    /// What is under way, to be asked again of a fresh worker when the device is lost.
    pub job: StoredValue<Option<Request>>,
    /// The device was lost once during this job: the next time it is said, not tried again.
    pub restarted: StoredValue<bool>,
}

impl State {
    /// The page as it opens; `request_ended` is called whenever a request has ended.
    pub fn new(request_ended: fn(Self)) -> Self {
        let store = Store::new();
        Self {
            text: RwSignal::new(PROMPT.to_owned()),
            inf_k: RwSignal::new(String::new()),
            phase: RwSignal::new(Phase::Idle),
            progress: RwSignal::new(None),
            stopping: RwSignal::new(false),
            problem: RwSignal::new(None),
            note: RwSignal::new(None),
            storage_note: RwSignal::new(None),
            stored_bytes: RwSignal::new(None),
            rows_while_typing: RwSignal::new(environment::agreed()),
            words: RwSignal::new(environment::wants_words()),
            diagnostics: RwSignal::new(None),
            shown: RwSignal::new(None),
            attention: RwSignal::new(None),
            compared: RwSignal::new(None),
            gallery: RwSignal::new(Gallery::default()),
            example_pending: RwSignal::new(true),
            device: RwSignal::new(None),
            loaded: RwSignal::new(false),
            focus: RwSignal::new(Focus::default()),
            store,
            view: store.look(|view| view),
            views: Views::new(),
            dashboards: Dashboards::new(),
            library: Library::new(),
            theme: RwSignal::new(environment::remembered_theme()),
            address: Address::new(),
            embed: environment::embed(),
            pack: RwSignal::new(environment::pack()),
            engine: StoredValue::new_local(None),
            live: RwSignal::new(true),
            quiet: RwSignal::new(false),
            typed: StoredValue::new(0),
            next: StoredValue::new(Next::Rest),
            request_ended,
            request: StoredValue::new(0),
            job: StoredValue::new(None),
            restarted: StoredValue::new(false),
        }
    }

    /// Looks at a part of the view, as long as the owner lives.
    pub fn look<T: Value>(self, get: fn(&ViewState) -> &T) -> Look<T> {
        self.store.look(get)
    }

    /// Looks at a part of the view, and may choose it.
    pub fn part<T: Value>(self, get: fn(&ViewState) -> &T, put: fn(&mut ViewState, T)) -> Part<T> {
        Part::new(self.look(get), put)
    }

    /// The visitor chooses something about the view.
    pub fn choose(self, change: impl FnOnce(&mut ViewState)) {
        self.store.choose(change);
    }

    /// Remembers whether a foreign host may be asked for rows while typing.
    pub fn agree(self, agreed: bool) {
        self.rows_while_typing.set(agreed);
        environment::remember_agreement(agreed);
    }
}
