//! What views save: figures as SVG, tables as CSV, JSON, TSV for the clipboard, and archives of several; a picture for links.

mod csv;
mod json;
mod names;
pub mod one_file;
mod png;
pub mod preview;
pub mod svg;
pub mod zip;

pub use csv::{
    attention_csv, cosines_csv, events_csv, feature_map_csv, features_csv, matrix_csv, rows_tsv, strip_csv,
    trajectory_csv,
};
pub use json::dendrogram_json;
