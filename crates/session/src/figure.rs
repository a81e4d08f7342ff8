//! Which figure stands beside the text.

use lens_view::choice::Choice;

/// What the page shows beside the text, and what a frame shows alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Figure {
    /// The similarity matrix with the scenes of the text.
    #[default]
    Scenes,
    /// The trajectory.
    Path,
    /// The text's features against its tokens.
    Features,
    /// The SAE's attention.
    Sources,
    /// A second text beside the first.
    Compare,
    /// Statistics.
    Numbers,
    /// Pictures, data, links and code to take away.
    Export,
}

impl Figure {
    /// Whether it can show a text that is read word by word.
    pub fn has_film(self) -> bool {
        matches!(self, Self::Scenes | Self::Path)
    }
}

impl Choice for Figure {
    const CHOICES: &'static [Self] =
        &[Self::Scenes, Self::Path, Self::Features, Self::Sources, Self::Compare, Self::Numbers, Self::Export];

    fn key(self) -> &'static str {
        match self {
            Self::Scenes => "scenes",
            Self::Path => "path",
            Self::Features => "features",
            Self::Sources => "sources",
            Self::Compare => "compare",
            Self::Numbers => "numbers",
            Self::Export => "export",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Scenes => "Scenes",
            Self::Path => "Path",
            Self::Features => "Features",
            Self::Sources => "Sources",
            Self::Compare => "Compare",
            Self::Numbers => "Numbers",
            Self::Export => "Export",
        }
    }
}
