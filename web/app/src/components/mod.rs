//! The page's parts, one a file. Each takes the shared state and draws what a view model says.

pub mod composer;
pub mod feature_list;
pub mod header;
pub mod heatmap;
pub mod problem;
pub mod progress_bar;
pub mod result;
pub mod similarity_table;
pub mod statistics;
pub mod token_strip;
pub mod token_text;
