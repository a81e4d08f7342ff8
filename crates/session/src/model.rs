//! Everything that the page knows, without a browser.

use std::sync::Arc;

use lens_analysis::Attention;
use lens_analysis::shuffled::Shuffled;
use lens_protocol::{DeviceInfo, Request};
use lens_view::film::Film;
use lens_view::focus::{Cell, Focus};
use lens_view::gallery::Gallery;
use lens_view::progress::Progress;
use lens_view::selection::Selection;

use crate::dashboards::Dashboards;
use crate::message::Effect;
use crate::pack::Pack;
use crate::packs::Library;
use crate::shown::{Origin, ShownAnalysis, ShownComparison};
use crate::theme::Theme;
use crate::view_state::{Subject, ViewState};

/// The notebook's prompt.
pub const PROMPT: &str = "Once upon a time, a little girl named Alice loved looking at the night sky.";

/// Where the page is with the visitor's request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Phase {
    /// Nothing was asked yet, or a request was canceled.
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

/// What of a link waits until its text is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Pending {
    /// What the link is about.
    pub subject: Option<Subject>,
    /// The pinned cell.
    pub pin: Option<Cell>,
    /// The selected spans.
    pub spans: Selection,
    /// The part of the matrix.
    pub zoom: Option<[f64; 3]>,
    /// The token up to which it is read.
    pub read_to: Option<usize>,
}

impl Pending {
    /// Whether it belongs to what is shown.
    pub(crate) fn is_of(&self, shown: &ShownAnalysis) -> bool {
        match &self.subject {
            Some(Subject::Text(text)) => &shown.analysis.text == text,
            Some(Subject::Result(url)) => matches!(&shown.origin, Origin::Link(from) if from == url),
            Some(Subject::Example(_)) | None => shown.origin == Origin::Precomputed,
        }
    }
}

/// What a link that is being opened waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// The list of examples, which says what to show.
    Gallery,
    /// What the link is about.
    Subject,
    /// The list of examples, beside what is shown.
    GalleryLast,
}

/// A link, or a text of the page around, that is being opened.
#[derive(Debug, Clone, PartialEq)]
pub struct Opening {
    /// The link.
    pub link: ViewState,
    /// What it waits for.
    pub wait: Wait,
    /// Whether the page around asked for it, by a message.
    pub is_message: bool,
}

/// What a page that is a single file carries: one analysis, which is all that it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Carried {
    /// Whether a comparison comes with it.
    pub has_comparison: bool,
}

/// What the page finds as it opens.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Start {
    /// The page's own pack.
    pub pack: Option<Pack>,
    /// The theme that was chosen on an earlier visit.
    pub theme: Theme,
    /// Whether words were wanted on an earlier visit.
    pub wants_words: bool,
    /// Whether the visitor agreed to have a foreign host asked for rows while typing.
    pub has_agreed: bool,
    /// Whether the page stands inside another one.
    pub is_embedded: bool,
    /// What the page's own file carries; none where the page is a site's.
    pub carried: Option<Carried>,
}

/// Everything that the page knows.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// What the page found as it opened. Its theme needs no word in a link: it is the visitor's own; its pack needs none
    /// either.
    pub start: Start,
    /// The text box.
    pub text: String,
    /// Whether the text box stands in the place of the shown text.
    pub is_editing: bool,
    /// The `inf_k` field as it was typed; empty for the SAE's own k.
    pub inf_k: String,
    /// Whether the page follows while one types.
    pub is_live: bool,
    /// Whether a foreign host may be asked for rows while typing.
    pub has_agreed: bool,
    /// Whether analyses are asked for in words.
    pub words: bool,
    /// Whether words are wanted whatever the link says.
    pub wants_words: bool,
    /// The model's files.
    pub pack: Option<Pack>,

    /// Where the request is.
    pub phase: Phase,
    /// How far it is, while it is under way.
    pub progress: Option<Progress>,
    /// The request under way came from typing: no progress bar, and it may be pushed aside.
    pub is_quiet: bool,
    /// Cancel was pressed, the worker has not stopped yet.
    pub is_stopping: bool,
    /// Nothing has come from the worker for long, though a request is under way.
    pub is_silent: bool,
    /// What went wrong, as a sentence.
    pub problem: Option<String>,
    /// Whether asking for the same once more may help.
    pub can_retry: bool,
    /// What else there is to know: a broken connection, a lost device, full storage.
    pub note: Option<String>,
    /// Why this browser stores no files for the page.
    pub storage_note: Option<String>,
    /// Bytes of models that this browser stores, once counted.
    pub stored_bytes: Option<u64>,
    /// What the worker runs on, once it has said so.
    pub device: Option<DeviceInfo>,
    /// Whether the worker has the weights.
    pub is_loaded: bool,
    /// Whether there is a worker.
    pub has_worker: bool,
    /// Number of the latest request.
    pub(crate) request: u32,
    /// What is under way, to be asked again of a fresh worker when the device is lost.
    pub(crate) job: Option<Request>,
    /// The device was lost once during this job: the next time it is said, not tried again.
    pub(crate) has_restarted: bool,
    /// When something was sent to the worker last or came from it, in milliseconds.
    pub(crate) last_active_ms: f64,
    /// Whether a timer of its silence runs.
    pub(crate) is_listening: bool,
    /// What to do when the request under way has ended.
    pub(crate) next: Next,
    /// Counts changes of the text.
    pub(crate) typed: u32,
    /// An input method composes: the text in the box is unfinished, neither analyzed nor written into the address.
    pub(crate) is_composing: bool,

    /// The analysis all views show.
    pub shown: Option<Arc<ShownAnalysis>>,
    /// The SAE's attention weights over the shown text, where they came with it or were asked for.
    pub attention: Option<Arc<Attention>>,
    /// They were asked for since the analysis is shown.
    pub(crate) is_attention_asked: bool,
    /// The shown text's statistics next to those of other orders of its tokens, where they came with it or were asked for.
    pub shuffled: Option<Arc<Shuffled>>,
    /// The shown text beside a second one.
    pub compared: Option<Arc<ShownComparison>>,
    /// Selected spans of both compared texts.
    pub compared_spans: [Selection; 2],
    /// The second text as it was typed; none until then, when it begins as the shown text.
    pub second_text: Option<String>,
    /// The second text's `inf_k` field as it was typed.
    pub second_inf_k: String,
    /// Analyses for Back, the latest last.
    pub(crate) recent: Vec<Arc<ShownAnalysis>>,
    /// Comparisons for Back, the latest last.
    pub(crate) recent_comparisons: Vec<Arc<ShownComparison>>,
    /// The precomputed examples there are.
    pub gallery: Gallery,
    /// A precomputed example is still being fetched.
    pub is_example_pending: bool,
    /// The example that is shown once it came.
    pub awaited_example: Option<String>,
    /// The example whose comparison with its pair is shown once it came.
    pub awaited_pair: Option<String>,
    /// The text in the box when an example was asked for: it gives way to one that was typed since.
    pub(crate) text_before_example: String,
    /// Whether the box was opened, or written in, since an example was asked for: it stays when the example comes.
    pub(crate) is_box_wanted: bool,

    /// What the visitor chose about the views. Subject and second text are what the last link asked for.
    pub view: ViewState,
    /// What is hovered and pinned; the view's pin is the same.
    pub focus: Focus,
    /// The reading of the shown text as a film; where the view is read to is where it is.
    pub film: Film,
    /// When the film was drawn last, in milliseconds.
    pub(crate) film_ms: f64,
    /// Light or dark, as it is shown.
    pub theme: Theme,
    /// What the view's second text is compared with.
    pub(crate) second_of: Option<Subject>,

    /// The packs that the page knows.
    pub library: Library,
    /// What there is to show of features.
    pub dashboards: Arc<Dashboards>,
    /// What of the link could not be opened, a phrase each.
    pub dropped: Vec<String>,
    /// Pin and spans of the link, until their text is shown.
    pub(crate) pending: Option<Pending>,
    /// The link that is being opened: what changes meanwhile is not written to the address.
    pub(crate) opening: Option<Opening>,
    /// Counts what was opened: what comes late gives way to what was asked for since.
    pub(crate) turn: u32,
    /// The page's address, as it was last written.
    pub address: ViewState,
    /// When the view was last dragged, in milliseconds.
    pub(crate) last_drag_ms: f64,
    /// The entry of the history is about to be replaced.
    pub(crate) is_replacing: bool,
    /// Typing asked for what is shown.
    pub(crate) is_shown_quietly: bool,
    /// A pause in typing made the current entry of the history.
    pub(crate) is_entry_typed: bool,

    /// Milliseconds of the browser's clock at the message under way.
    pub(crate) now_ms: f64,
    /// What the message under way asks of the browser.
    pub(crate) effects: Vec<Effect>,
}

impl Model {
    /// The page as it opens, before its address is read.
    pub fn new(start: Start) -> Self {
        Self {
            text: PROMPT.to_owned(),
            is_editing: false,
            inf_k: String::new(),
            is_live: true,
            has_agreed: start.has_agreed,
            words: start.wants_words,
            wants_words: start.wants_words,
            pack: start.pack.clone(),
            phase: Phase::Idle,
            progress: None,
            is_quiet: false,
            is_stopping: false,
            is_silent: false,
            last_active_ms: 0.0,
            is_listening: false,
            problem: None,
            can_retry: false,
            note: None,
            storage_note: None,
            stored_bytes: None,
            device: None,
            is_loaded: false,
            has_worker: false,
            request: 0,
            job: None,
            has_restarted: false,
            next: Next::Rest,
            typed: 0,
            is_composing: false,
            shown: None,
            attention: None,
            is_attention_asked: false,
            shuffled: None,
            compared: None,
            compared_spans: Default::default(),
            second_text: None,
            second_inf_k: String::new(),
            recent: Vec::new(),
            recent_comparisons: Vec::new(),
            gallery: Gallery::default(),
            is_example_pending: true,
            awaited_example: None,
            awaited_pair: None,
            text_before_example: String::new(),
            is_box_wanted: false,
            view: ViewState::default(),
            focus: Focus::default(),
            film: Film::new(0),
            film_ms: 0.0,
            theme: start.theme,
            second_of: None,
            library: Library::default(),
            dashboards: Arc::default(),
            dropped: Vec::new(),
            pending: None,
            opening: None,
            turn: 0,
            address: ViewState::default(),
            last_drag_ms: f64::NEG_INFINITY,
            is_replacing: false,
            is_shown_quietly: false,
            is_entry_typed: false,
            now_ms: 0.0,
            effects: Vec::new(),
            start,
        }
    }

    /// Whether the text box stands on the page: while one edits, and where there is nothing else.
    pub fn has_box(&self) -> bool {
        // A single file has no model that could read another text.
        let can_have = self.start.carried.is_none();
        can_have && (self.is_editing || (self.shown.is_none() && !self.is_example_pending))
    }

    /// Whether what is shown is not of the text in the box.
    pub fn is_stale(&self) -> bool {
        self.is_editing && self.shown.as_ref().is_some_and(|shown| shown.analysis.text != self.text)
    }

    /// Tokens of the shown text.
    pub(crate) fn shown_tokens(&self) -> Option<usize> {
        self.shown.as_ref().map(|shown| shown.analysis.tokens.len())
    }

    /// Hovers and pins.
    pub(crate) fn set_focus(&mut self, focus: Focus) {
        self.focus = focus;
        self.view.pin = focus.pinned;
    }

    /// Asks something of the browser.
    pub(crate) fn ask(&mut self, effect: Effect) {
        self.effects.push(effect);
    }
}
