//! One step: loss, gradients, AdamW.

use std::collections::BTreeMap;

use burn::tensor::{Tensor, TensorData};
use burn_optim::{AdamW, AdamWConfig, AdamWState, AdaptiveMomentumState, Optimizer};
use lens_model::temporal_sae::SaeCache;
use lens_model::{ComputeDevice, TemporalSae};

use crate::cache::Stream;
use crate::checkpoint;
use crate::parameters::{Array, Leaf, Parameters, module};
use crate::{Error, Recipe, Result};

/// Constants among the parameters.
const SCALING: &str = "scaling";

/// AdamW's, as PyTorch's default.
const EPSILON: f32 = 1e-8;

/// The losses of a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Losses {
    /// Sum of squared errors per token in scaled units, mean over tokens, BOS left out.
    pub reconstruction: f32,
    /// The same of the predictable part alone.
    pub prediction: f32,
}

enum OptimizerState {
    Matrix(AdamWState<2>),
    Vector(AdamWState<1>),
}

/// Parameters in training.
pub struct Trainer {
    recipe: Recipe,
    config: lens_pack::config::SaeConfig,
    device: ComputeDevice,
    leaves: BTreeMap<String, Leaf>,
    states: BTreeMap<String, OptimizerState>,
    /// Initial size of q_target and k_ctx: their learning rate is in proportion to it.
    score_scale: f64,
    optimizer: AdamW,
    step: usize,
}

/// Gradients by name, on the device without autodiff.
type Gradients = BTreeMap<String, Leaf>;

impl Trainer {
    /// Begins with `initial` on `device`, which needs no autodiff of its own.
    pub fn new(recipe: Recipe, initial: &Parameters, score_scale: f32, device: &ComputeDevice) -> Self {
        let device = ComputeDevice { burn: device.burn.clone().autodiff(), kernels: device.kernels };
        let leaves = initial.leaves(&device.burn);
        let optimizer = AdamWConfig::new()
            .with_beta_1(recipe.betas[0])
            .with_beta_2(recipe.betas[1])
            .with_epsilon(EPSILON)
            .with_weight_decay(recipe.weight_decay)
            .build();
        let mut trainer = Self {
            config: initial.config.clone(),
            recipe,
            device,
            leaves,
            states: BTreeMap::new(),
            score_scale: f64::from(score_scale),
            optimizer,
            step: 0,
        };
        trainer.track();
        trainer
    }

    /// Steps done.
    pub fn steps_done(&self) -> usize {
        self.step
    }

    fn is_trained(&self, name: &str) -> bool {
        name != SCALING && self.recipe.lr_mult(name) > 0.0
    }

    fn track(&mut self) {
        let trained: Vec<String> = self.leaves.keys().filter(|name| self.is_trained(name)).cloned().collect();
        for name in trained {
            if let Some(leaf) = self.leaves.get_mut(&name) {
                *leaf = match leaf.clone() {
                    Leaf::Matrix(m) => Leaf::Matrix(m.inner().autodiff().require_grad()),
                    Leaf::Vector(v) => Leaf::Vector(v.inner().autodiff().require_grad()),
                };
            }
        }
    }

    /// The losses of a batch as tensors [1]: reconstruction and prediction.
    fn losses(&self, batch: &[Stream]) -> Result<[Tensor<1>; 2]> {
        let d = self.config.dimin;
        let sae = module(&self.config, &self.leaves, &self.device)?;
        let factor = match self.leaves.get(SCALING) {
            Some(Leaf::Vector(scaling)) => scaling.clone() * self.config.scaling_factor,
            _ => Tensor::full([d], self.config.scaling_factor, &self.device.burn),
        };
        let factor = factor.unsqueeze::<2>();
        let Some(Leaf::Vector(b)) = self.leaves.get("b") else { return Err(Error::Missing("b".to_owned())) };
        let mut sums: Option<[Tensor<1>; 2]> = None;
        let mut counted = 0;
        for context in batch {
            let tokens = context.len() / d;
            if tokens < 2 {
                continue;
            }
            let x = Tensor::<2>::from_data(TensorData::new(context.clone(), [tokens, d]), &self.device.burn);
            let codes = sae.extend(x.clone(), &mut SaeCache::default(), None)?;
            let squares = |error: Tensor<2>| (error.clone() * error).narrow(0, 1, tokens - 1).sum();
            let whole = squares((codes.recons - x.clone()) * factor.clone());
            let predicted = squares((x - codes.pred_recons) * factor.clone() - b.clone().unsqueeze());
            sums = Some(match sums {
                Some([a, c]) => [a + whole, c + predicted],
                None => [whole, predicted],
            });
            counted += tokens - 1;
        }
        let Some(sums) = sums else {
            return Err(Error::Recipe("a batch holds no context of two or more tokens".to_owned()));
        };
        Ok(sums.map(|sum| sum / counted as f32))
    }

    /// Loss and gradients of a batch, clipped.
    fn gradients(&self, batch: &[Stream]) -> Result<(Losses, Gradients)> {
        let [reconstruction, prediction] = self.losses(batch)?;
        let loss = reconstruction.clone() + prediction.clone() * self.recipe.aux_loss_weight;
        let mut grads = loss.backward();
        let mut found: Gradients = BTreeMap::new();
        let mut squares: Option<Tensor<1>> = None;
        for (name, leaf) in &self.leaves {
            if !self.is_trained(name) {
                continue;
            }
            // A parameter that the loss does not depend on has no gradient: of a prediction that is all zero, say.
            let (grad, square) = match leaf {
                Leaf::Matrix(m) => match m.grad_remove(&mut grads) {
                    Some(g) => (Leaf::Matrix(g.clone()), (g.clone() * g).sum()),
                    None => continue,
                },
                Leaf::Vector(v) => match v.grad_remove(&mut grads) {
                    Some(g) => (Leaf::Vector(g.clone()), (g.clone() * g).sum()),
                    None => continue,
                },
            };
            squares = Some(match squares {
                Some(sum) => sum + square,
                None => square,
            });
            found.insert(name.clone(), grad);
        }
        if let Some(squares) = squares {
            let factor = (squares.sqrt() + 1e-6).recip() * self.recipe.max_grad_norm;
            let factor = factor.clamp_max(1.0);
            for grad in found.values_mut() {
                *grad = match grad.clone() {
                    Leaf::Matrix(g) => Leaf::Matrix(g * factor.clone().unsqueeze()),
                    Leaf::Vector(g) => Leaf::Vector(g * factor.clone()),
                };
            }
        }
        let read = |loss: Tensor<1>| loss.inner().into_data().iter::<f32>().next().unwrap_or(f32::NAN);
        let losses = Losses { reconstruction: read(reconstruction), prediction: read(prediction) };
        Ok((losses, found))
    }

    /// Learns from a batch of contexts.
    ///
    /// # Errors
    /// [`Error::Diverged`]; [`Error::Recipe`] for a batch without tokens.
    pub fn step(&mut self, batch: &[Stream]) -> Result<Losses> {
        let (losses, grads) = self.gradients(batch)?;
        if !losses.reconstruction.is_finite() || !losses.prediction.is_finite() {
            return Err(Error::Diverged { step: self.step, loss: losses.reconstruction });
        }
        let base_lr = self.recipe.lr_at(self.step);
        for (name, grad) in grads {
            let mut lr = base_lr * self.recipe.lr_mult(&name);
            if name.contains("q_target") || name.contains("k_ctx") {
                lr *= self.score_scale;
            }
            let state = self.states.remove(&name);
            let (leaf, state) = match (self.leaves.get(&name), grad, state) {
                (Some(Leaf::Matrix(m)), Leaf::Matrix(g), state) => {
                    let state = if let Some(OptimizerState::Matrix(s)) = state { Some(s) } else { None };
                    let (m, state) = self.optimizer.step(lr, m.clone().inner(), g, state);
                    (Leaf::Matrix(m), state.map(OptimizerState::Matrix))
                }
                (Some(Leaf::Vector(v)), Leaf::Vector(g), state) => {
                    let state = if let Some(OptimizerState::Vector(s)) = state { Some(s) } else { None };
                    let (v, state) = self.optimizer.step(lr, v.clone().inner(), g, state);
                    (Leaf::Vector(v), state.map(OptimizerState::Vector))
                }
                _ => continue,
            };
            self.leaves.insert(name.clone(), leaf);
            if let Some(state) = state {
                self.states.insert(name, state);
            }
        }
        self.track();
        self.step += 1;
        Ok(losses)
    }

    /// The parameters as they are now.
    pub fn parameters(&self) -> Parameters {
        let arrays = self.leaves.iter().map(|(name, leaf)| (name.clone(), host(leaf))).collect();
        Parameters { config: self.config.clone(), arrays }
    }

    /// All that a run resumes from; `inputs` names its other inputs.
    pub fn state(&self, inputs: &str) -> checkpoint::State {
        let vector = |t: &Tensor<1>| host(&Leaf::Vector(t.clone()));
        let matrix = |t: &Tensor<2>| host(&Leaf::Matrix(t.clone()));
        let moments = self.states.iter().map(|(name, state)| {
            let moments = match state {
                OptimizerState::Matrix(AdamWState { momentum: m }) => {
                    (m.time, matrix(&m.moment_1), matrix(&m.moment_2))
                }
                OptimizerState::Vector(AdamWState { momentum: m }) => {
                    (m.time, vector(&m.moment_1), vector(&m.moment_2))
                }
            };
            (name.clone(), moments)
        });
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
            let moments = match (Leaf::new(first, &device.burn), Leaf::new(second, &device.burn)) {
                (Leaf::Matrix(first), Leaf::Matrix(second)) => {
                    OptimizerState::Matrix(AdamWState::new(AdaptiveMomentumState::new(*time, first, second)))
                }
                (Leaf::Vector(first), Leaf::Vector(second)) => {
                    OptimizerState::Vector(AdamWState::new(AdaptiveMomentumState::new(*time, first, second)))
                }
                _ => continue,
            };
            trainer.states.insert(name.clone(), moments);
        }
        trainer
    }

    /// The SAE as it is now, without autodiff, for evaluation.
    ///
    /// # Errors
    /// A missing parameter.
    pub fn sae(&self) -> Result<TemporalSae> {
        let plain = self.leaves.iter().map(|(name, leaf)| {
            let leaf = match leaf {
                Leaf::Matrix(m) => Leaf::Matrix(m.clone().inner()),
                Leaf::Vector(v) => Leaf::Vector(v.clone().inner()),
            };
            (name.clone(), leaf)
        });
        module(
            &self.config,
            &plain.collect(),
            &ComputeDevice { burn: self.device.burn.clone().inner(), kernels: self.device.kernels },
        )
    }

    /// Gradients of a batch by name, clipped, for tests against PyTorch.
    ///
    /// # Errors
    /// As [`Trainer::step`].
    pub fn gradients_of(&self, batch: &[Stream]) -> Result<(Losses, BTreeMap<String, Array>)> {
        let (losses, grads) = self.gradients(batch)?;
        Ok((losses, grads.iter().map(|(name, leaf)| (name.clone(), host(leaf))).collect()))
    }
}

fn host(leaf: &Leaf) -> Array {
    let values = |data: TensorData| data.iter::<f32>().collect();
    match leaf {
        Leaf::Matrix(m) => Array { shape: m.dims().to_vec(), values: values(m.clone().inner().into_data()) },
        Leaf::Vector(v) => Array { shape: v.dims().to_vec(), values: values(v.clone().inner().into_data()) },
    }
}
