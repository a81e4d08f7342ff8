//! Analyses and comparisons as files: JSON, with matrices as base64. What `--json` writes, the page saves,
//! and both read. Their schemas are `docs/analysis.schema.json` and `docs/comparison.schema.json`.
//!
//! | file | what it is |
//! |---|---|
//! | [`analysis`] | an [`crate::Analysis`] and its file, whole, compact, or without Gram matrices |
//! | `fields` | the fields of a file as they are read |
//! | `bounds` | how much of everything a file may hold |
//! | [`comparison`] | a [`crate::comparison::Comparison`] and its file |
//! | `triangle` | a triangle of a matrix and its base64 |
//! | [`header`] | an analysis in a message |
//! | [`error`] | what can be wrong with a file |
//! | [`text`] | JSON without spare memory |

pub mod analysis;
mod bounds;
pub mod comparison;
pub mod error;
mod fields;
pub mod header;
pub mod text;
mod triangle;

pub use analysis::AnalysisFile;
pub use bounds::NOVEL_TOP_MAX;
pub use comparison::ComparisonFile;
pub use error::DocumentError;
pub use text::to_json;
pub use triangle::gram as gram_from_base64;
