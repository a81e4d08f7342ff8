//! The page without a browser: what it shows, what can happen to it, and what it asks the browser to do.
//!
//! [`Model`] is all that the page knows. Whatever happens is a [`Msg`]; [`Model::update`] takes it and answers with
//! [`Effect`]s, which the page in the browser turns into calls. There are no signals and no types of the web here, so that
//! every order of events is a native test.
//!
//! | file | what it is |
//! |---|---|
//! | [`view_state`] | everything the page shows: address, views, history and embedding in one type |
//! | [`keys`] | the table of the address's parameters: reads and writes a query string |
//! | `values` | single values of parameters |
//! | `packed_text` | a text as a part of an address |
//! | `misspelled` | whether an unknown parameter was meant as one of ours |
//! | [`outside`] | texts from links, messages and files, as the text box has them |
//! | [`figure`] | which figure stands beside the text |
//! | [`theme`] | light or dark |
//! | [`embed`] | the page inside another page: flags and messages |
//! | [`model`] | everything the page knows |
//! | [`message`] | what can happen, and what the browser is asked to do |
//! | `update` | what every message does |
//! | [`requests`] | from the Analyze button to the answer: canceling, crashes |
//! | `typing` | the page follows while one types |
//! | `opening` | links, examples and files are opened |
//! | `show` | an analysis or a comparison comes onto the page |
//! | `reading` | the reading as a film |
//! | [`shown`] | what is shown, and where it comes from |
//! | `address` | the page's address follows what it shows |
//! | [`dashboards`], `cards` | features' dashboards, and what of them is fetched |
//! | [`pack`] | where a model's files are |
//! | [`library`] | lists and manifests of packs, read |
//! | [`packs`], `pack_actions` | the packs that the page knows, and what the visitor does with them |

mod address;
mod cards;
pub mod dashboards;
pub mod embed;
pub mod figure;
pub mod keys;
pub mod library;
pub mod message;
mod misspelled;
pub mod model;
mod opening;
pub mod outside;
pub mod pack;
mod pack_actions;
mod packed_text;
pub mod packs;
mod reading;
pub mod requests;
mod show;
pub mod shown;
pub mod theme;
mod typing;
mod update;
mod values;
pub mod view_state;

pub use keys::FIRST_EXAMPLE;
pub use message::{Effect, Fetch, FilmMsg, Msg, Timer, WorkerError};
pub use model::{Carried, Model, Phase, Start};
pub use outside::OutsideError;
pub use pack::Pack;
pub use shown::{Origin, ShownAnalysis, ShownComparison};
pub use theme::Theme;
pub use view_state::{Opened, Second, Subject, ViewState};
