//! How close other distributions of the next token come to a model's: KL divergence and agreement on the likeliest token,
//! from logits that come block by block over the vocabulary.

/// Of one position: the model's logits and those of `N` others.
#[derive(Debug, Clone, PartialEq)]
pub struct Closeness<const N: usize> {
    model: Softmax,
    others: [Softmax; N],
    /// Sum of exp(model's logit - largest) times its distance to the other's logit.
    products: [f64; N],
}

/// Largest logit so far, where it is, and the sum of exp(logit - largest).
#[derive(Debug, Clone, Copy, PartialEq)]
struct Softmax {
    largest: f32,
    at: usize,
    sum: f64,
}

impl Softmax {
    const EMPTY: Self = Self { largest: f32::NEG_INFINITY, at: 0, sum: 0.0 };

    /// Makes `largest` that of a block of logits of the tokens from `first` on, too; answers the factor of sums so far.
    fn raise(&mut self, logits: &[f32], first: usize) -> f64 {
        let before = self.largest;
        for (at, logit) in logits.iter().enumerate() {
            if *logit > self.largest {
                (self.largest, self.at) = (*logit, first + at);
            }
        }
        let factor = if before == f32::NEG_INFINITY { 0.0 } else { f64::from(before - self.largest).exp() };
        self.sum *= factor;
        factor
    }

    fn log_sum(self) -> f64 {
        f64::from(self.largest) + self.sum.ln()
    }
}

impl<const N: usize> Default for Closeness<N> {
    fn default() -> Self {
        Self { model: Softmax::EMPTY, others: [Softmax::EMPTY; N], products: [0.0; N] }
    }
}

impl<const N: usize> Closeness<N> {
    /// Takes the logits of the tokens from `first` on: the model's and the others'.
    pub fn add(&mut self, first: usize, model: &[f32], others: [&[f32]; N]) {
        let factor = self.model.raise(model, first);
        self.products.iter_mut().for_each(|product| *product *= factor);
        let weights: Vec<f32> = model.iter().map(|logit| (logit - self.model.largest).exp()).collect();
        self.model.sum += weights.iter().map(|w| f64::from(*w)).sum::<f64>();
        for ((other, product), logits) in self.others.iter_mut().zip(&mut self.products).zip(others) {
            other.raise(logits, first);
            other.sum += logits.iter().map(|logit| f64::from((logit - other.largest).exp())).sum::<f64>();
            let apart = model.iter().zip(logits).zip(&weights);
            *product += apart.map(|((model, other), weight)| f64::from(weight * (model - other))).sum::<f64>();
        }
    }

    /// KL(model || other) in nats, for each of the others.
    pub fn kl(&self) -> [f64; N] {
        std::array::from_fn(|i| self.products[i] / self.model.sum - self.model.log_sum() + self.others[i].log_sum())
    }

    /// Whether the likeliest token is the same, for each of the others.
    pub fn agrees(&self) -> [bool; N] {
        std::array::from_fn(|i| self.others[i].at == self.model.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_give_what_the_whole_vocabulary_gives() {
        let model = [0.3f32, 2.0, -1.0, 5.0, 4.9, 0.0, -30.0];
        let near = [0.2f32, 2.1, -1.5, 5.2, 4.0, 0.0, -20.0];
        let far = [9.0f32, 0.0, 0.0, 1.0, 0.0, 0.0, 3.0];
        let softmax = |logits: &[f32]| -> Vec<f64> {
            let sum: f64 = logits.iter().map(|l| f64::from(*l).exp()).sum();
            logits.iter().map(|l| f64::from(*l).exp() / sum).collect()
        };
        let kl =
            |other: &[f32]| -> f64 { softmax(&model).iter().zip(softmax(other)).map(|(p, q)| p * (p / q).ln()).sum() };
        for block in [1, 2, 3, 7] {
            let mut found = Closeness::<3>::default();
            for first in (0..model.len()).step_by(block) {
                let range = first..model.len().min(first + block);
                found.add(first, &model[range.clone()], [&near[range.clone()], &far[range.clone()], &model[range]]);
            }
            let [a, b, same] = found.kl();
            assert!((a - kl(&near)).abs() < 1e-5 && (b - kl(&far)).abs() < 1e-5 && same.abs() < 1e-9, "{a} {b} {same}");
            assert_eq!(found.agrees(), [true, false, true]);
        }
    }
}
