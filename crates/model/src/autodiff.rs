//! [`LensOps`] with gradients: what training runs, on any backend that has the operations.

use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::ops::FloatTensorOps;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, AutodiffBackend, TensorMetadata};

use crate::kernels::config::KernelConfig;
use crate::ops::{AttentionOptions, LensOps};
use crate::reference;

impl<B: LensOps, C: CheckpointStrategy> LensOps for Autodiff<B, C> {
    fn attention(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        options: AttentionOptions,
        _kernels: KernelConfig,
    ) -> FloatTensor<Self> {
        reference::attention::<Self>(q, k, v, options)
    }

    fn project(
        x: FloatTensor<Self>,
        dz: FloatTensor<Self>,
        eps: f32,
        _kernels: KernelConfig,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        reference::project::<Self>(x, dz, eps)
    }

    /// The kernel chooses which codes stay; the choice is a constant for the gradient.
    fn keep_top_k(z: FloatTensor<Self>, k: usize) -> FloatTensor<Self> {
        let largest = B::keep_top_k(Self::inner(z.clone()), k);
        Self::float_mul(z, Self::from_inner(B::float_sign(largest)))
    }

    fn new_rows(first: FloatTensor<Self>, _capacity: usize) -> FloatTensor<Self> {
        first
    }

    fn append_rows(rows: FloatTensor<Self>, len: usize, new: FloatTensor<Self>, _capacity: usize) -> FloatTensor<Self> {
        if len == 0 {
            return new;
        }
        let width = rows.shape()[1];
        let before = Self::float_slice(rows, &[(0..len).into(), (0..width).into()]);
        Self::float_cat(vec![before, new], 0)
    }
}
