//! What the visitor may choose about the views, with the names that menus and files use.

use lens_analysis::per_token::Quantity;
use lens_analysis::similarity::{Mode, Source};

use crate::colour::{ColourMap, Range};
use crate::trajectory::Method;

/// Something chosen from a menu: every choice has a key for files and addresses and a label for people.
pub trait Choice: Copy + PartialEq + 'static {
    /// All choices, in the order of the menu.
    const CHOICES: &'static [Self];

    /// Stable, lower case, without spaces.
    fn key(self) -> &'static str;

    /// What the visitor reads.
    fn label(self) -> &'static str;

    /// The choice with this key.
    fn from_key(key: &str) -> Option<Self> {
        Self::CHOICES.iter().copied().find(|choice| choice.key() == key)
    }
}

impl Choice for Source {
    const CHOICES: &'static [Self] = &Self::ALL;

    fn key(self) -> &'static str {
        match self {
            Self::Predictable => "predictable",
            Self::Novel => "novel",
            Self::Total => "total",
            Self::Residual => "residual",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Predictable => "Predictable codes",
            Self::Novel => "Novel codes",
            Self::Total => "Total codes",
            Self::Residual => "Residual stream",
        }
    }
}

impl Choice for Mode {
    const CHOICES: &'static [Self] = &[Self::Notebook, Self::Neuronpedia];

    fn key(self) -> &'static str {
        match self {
            Self::Notebook => "notebook",
            Self::Neuronpedia => "neuronpedia",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Notebook => "Notebook",
            Self::Neuronpedia => "Neuronpedia",
        }
    }
}

/// How similarity becomes colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Scale {
    /// Magma from the smallest to the largest value, as in the notebook.
    #[default]
    Data,
    /// Magma from 0 to 1, as on Neuronpedia.
    Unit,
    /// The diverging map from -1 to 1.
    Signed,
}

impl Choice for Scale {
    const CHOICES: &'static [Self] = &[Self::Data, Self::Unit, Self::Signed];

    fn key(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Unit => "unit",
            Self::Signed => "signed",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Data => "Magma, data range",
            Self::Unit => "Magma, 0 to 1",
            Self::Signed => "Blue to vermilion, −1 to 1",
        }
    }
}

impl Scale {
    /// The scale that a mode is drawn with where it comes from.
    pub fn of_mode(mode: Mode) -> Self {
        match mode {
            Mode::Notebook => Self::Data,
            Mode::Neuronpedia => Self::Unit,
        }
    }

    /// Its colours.
    pub fn map(self) -> ColourMap {
        match self {
            Self::Data | Self::Unit => ColourMap::Magma,
            Self::Signed => ColourMap::Diverging,
        }
    }

    /// What its ends stand for on these values.
    pub fn range(self, values: &[f32]) -> Range {
        match self {
            Self::Data => Range::of(values),
            Self::Unit => Range { low: 0.0, high: 1.0 },
            Self::Signed => Range { low: -1.0, high: 1.0 },
        }
    }
}

impl Choice for Quantity {
    const CHOICES: &'static [Self] = &Self::ALL;

    fn key(self) -> &'static str {
        match self {
            Self::TopFeature => "top-feature",
            Self::NovelL0 => "novel-l0",
            Self::PredictableL0 => "predictable-l0",
            Self::NovelEnergy => "novel-energy",
            Self::PredictableShare => "predictable-share",
            Self::VarianceExplained => "variance-explained",
            Self::Boundary => "boundary",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::TopFeature => "Top novel feature’s value",
            Self::NovelL0 => "Novel L0",
            Self::PredictableL0 => "Predictable L0",
            Self::NovelEnergy => "Novel energy",
            Self::PredictableShare => "Predictable share of energy",
            Self::VarianceExplained => "Variance explained",
            Self::Boundary => "Event boundary",
        }
    }
}

impl Choice for Method {
    const CHOICES: &'static [Self] = &[Self::Umap, Self::Pca];

    fn key(self) -> &'static str {
        match self {
            Self::Umap => "umap",
            Self::Pca => "pca",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Umap => "UMAP",
            Self::Pca => "Principal components",
        }
    }
}

/// Light, dark, or as the system has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Theme {
    /// As the system has it.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Choice for Theme {
    const CHOICES: &'static [Self] = &[Self::System, Self::Light, Self::Dark];

    fn key(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::System => "System",
            Self::Light => "Light",
            Self::Dark => "Dark",
        }
    }
}

impl Theme {
    /// The next one on the switch.
    pub fn next(self) -> Self {
        match self {
            Self::System => Self::Light,
            Self::Light => Self::Dark,
            Self::Dark => Self::System,
        }
    }
}

/// Distance between codes that UMAP starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Metric {
    /// The notebook's.
    #[default]
    Euclidean,
    /// 1 - cosine similarity.
    Cosine,
}

impl Choice for Metric {
    const CHOICES: &'static [Self] = &[Self::Euclidean, Self::Cosine];

    fn key(self) -> &'static str {
        match self {
            Self::Euclidean => "euclidean",
            Self::Cosine => "cosine",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Euclidean => "Euclidean",
            Self::Cosine => "Cosine",
        }
    }
}

/// Which tokens become points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Positions {
    /// Every token.
    #[default]
    All,
    /// The notebook's 20, evenly spaced.
    Notebook,
}

impl Choice for Positions {
    const CHOICES: &'static [Self] = &[Self::All, Self::Notebook];

    fn key(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Notebook => "notebook",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::All => "All",
            Self::Notebook => "The notebook’s 20",
        }
    }
}

/// How many dimensions are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Dimensions {
    /// A plane.
    Two,
    /// Space, as in the notebook.
    #[default]
    Three,
}

impl Dimensions {
    /// 2 or 3.
    pub fn count(self) -> usize {
        match self {
            Self::Two => 2,
            Self::Three => 3,
        }
    }
}

impl Choice for Dimensions {
    const CHOICES: &'static [Self] = &[Self::Three, Self::Two];

    fn key(self) -> &'static str {
        match self {
            Self::Two => "2d",
            Self::Three => "3d",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Two => "2D",
            Self::Three => "3D",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys_come_back<C: Choice + std::fmt::Debug>() {
        for choice in C::CHOICES {
            assert_eq!(C::from_key(choice.key()), Some(*choice));
            assert!(choice.key().chars().all(|c| c.is_ascii_lowercase() || c == '-' || c.is_ascii_digit()));
        }
        assert_eq!(C::from_key("no such"), None);
    }

    #[test]
    fn every_choice_is_found_by_its_key() {
        keys_come_back::<Source>();
        keys_come_back::<Mode>();
        keys_come_back::<Scale>();
        keys_come_back::<Quantity>();
        keys_come_back::<Method>();
        keys_come_back::<Metric>();
        keys_come_back::<Positions>();
        keys_come_back::<Dimensions>();
        keys_come_back::<Theme>();
    }

    #[test]
    fn scales_are_those_of_notebook_and_neuronpedia() {
        let values = [-0.4, 0.9];
        assert_eq!(Scale::of_mode(Mode::Notebook).range(&values), Range { low: -0.4, high: 0.9 });
        assert_eq!(Scale::of_mode(Mode::Neuronpedia).range(&values), Range { low: 0.0, high: 1.0 });
        assert_eq!(Scale::Signed.range(&values), Range { low: -1.0, high: 1.0 });
    }
}
