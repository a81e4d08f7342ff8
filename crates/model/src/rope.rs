//! Rotary position embedding, half-split as in transformers (`rotate_half`), not interleaved.

use burn::tensor::{Device, Tensor, TensorData};
use lens_weights::config::Rope;

/// Cosines and sines for positions 0 .. T, each [T, head_dim / 2].
#[derive(Debug, Clone)]
pub struct RotaryTable {
    cos: Tensor<2>,
    sin: Tensor<2>,
}

impl RotaryTable {
    /// Angles are computed in f32 as transformers does: position * theta^(-2i / head_dim) / factor.
    pub fn new(rope: Rope, head_dim: usize, tokens: usize, device: &Device) -> Self {
        let half = head_dim / 2;
        let inverse_frequency: Vec<f32> = (0..half)
            .map(|i| {
                let exponent = (2 * i) as f32 / head_dim as f32;
                (1.0 / (rope.theta as f32).powf(exponent)) / rope.factor as f32
            })
            .collect();
        let angles: Vec<f32> = (0..tokens).flat_map(|t| inverse_frequency.iter().map(move |f| t as f32 * f)).collect();
        let table = |f: fn(f32) -> f32| {
            let values: Vec<f32> = angles.iter().map(|a| f(*a)).collect();
            Tensor::from_data(TensorData::new(values, [tokens, half]), device)
        };
        Self { cos: table(f32::cos), sin: table(f32::sin) }
    }

    /// Rotates `x` [heads, T, head_dim].
    pub fn rotate(&self, x: Tensor<3>) -> Tensor<3> {
        let half = self.cos.dims()[1];
        let first = x.clone().narrow(2, 0, half);
        let second = x.narrow(2, half, half);
        let cos = self.cos.clone().unsqueeze();
        let sin = self.sin.clone().unsqueeze();
        Tensor::cat(vec![first.clone() * cos.clone() - second.clone() * sin.clone(), second * cos + first * sin], 2)
    }
}
