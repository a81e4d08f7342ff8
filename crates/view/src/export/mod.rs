//! What views save: figures as SVG, tables as CSV, JSON, and TSV for the clipboard.

mod csv;
mod json;
mod names;
pub mod svg;

pub use csv::{
    attention_csv, cosines_csv, events_csv, feature_map_csv, features_csv, matrix_csv, rows_tsv, strip_csv,
    trajectory_csv,
};
pub use json::dendrogram_json;
