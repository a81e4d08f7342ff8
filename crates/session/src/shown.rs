//! What the page shows, and where that comes from.

use lens_analysis::Analysis;
use lens_analysis::comparison::Comparison;
use lens_view::statistics::Run;

/// Where a shown analysis comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Origin {
    /// Shipped with the page.
    Precomputed,
    /// Made here.
    Live(Run),
    /// Opened from a file with this name.
    File(String),
    /// Opened from this address.
    Link(String),
}

impl Origin {
    /// As `data-origin` and messages say it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Precomputed => "precomputed",
            Self::Live(_) => "live",
            Self::File(_) => "file",
            Self::Link(_) => "link",
        }
    }
}

/// An analysis on the page.
#[derive(Debug, Clone, PartialEq)]
pub struct ShownAnalysis {
    /// The document.
    pub analysis: Analysis,
    /// Where it comes from.
    pub origin: Origin,
}

/// A comparison on the page.
#[derive(Debug, Clone, PartialEq)]
pub struct ShownComparison {
    /// The document.
    pub comparison: Comparison,
    /// Whether it was shipped with the page.
    pub is_precomputed: bool,
}

impl ShownComparison {
    /// Whether an analysis is what its first text was analyzed to.
    pub fn is_of(&self, analysis: &Analysis) -> bool {
        let first = &self.comparison.first;
        (&first.text, first.inf_k) == (&analysis.text, analysis.inf_k)
    }

    /// Whether both compare the same texts by the same model.
    pub fn is_same_as(&self, other: &Self) -> bool {
        fn key(it: &Comparison) -> [(&str, Option<usize>, &str); 2] {
            [&it.first, &it.second].map(|it| (it.text.as_str(), it.inf_k, it.model.pack_hash.as_str()))
        }
        key(&self.comparison) == key(&other.comparison)
    }
}
