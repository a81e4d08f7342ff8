//! The page without a browser: what it shows, as one type, and its address.
//!
//! | file | what it is |
//! |---|---|
//! | [`view_state`] | everything the page shows: address, views, history and embedding in one type |
//! | [`keys`] | the table of the address's parameters: reads and writes a query string |
//! | `values` | single values of parameters |
//! | `packed_text` | a text as a part of an address |
//! | [`theme`] | light or dark |
//! | [`embed`] | the page inside another page: flags and messages |
//! | [`library`] | the packs that the page knows |

pub mod embed;
pub mod keys;
pub mod library;
mod packed_text;
pub mod theme;
mod values;
pub mod view_state;

pub use theme::Theme;
pub use view_state::{Opened, Second, Subject, ViewState};
