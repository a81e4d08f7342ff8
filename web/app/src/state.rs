//! What the components share. One analysis is shown at a time; all views draw from it.

use std::sync::Arc;

use lens_analysis::comparison::Comparison;
use lens_analysis::{Analysis, Attention};
use lens_protocol::{DeviceInfo, Request};
use lens_view::embed::Embed;
use lens_view::focus::Focus;
use lens_view::gallery::Gallery;
use lens_view::progress::Progress;
use lens_view::statistics::Run;
use lens_view::theme::Theme;
use leptos::prelude::*;

use crate::address::{self, Address};
use crate::dashboards::Dashboards;
use crate::diagnostics;
use crate::environment::{self, Pack};
use crate::library::Library;
use crate::typing::Next;
use crate::views::Views;
use crate::worker::Engine;

/// The seed's prompt.
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

/// Where a shown analysis comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Origin {
    /// Shipped with the page.
    Precomputed,
    /// Made here.
    Live(Run),
    /// Opened from a file with this name.
    File(String),
    /// Opened from this address.
    Link(String),
}

impl Origin {
    /// As `data-origin` and messages say it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Precomputed => "precomputed",
            Self::Live(_) => "live",
            Self::File(_) => "file",
            Self::Link(_) => "link",
        }
    }
}

/// An analysis on the page.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// The document.
    pub analysis: Analysis,
    /// Where it comes from.
    pub origin: Origin,
}

/// A comparison on the page.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    /// The document.
    pub comparison: Comparison,
    /// The document exactly as it came.
    pub json: String,
    /// Whether it was shipped with the page.
    pub is_precomputed: bool,
}

impl Compared {
    /// Whether an analysis is what its first text was analysed to.
    pub fn is_of(&self, analysis: &Analysis) -> bool {
        let first = &self.comparison.first;
        (&first.text, first.inf_k) == (&analysis.text, analysis.inf_k)
    }
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
    /// Why this browser keeps no files for the page.
    pub storage_note: RwSignal<Option<String>>,
    /// Bytes of models that this browser keeps, once counted.
    pub kept: RwSignal<Option<u64>>,
    /// Whether a foreign host may be asked for rows while typing.
    pub rows_while_typing: RwSignal<bool>,
    /// Diagnostics, once asked for.
    pub diagnostics: RwSignal<Option<diagnostics::Shown>>,
    /// The analysis all views show.
    pub shown: RwSignal<Option<Arc<Shown>>>,
    /// The SAE's attention weights over the shown text, where they came with it or were asked for.
    pub attention: RwSignal<Option<Arc<Attention>>>,
    /// The shown text beside a second one.
    pub compared: RwSignal<Option<Arc<Compared>>>,
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
    /// What the visitor chose about the views.
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
    pub engine: StoredValue<Option<Engine>, LocalStorage>,
    /// Whether the page follows while one types.
    pub live: RwSignal<bool>,
    /// The request under way came from typing: no progress bar, and it may be pushed aside.
    pub quiet: RwSignal<bool>,
    /// Counts changes of the text.
    pub typed: StoredValue<u32>,
    /// What to do when the request under way has ended.
    pub next: StoredValue<Next>,
    /// Number of the latest request.
    pub request: StoredValue<u32>,
    /// What is under way, to be asked again of a fresh worker when the device is lost.
    pub job: StoredValue<Option<Request>>,
    /// The device was lost once during this job: the next time it is said, not tried again.
    pub restarted: StoredValue<bool>,
}

impl State {
    /// The page as it opens.
    pub fn new() -> Self {
        Self {
            text: RwSignal::new(PROMPT.to_owned()),
            inf_k: RwSignal::new(String::new()),
            phase: RwSignal::new(Phase::Idle),
            progress: RwSignal::new(None),
            stopping: RwSignal::new(false),
            problem: RwSignal::new(None),
            note: RwSignal::new(None),
            storage_note: RwSignal::new(None),
            kept: RwSignal::new(None),
            rows_while_typing: RwSignal::new(environment::agreed()),
            diagnostics: RwSignal::new(None),
            shown: RwSignal::new(None),
            attention: RwSignal::new(None),
            compared: RwSignal::new(None),
            gallery: RwSignal::new(Gallery::default()),
            example_pending: RwSignal::new(true),
            device: RwSignal::new(None),
            loaded: RwSignal::new(false),
            focus: RwSignal::new(Focus::default()),
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
            request: StoredValue::new(0),
            job: StoredValue::new(None),
            restarted: StoredValue::new(false),
        }
    }

    /// Puts an analysis on the page. Reads the document; the string is untrusted.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the document.
    pub fn show(self, json: &str, origin: Origin) -> Result<(), String> {
        let analysis = Analysis::from_json(json).map_err(|e| e.to_string())?;
        self.focus.set(Focus::default());
        self.views.selection.update(|selection| selection.clear());
        self.attention.set(analysis.attention.clone().map(Arc::new));
        let shown = Arc::new(Shown { analysis, origin });
        self.shown.set(Some(shown.clone()));
        address::arrived(self, &shown);
        Ok(())
    }

    /// Puts an analysis on the page that was there before.
    pub fn show_again(self, shown: Arc<Shown>) {
        self.focus.set(Focus::default());
        self.views.selection.update(|selection| selection.clear());
        self.attention.set(shown.analysis.attention.clone().map(Arc::new));
        self.problem.set(None);
        self.phase.set(if shown.origin == Origin::Precomputed { Phase::Idle } else { Phase::Done });
        self.shown.set(Some(shown));
    }

    /// Puts a comparison on the page. Reads the document; the string is untrusted.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the document.
    pub fn show_comparison(self, json: String, is_precomputed: bool) -> Result<(), String> {
        let comparison = Comparison::from_json(&json).map_err(|e| e.to_string())?;
        // The second text is the one in the second box, wherever the comparison comes from.
        let second = &comparison.second;
        self.views.second_text.set(Some(second.text.clone()));
        self.views.second_inf_k.set(second.inf_k.map(|k| k.to_string()).unwrap_or_default());
        let compared = Arc::new(Compared { comparison, json, is_precomputed });
        address::compared(self, &compared);
        self.compared.set(Some(compared));
        Ok(())
    }

    /// Remembers whether a foreign host may be asked for rows while typing.
    pub fn agree(self, agreed: bool) {
        self.rows_while_typing.set(agreed);
        environment::remember_agreement(agreed);
    }

    /// Says what went wrong; the text and what is shown stay.
    pub fn fail(self, problem: impl Into<String>) {
        self.progress.set(None);
        self.stopping.set(false);
        self.library.ended(self);
        self.problem.set(Some(problem.into()));
        self.phase.set(Phase::Error);
    }
}
