//! Rows of text: what stands in the page's tables and cards.
//!
//! | file | what it is |
//! |---|---|
//! | [`statistics`] | what the notebook prints, and what made the result |
//! | [`measures`] | beyond the notebook: energy shares, events, effective ranks |
//! | [`features`] | the novel features of a token |
//! | [`neighbors`] | the table behind the heatmap: each token's most and least similar token |
//! | [`selection`] | spans of the text, and how alike they are |
//! | [`comparison`] | two texts side by side |
//! | [`words`] | what the past foretold at a token, what it added, what an event is about |
//! | [`first_word`] | the word that is pinned on the first visit |
//! | [`lede`] | the page's claim about a text, and its numbers in three sentences |
//! | [`inspector`] | what made a word expected, and what it added |
//! | [`dashboard`] | a feature's card: histogram, shaded contexts, search |

pub mod comparison;
pub mod dashboard;
pub mod features;
pub mod first_word;
pub mod inspector;
pub mod lede;
pub mod measures;
pub mod neighbors;
pub mod selection;
pub mod statistics;
pub mod words;
