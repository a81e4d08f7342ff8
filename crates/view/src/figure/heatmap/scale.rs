//! How similarity becomes color.

use lens_analysis::similarity::Mode;

use crate::figure::color::{ColorMap, ColorRange};
use crate::format::choice::Choice;

/// How similarity becomes color.
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

    /// Its colors.
    pub fn map(self) -> ColorMap {
        match self {
            Self::Data | Self::Unit => ColorMap::Magma,
            Self::Signed => ColorMap::Diverging,
        }
    }

    /// What its ends stand for on these values.
    pub fn range(self, values: &[f32]) -> ColorRange {
        match self {
            Self::Data => ColorRange::of(values),
            Self::Unit => ColorRange { low: 0.0, high: 1.0 },
            Self::Signed => ColorRange { low: -1.0, high: 1.0 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::choice::tests::keys_come_back;

    #[test]
    fn every_scale_is_found_by_its_key() {
        keys_come_back::<Scale>();
    }

    #[test]
    fn scales_are_those_of_notebook_and_neuronpedia() {
        let values = [-0.4, 0.9];
        assert_eq!(Scale::of_mode(Mode::Notebook).range(&values), ColorRange { low: -0.4, high: 0.9 });
        assert_eq!(Scale::of_mode(Mode::Neuronpedia).range(&values), ColorRange { low: 0.0, high: 1.0 });
        assert_eq!(Scale::Signed.range(&values), ColorRange { low: -1.0, high: 1.0 });
    }
}
