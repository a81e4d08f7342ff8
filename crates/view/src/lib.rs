//! View models: everything the page shows, computed without a browser, so that all of it has unit
//! tests. The components in `web/app` only place what these say.
//!
//! | file | what it is |
//! |---|---|
//! | [`colour`] | colour maps, colour ranges, ticks of a colour bar |
//! | [`features`] | the novel features of a token as rows |
//! | [`focus`] | which cell is looked at: hovered, else pinned |
//! | [`heatmap`] | the similarity matrix: where everything goes, what lies under the pointer, its pixels |
//! | [`neighbours`] | the table behind the heatmap: each token's likest and least like token |
//! | [`number`] | numbers as people read them |
//! | [`progress`] | one bar over all stages, with bytes |
//! | [`stats`] | what the notebook prints, as rows |
//! | [`token`] | tokens with their white space made visible |
//! | [`trajectory`] | a text's way through two or three dimensions |

pub mod colour;
pub mod features;
pub mod focus;
pub mod heatmap;
pub mod neighbours;
pub mod number;
pub mod progress;
pub mod stats;
pub mod token;
pub mod trajectory;

#[cfg(test)]
mod example;
