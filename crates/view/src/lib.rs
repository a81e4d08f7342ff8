//! View models: everything the page shows, computed without a browser, so that all of it has unit
//! tests. The components in `web/app` only place what these say.
//!
//! | file | what it is |
//! |---|---|
//! | [`attention`] | the SAE's attention: where a token's prediction comes from |
//! | [`colour`] | colour maps, colour ranges, ticks of a colour bar |
//! | [`comparison`] | two texts side by side |
//! | [`dashboard`] | a feature's card: histogram, shaded contexts, search |
//! | [`dendrogram`] | where the lines of the clustering go |
//! | [`embed`] | the page inside another page: flags and messages |
//! | [`export`] | CSV, JSON and TSV of every view, with the tokens' names |
//! | [`feature_map`] | the text's strongest novel features against its tokens |
//! | [`features`] | the novel features of a token as rows |
//! | [`focus`] | which cell is looked at: hovered, else pinned |
//! | [`gallery`] | the precomputed examples' list |
//! | [`heatmap`] | the similarity matrix: where everything goes, what lies under the pointer, its pixels |
//! | [`link`] | the whole state of the page as an address |
//! | [`neighbours`] | the table behind the heatmap: each token's likest and least like token |
//! | [`neuronpedia`] | addresses of Neuronpedia's pages |
//! | [`number`] | numbers as people read them |
//! | [`numbers`] | figures beyond the notebook's: energy shares, events, effective ranks |
//! | [`percent`] | text inside addresses |
//! | [`progress`] | one bar over all stages, with bytes |
//! | [`selection`] | spans of the text, and how alike they are |
//! | [`settings`] | what the visitor may choose, with keys and labels |
//! | [`stats`] | what the notebook prints, as rows |
//! | [`strip`] | shades of the tokens by a chosen quantity |
//! | [`svg`] | the vector figures as SVG: trajectory, feature map, dendrogram |
//! | [`token`] | tokens with their white space made visible |
//! | [`trajectory`] | a text's way through two or three dimensions |

pub mod attention;
pub mod colour;
pub mod comparison;
pub mod dashboard;
pub mod dendrogram;
pub mod embed;
pub mod export;
pub mod feature_map;
pub mod features;
pub mod focus;
pub mod gallery;
pub mod heatmap;
pub mod library;
pub mod link;
pub mod neighbours;
pub mod neuronpedia;
pub mod number;
pub mod numbers;
pub mod percent;
pub mod progress;
pub mod selection;
pub mod settings;
pub mod stats;
pub mod strip;
pub mod svg;
pub mod token;
pub mod trajectory;

#[cfg(test)]
mod example;
