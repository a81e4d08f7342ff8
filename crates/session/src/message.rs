//! What can happen to the page, and what it asks of the browser.

use std::collections::HashMap;

use lens_protocol::buffers::Buffer;
use lens_protocol::{Request, Response};
use lens_view::film::Speed;
use lens_view::focus::Focus;
use lens_view::selection::Selection;

use crate::embed::EmbedCommand;
use crate::library::PackSummary;
use crate::outside::OutsideError;
use crate::pack::Pack;
use crate::packs::{StorageEstimate, Verification};
use crate::theme::Theme;
use crate::view_state::{Opened, ViewState};

/// Something happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Msg {
    /// The text box has another text.
    Typed(String),
    /// An input method composes a character or word in the text box, or has ended that.
    Composing(bool),
    /// The `inf_k` field has another text.
    InfKTyped(String),
    /// The page is to follow while one types, or no longer.
    Live(bool),
    /// Whether a foreign host may be asked for rows while typing.
    Agreed(bool),
    /// Analyses are to come in words, or no longer.
    Words(bool),
    /// The text box is to take the place of the shown text, or to give it back.
    Edit(bool),
    /// Analyze was pressed.
    Submit,
    /// What failed is asked for once more.
    Retry,
    /// Cancel was pressed.
    Cancel,
    /// The worker, of which nothing came for long, is to be started again.
    Restart,
    /// The second text's box has another text.
    SecondTyped(String),
    /// The second text's `inf_k` field has another text.
    SecondInfKTyped(String),
    /// Compare was pressed.
    Compare,
    /// Attention weights of the shown text are asked for.
    AskAttention,
    /// The shown text's numbers are to stand next to those of its tokens in other orders.
    AskShuffled,
    /// The whole embedding is to be stored.
    StoreEmbedding,
    /// Diagnostics are to be copied.
    Diagnose,
    /// The worker sent a message.
    Worker(Response, Vec<Buffer>),
    /// The worker stopped, for this reason; none where its files could not be loaded.
    Crashed(Option<String>),
    /// The worker could not be started, for this reason.
    NoWorker(WorkerError),
    /// A request could not be sent, for this reason.
    NotSent(String),
    /// A timer ended.
    Timer(Timer),
    /// The page's address is a link: as it opens, and after Back and Forward. The pack is the one that the link
    /// names, with its absolute address.
    UrlChanged(Box<Opened>, Option<Pack>),
    /// What was fetched came, or why it did not. The number is the one that [`Effect::Fetch`] had.
    Fetched(Fetch, u32, Result<String, OutsideError>),
    /// A file with this name was opened: its text, or why it has none.
    FileOpened(String, Result<String, OutsideError>),
    /// A precomputed example was chosen.
    Example(String),
    /// The precomputed comparison of this example with its pair was chosen.
    Pair(String),
    /// The page around sent a message.
    Message(EmbedCommand),
    /// The visitor chose something about the views.
    Chosen(Box<ViewState>),
    /// Something else is hovered or pinned.
    Focused(Focus),
    /// Something about the reading as a film.
    Film(FilmMsg),
    /// Names of features are to be shown.
    WantFeatureNames,
    /// Dashboards that could not be fetched are to be fetched again.
    RetryDashboards,
    /// Spans of one of the compared texts are selected: the first (0) or the second (1).
    ComparedSpans(usize, Selection),
    /// Esc was pressed.
    Escape,
    /// The theme's switch was pressed.
    SwitchTheme,
    /// The library of packs was opened.
    LibraryOpened,
    /// The packs of the list, each with its title, have their absolute addresses: [`Effect::LocatePacks`].
    PacksListed(Vec<(String, Pack)>),
    /// The pack at this address is to be asked what it is.
    LookAtPack(String),
    /// Another pack is to be used.
    PackChosen(Pack),
    /// Tokenizer and weights of the pack at this address are to be stored.
    DownloadPack(String),
    /// The browser was asked to keep what is stored, for a download of the pack at this address.
    Persisted(String),
    /// The download is to stop, and what came is to be deleted.
    DiscardDownload,
    /// The stored files of the pack at this address are to be deleted.
    DeletePack(String),
    /// They are deleted.
    PackDeleted,
    /// The stored files of the pack at this address are to be compared with their checksums.
    VerifyPack(String),
    /// This file of so many is being compared.
    Verifying(usize, usize),
    /// They are compared.
    Verified(Verification),
    /// All that is stored is to be deleted.
    DeleteStored,
    /// Bytes of every file of models that the browser stores, by name.
    Counted(HashMap<String, u64>),
    /// What the browser says of its storage.
    Estimated(Option<StorageEstimate>),
    /// Something in the page went wrong; a sentence.
    Problem(String),
    /// The problem is no longer to be shown.
    DismissProblem,
    /// What a link dropped is no longer to be shown.
    DismissDropped,
}

/// Why the worker could not be started, as a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WorkerError {
    /// The page has no address that its worker's could be relative to.
    #[error("This page has no address of its own.")]
    NoAddress,
    /// The browser refused.
    #[error("This browser does not start module workers.")]
    Unsupported,
}

/// Something happened to the reading as a film.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FilmMsg {
    /// Play was pressed, or Pause; a step where motion is reduced.
    Toggle,
    /// So many words on or back.
    Step(isize),
    /// To this token.
    Seek(usize),
    /// It is to run so fast.
    Speed(Speed),
    /// The browser draws another frame.
    Frame,
    /// Whether the visitor asked for less motion.
    ReduceMotion(bool),
    /// All of the text is to be shown.
    Close,
}

/// What a timer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timer {
    /// A pause in typing, after so many changes.
    Typing(u32),
    /// How long a canceled request, this one, is waited for.
    Patience(u32),
    /// The next look at how long this request takes.
    Wait(u32),
    /// How long the worker may say nothing while a request is under way.
    Silence,
    /// The next change of the current entry of the history, after so many openings.
    Replace(u32),
}

/// A text that lies beside the page, or that a link names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetch {
    /// The list of precomputed examples.
    Gallery,
    /// The analysis that the page's own file carries.
    Carried,
    /// The comparison that comes with it.
    CarriedComparison,
    /// The precomputed example with this id.
    Example(String),
    /// The precomputed comparison of the example with this id with its pair.
    Pair(String),
    /// The saved result at this address, of whatever host: without cookies.
    Result(String),
    /// The list of packs.
    Models,
    /// The manifest of the pack at this address.
    Manifest(String),
    /// The index of the features' dashboards.
    DashboardIndex,
    /// This file of dashboards.
    Dashboard(String),
}

/// What the browser is to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Send a request to the worker, which is started where there is none. Answers: [`Msg::NoWorker`],
    /// [`Msg::NotSent`], or the worker's.
    Send(Request),
    /// Send a request if there is a worker; a failure to send is ignored, since nothing waits for an answer.
    SendIfPossible(Request),
    /// End the worker.
    EndWorker,
    /// Set a timer, in milliseconds.
    SetTimer(Timer, u32),
    /// Fetch a text, and answer with [`Msg::Fetched`] and this number.
    Fetch(Fetch, u32),
    /// Write the page's address, as a new entry of the history or in place of the current one.
    WriteUrl {
        /// What follows the page's own address, with its mark.
        link: String,
        /// Whether it is a new entry.
        is_entry: bool,
    },
    /// Remember whether the pack at this address was loaded.
    RememberLoaded(String, bool),
    /// Remember whether words are wanted.
    RememberWords(bool),
    /// Remember what the visitor agreed to.
    RememberAgreement(bool),
    /// Remember the theme.
    RememberTheme(Theme),
    /// Count what is stored, and answer with [`Msg::Counted`].
    CountStorage,
    /// Ask how much is stored, and answer with [`Msg::Estimated`].
    EstimateStorage,
    /// Ask the browser to keep what is stored, and answer with [`Msg::Persisted`] and this address.
    PersistStorage(String),
    /// Find the absolute addresses of packs, each a title and an address, and answer with [`Msg::PacksListed`].
    LocatePacks(Vec<(String, String)>),
    /// Delete the stored files of the pack at this address, and answer with [`Msg::PackDeleted`].
    DeletePack(String, Box<PackSummary>),
    /// Compare the stored files of this pack with their checksums, delete what is damaged, and answer with
    /// [`Msg::Verified`].
    VerifyPack(Box<PackSummary>),
    /// Delete all that is stored, and answer with [`Msg::Counted`].
    DeleteStored,
    /// Copy diagnostics, with what the worker answered.
    CopyDiagnostics(Option<serde_json::Value>),
    /// Tell the page around that its message was refused; a sentence.
    Refuse(String),
    /// Write a warning to the console.
    Warn(String),
}
