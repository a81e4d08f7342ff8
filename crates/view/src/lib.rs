//! View models: everything the page shows, computed without a browser, so that all of it has unit
//! tests. The components in `web/app` only place these values.
//!
//! | folder | what is in it |
//! |---|---|
//! | [`mod@format`] | values as text: numbers, tokens, progress, choices, percent-encoding |
//! | [`figure`] | layouts, pointer and colors of the heatmap, trajectory, attention, feature map, strip, dendrogram |
//! | [`table`] | rows of text: statistics, features, neighbors, selections, comparisons, a feature's card |
//! | [`export`] | SVG, CSV, JSON and TSV of every view, with the tokens' names; the picture of a link |
//! | [`gallery`] | the precomputed examples' list |
//!
//! `format` uses no other folder, `figure` only `format`, `table` both; `export` uses all three.
//! Callers name a module without its folder: `lens_view::heatmap`.

pub mod export;
pub mod figure;
pub mod format;
pub mod gallery;
pub mod table;

pub use export::{one_file, preview, svg};
pub use figure::{attention, color, dendrogram, feature_map, film, focus, heatmap, layout, strip, trajectory};
pub use format::{choice, estimate, markup, methods, neuronpedia, number, percent, progress, scene, token};
pub use table::{
    comparison, dashboard, features, first_word, inspector, lede, measures, neighbors, selection, statistics, words,
};

#[cfg(test)]
mod example;
