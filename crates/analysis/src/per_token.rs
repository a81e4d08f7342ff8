//! One number per token, to shade the text by.

use crate::analysis::Analysis;
use crate::events;
use crate::similarity::{self, MissingError, Source};

/// What is known of each token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Quantity {
    /// Value of its strongest novel feature.
    #[default]
    TopFeature,
    /// Novel codes that are not zero.
    NovelL0,
    /// Predictable codes that are not zero.
    PredictableL0,
    /// Squared norm of the novel part of the reconstruction.
    NovelEnergy,
    /// Share of the novel part in the energy of both parts, 0..=1.
    NovelShare,
    /// Share of the predictable part in the energy of both parts, 0..=1.
    PredictableShare,
    /// 1 - squared error / squared distance of the residual stream from the text's mean, BOS left
    /// out of that mean. At most 1; below 0 where the mean would have been nearer.
    VarianceExplained,
    /// Scatter that the event boundary at the token saves; 0 at all others.
    Boundary,
}

impl Quantity {
    /// All of them, in the order of a menu.
    pub const ALL: [Self; 8] = [
        Self::NovelShare,
        Self::PredictableShare,
        Self::TopFeature,
        Self::NovelL0,
        Self::PredictableL0,
        Self::NovelEnergy,
        Self::VarianceExplained,
        Self::Boundary,
    ];
}

/// The quantity of every token [T]; NaN where it is not defined.
///
/// # Errors
/// [`MissingError`] when the result was saved without what it is made of.
pub fn values(analysis: &Analysis, quantity: Quantity) -> Result<Vec<f32>, MissingError> {
    let energy = || analysis.energy.as_ref().ok_or(MissingError::Energy);
    Ok(match quantity {
        Quantity::TopFeature => {
            analysis.novel_top.iter().map(|features| features.first().map_or(0.0, |f| f.value)).collect()
        }
        Quantity::NovelL0 => analysis.l0_novel.iter().map(|n| *n as f32).collect(),
        Quantity::PredictableL0 => analysis.l0_pred.iter().map(|n| *n as f32).collect(),
        Quantity::NovelEnergy => energy()?.novel.clone(),
        Quantity::NovelShare => {
            let it = energy()?;
            it.predictable.iter().zip(&it.novel).map(|(p, n)| n / (p + n)).collect()
        }
        Quantity::PredictableShare => {
            let it = energy()?;
            it.predictable.iter().zip(&it.novel).map(|(p, n)| p / (p + n)).collect()
        }
        Quantity::VarianceExplained => {
            let error = &energy()?.error;
            let gram = similarity::centered_without_bos(similarity::gram_of(analysis, Source::Residual)?);
            let mut values = vec![f32::NAN; error.len()];
            for (position, square) in (gram.first..).zip(gram.entries.diagonal()) {
                values[position] = 1.0 - error[position] / square;
            }
            values
        }
        Quantity::Boundary => {
            let mut values = vec![0f32; analysis.tokens.len()];
            for boundary in events::boundaries(analysis)? {
                values[boundary.position] = boundary.gain as f32;
            }
            values
        }
    })
}

/// Energy of the two parts of the reconstruction, BOS left out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EnergyShares {
    /// Predictable part, of both parts, 0..=1: the paper's table.
    pub predictable: f32,
    /// Novel part, of both parts, 0..=1.
    pub novel: f32,
    /// Squared error, of the squared residual stream.
    pub error: f32,
}

/// Shares over all tokens but BOS.
///
/// # Errors
/// [`MissingError::Energy`] for results saved without, [`MissingError::Tokens`] for BOS alone.
pub fn energy_shares(analysis: &Analysis) -> Result<EnergyShares, MissingError> {
    let energy = analysis.energy.as_ref().ok_or(MissingError::Energy)?;
    let sum = |values: &[f32]| values.iter().skip(1).map(|v| f64::from(*v)).sum::<f64>();
    let (predictable, novel) = (sum(&energy.predictable), sum(&energy.novel));
    let residual = sum(&energy.residual);
    if predictable + novel <= 0.0 || residual <= 0.0 {
        return Err(MissingError::Tokens);
    }
    Ok(EnergyShares {
        predictable: (predictable / (predictable + novel)) as f32,
        novel: (novel / (predictable + novel)) as f32,
        error: (sum(&energy.error) / residual) as f32,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Energy;
    use crate::example;

    fn with_energy() -> Analysis {
        let mut analysis = example::analysis();
        analysis.energy = Some(Energy {
            residual: vec![1e6, 10.0, 20.0, 30.0, 40.0],
            error: vec![5.0, 1.0, 2.0, 3.0, 4.0],
            predictable: vec![0.0, 6.0, 9.0, 15.0, 30.0],
            novel: vec![9e5, 2.0, 1.0, 5.0, 12.0],
        });
        analysis
    }

    #[test]
    fn counts_and_strongest_features_are_the_documents_own() {
        let analysis = example::analysis();
        assert_eq!(values(&analysis, Quantity::TopFeature).unwrap(), [5.0, 1.0, 2.0, 3.0, 1.0]);
        assert_eq!(values(&analysis, Quantity::NovelL0).unwrap(), [1.0, 2.0, 2.0, 1.0, 1.0]);
        assert_eq!(values(&analysis, Quantity::PredictableShare), Err(MissingError::Energy));
        assert_eq!(values(&analysis, Quantity::Boundary), Err(MissingError::Tokens));
    }

    #[test]
    fn shares_are_of_the_two_parts() {
        let shares = values(&with_energy(), Quantity::PredictableShare).unwrap();
        assert_eq!(shares, [0.0, 0.75, 0.9, 0.75, 30.0 / 42.0]);
        let new = values(&with_energy(), Quantity::NovelShare).unwrap();
        assert_eq!(new, [1.0, 0.25, 0.1, 0.25, 12.0 / 42.0]);
        let all = energy_shares(&with_energy()).unwrap();
        assert_eq!((all.predictable, all.novel), (0.75, 0.25));
        assert_eq!(all.error, 0.1);
    }

    #[test]
    fn variance_explained_is_measured_from_the_mean_without_bos() {
        let analysis = with_energy();
        let found = values(&analysis, Quantity::VarianceExplained).unwrap();
        assert!(found[0].is_nan());
        // The residual stream of the example is 100 times its total codes.
        let total = [[1.0, 1.5, 0.0, 0.25], [1.7, 0.4, 0.1, 2.0], [0.0, 0.1, 5.0, 0.5], [0.1, 1.0, 1.5, 0.6f32]];
        let mean: Vec<f32> = (0..4).map(|c| total.iter().map(|row| row[c]).sum::<f32>() / 4.0).collect();
        for (i, row) in total.iter().enumerate() {
            let distance: f32 = row.iter().zip(&mean).map(|(a, b)| (a - b).powi(2)).sum::<f32>() * 1e4;
            let expected = 1.0 - (i + 1) as f32 / distance;
            assert!((found[i + 1] - expected).abs() < 1e-4, "{} {expected}", found[i + 1]);
        }
    }
}
