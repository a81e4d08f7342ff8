//! The token strip: each token's shade by a chosen quantity.

use lens_analysis::Analysis;
use lens_analysis::per_token::{self, Quantity};
use lens_analysis::similarity::MissingError;

use super::color::ColorRange;
use crate::format::choice::Choice;
use crate::format::number;

/// Shades of the tokens of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Shading {
    /// Values [T]; NaN where the quantity is not defined.
    pub values: Vec<f32>,
    /// What no shade and full shade stand for.
    pub range: ColorRange,
    /// What is shaded by.
    pub quantity: Quantity,
}

impl Shading {
    /// By `quantity`, or, where the result lacks how new its tokens are, by their strongest novel codes, which every result has.
    ///
    /// # Errors
    /// [`MissingError`] when the result lacks another quantity.
    pub fn or_usual(analysis: &Analysis, quantity: Quantity) -> Result<Self, MissingError> {
        match Self::of(analysis, quantity) {
            Err(_) if quantity == Quantity::NovelShare => Self::of(analysis, Quantity::TopFeature),
            shading => shading,
        }
    }

    /// BOS is shaded like the others, but does not stretch the range: its values dwarf all others'.
    ///
    /// # Errors
    /// [`MissingError`] when the result lacks the quantity.
    pub fn of(analysis: &Analysis, quantity: Quantity) -> Result<Self, MissingError> {
        let values = per_token::values(analysis, quantity)?;
        let rest = if values.len() > 1 { &values[1..] } else { &values[..] };
        let range = match quantity {
            Quantity::PredictableShare => ColorRange { low: 0.0, high: 1.0 },
            Quantity::Boundary => ColorRange { low: 0.0, high: ColorRange::of(rest).high.max(1.0) },
            Quantity::NovelEnergy => ColorRange { low: 0.0, high: ColorRange::of(rest).high },
            _ => ColorRange::of(rest),
        };
        Ok(Self { values, range, quantity })
    }

    /// How strongly a token is shaded, 0..=1; 0 where the quantity is not defined.
    pub fn level(&self, position: usize) -> f32 {
        self.values.get(position).and_then(|value| self.range.place(*value)).unwrap_or(0.0)
    }

    /// A token's value as text.
    pub fn value(&self, position: usize) -> String {
        let value = self.values.get(position).copied().unwrap_or(f32::NAN);
        match self.quantity {
            Quantity::NovelL0 | Quantity::PredictableL0 => number::fixed(value, 0),
            Quantity::NovelShare | Quantity::PredictableShare => percent(value),
            Quantity::VarianceExplained => number::fixed(value, 3),
            Quantity::TopFeature | Quantity::NovelEnergy | Quantity::Boundary => number::significant(value),
        }
    }

    /// The legend's ends: no shade, full shade.
    pub fn ends(&self) -> [String; 2] {
        [self.range.low, self.range.high].map(|value| match self.quantity {
            Quantity::NovelL0 | Quantity::PredictableL0 => number::fixed(value, 0),
            Quantity::NovelShare | Quantity::PredictableShare => percent(value),
            _ => number::significant(value),
        })
    }

    /// One sentence with a token's value.
    pub fn sentence(&self, position: usize) -> String {
        format!("{}: {}", self.quantity.label(), self.value(position))
    }
}

/// A share as percent, "–" where it is none.
fn percent(share: f32) -> String {
    if share.is_finite() { format!("{} %", number::fixed(100.0 * share, 0)) } else { "–".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example;

    #[test]
    fn shades_run_from_the_least_to_the_most_of_the_text_s_own_tokens() {
        let mut analysis = example::analysis();
        analysis.l0_pred = vec![900, 4, 5];
        let it = Shading::of(&analysis, Quantity::PredictableL0).unwrap();
        assert_eq!([0, 1, 2, 3].map(|i| it.level(i)), [1.0, 0.0, 1.0, 0.0]);
        assert_eq!(it.ends(), ["4", "5"]);
        assert_eq!(it.sentence(1), "Predictable L0: 4");
    }

    #[test]
    fn a_result_without_energies_is_shaded_by_its_strongest_codes() {
        let analysis = example::analysis();
        assert_eq!(Shading::or_usual(&analysis, Quantity::NovelShare).unwrap().quantity, Quantity::TopFeature);
        assert!(Shading::or_usual(&analysis, Quantity::PredictableShare).is_err());
    }

    #[test]
    fn missing_parts_of_a_result_are_reported() {
        let error = Shading::of(&example::analysis(), Quantity::PredictableShare).unwrap_err();
        assert!(error.to_string().contains("without energies"), "{error}");
    }
}
