//! One step: loss, gradients, and what AdamW ([`lens_model::optimizer`]) makes of them.

use std::collections::BTreeMap;

use burn::tensor::{Tensor, TensorData};
use lens_model::optimizer::{AdamW, adamw, added, sum_of_squares};
use lens_model::temporal_sae::SaeCache;
use lens_model::{ComputeDevice, TemporalSae};

use crate::cache::Stream;
use crate::checkpoint;
use crate::parameters::{Array, Leaf, Parameters, module};
use crate::threads::side_by_side;
use crate::{Error, Recipe, Result};

/// Constants among the parameters.
const SCALING: &str = "scaling";

/// AdamW's, as PyTorch's default.
const EPSILON: f32 = 1e-8;

/// On the CPU the contexts of a batch are divided into at most so many parts, each with a thread of its own. A part has
/// gradients of its own, so more of them cost memory: 34 MB each at width 1,920.
const PARTS_MAX: usize = 8;
/// The fewest tokens of a part: adding the gradients of two parts costs as much as about 20 tokens. What a part holds
/// follows from the batch alone, so that the order of every sum, and a run to the bit, is the same on every machine.
const PART_TOKENS: usize = 400;

/// The losses of a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Losses {
    /// Sum of squared errors per token in scaled units, mean over tokens, BOS left out.
    pub reconstruction: f32,
    /// The same of the predictable part alone.
    pub prediction: f32,
}

/// AdamW's two moments of a parameter, and its steps.
struct Moments {
    time: usize,
    both: [Leaf; 2],
}

/// Parameters in training.
pub struct Trainer {
    recipe: Recipe,
    config: lens_pack::config::SaeConfig,
    device: ComputeDevice,
    leaves: BTreeMap<String, Leaf>,
    moments: BTreeMap<String, Moments>,
    /// Initial size of q_target and k_ctx: their learning rate is in proportion to it.
    score_scale: f64,
    step: usize,
}

/// Gradients by name, on the device without autodiff.
type Gradients = BTreeMap<String, Leaf>;

/// The losses of a batch and their gradients, which are yet to be multiplied by `clip` [1], if there are any.
struct BatchGradients {
    losses: Losses,
    gradients: Gradients,
    clip: Option<Tensor<1>>,
}

/// What one part of a batch adds to the losses and to their gradients.
struct Part {
    /// Sums of squared errors: of the reconstruction and of the prediction.
    squares: [f32; 2],
    gradients: Gradients,
}

impl Trainer {
    /// Begins with `initial` on `device`, which needs no autodiff of its own.
    pub fn new(recipe: Recipe, initial: &Parameters, score_scale: f32, device: &ComputeDevice) -> Self {
        let leaves = initial.leaves(&device.burn);
        Self {
            config: initial.config.clone(),
            recipe,
            device: device.clone(),
            leaves,
            moments: BTreeMap::new(),
            score_scale: f64::from(score_scale),
            step: 0,
        }
    }

    /// Steps done.
    pub fn steps_done(&self) -> usize {
        self.step
    }

    fn is_trained(&self, name: &str) -> bool {
        name != SCALING && self.recipe.lr_mult(name) > 0.0
    }

    /// The parameters with autodiff: each call begins a graph of its own, so that several can be followed at once.
    fn tracked(&self) -> BTreeMap<String, Leaf> {
        let track = |(name, leaf): (&String, &Leaf)| {
            let trained = self.is_trained(name);
            let leaf = match leaf.clone() {
                Leaf::Matrix(m) if trained => Leaf::Matrix(m.autodiff().require_grad()),
                Leaf::Matrix(m) => Leaf::Matrix(m.autodiff()),
                Leaf::Vector(v) if trained => Leaf::Vector(v.autodiff().require_grad()),
                Leaf::Vector(v) => Leaf::Vector(v.autodiff()),
            };
            (name.clone(), leaf)
        };
        self.leaves.iter().map(track).collect()
    }

    /// The sums of squared errors over `contexts`, and the gradients of the loss, of which they are the part that their
    /// tokens are of all `counted`.
    fn part(&self, contexts: &[&Stream], counted: usize) -> Result<Part> {
        let d = self.config.dimin;
        let device = ComputeDevice { burn: self.device.burn.clone().autodiff(), kernels: self.device.kernels };
        let leaves = self.tracked();
        let sae = module(&self.config, &leaves, &device)?;
        let factor = match leaves.get(SCALING) {
            Some(Leaf::Vector(scaling)) => scaling.clone() * self.config.scaling_factor,
            _ => Tensor::full([d], self.config.scaling_factor, &device.burn),
        };
        let factor = factor.unsqueeze::<2>();
        let Some(Leaf::Vector(b)) = leaves.get("b") else { return Err(Error::Missing("b".to_owned())) };
        let mut sums: Option<[Tensor<1>; 2]> = None;
        for context in contexts {
            let tokens = context.len() / d;
            let x = Tensor::<2>::from_data(TensorData::new((*context).clone(), [tokens, d]), &device.burn);
            let codes = sae.extend(x.clone(), &mut SaeCache::default(), None)?;
            let squares = |error: Tensor<2>| (error.clone() * error).narrow(0, 1, tokens - 1).sum();
            let whole = squares((codes.recons - x.clone()) * factor.clone());
            let predicted = squares((x - codes.pred_recons) * factor.clone() - b.clone().unsqueeze());
            sums = Some(match sums {
                Some([a, c]) => [a + whole, c + predicted],
                None => [whole, predicted],
            });
        }
        let Some([whole, predicted]) = sums else { return Ok(Part { squares: [0.0; 2], gradients: BTreeMap::new() }) };
        let loss = (whole.clone() + predicted.clone() * self.recipe.aux_loss_weight) / counted as f32;
        let mut found = loss.backward();
        let mut gradients = BTreeMap::new();
        for (name, leaf) in &leaves {
            if !self.is_trained(name) {
                continue;
            }
            // A parameter that the loss does not depend on has no gradient: of a prediction that is all zero, say.
            let gradient = match leaf {
                Leaf::Matrix(m) => m.grad_remove(&mut found).map(Leaf::Matrix),
                Leaf::Vector(v) => v.grad_remove(&mut found).map(Leaf::Vector),
            };
            if let Some(gradient) = gradient {
                gradients.insert(name.clone(), gradient);
            }
        }
        let read = |loss: Tensor<1>| loss.inner().into_data().iter::<f32>().next().unwrap_or(f32::NAN);
        Ok(Part { squares: [read(whole), read(predicted)], gradients })
    }

    /// The contexts of two or more tokens in parts that are computed side by side.
    fn divided<'b>(&self, batch: &'b [Stream]) -> Vec<Vec<&'b Stream>> {
        let d = self.config.dimin;
        let contexts: Vec<&Stream> = batch.iter().filter(|context| context.len() / d >= 2).collect();
        let values: usize = contexts.iter().map(|context| context.len()).sum();
        // A GPU has one queue.
        let most = if self.device.is_cpu() { PARTS_MAX } else { 1 };
        let least = (PART_TOKENS * d).max(values.div_ceil(most));
        let mut parts: Vec<Vec<&Stream>> = Vec::new();
        let mut filled = usize::MAX;
        for context in contexts {
            match parts.last_mut() {
                Some(part) if filled < least => {
                    part.push(context);
                    filled += context.len();
                }
                _ => {
                    parts.push(vec![context]);
                    filled = context.len();
                }
            }
        }
        parts
    }

    /// Loss and gradients of a batch.
    fn gradients(&self, batch: &[Stream]) -> Result<BatchGradients> {
        let parts = self.divided(batch);
        let counted: usize = parts.iter().flatten().map(|context| context.len() / self.config.dimin - 1).sum();
        if counted == 0 {
            return Err(Error::Recipe("a batch holds no context of two or more tokens".to_owned()));
        }
        let computed = side_by_side(&self.device, parts, |contexts| self.part(&contexts, counted));
        let mut sums = [0f32; 2];
        let mut gradients: Gradients = BTreeMap::new();
        for part in computed {
            let part = part?;
            for (sum, square) in sums.iter_mut().zip(part.squares) {
                *sum += square;
            }
            for (name, gradient) in part.gradients {
                let whole = match (gradients.remove(&name), gradient) {
                    (Some(Leaf::Matrix(a)), Leaf::Matrix(b)) => Leaf::Matrix(added(a, b)),
                    (Some(Leaf::Vector(a)), Leaf::Vector(b)) => Leaf::Vector(added(a, b)),
                    (_, gradient) => gradient,
                };
                gradients.insert(name, whole);
            }
        }
        let squares = gradients.values().map(|gradient| match gradient {
            Leaf::Matrix(g) => sum_of_squares(g.clone()),
            Leaf::Vector(g) => sum_of_squares(g.clone()),
        });
        let squares = squares.reduce(|sum, square| sum + square);
        let clip = squares.map(|s| ((s.sqrt() + 1e-6).recip() * self.recipe.max_grad_norm).clamp_max(1.0));
        let [reconstruction, prediction] = sums.map(|sum| sum / counted as f32);
        Ok(BatchGradients { losses: Losses { reconstruction, prediction }, gradients, clip })
    }

    /// Learns from a batch of contexts.
    ///
    /// # Errors
    /// [`Error::Diverged`]; [`Error::Recipe`] for a batch without tokens.
    pub fn step(&mut self, batch: &[Stream]) -> Result<Losses> {
        let BatchGradients { losses, gradients, clip } = self.gradients(batch)?;
        if !losses.reconstruction.is_finite() || !losses.prediction.is_finite() {
            return Err(Error::Diverged { step: self.step, loss: losses.reconstruction });
        }
        let base_lr = self.recipe.lr_at(self.step);
        self.step += 1;
        let Some(clip) = clip else { return Ok(losses) };
        for (name, gradient) in gradients {
            let Some(leaf) = self.leaves.remove(&name) else { continue };
            let mut lr = base_lr * self.recipe.lr_mult(&name);
            if name.contains("q_target") || name.contains("k_ctx") {
                lr *= self.score_scale;
            }
            let moments = self.moments.remove(&name);
            let time = moments.as_ref().map_or(0, |m| m.time) + 1;
            let recipe = &self.recipe;
            let (betas, weight_decay) = (recipe.betas, recipe.weight_decay);
            let step = AdamW { lr, betas, epsilon: EPSILON, weight_decay, time };
            let (leaf, both) = optimized(leaf, gradient, clip.clone(), moments.map(|m| m.both), step);
            self.leaves.insert(name.clone(), leaf);
            if let Some(both) = both {
                self.moments.insert(name, Moments { time, both });
            }
        }
        Ok(losses)
    }

    /// The parameters as they are now.
    pub fn parameters(&self) -> Parameters {
        let arrays = self.leaves.iter().map(|(name, leaf)| (name.clone(), host(leaf))).collect();
        Parameters { config: self.config.clone(), arrays }
    }

    /// All that a run resumes from; `inputs` names its other inputs.
    pub fn state(&self, inputs: &str) -> checkpoint::State {
        let moments = self
            .moments
            .iter()
            .map(|(name, Moments { time, both: [first, second] })| (name.clone(), (*time, host(first), host(second))));
        checkpoint::State {
            recipe: self.recipe.clone(),
            inputs: inputs.to_owned(),
            step: self.step,
            score_scale: self.score_scale as f32,
            parameters: self.parameters(),
            moments: moments.collect(),
        }
    }

    /// Resumes from `state`.
    pub fn resume(state: &checkpoint::State, device: &ComputeDevice) -> Self {
        let mut trainer = Self::new(state.recipe.clone(), &state.parameters, state.score_scale, device);
        trainer.step = state.step;
        for (name, (time, first, second)) in &state.moments {
            let both = [first, second].map(|moment| Leaf::new(moment, &device.burn));
            trainer.moments.insert(name.clone(), Moments { time: *time, both });
        }
        trainer
    }

    /// The SAE as it is now, without autodiff, for evaluation.
    ///
    /// # Errors
    /// A missing parameter.
    pub fn sae(&self) -> Result<TemporalSae> {
        module(&self.config, &self.leaves, &self.device)
    }

    /// Gradients of a batch by name, clipped, for tests against PyTorch.
    ///
    /// # Errors
    /// As [`Trainer::step`].
    pub fn gradients_of(&self, batch: &[Stream]) -> Result<(Losses, BTreeMap<String, Array>)> {
        let BatchGradients { losses, gradients, clip } = self.gradients(batch)?;
        let clip = clip.and_then(|clip| host(&Leaf::Vector(clip)).values.first().copied()).unwrap_or(1.0);
        let clipped = gradients.iter().map(|(name, leaf)| {
            let Array { shape, values } = host(leaf);
            (name.clone(), Array { shape, values: values.into_iter().map(|value| value * clip).collect() })
        });
        Ok((losses, clipped.collect()))
    }
}

/// A parameter and its moments, which begin with zeros, after a step with its gradient.
fn optimized(
    leaf: Leaf,
    gradient: Leaf,
    clip: Tensor<1>,
    moments: Option<[Leaf; 2]>,
    step: AdamW,
) -> (Leaf, Option<[Leaf; 2]>) {
    match (leaf, gradient, moments) {
        (Leaf::Matrix(m), Leaf::Matrix(g), moments) => {
            let moments = match moments {
                Some([Leaf::Matrix(first), Leaf::Matrix(second)]) => [first, second],
                _ => [m.zeros_like(), m.zeros_like()],
            };
            let (m, moments) = adamw(m, g, clip, moments, step);
            (Leaf::Matrix(m), Some(moments.map(Leaf::Matrix)))
        }
        (Leaf::Vector(v), Leaf::Vector(g), moments) => {
            let moments = match moments {
                Some([Leaf::Vector(first), Leaf::Vector(second)]) => [first, second],
                _ => [v.zeros_like(), v.zeros_like()],
            };
            let (v, moments) = adamw(v, g, clip, moments, step);
            (Leaf::Vector(v), Some(moments.map(Leaf::Vector)))
        }
        // A gradient has its parameter's dimensions.
        (leaf, _, moments) => (leaf, moments),
    }
}

fn host(leaf: &Leaf) -> Array {
    let values = |data: TensorData| data.iter::<f32>().collect();
    match leaf {
        Leaf::Matrix(m) => Array { shape: m.dims().to_vec(), values: values(m.clone().into_data()) },
        Leaf::Vector(v) => Array { shape: v.dims().to_vec(), values: values(v.clone().into_data()) },
    }
}
