//! The CPU twins of the GPU's kernels.
//!
//! | file | what it is |
//! |---|---|
//! | `mod.rs` | the operations of [`crate::ops`], each a call of what is below |
//! | `linear` | products with packed and with dense matrices |
//! | `product` | how a product is cut up: panels, threads, the order of sums |
//! | `rows`, `panel` | both operands as the register tile reads them |
//! | `tile` | the register tile: a few rows of x times a panel of W |
//! | `top` | the highest entries of a product with a vocabulary's matrix |
//! | `attention` | causal attention, a few queries at a time |
//! | `rotate` | queries, keys and values of new tokens, rotated and appended |
//! | `norm`, `sums`, `select` | norms of rows, sums over them, their largest entries |
//! | `dense`, `sparse`, `gradients`, `optimizer` | what training adds, native only |
//! | `math` | functions and sums that become vector code |
//! | `level` | the widest vectors that the machine has |
//! | `threads` | loops over parts of a result, on all threads natively |
//! | `table`, `tensor` | a matrix that threads share; the device's tensors |

mod attention;
#[cfg(not(target_family = "wasm"))]
mod dense;
#[cfg(not(target_family = "wasm"))]
mod gradients;
mod level;
mod linear;
mod math;
mod norm;
#[cfg(not(target_family = "wasm"))]
mod optimizer;
mod panel;
mod product;
mod rotate;
mod rows;
mod select;
#[cfg(not(target_family = "wasm"))]
mod sparse;
mod sums;
mod table;
mod tensor;
mod threads;
mod tile;
mod top;

use burn::backend::Flex;
use burn::backend::ops::FloatTensorOps;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::tensor::{FloatDType, Shape};

use self::tensor::{FlexTensor, dims};
#[cfg(not(target_family = "wasm"))]
pub use self::threads::side_by_side;
use super::config::KernelConfig;
#[cfg(not(target_family = "wasm"))]
use crate::ops::{AdamW, DenseOps, OptimizerOps, TrainingOps};
use crate::ops::{AttentionOptions, Epilogue, InferenceOps, LensOps, PackedShape, RotateOptions, TopOptions};

/// An undefined matrix of rows.
fn empty_rows(width: usize, capacity: usize) -> FlexTensor {
    Flex::float_empty(Shape::new([capacity, width]), &Default::default(), FloatDType::F32)
}

impl LensOps for Flex {
    fn attention(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        options: AttentionOptions,
        _kernels: KernelConfig,
    ) -> FloatTensor<Self> {
        attention::attention(&q, &k, &v, options)
    }

    fn project(
        x: FloatTensor<Self>,
        dz: FloatTensor<Self>,
        eps: f32,
        _kernels: KernelConfig,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        sums::project(&x, &dz, eps)
    }

    fn keep_top_k(z: FloatTensor<Self>, k: usize) -> FloatTensor<Self> {
        select::keep_top_k(&z, k)
    }

    fn new_rows(first: FloatTensor<Self>, capacity: usize) -> FloatTensor<Self> {
        let empty = empty_rows(dims(&first)[1], capacity);
        super::rows::begin::<Self>(first, empty)
    }

    fn append_rows(held: FloatTensor<Self>, len: usize, new: FloatTensor<Self>, capacity: usize) -> FloatTensor<Self> {
        let width = dims(&new)[1];
        super::rows::append::<Self>(held, len, new, || empty_rows(width, capacity))
    }
}

#[cfg(not(target_family = "wasm"))]
impl DenseOps for Flex {
    fn dense_product(x: FloatTensor<Self>, w: FloatTensor<Self>, is_turned: bool) -> FloatTensor<Self> {
        dense::product(x, if is_turned { Self::float_transpose(w) } else { w })
    }

    fn decode(codes: FloatTensor<Self>, w: FloatTensor<Self>) -> FloatTensor<Self> {
        dense::product(codes, w)
    }

    fn scaled_relu(sum: FloatTensor<Self>, factor: f32) -> FloatTensor<Self> {
        gradients::scaled_relu(sum, factor)
    }

    fn add_bias(sum: FloatTensor<Self>, bias: FloatTensor<Self>, relu: bool) -> FloatTensor<Self> {
        gradients::add_bias(sum, &bias, relu)
    }
}

#[cfg(not(target_family = "wasm"))]
impl TrainingOps for Flex {
    fn product(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
        dense::product(a, b)
    }

    fn product_at(at: FloatTensor<Self>, a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
        dense::product_at(at, a, b)
    }

    fn relu_gradient(grad: FloatTensor<Self>, y: FloatTensor<Self>, factor: f32) -> FloatTensor<Self> {
        gradients::relu_gradient(grad, &y, factor)
    }

    fn column_sums(grad: FloatTensor<Self>) -> FloatTensor<Self> {
        gradients::column_sums(&grad)
    }

    fn attention_gradients(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        y: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        options: AttentionOptions,
    ) -> [FloatTensor<Self>; 3] {
        gradients::attention_gradients([q, k, v, y, grad], options)
    }
}

#[cfg(not(target_family = "wasm"))]
impl OptimizerOps for Flex {
    fn adamw(
        weights: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        clip: FloatTensor<Self>,
        first: FloatTensor<Self>,
        second: FloatTensor<Self>,
        step: AdamW,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let [weights, first, second] = optimizer::adamw(weights, gradient, &clip, [first, second], step.factors());
        (weights, first, second)
    }

    fn sum_of_squares(x: FloatTensor<Self>) -> FloatTensor<Self> {
        optimizer::sum_of_squares(x)
    }

    fn added(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
        optimizer::added(a, b)
    }
}

impl InferenceOps for Flex {
    fn packed_linear(
        x: FloatTensor<Self>,
        words: IntTensor<Self>,
        scales: IntTensor<Self>,
        shape: PackedShape,
        epilogue: Epilogue,
        _kernels: KernelConfig,
    ) -> FloatTensor<Self> {
        linear::linear(&x, &words, &scales, &[], shape, epilogue)
    }

    fn packed_linear_with(
        x: FloatTensor<Self>,
        words: IntTensor<Self>,
        scales: IntTensor<Self>,
        extra: FloatTensor<Self>,
        shape: PackedShape,
        epilogue: Epilogue,
        _kernels: KernelConfig,
    ) -> FloatTensor<Self> {
        linear::linear(&x, &words, &scales, extra.to_contiguous().storage(), shape, epilogue)
    }

    fn packed_linear_transposed(
        x: FloatTensor<Self>,
        words: IntTensor<Self>,
        scales: IntTensor<Self>,
        shape: PackedShape,
        _kernels: KernelConfig,
    ) -> FloatTensor<Self> {
        linear::linear_transposed(&x, &words, &scales, shape)
    }

    fn matmul_nt(a: FloatTensor<Self>, b: FloatTensor<Self>, rows: usize, _kernels: KernelConfig) -> FloatTensor<Self> {
        linear::matmul_nt(&a, &b, rows)
    }

    fn mean_attention(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        tokens: usize,
        options: AttentionOptions,
        _kernels: KernelConfig,
    ) -> FloatTensor<Self> {
        attention::mean_attention(&q, &k, tokens, options)
    }

    fn top_entries(z: FloatTensor<Self>, k: usize) -> FloatTensor<Self> {
        select::top_entries(&z, k)
    }

    fn packed_top(
        x: FloatTensor<Self>,
        offset: FloatTensor<Self>,
        words: IntTensor<Self>,
        scales: IntTensor<Self>,
        shape: PackedShape,
        options: TopOptions,
        _kernels: KernelConfig,
    ) -> FloatTensor<Self> {
        top::packed_top(&x, &offset, &words, &scales, shape, options)
    }

    fn rms_norm(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        eps: f32,
        _kernels: KernelConfig,
    ) -> FloatTensor<Self> {
        norm::rms_norm(&x, &weight, eps)
    }

    fn add_norm(
        hidden: FloatTensor<Self>,
        x: FloatTensor<Self>,
        post: FloatTensor<Self>,
        next: FloatTensor<Self>,
        eps: f32,
        _kernels: KernelConfig,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        norm::add_norm(&hidden, &x, &post, &next, eps)
    }

    fn empty_rows(_like: FloatTensor<Self>, capacity: usize, width: usize) -> FloatTensor<Self> {
        empty_rows(width, capacity)
    }

    fn grown_rows(rows: FloatTensor<Self>, len: usize, end: usize, capacity: usize) -> FloatTensor<Self> {
        let width = dims(&rows)[1];
        super::rows::grown::<Self>(rows, len, end, || empty_rows(width, capacity))
    }

    fn rotate_append(
        qkv: FloatTensor<Self>,
        table: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        keys: FloatTensor<Self>,
        values: FloatTensor<Self>,
        options: RotateOptions,
        _kernels: KernelConfig,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let [q, keys, values] = rotate::rotate_append([&qkv, &table, &weights], [keys, values], options);
        (q, keys, values)
    }

    fn pair_sums(a: FloatTensor<Self>, b: FloatTensor<Self>, factor: f32, _kernels: KernelConfig) -> FloatTensor<Self> {
        sums::pair_sums(&a, &b, factor)
    }
}
