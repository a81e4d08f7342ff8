//! What views save: figures as SVG, tables as CSV, JSON, TSV for the clipboard, and archives of several; a picture for links.
//!
//! | file | what it is |
//! |---|---|
//! | [`svg`] | figures as SVG |
//! | `csv` | tables: CSV with the tokens' names, TSV for the clipboard |
//! | `json` | the dendrogram as JSON |
//! | `names` | what files that programs read call a token |
//! | `png` | pixels as a PNG file |
//! | [`zip`] | a ZIP archive of stored files |
//! | [`one_file`] | an analysis in one HTML file |
//! | [`preview`] | a picture of an analysis, for where a link to it is shown |

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
