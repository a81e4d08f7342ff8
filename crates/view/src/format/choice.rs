//! What a menu offers: keys for files and addresses, labels for people.

use lens_analysis::per_token::Quantity;
use lens_analysis::similarity::{Mode, Source};

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
            Self::Predictable => "Expected part (predictable codes)",
            Self::Novel => "New part (novel codes)",
            Self::Total => "Both (total codes)",
            Self::Residual => "State (residual stream)",
        }
    }
}

/// What the notebook calls a part, in the middle of a sentence.
pub fn technical_name(source: Source) -> &'static str {
    match source {
        Source::Predictable => "predictable codes",
        Source::Novel => "novel codes",
        Source::Total => "total codes",
        Source::Residual => "residual stream",
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
            Self::Notebook => "shown, as in the notebook",
            Self::Neuronpedia => "left out",
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
            Self::NovelShare => "novel-share",
            Self::PredictableShare => "predictable-share",
            Self::VarianceExplained => "variance-explained",
            Self::Boundary => "boundary",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::TopFeature => "Strongest new feature",
            Self::NovelL0 => "Novel L0",
            Self::PredictableL0 => "Predictable L0",
            Self::NovelEnergy => "Energy of the new part",
            Self::NovelShare => "How new",
            Self::PredictableShare => "How expected",
            Self::VarianceExplained => "Variance explained",
            Self::Boundary => "Scene change",
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Every choice is found by its key, and by nothing else.
    pub(crate) fn keys_come_back<C: Choice + std::fmt::Debug>() {
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
        keys_come_back::<Quantity>();
    }
}
