//! Figures of an SAE on held-out texts.
//!
//! FVE = 1 - sum|x - x̂|² / sum|x - mean|², one ratio of totals over all tokens, BOS left out: in the
//! model's own units, without the massive dimension (the one of the largest variance), and with every
//! dimension scaled as the SAE scales it.

use burn::tensor::{Device, Tensor, TensorData};
use lens_analysis::similarity::Matrix;
use lens_analysis::spans::{WithinAcross, within_across};
use lens_analysis::spectrum::{Tridiagonal, effective_rank};
use lens_analysis::{gram, stats};
use lens_model::TemporalSae;
use lens_model::temporal_sae::SaeCache;

use crate::cache::Stream;
use crate::{Error, Result};

/// Rank is taken of contexts that are at least this long.
const RANK_TOKENS: usize = 200;

/// A figure in three units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Units {
    /// In the model's own units.
    pub plain: f64,
    /// Without the massive dimension.
    pub without: f64,
    /// Every dimension scaled as the SAE scales it.
    pub scaled: f64,
}

/// Figures of an SAE on texts.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// Tokens, BOS left out.
    pub tokens: usize,
    /// The massive dimension.
    pub massive: usize,
    /// Fraction of variance explained.
    pub fve: Units,
    /// The same of b and the predictable part alone.
    pub predicted: Units,
    /// By the notebook's formula, over all tokens at once.
    pub variance_explained: f64,
    /// Mean number of novel codes per token that are not zero.
    pub l0_novel: f64,
    /// The same of predictable codes.
    pub l0_pred: f64,
    /// Predictable share of energy, |pred|² / (|pred|² + |novel|²), scaled; None without codes.
    pub share: Option<f64>,
    /// Effective rank of a context's centered predictable codes, mean over contexts.
    pub rank_pred: Option<f64>,
    /// The same of novel codes.
    pub rank_novel: Option<f64>,
    /// Mean cosine of the two reconstructions, scaled, where neither is zero.
    pub cosine: Option<f64>,
    /// Share of features that no token used.
    pub dead: f64,
}

/// Sums over the tokens of one kind of text.
#[derive(Clone)]
struct Sums {
    tokens: usize,
    // A dimension each: x, x², squared error of the whole and of the prediction.
    x: Vec<f64>,
    xx: Vec<f64>,
    whole: Vec<f64>,
    predicted: Vec<f64>,
    energy: [f64; 2],
    cosine: (f64, usize),
    l0: [usize; 2],
    rank: [(f64, usize); 2],
    fired: Vec<bool>,
}

impl Sums {
    fn new(d: usize, width: usize) -> Self {
        let zeros = || vec![0.0; d];
        Self {
            tokens: 0,
            x: zeros(),
            xx: zeros(),
            whole: zeros(),
            predicted: zeros(),
            energy: [0.0; 2],
            cosine: (0.0, 0),
            l0: [0; 2],
            rank: [(0.0, 0); 2],
            fired: vec![false; width],
        }
    }

    fn add(&mut self, other: &Self) {
        let lists = [
            (&mut self.x, &other.x),
            (&mut self.xx, &other.xx),
            (&mut self.whole, &other.whole),
            (&mut self.predicted, &other.predicted),
        ];
        for (to, from) in lists {
            to.iter_mut().zip(from).for_each(|(a, b)| *a += b);
        }
        self.tokens += other.tokens;
        for i in 0..2 {
            self.energy[i] += other.energy[i];
            self.l0[i] += other.l0[i];
            self.rank[i].0 += other.rank[i].0;
            self.rank[i].1 += other.rank[i].1;
        }
        self.cosine.0 += other.cosine.0;
        self.cosine.1 += other.cosine.1;
        self.fired.iter_mut().zip(&other.fired).for_each(|(a, b)| *a |= b);
    }

    /// Variance of each dimension, times tokens.
    fn scatter(&self) -> Vec<f64> {
        let n = self.tokens.max(1) as f64;
        self.xx.iter().zip(&self.x).map(|(xx, x)| xx - x * x / n).collect()
    }

    fn figures(&self, massive: usize, factor: &[f32]) -> Figures {
        let scatter = self.scatter();
        let units = |error: &[f64]| {
            let ratio = |weight: &dyn Fn(usize) -> f64| {
                let sum = |values: &[f64]| values.iter().enumerate().map(|(j, v)| v * weight(j)).sum::<f64>();
                1.0 - sum(error) / sum(&scatter)
            };
            Units {
                plain: ratio(&|_| 1.0),
                without: ratio(&|j| f64::from(u8::from(j != massive))),
                scaled: ratio(&|j| f64::from(factor[j]).powi(2)),
            }
        };
        let entries = (self.tokens * self.x.len()) as f64;
        let mean = self.x.iter().sum::<f64>() / entries;
        let variance = (self.xx.iter().sum::<f64>() - entries * mean * mean) / (entries - 1.0);
        let of = |(sum, n): (f64, usize)| (n > 0).then(|| sum / n as f64);
        let energy = self.energy[0] + self.energy[1];
        let tokens = self.tokens.max(1) as f64;
        Figures {
            tokens: self.tokens,
            massive,
            fve: units(&self.whole),
            predicted: units(&self.predicted),
            variance_explained: 1.0 - self.whole.iter().sum::<f64>() / entries / variance,
            l0_novel: self.l0[1] as f64 / tokens,
            l0_pred: self.l0[0] as f64 / tokens,
            share: (energy > 0.0).then(|| self.energy[0] / energy),
            rank_pred: of(self.rank[0]),
            rank_novel: of(self.rank[1]),
            cosine: of(self.cosine),
            dead: self.fired.iter().filter(|fired| !**fired).count() as f64 / self.fired.len().max(1) as f64,
        }
    }
}

/// A context and the SAE's results for it, on the host.
struct Activations {
    x: Vec<f32>,
    recons: Vec<f32>,
    pred_recons: Vec<f32>,
    novel_recons: Vec<f32>,
    pred_codes: Vec<f32>,
    novel_codes: Vec<f32>,
}

/// Gathers figures of one SAE over contexts.
pub struct Meter<'a> {
    sae: &'a TemporalSae,
    device: Device,
    /// Factor a dimension on the way in, and the bias.
    factor: Vec<f32>,
    bias: Vec<f32>,
    kinds: Vec<Sums>,
    ranks_left: usize,
}

impl<'a> Meter<'a> {
    /// For `kinds` kinds of text; ranks are taken of the first `ranks` contexts that are long enough.
    pub fn new(sae: &'a TemporalSae, kinds: usize, ranks: usize, device: &Device) -> Self {
        let config = sae.config();
        let values = |t: Tensor<1>| t.into_data().iter::<f32>().collect();
        Self {
            device: device.clone(),
            factor: values(sae.factor().clone()),
            bias: values(sae.b().clone()),
            kinds: vec![Sums::new(config.dimin, config.width); kinds.max(1)],
            ranks_left: ranks,
            sae,
        }
    }

    fn encode(&self, stream: &[f32]) -> Result<Activations> {
        let d = self.factor.len();
        let data = TensorData::new(stream.to_vec(), [stream.len() / d.max(1), d]);
        let codes = self.sae.extend(Tensor::from_data(data, &self.device), &mut SaeCache::default(), None)?;
        let values = |t: Tensor<2>, what: &'static str| {
            let values: Vec<f32> = t.into_data().iter::<f32>().collect();
            if values.iter().all(|value| value.is_finite()) { Ok(values) } else { Err(Error::NotFinite(what)) }
        };
        Ok(Activations {
            x: stream.to_vec(),
            pred_codes: values(codes.pred_codes, "predictable codes")?,
            novel_codes: values(codes.novel_codes, "novel codes")?,
            pred_recons: values(codes.pred_recons, "predictions")?,
            novel_recons: values(codes.novel_recons, "novel reconstructions")?,
            recons: values(codes.recons, "reconstructions")?,
        })
    }

    /// Adds a context of kind `kind`: its residual stream [T, d_model], BOS first.
    ///
    /// # Errors
    /// [`Error::Model`] when the network refuses its input, [`Error::NotFinite`].
    pub fn add(&mut self, kind: usize, stream: &Stream) -> Result<()> {
        let (d, width) = (self.factor.len(), self.sae.config().width);
        let activations = self.encode(stream)?;
        let tokens = stream.len() / d;
        let sums = self.kinds.get_mut(kind).ok_or_else(|| Error::Recipe(format!("there is no kind {kind} of text")))?;
        for t in 1..tokens {
            let at = t * d..(t + 1) * d;
            let mut square = [0f64; 3];
            for (j, i) in at.enumerate() {
                let (x, factor) = (f64::from(activations.x[i]), f64::from(self.factor[j]));
                let (pred, novel) = (f64::from(activations.pred_recons[i]), f64::from(activations.novel_recons[i]));
                sums.x[j] += x;
                sums.xx[j] += x * x;
                sums.whole[j] += (x - f64::from(activations.recons[i])).powi(2);
                sums.predicted[j] += (x - pred - f64::from(self.bias[j]) / factor).powi(2);
                square[0] += (pred * factor).powi(2);
                square[1] += (novel * factor).powi(2);
                square[2] += pred * novel * factor * factor;
            }
            sums.energy[0] += square[0];
            sums.energy[1] += square[1];
            if square[0] > 0.0 && square[1] > 0.0 {
                sums.cosine.0 += square[2] / (square[0] * square[1]).sqrt();
                sums.cosine.1 += 1;
            }
            let novel = &activations.novel_codes[t * width..(t + 1) * width];
            sums.fired.iter_mut().zip(novel).for_each(|(fired, code)| *fired |= *code != 0.0);
        }
        sums.tokens += tokens.saturating_sub(1);
        let codes = [(&activations.pred_codes, 0), (&activations.novel_codes, 1)];
        for (codes, i) in codes {
            sums.l0[i] += stats::l0(&codes[width.min(codes.len())..], width).iter().sum::<usize>();
        }
        if tokens >= RANK_TOKENS && self.ranks_left > 0 {
            self.ranks_left -= 1;
            for (codes, i) in codes {
                let gram = gram::centered_gram(codes, tokens, width);
                if let Some(rank) = effective_rank(&Tridiagonal::new(&gram).eigenvalues()) {
                    sums.rank[i].0 += rank;
                    sums.rank[i].1 += 1;
                }
            }
        }
        Ok(())
    }

    /// The figures of all kinds together, and of each that had tokens.
    pub fn figures(&self) -> (Figures, Vec<Option<Figures>>) {
        let mut all = Sums::new(self.factor.len(), self.sae.config().width);
        self.kinds.iter().for_each(|kind| all.add(kind));
        let scatter = all.scatter();
        let massive = (0..scatter.len()).max_by(|a, b| scatter[*a].total_cmp(&scatter[*b])).unwrap_or(0);
        let of = |sums: &Sums| sums.figures(massive, &self.factor);
        (of(&all), self.kinds.iter().map(|sums| (sums.tokens > 0).then(|| of(sums))).collect())
    }

    /// Similarity within and across the two events of a text: its residual stream [T, d_model], of
    /// which the second event begins at token `boundary`. Codes are centered over all tokens; BOS
    /// and the diagonal are left out.
    ///
    /// # Errors
    /// [`Error::Model`] when the network refuses its input, [`Error::NotFinite`].
    pub fn two_events(&self, stream: &Stream, boundary: usize) -> Result<TwoEvents> {
        let (d, width) = (self.factor.len(), self.sae.config().width);
        let tokens = stream.len() / d;
        let activations = self.encode(stream)?;
        let of = |values: &[f32], columns: usize| {
            let entries = gram::cosine(gram::centered_gram(values, tokens, columns));
            within_across(&Matrix { entries, first: 0 }, &[1..boundary, boundary..tokens])
        };
        let scaled: Vec<f32> = activations.x.iter().zip(self.factor.iter().cycle()).map(|(x, f)| x * f).collect();
        Ok(TwoEvents {
            predictable: of(&activations.pred_codes, width),
            novel: of(&activations.novel_codes, width),
            residual: of(&activations.x, d),
            residual_scaled: of(&scaled, d),
        })
    }
}

/// Similarity within and across the two events of a text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TwoEvents {
    /// Of predictable codes.
    pub predictable: WithinAcross,
    /// Of novel codes.
    pub novel: WithinAcross,
    /// Of the residual stream.
    pub residual: WithinAcross,
    /// Of the residual stream, every dimension scaled as the SAE scales it.
    pub residual_scaled: WithinAcross,
}

/// Within minus across; NaN where there is none of either.
pub fn contrast(of: WithinAcross) -> f32 {
    match (of.within, of.across) {
        (Some(within), Some(across)) => within - across,
        _ => f32::NAN,
    }
}
