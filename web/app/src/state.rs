//! What the components share: the model, its parts as signals, and what only the browser has.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;

use lens_analysis::Attention;
use lens_analysis::shuffled::Shuffled;
use lens_protocol::DeviceInfo;
use lens_session::dashboards::Dashboards;
use lens_session::embed::Embed;
use lens_session::packs::{PackEntry, StorageEstimate};
use lens_session::{Model, Msg, Start, Theme, ViewState};
use lens_view::focus::{Cell, Focus};
use lens_view::gallery::Gallery;
use lens_view::progress::Progress;
use lens_view::selection::Selection;
use leptos::prelude::*;

use crate::print::Print;
use crate::store::{Look, Store};
use crate::word_in_focus::WordInFocus;
use crate::worker::WorkerHandle;
use crate::{carried, environment};

pub use lens_session::{Origin, Pack, Phase, ShownAnalysis, ShownComparison};

/// What is shown after "Copy diagnostics".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopiedDiagnostics {
    /// The JSON.
    pub text: String,
    /// Whether it is in the clipboard; `None` while that is tried.
    pub copied: Option<bool>,
}

/// What the components share. The model's parts are in the words of [`Model`].
#[derive(Clone, Copy)]
pub struct State(&'static Shared);

/// What the components share, once a page.
pub struct Shared {
    /// Everything that the page knows.
    pub store: &'static Store,
    /// [`Model::text`].
    pub text: Look<String>,
    /// [`Model::inf_k`].
    pub inf_k: Look<String>,
    /// [`Model::is_live`].
    pub is_live: Look<bool>,
    /// [`Model::has_agreed`].
    pub has_agreed: Look<bool>,
    /// [`Model::words`].
    pub words: Look<bool>,
    /// [`Model::pack`].
    pub pack: Look<Option<Pack>>,
    /// [`Model::phase`].
    pub phase: Look<Phase>,
    /// [`Model::progress`].
    pub progress: Look<Option<Progress>>,
    /// [`Model::is_quiet`].
    pub is_quiet: Look<bool>,
    /// [`Model::is_stopping`].
    pub is_stopping: Look<bool>,
    /// [`Model::is_silent`].
    pub is_silent: Look<bool>,
    /// [`Model::problem`].
    pub problem: Look<Option<String>>,
    /// [`Model::note`].
    pub note: Look<Option<String>>,
    /// [`Model::storage_note`].
    pub storage_note: Look<Option<String>>,
    /// [`Model::stored_bytes`].
    pub stored_bytes: Look<Option<u64>>,
    /// [`Model::device`].
    pub device: Look<Option<DeviceInfo>>,
    /// [`Model::is_loaded`].
    pub is_loaded: Look<bool>,
    /// [`Model::shown`].
    pub shown: Look<Option<Arc<ShownAnalysis>>>,
    /// [`Model::shuffled`].
    pub shuffled: Look<Option<Arc<Shuffled>>>,
    /// [`Model::attention`].
    pub attention: Look<Option<Arc<Attention>>>,
    /// [`Model::compared`].
    pub compared: Look<Option<Arc<ShownComparison>>>,
    /// [`Model::compared_spans`].
    pub compared_spans: Look<[Selection; 2]>,
    /// [`Model::second_text`].
    pub second_text: Look<Option<String>>,
    /// [`Model::second_inf_k`].
    pub second_inf_k: Look<String>,
    /// [`Model::gallery`].
    pub gallery: Look<Gallery>,
    /// [`Model::is_example_pending`].
    pub is_example_pending: Look<bool>,
    /// [`Model::focus`].
    pub focus: Look<Focus>,
    /// [`Model::theme`].
    pub theme: Look<Theme>,
    /// [`Model::dropped`].
    pub dropped: Look<Vec<String>>,
    /// The demo of Neuronpedia's that the link asked for.
    pub demo: Look<Option<String>>,
    /// [`Model::dashboards`].
    pub dashboards: Look<Arc<Dashboards>>,
    /// The feature whose card is open.
    pub feature: Look<Option<usize>>,
    /// [`Model::address`].
    pub address: Look<ViewState>,

    /// The word that the page speaks of.
    pub word: WordInFocus,
    /// Whether the page is a single file, which has an analysis and nothing else: no model, no examples, no dashboards.
    pub is_one_file: bool,
    /// How the page stands inside another one; none where it does not.
    pub embed: Option<Embed>,
    /// The packs that the page knows.
    pub packs: Look<Vec<PackEntry>>,
    /// Bytes of stored files, by name.
    pub sizes: Look<HashMap<String, u64>>,
    /// What the browser says of its storage.
    pub estimate: Look<Option<StorageEstimate>>,
    /// The pack that is being fetched.
    pub downloading: Look<Option<String>>,
    /// What the last action on a pack came to.
    pub library_notice: Look<Option<String>>,
    /// Diagnostics, once asked for.
    pub diagnostics: RwSignal<Option<CopiedDiagnostics>>,
    /// Whether the panel of the model's files is open.
    pub is_model_open: RwSignal<bool>,
    /// How figures are saved.
    pub print: RwSignal<Print>,
    /// Whether the help sheet is open.
    pub is_help_open: RwSignal<bool>,
    /// Whether the sheet with the paper to cite is open.
    pub is_cite_open: RwSignal<bool>,
    /// The worker, from the first request on.
    pub engine: StoredValue<Option<WorkerHandle>, LocalStorage>,
    /// Of the page around, where its last message came from.
    pub asked_from: StoredValue<String>,
}

impl Deref for State {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        self.0
    }
}

impl State {
    /// The page as it opens, before its address is read.
    pub fn new() -> Self {
        let embed = environment::embed();
        let carried = carried::carried();
        let store = Store::new(Model::new(Start {
            pack: environment::pack(),
            theme: environment::remembered_theme(),
            wants_words: environment::wants_words(),
            has_agreed: environment::agreed(),
            is_embedded: embed.is_some(),
            carried,
        }));
        Self(Box::leak(Box::new(Shared {
            store,
            text: store.look(|model| &model.text),
            inf_k: store.look(|model| &model.inf_k),
            is_live: store.look(|model| &model.is_live),
            has_agreed: store.look(|model| &model.has_agreed),
            words: store.look(|model| &model.words),
            pack: store.look(|model| &model.pack),
            phase: store.look(|model| &model.phase),
            progress: store.look(|model| &model.progress),
            is_quiet: store.look(|model| &model.is_quiet),
            is_stopping: store.look(|model| &model.is_stopping),
            is_silent: store.look(|model| &model.is_silent),
            problem: store.look(|model| &model.problem),
            note: store.look(|model| &model.note),
            storage_note: store.look(|model| &model.storage_note),
            stored_bytes: store.look(|model| &model.stored_bytes),
            device: store.look(|model| &model.device),
            is_loaded: store.look(|model| &model.is_loaded),
            shown: store.look_at_shared(|model| &model.shown),
            attention: store.look_at_shared(|model| &model.attention),
            shuffled: store.look_at_shared(|model| &model.shuffled),
            compared: store.look_at_shared(|model| &model.compared),
            compared_spans: store.look(|model| &model.compared_spans),
            second_text: store.look(|model| &model.second_text),
            second_inf_k: store.look(|model| &model.second_inf_k),
            gallery: store.look(|model| &model.gallery),
            is_example_pending: store.look(|model| &model.is_example_pending),
            focus: store.look(|model| &model.focus),
            theme: store.look(|model| &model.theme),
            dropped: store.look(|model| &model.dropped),
            demo: store.look(|model| &model.view.neuronpedia_demo),
            dashboards: store.look_by(|model| &model.dashboards, Arc::ptr_eq),
            feature: store.look(|model| &model.view.feature),
            address: store.look(|model| &model.address),
            word: WordInFocus::of(store),
            is_one_file: carried.is_some(),
            embed,
            packs: store.look(|model| &model.library.packs),
            sizes: store.look(|model| &model.library.sizes),
            estimate: store.look(|model| &model.library.estimate),
            downloading: store.look(|model| &model.library.downloading),
            library_notice: store.look(|model| &model.library.notice),
            diagnostics: RwSignal::new(None),
            is_model_open: RwSignal::new(false),
            print: RwSignal::new(Print::default()),
            is_help_open: RwSignal::new(false),
            is_cite_open: RwSignal::new(false),
            engine: StoredValue::new_local(None),
            asked_from: StoredValue::new(String::new()),
        })))
    }

    /// Something in the page went wrong; a sentence.
    pub fn report(self, problem: String) {
        self.tell(Msg::Problem(problem));
    }

    /// Looks at a part of the model, as long as the owner lives.
    pub fn look<T: crate::store::Value + PartialEq>(self, get: fn(&Model) -> &T) -> Look<T> {
        self.store.look(get)
    }

    /// The visitor chooses something about the view.
    pub fn choose(self, change: impl FnOnce(&mut ViewState)) {
        let mut view = self.view();
        change(&mut view);
        self.tell(Msg::Chosen(view));
    }

    fn view(self) -> Box<ViewState> {
        Box::new(self.store.model().view.clone())
    }

    /// Something else is hovered or pinned.
    pub fn point(self, change: impl FnOnce(&mut Focus)) {
        let mut focus = self.focus.get_untracked();
        change(&mut focus);
        self.tell(Msg::Focused(focus));
    }

    /// Sets what is hovered, once a change.
    pub fn hover(self, cell: Option<Cell>) {
        if self.focus.get_untracked().hovered != cell {
            self.point(|focus| focus.hovered = cell);
        }
    }
}
