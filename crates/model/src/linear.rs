//! A linear layer over packed weights.

use burn::backend::Dispatch;
#[cfg(not(target_family = "wasm"))]
use burn::tensor::activation::gelu_approximate;
use burn::tensor::{Int, Tensor, TensorData};
use lens_pack::block::{BLOCK, words_per_row};

use crate::kernels::config::KernelConfig;
#[cfg(not(target_family = "wasm"))]
use crate::ops::DenseOps;
use crate::ops::{Epilogue, InferenceOps, PackedShape, TOP_MAX, TopOptions};

/// A packed matrix W [rows, cols] on a device.
#[derive(Debug, Clone)]
pub struct PackedTensor {
    pub(crate) words: Tensor<1, Int>,
    pub(crate) scales: Tensor<1, Int>,
    pub(crate) shape: PackedShape,
    pub(crate) kernels: KernelConfig,
}

impl PackedTensor {
    /// Shape and precision.
    pub fn shape(&self) -> PackedShape {
        self.shape
    }

    /// x Wᵀ for `x` [T, cols]: [T, rows].
    pub fn linear(&self, x: Tensor<2>) -> Tensor<2> {
        self.linear_then::<1>(x, None, Epilogue::Plain)
    }

    /// relu(factor * x Wᵀ) for `x` [T, cols]: [T, rows].
    pub fn linear_relu(&self, x: Tensor<2>, factor: f32) -> Tensor<2> {
        self.linear_then::<1>(x, None, Epilogue::Relu { factor })
    }

    /// gelu(x Gᵀ) * (x Uᵀ) for `x` [T, cols], G the first half of the rows and U the other: [T, rows / 2]; GELU's tanh
    /// approximation.
    pub fn linear_gate(&self, x: Tensor<2>) -> Tensor<2> {
        debug_assert!(self.shape.rows.is_multiple_of(2), "gates and what they open come in pairs");
        self.linear_then::<1>(x, None, Epilogue::Gate)
    }

    fn linear_then<const D: usize>(&self, x: Tensor<2>, extra: Option<Tensor<D>>, epilogue: Epilogue) -> Tensor<2> {
        let x = pad_cols(x, self.shape.padded_cols()).into_dispatch();
        let (words, scales) = (self.words.clone().into_dispatch(), self.scales.clone().into_dispatch());
        Tensor::from_dispatch(match extra {
            Some(extra) => Dispatch::packed_linear_with(
                x,
                words,
                scales,
                extra.into_dispatch(),
                self.shape,
                epilogue,
                self.kernels,
            ),
            None => Dispatch::packed_linear(x, words, scales, self.shape, epilogue, self.kernels),
        })
    }

    /// See [`InferenceOps::packed_top`]; `x` [T, cols], `offset` [T, 1]: [T, 2 k + 2].
    pub fn top(&self, x: Tensor<2>, offset: Tensor<2>, options: TopOptions) -> Tensor<2> {
        let x = pad_cols(x, self.shape.padded_cols()).into_dispatch();
        let (words, scales) = (self.words.clone().into_dispatch(), self.scales.clone().into_dispatch());
        let options = TopOptions { k: options.k.min(self.shape.rows).min(TOP_MAX), ..options };
        Tensor::from_dispatch(Dispatch::packed_top(
            x,
            offset.into_dispatch(),
            words,
            scales,
            self.shape,
            options,
            self.kernels,
        ))
    }

    /// Some of its rows, unpacked [n, cols].
    pub fn unpacked_rows(&self, rows: &[usize]) -> Tensor<2> {
        /// What unpacks n rows has n x n entries: the lists of all features of an SAE have tens of thousands of rows.
        const ROWS_AT_ONCE: usize = 256;
        if rows.len() > ROWS_AT_ONCE {
            return Tensor::cat(rows.chunks(ROWS_AT_ONCE).map(|rows| self.unpacked_rows(rows)).collect(), 0);
        }
        let (n, device) = (rows.len(), self.words.device());
        let PackedShape { cols, precision, .. } = self.shape;
        let blocks = self.shape.padded_cols() / BLOCK;
        if precision.is_quantized() && !blocks.is_multiple_of(2) {
            // Two scales are in one number: rows cannot be taken apart without unpacking.
            let mut one_each = vec![0f32; n * self.shape.rows];
            rows.iter().enumerate().for_each(|(i, row)| one_each[i * self.shape.rows + row] = 1.0);
            return self.linear_transposed(Tensor::from_data(TensorData::new(one_each, [n, self.shape.rows]), &device));
        }
        let indices: Vec<i32> = rows.iter().map(|row| *row as i32).collect();
        let indices = Tensor::<1, Int>::from_data(TensorData::new(indices, [n]), &device);
        let taken = |all: &Tensor<1, Int>, width: usize| {
            all.clone().reshape([self.shape.rows, width]).select(0, indices.clone()).reshape([n * width])
        };
        let taken = Self {
            words: taken(&self.words, words_per_row(blocks * BLOCK, precision)),
            scales: if precision.is_quantized() { taken(&self.scales, blocks / 2) } else { self.scales.clone() },
            shape: PackedShape { rows: n, cols, precision },
            kernels: self.kernels,
        };
        taken.linear_transposed(Tensor::eye(n, &device))
    }

    /// x W for `x` [T, rows]: [T, cols].
    pub fn linear_transposed(&self, x: Tensor<2>) -> Tensor<2> {
        Tensor::from_dispatch(Dispatch::packed_linear_transposed(
            x.into_dispatch(),
            self.words.clone().into_dispatch(),
            self.scales.clone().into_dispatch(),
            self.shape,
            self.kernels,
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

/// A matrix W [rows, cols] of a layer.
// The large variant is the one that there are many of.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, Clone)]
pub enum Matrix {
    /// Packed, for inference.
    Packed(PackedTensor),
    /// As it is, for training: autodiff goes through it.
    #[cfg(not(target_family = "wasm"))]
    Dense(Tensor<2>),
}

impl Matrix {
    /// [rows, cols]
    pub fn dims(&self) -> [usize; 2] {
        match self {
            Self::Packed(packed) => [packed.shape.rows, packed.shape.cols],
            #[cfg(not(target_family = "wasm"))]
            Self::Dense(dense) => dense.dims(),
        }
    }

    /// epilogue(x Wᵀ) for `x` [T, cols]: [T, rows]; `extra` is the epilogue's operand, where it has one.
    fn linear_then<const D: usize>(&self, x: Tensor<2>, extra: Option<Tensor<D>>, epilogue: Epilogue) -> Tensor<2> {
        match self {
            Self::Packed(packed) => packed.linear_then(x, extra, epilogue),
            #[cfg(not(target_family = "wasm"))]
            Self::Dense(dense) => dense_linear(x, dense.clone(), extra, epilogue),
        }
    }

    /// relu(factor * x Wᵀ) for `x` [T, cols]: [T, rows].
    pub fn linear_relu(&self, x: Tensor<2>, factor: f32) -> Tensor<2> {
        self.linear_then::<1>(x, None, Epilogue::Relu { factor })
    }

    /// x Wᵀ for `x` [T, cols]: [T, rows].
    pub fn linear(&self, x: Tensor<2>) -> Tensor<2> {
        self.linear_then::<1>(x, None, Epilogue::Plain)
    }

    /// gelu(x Gᵀ) * (x Uᵀ) for `x` [T, cols], G the first half of the rows and U the other: [T, rows / 2]; GELU's tanh
    /// approximation.
    pub fn linear_gate(&self, x: Tensor<2>) -> Tensor<2> {
        self.linear_then::<1>(x, None, Epilogue::Gate)
    }

    /// x W for `x` [T, rows]: [T, cols].
    pub fn linear_transposed(&self, x: Tensor<2>) -> Tensor<2> {
        match self {
            Self::Packed(packed) => packed.linear_transposed(x),
            #[cfg(not(target_family = "wasm"))]
            Self::Dense(dense) => {
                let product = Dispatch::dense_product(x.into_dispatch(), dense.clone().into_dispatch(), false);
                Tensor::from_dispatch(product)
            }
        }
    }

    /// [`Self::linear_transposed`] for codes [T, rows], the zeros of which get no gradient: a relu or a choice made them.
    pub fn decode(&self, codes: Tensor<2>) -> Tensor<2> {
        match self {
            Self::Packed(packed) => packed.linear_transposed(codes),
            #[cfg(not(target_family = "wasm"))]
            Self::Dense(dense) => {
                Tensor::from_dispatch(Dispatch::decode(codes.into_dispatch(), dense.clone().into_dispatch()))
            }
        }
    }
}

/// As [`InferenceOps::packed_linear_with`] for a matrix `w` [rows, cols] that is not packed.
#[cfg(not(target_family = "wasm"))]
fn dense_linear<const D: usize>(x: Tensor<2>, w: Tensor<2>, extra: Option<Tensor<D>>, epilogue: Epilogue) -> Tensor<2> {
    let sum: Tensor<2> = Tensor::from_dispatch(Dispatch::dense_product(x.into_dispatch(), w.into_dispatch(), true));
    let rows = sum.dims()[1];
    let relu = |sum: Tensor<2>, factor| Tensor::from_dispatch(Dispatch::scaled_relu(sum.into_dispatch(), factor));
    match (epilogue, extra) {
        (Epilogue::Relu { factor }, _) => relu(sum, factor),
        (Epilogue::Bias | Epilogue::BiasRelu, Some(bias)) => {
            let (sum, bias) = (sum.into_dispatch(), bias.reshape([rows]).into_dispatch());
            Tensor::from_dispatch(Dispatch::add_bias(sum, bias, epilogue == Epilogue::BiasRelu))
        }
        (Epilogue::BiasRelu, None) => relu(sum, 1.0),
        (Epilogue::Gate, _) => {
            let half = |from: usize| sum.clone().narrow(1, from, rows / 2);
            gelu_approximate(half(0)) * half(rows / 2)
        }
        (Epilogue::Plain | Epilogue::Bias, _) => sum,
    }
}

/// a bᵀ for `a` [M, d] and `b` [N, d]: [M, N].
pub fn matmul_nt(a: Tensor<2>, b: Tensor<2>, kernels: KernelConfig) -> Tensor<2> {
    let rows = b.dims()[0];
    matmul_rows(a, b, rows, kernels)
}

/// a bᵀ for `a` [M, d] and the first `rows` rows of `b` [.., d]: [M, rows].
pub fn matmul_rows(a: Tensor<2>, b: Tensor<2>, rows: usize, kernels: KernelConfig) -> Tensor<2> {
    let cols = a.dims()[1].next_multiple_of(BLOCK);
    Tensor::from_dispatch(Dispatch::matmul_nt(
        pad_cols(a, cols).into_dispatch(),
        pad_cols(b, cols).into_dispatch(),
        rows,
        kernels,
    ))
}

/// A linear layer with or without bias; `weight` [out, in] as in the checkpoint.
#[derive(Debug, Clone)]
pub struct Linear {
    /// [out, in]
    pub weight: Matrix,
    /// [out], if there is one.
    pub bias: Option<Tensor<1>>,
}

impl Linear {
    /// [T, in] to [T, out].
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let epilogue = if self.bias.is_some() { Epilogue::Bias } else { Epilogue::Plain };
        self.weight.linear_then(x, self.bias.clone(), epilogue)
    }

    /// relu of it.
    pub fn forward_relu(&self, x: Tensor<2>) -> Tensor<2> {
        let epilogue = if self.bias.is_some() { Epilogue::BiasRelu } else { Epilogue::Relu { factor: 1.0 } };
        self.weight.linear_then(x, self.bias.clone(), epilogue)
    }
}
