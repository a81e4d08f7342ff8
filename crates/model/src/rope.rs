//! Rotary position embedding, half-split as in transformers (`rotate_half`), not interleaved.

use burn::backend::Dispatch;
use burn::tensor::{Tensor, TensorData};
use lens_pack::config::Rope;

use crate::ComputeDevice;
use crate::attention::KeysValues;
use crate::kernels::config::KernelConfig;
use crate::norm::HeadNorms;
use crate::ops::{InferenceOps, RotateOptions};
use crate::rows::Rows;

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

    /// Splits queries, keys and values of each token, `qkv` [T, (heads + 2 kv_heads) * head_dim]; queries and keys are
    /// normed if the model has such norms, then rotated. Keys and values are appended to those of `seen`, which gets capacity for
    /// `reserved` tokens where it grows. Returns the operands of [`attend`](crate::attention::attend): queries [T, heads * head_dim], then
    /// keys and values.
    pub fn rotate_append(
        &self,
        qkv: Tensor<2>,
        norms: &HeadNorms,
        [heads, kv_heads]: [usize; 2],
        seen: &mut KeysValues,
        reserved: usize,
    ) -> (Tensor<2>, [Tensor<2>; 2]) {
        let [tokens, width] = qkv.dims();
        let kv_width = kv_heads * (width / (heads + 2 * kv_heads));
        let held = seen.k.len();
        let take = |rows: &mut Rows| rows.take_with_room(&qkv, tokens, kv_width, reserved);
        let (keys, values) = (take(&mut seen.k), take(&mut seen.v));
        let (q, keys, values) = Dispatch::rotate_append(
            qkv.into_dispatch(),
            self.table.clone().into_dispatch(),
            norms.weights.clone().into_dispatch(),
            keys.into_dispatch(),
            values.into_dispatch(),
            RotateOptions { heads, kv_heads, eps: norms.eps, held },
            self.kernels,
        );
        let k = seen.k.put_back(Tensor::from_dispatch(keys), tokens);
        let v = seen.v.put_back(Tensor::from_dispatch(values), tokens);
        (Tensor::from_dispatch(q), [k, v])
    }
}
