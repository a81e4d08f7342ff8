//! What can be wrong with a file.

use serde::de::IgnoredAny;

use crate::attention::AttentionError;

/// What can be wrong with a saved analysis or comparison, as a sentence.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// JSON that ends in its middle.
    #[error("the document is cut short: save or download it again")]
    CutShort,
    /// Something else than JSON, from its start on.
    #[error("it is not JSON, as saved analyses and comparisons are")]
    NotJson,
    /// JSON with an error in it, or not of this shape.
    #[error("not an analysis document: {0}")]
    Json(serde_json::Error),
    /// Another format or version.
    #[error("{}", other_format(found, read))]
    Format {
        /// The format that it names.
        found: String,
        /// The formats that are read in its place, the present one first.
        read: &'static [&'static str],
    },
    /// Fields that contradict each other.
    #[error("the analysis document contradicts itself: {0}")]
    Inconsistent(String),
}

/// What a document of the format `found` is, where one of `read` was looked for, and what opens it.
fn other_format(found: &str, read: &[&str]) -> String {
    let kind = |format: &str| format.split('/').next().unwrap_or_default().to_owned();
    let wanted = read.first().map(|format| kind(format)).unwrap_or_default();
    let wanted = if wanted == "temporal-lens-comparison" { "a comparison" } else { "a saved analysis" };
    match kind(found).as_str() {
        kind_found if read.iter().any(|format| kind(format) == kind_found) => {}
        "temporal-lens-comparison" => {
            return format!(
                "it is a comparison of two texts, not {wanted}: `temporal-lens html ANALYSIS --comparison FILE`, with the analysis \
                 of its first text, makes a page that shows it"
            );
        }
        "temporal-lens-analysis" => {
            return format!("it is a saved analysis of one text, not {wanted}: `temporal-lens compare` makes one");
        }
        "temporal-lens-index" => {
            return format!(
                "it is the index of a folder of results, not {wanted}: open one of the files that it lists, or index.html beside \
                 it in a browser"
            );
        }
        "temporal-lens-dashboards" => {
            return format!(
                "it is a file of dashboards, not {wanted}: `temporal-lens html ANALYSIS --features INDEX.json` takes names of \
                 features from their index"
            );
        }
        "temporal-lens-pack" => {
            return format!("it is the manifest of a pack, not {wanted}: `--model` takes its folder");
        }
        "temporal-lens-figures" => return format!("it is a file of figures, not {wanted}: `verify --golden` takes it"),
        _ => {}
    }
    let read: Vec<String> = read.iter().map(|format| format!("{format:?}")).collect();
    format!("the document's format is {found:?}, this program reads {}", read.join(" and "))
}

/// Whether a text is something else than JSON: what begins neither an object nor a list, and is no value by itself.
pub(super) fn is_not_json(text: &str) -> bool {
    let start = text.trim_start();
    !start.starts_with(['{', '[']) && serde_json::from_str::<IgnoredAny>(start).is_err_and(|e| e.is_syntax())
}

impl From<serde_json::Error> for DocumentError {
    fn from(error: serde_json::Error) -> Self {
        if error.is_eof() { Self::CutShort } else { Self::Json(error) }
    }
}

impl From<AttentionError> for DocumentError {
    fn from(error: AttentionError) -> Self {
        Self::Inconsistent(error.to_string())
    }
}
