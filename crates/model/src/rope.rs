//! Rotary position embedding, half-split as in transformers (`rotate_half`), not interleaved.

use burn::backend::Dispatch;
use burn::tensor::{Tensor, TensorData};
use lens_pack::config::Rope;

use crate::ComputeDevice;
use crate::kernels::config::KernelConfig;
use crate::norm::RmsNorm;
use crate::ops::InferenceOps;

/// Cosines and sines for consecutive positions, one row [head_dim] each: half cosines, half sines.
#[derive(Debug, Clone)]
pub struct RotaryTable {
    table: Tensor<2>,
    kernels: KernelConfig,
}

impl RotaryTable {
    /// Positions `first .. first + tokens`. Angles are computed in f32 as transformers does:
    /// position * theta^(-2i / head_dim) / factor.
    pub fn new(rope: Rope, head_dim: usize, first: usize, tokens: usize, device: &ComputeDevice) -> Self {
        let half = head_dim / 2;
        let inverse_frequency: Vec<f32> = (0..half)
            .map(|i| {
                let exponent = (2 * i) as f32 / head_dim as f32;
                (1.0 / (rope.theta as f32).powf(exponent)) / rope.factor as f32
            })
            .collect();
        let mut values = Vec::with_capacity(tokens * head_dim);
        for position in first..first + tokens {
            let angles = || inverse_frequency.iter().map(move |f| position as f32 * f);
            values.extend(angles().map(f32::cos));
            values.extend(angles().map(f32::sin));
        }
        let table = Tensor::from_data(TensorData::new(values, [tokens, 2 * half]), &device.burn);
        Self { table, kernels: device.kernels }
    }

    /// Rotates each of the `heads` of `x` [T, heads * head_dim], after `norm` of each head where
    /// the model has one (Gemma 3).
    pub fn rotate(&self, x: Tensor<2>, norm: Option<&RmsNorm>, heads: usize) -> Tensor<2> {
        let (x, table) = (x.into_dispatch(), self.table.clone().into_dispatch());
        Tensor::from_dispatch(match norm {
            Some(norm) => Dispatch::norm_rotate(
                x,
                table,
                norm.one_plus_weight.clone().into_dispatch(),
                heads,
                norm.eps,
                self.kernels,
            ),
            None => Dispatch::rotate(x, table, heads, self.kernels),
        })
    }
}
