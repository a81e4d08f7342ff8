//! The page's parts, one a file. Each takes the shared state and draws what a view model says.

pub mod attention;
pub mod compare;
pub mod composer;
pub mod feature_card;
pub mod feature_list;
pub mod feature_map;
pub mod gallery;
pub mod header;
pub mod heatmap;
pub mod heatmap_bar;
pub mod help;
pub mod model_files;
pub mod neuronpedia;
pub mod picker;
pub mod problem;
pub mod progress_bar;
pub mod result;
pub mod save_figure;
pub mod selection_panel;
pub mod similarity_table;
pub mod statistics;
pub mod token_strip;
pub mod token_text;
pub mod trajectory;
pub mod trajectory_bar;
