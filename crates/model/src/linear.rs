//! A linear layer over packed weights.

use burn::backend::Dispatch;
use burn::tensor::{Int, Tensor};

use crate::kernels::{LensOps, PackedShape};

/// A packed matrix W [rows, cols] on a device.
#[derive(Debug, Clone)]
pub struct PackedTensor {
    pub(crate) words: Tensor<1, Int>,
    pub(crate) scales: Tensor<1, Int>,
    pub(crate) shape: PackedShape,
}

impl PackedTensor {
    /// Shape and precision.
    pub fn shape(&self) -> PackedShape {
        self.shape
    }

    /// x Wᵀ for `x` [T, cols]: [T, rows].
    pub fn linear(&self, x: Tensor<2>) -> Tensor<2> {
        let x = pad_cols(x, self.shape.padded_cols());
        Tensor::from_dispatch(Dispatch::packed_linear(
            x.into_dispatch(),
            self.words.clone().into_dispatch(),
            self.scales.clone().into_dispatch(),
            self.shape,
        ))
    }

    /// x W for `x` [T, rows]: [T, cols].
    pub fn linear_transposed(&self, x: Tensor<2>) -> Tensor<2> {
        Tensor::from_dispatch(Dispatch::packed_linear_transposed(
            x.into_dispatch(),
            self.words.clone().into_dispatch(),
            self.scales.clone().into_dispatch(),
            self.shape,
        ))
    }
}

/// The kernels read whole blocks: models whose width is not a multiple of 32 get zeros behind it.
fn pad_cols(x: Tensor<2>, cols: usize) -> Tensor<2> {
    let [tokens, have] = x.dims();
    if have == cols {
        return x;
    }
    let zeros = Tensor::zeros([tokens, cols - have], &x.device());
    Tensor::cat(vec![x, zeros], 1)
}

/// A linear layer with or without bias; `weight` [out, in] as in the checkpoint.
#[derive(Debug, Clone)]
pub struct Linear {
    /// [out, in], packed.
    pub weight: PackedTensor,
    /// [out], if there is one.
    pub bias: Option<Tensor<1>>,
}

impl Linear {
    /// [T, in] to [T, out].
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let y = self.weight.linear(x);
        match &self.bias {
            Some(bias) => y + bias.clone().unsqueeze(),
            None => y,
        }
    }
}
