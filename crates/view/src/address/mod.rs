//! What an address carries: the state of the page, and how it is embedded.
//!
//! | file | what it is |
//! |---|---|
//! | [`link`] | the whole state of the page as a type |
//! | `read`, `write` | that type from a query string and to one |
//! | `text` | a text as a part of an address |
//! | [`theme`] | light or dark |
//! | [`embed`] | the page inside another page: flags and messages |

pub mod embed;
pub mod link;
mod read;
mod text;
pub mod theme;
mod write;

#[cfg(test)]
mod tests;
