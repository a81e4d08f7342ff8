//! Launches the WGSL kernels on burn's GPU buffers.
//!
//! | file | what it is |
//! |---|---|
//! | `mod.rs` | the operations of [`crate::ops`] as launches of kernels |
//! | `kernel` | which kernels there are, and the WGSL of each |
//! | `source` | what the sources of all products with packed weights share |
//! | `tile` | products that keep a tile of sums in registers, written out for one size |
//! | `wgsl/` | the templates; the beginning of each has its formula and its arguments |

mod kernel;
mod source;
mod tile;

use burn::backend::Cube;
use burn::backend::ops::FloatTensorOps;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::tensor::{DType, Shape, Slice};
use burn_cubecl::cubecl::prelude::{CubeCount, CubeDim};
use burn_cubecl::cubecl::server::{KernelArguments, MetadataBindingInfo};
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::template::SourceKernel;
use burn_cubecl::tensor::CubeTensor;
use lens_pack::block::{BLOCK, Precision};

use self::kernel::{Kernel, Row};
use self::source::EpilogueKind;
use super::config::{KernelConfig, Variant};
use super::rows;
#[cfg(not(target_family = "wasm"))]
use crate::ops::{AdamW, DenseOps, OptimizerOps, TrainingOps};
use crate::ops::{AttentionOptions, Epilogue, InferenceOps, LensOps, PackedShape, RotateOptions, TopOptions};

/// Runs `kernel` over `inputs` with eight numbers; one f32 output for each of `shapes`. Kernels may write into inputs, too.
fn launch<const N: usize>(
    kernel: Kernel,
    inputs: Vec<CubeTensor>,
    shapes: [[usize; 2]; N],
    sizes: &[u32],
    threads: u32,
    cubes: [usize; 2],
) -> [CubeTensor; N] {
    let client = inputs[0].client.clone();
    let device = inputs[0].device.clone();
    let outputs = shapes.map(|shape| client.empty(shape.iter().product::<usize>() * size_of::<f32>()));
    let mut words = [0u32; 8];
    words[..sizes.len()].copy_from_slice(sizes);
    let info = words.as_chunks::<2>().0.iter().map(|[low, high]| u64::from(*low) | u64::from(*high) << 32).collect();
    let mut bindings: Vec<_> = inputs.into_iter().map(|tensor| tensor.handle.binding()).collect();
    bindings.extend(outputs.iter().map(|output| output.clone().binding()));
    client.launch(
        Box::new(SourceKernel::new(kernel, CubeDim::new_1d(threads))),
        CubeCount::Static(cubes[0] as u32, cubes[1] as u32, 1),
        KernelArguments::new().with_buffers(bindings).with_info(MetadataBindingInfo::custom(info)),
    );
    let mut shapes = shapes.into_iter();
    outputs.map(|output| {
        let shape = shapes.next().unwrap_or_default();
        CubeTensor::new_contiguous(client.clone(), device.clone(), Shape::new(shape), output, DType::F32)
    })
}

fn dims(tensor: &CubeTensor) -> [usize; 2] {
    [tensor.meta.shape()[0], tensor.meta.shape()[1]]
}

/// x Wᵀ; `inputs` are x, words, scales and, where the epilogue has one, the extra operand.
fn linear(inputs: Vec<CubeTensor>, shape: PackedShape, epilogue: Epilogue, kernels: KernelConfig) -> CubeTensor {
    let tokens = dims(&inputs[0])[0];
    let blocks = shape.padded_cols() / BLOCK;
    let (kind, factor) = match epilogue {
        Epilogue::Plain => (EpilogueKind::Plain, 1.0),
        Epilogue::Bias => (EpilogueKind::Bias, 1.0),
        Epilogue::BiasRelu => (EpilogueKind::BiasRelu, 1.0),
        Epilogue::Relu { factor } => (EpilogueKind::Relu, factor),
        Epilogue::Gate => (EpilogueKind::Gate, 1.0),
    };
    let variant = kernels.linear(tokens);
    let (threads, cubes) = match variant {
        Variant::Tile(n, m) | Variant::Quad(n, m) => {
            let threads = kernels.tile_threads();
            let rows = (threads * m) as usize;
            (threads, [shape.rows.div_ceil(rows), tokens.div_ceil(n as usize)])
        }
        Variant::Gemv(n) => (64, [shape.rows.div_ceil(8), tokens.div_ceil(n as usize)]),
        Variant::Shared(n) => (4 * n, [shape.rows.div_ceil(64), tokens.div_ceil(n as usize)]),
    };
    let sizes = [tokens as u32, shape.rows as u32, blocks as u32, shape.cols as u32, factor.to_bits()];
    let outputs = if epilogue == Epilogue::Gate { shape.rows / 2 } else { shape.rows };
    let [y] = launch(
        Kernel::Linear { precision: shape.precision, epilogue: kind, variant, threads },
        inputs,
        [[tokens, outputs]],
        &sizes,
        threads,
        cubes,
    );
    y
}

/// Runs `kernel` over the rows of the first of `inputs`, `parts` workgroups each.
fn by_row<const N: usize>(
    kernel: Row,
    inputs: Vec<CubeTensor>,
    shapes: [[usize; 2]; N],
    sizes: &[u32],
    parts: usize,
    kernels: KernelConfig,
) -> [CubeTensor; N] {
    let (rows, threads) = (dims(&inputs[0])[0], kernels.row_threads());
    launch(Kernel::Row(kernel, threads), inputs, shapes, sizes, threads, [rows, parts])
}

/// The numbers of an attention kernel: those of `options`, queries, and the widths of a query and of a value.
fn attention_sizes(options: AttentionOptions, [queries, d, dv]: [usize; 3]) -> [u32; 8] {
    [
        options.heads as u32 | (options.kv_heads as u32) << 16,
        queries as u32,
        d as u32,
        dv as u32,
        options.first as u32,
        options.window.map_or(u32::MAX, |w| w as u32),
        options.scale.to_bits(),
        options.soft_cap.unwrap_or(0.0).to_bits(),
    ]
}

/// A buffer that may be written: `rows` itself where this is its only handle, otherwise a copy.
fn owned(rows: CubeTensor) -> CubeTensor {
    if rows.can_mut() && rows.is_contiguous() { rows } else { rows.copy() }
}

/// Rows `from .. to` of `x`.
fn rows_of(x: &CubeTensor, from: usize, to: usize) -> CubeTensor {
    let width = dims(x)[1];
    Cube::float_slice(x.clone(), &[Slice::from(from..to), Slice::from(0..width)])
}

/// An undefined matrix [capacity, width] in a buffer of exactly this size that is not reused for other tensors: it goes back to
/// the driver when it is dropped, in a browser at its garbage collection.
fn empty_rows(like: &CubeTensor, capacity: usize, width: usize) -> CubeTensor {
    let (client, device) = (like.client.clone(), like.device.clone());
    let bytes = capacity * width * size_of::<f32>();
    let handle = client.memory_dedicated_allocation((), |()| client.empty(bytes));
    CubeTensor::new_contiguous(client, device, Shape::new([capacity, width]), handle, DType::F32)
}

impl LensOps for Cube {
    fn attention(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        options: AttentionOptions,
        kernels: KernelConfig,
    ) -> FloatTensor<Self> {
        let inputs = vec![into_contiguous(q), into_contiguous(k), into_contiguous(v)];
        let [tokens, width] = dims(&inputs[0]);
        let AttentionOptions { heads, kv_heads, .. } = options;
        let (d, dv) = (width / heads, dims(&inputs[2])[1] / kv_heads);
        let vectors = d.is_multiple_of(4) && dv.is_multiple_of(4);
        let unit = if vectors { 4 } else { 1 };
        let sizes = attention_sizes(options, [tokens, d / unit, dv / unit]);
        let threads = kernels.row_threads();
        let (kernel, groups) = if vectors && tokens > 1 {
            (Kernel::AttentionFour { threads }, tokens.div_ceil(4))
        } else {
            (Kernel::Attention { vectors, threads }, tokens)
        };
        let [y] = launch(kernel, inputs, [[tokens, heads * dv]], &sizes, threads, [groups, heads]);
        y
    }

    fn project(
        x: FloatTensor<Self>,
        dz: FloatTensor<Self>,
        eps: f32,
        kernels: KernelConfig,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let inputs = vec![into_contiguous(x), into_contiguous(dz)];
        let shape = dims(&inputs[0]);
        let sizes = [shape[1] as u32, eps.to_bits()];
        let [factors, left] = by_row(Row::Project, inputs, [[shape[0], 1], shape], &sizes, 1, kernels);
        (factors, left)
    }

    fn keep_top_k(z: FloatTensor<Self>, k: usize) -> FloatTensor<Self> {
        let z = into_contiguous(z);
        let [tokens, width] = dims(&z);
        let kernel = Kernel::TopK { list: false };
        let [y] = launch(kernel, vec![z], [[tokens, width]], &[width as u32, k as u32], 64, [tokens, 1]);
        y
    }

    fn new_rows(first: FloatTensor<Self>, capacity: usize) -> FloatTensor<Self> {
        let empty = empty_rows(&first, capacity, dims(&first)[1]);
        rows::begin::<Self>(first, empty)
    }

    fn append_rows(held: FloatTensor<Self>, len: usize, new: FloatTensor<Self>, capacity: usize) -> FloatTensor<Self> {
        let like = new.clone();
        rows::append::<Self>(held, len, new, || empty_rows(&like, capacity, dims(&like)[1]))
    }
}

#[cfg(not(target_family = "wasm"))]
impl DenseOps for Cube {
    fn dense_product(x: FloatTensor<Self>, w: FloatTensor<Self>, is_turned: bool) -> FloatTensor<Self> {
        crate::reference::dense_product::<Self>(x, w, is_turned)
    }

    fn decode(codes: FloatTensor<Self>, w: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::float_matmul(codes, w)
    }

    fn scaled_relu(sum: FloatTensor<Self>, factor: f32) -> FloatTensor<Self> {
        crate::reference::scaled_relu::<Self>(sum, factor)
    }

    fn add_bias(sum: FloatTensor<Self>, bias: FloatTensor<Self>, relu: bool) -> FloatTensor<Self> {
        crate::reference::add_bias::<Self>(sum, bias, relu)
    }
}

#[cfg(not(target_family = "wasm"))]
impl TrainingOps for Cube {
    fn product(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::float_matmul(a, b)
    }

    fn product_at(at: FloatTensor<Self>, a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
        crate::reference::product_at::<Self>(at, a, b)
    }

    fn relu_gradient(grad: FloatTensor<Self>, y: FloatTensor<Self>, factor: f32) -> FloatTensor<Self> {
        crate::reference::relu_gradient::<Self>(grad, y, factor)
    }

    fn column_sums(grad: FloatTensor<Self>) -> FloatTensor<Self> {
        crate::reference::column_sums::<Self>(grad)
    }

    fn attention_gradients(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        y: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        options: AttentionOptions,
    ) -> [FloatTensor<Self>; 3] {
        crate::reference::attention_gradients::<Self>([q, k, v, y, grad], options)
    }
}

#[cfg(not(target_family = "wasm"))]
impl OptimizerOps for Cube {
    fn adamw(
        weights: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        clip: FloatTensor<Self>,
        first: FloatTensor<Self>,
        second: FloatTensor<Self>,
        step: AdamW,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        crate::reference::adamw::<Self>([weights, gradient, clip, first, second], step)
    }

    fn sum_of_squares(x: FloatTensor<Self>) -> FloatTensor<Self> {
        crate::reference::sum_of_squares::<Self>(x)
    }

    fn added(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::float_add(a, b)
    }
}

impl InferenceOps for Cube {
    fn packed_linear(
        x: FloatTensor<Self>,
        words: IntTensor<Self>,
        scales: IntTensor<Self>,
        shape: PackedShape,
        epilogue: Epilogue,
        kernels: KernelConfig,
    ) -> FloatTensor<Self> {
        linear(vec![into_contiguous(x), words, scales], shape, epilogue, kernels)
    }

    fn packed_linear_with(
        x: FloatTensor<Self>,
        words: IntTensor<Self>,
        scales: IntTensor<Self>,
        extra: FloatTensor<Self>,
        shape: PackedShape,
        epilogue: Epilogue,
        kernels: KernelConfig,
    ) -> FloatTensor<Self> {
        linear(vec![into_contiguous(x), words, scales, into_contiguous(extra)], shape, epilogue, kernels)
    }

    fn packed_linear_transposed(
        x: FloatTensor<Self>,
        words: IntTensor<Self>,
        scales: IntTensor<Self>,
        shape: PackedShape,
        kernels: KernelConfig,
    ) -> FloatTensor<Self> {
        let x = into_contiguous(x);
        let tokens = dims(&x)[0];
        let blocks = shape.padded_cols() / BLOCK;
        let variant = kernels.transposed(tokens);
        let (threads, cubes) = match variant {
            Variant::Tile(n, m) | Variant::Quad(n, m) => {
                let threads = kernels.tile_threads();
                let columns = (threads * m) as usize;
                (threads, [shape.cols.div_ceil(columns), tokens.div_ceil(n as usize)])
            }
            // There is no Gemv here.
            Variant::Gemv(_) | Variant::Shared(_) => {
                let n = variant.shared_tokens();
                (4 * n, [shape.cols.div_ceil(64), tokens.div_ceil(n as usize)])
            }
        };
        let sizes = [tokens as u32, shape.rows as u32, blocks as u32, shape.cols as u32];
        let kernel = Kernel::Transposed { precision: shape.precision, variant, threads };
        let [y] = launch(kernel, vec![x, words, scales], [[tokens, shape.cols]], &sizes, threads, cubes);
        y
    }

    fn matmul_nt(a: FloatTensor<Self>, b: FloatTensor<Self>, rows: usize, kernels: KernelConfig) -> FloatTensor<Self> {
        let (a, b) = (into_contiguous(a), into_contiguous(b));
        let cols = dims(&b)[1];
        // An f32 matrix whose width is whole blocks is its own packed form; scales are never read.
        let scales = a.client.create_from_slice(&[0u8; 4]);
        let scales =
            CubeTensor::new_contiguous(a.client.clone(), a.device.clone(), Shape::new([1]), scales, DType::U32);
        linear(vec![a, b, scales], PackedShape { rows, cols, precision: Precision::F32 }, Epilogue::Plain, kernels)
    }

    fn mean_attention(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        tokens: usize,
        options: AttentionOptions,
        kernels: KernelConfig,
    ) -> FloatTensor<Self> {
        let inputs = vec![into_contiguous(q), into_contiguous(k)];
        let AttentionOptions { heads, first, .. } = options;
        let d = dims(&inputs[0])[1] / heads;
        let vectors = d.is_multiple_of(4);
        let d = if vectors { d / 4 } else { d };
        let sizes = attention_sizes(options, [tokens, d, 0]);
        let threads = kernels.row_threads();
        let kernel = Kernel::MeanAttention { vectors, threads };
        let [y] = launch(kernel, inputs, [[tokens, first + tokens]], &sizes, threads, [tokens, 1]);
        y
    }

    fn top_entries(z: FloatTensor<Self>, k: usize) -> FloatTensor<Self> {
        let z = into_contiguous(z);
        let [tokens, width] = dims(&z);
        let k = k.min(width);
        let kernel = Kernel::TopK { list: true };
        let [y] = launch(kernel, vec![z], [[tokens, 2 * k]], &[width as u32, k as u32], 64, [tokens, 1]);
        y
    }

    fn packed_top(
        x: FloatTensor<Self>,
        offset: FloatTensor<Self>,
        words: IntTensor<Self>,
        scales: IntTensor<Self>,
        shape: PackedShape,
        options: TopOptions,
        kernels: KernelConfig,
    ) -> FloatTensor<Self> {
        let (tokens, k) = (dims(&x)[0], options.k.min(shape.rows));
        let offset = into_contiguous(offset);
        let mut parts = Vec::new();
        // Not all at once: that would take the memory of the whole product.
        for from in (0..tokens).step_by(kernels.chunk_tokens()) {
            let to = tokens.min(from + kernels.chunk_tokens());
            let x = into_contiguous(rows_of(&x, from, to));
            let product = linear(vec![x, words.clone(), scales.clone()], shape, Epilogue::Plain, kernels);
            let inputs = vec![product, into_contiguous(rows_of(&offset, from, to))];
            let logits_from = options.logits_from.clamp(from, to) - from;
            let cap = options.soft_cap.unwrap_or(0.0);
            let sizes = [shape.rows as u32, k as u32, logits_from as u32, cap.to_bits()];
            let [y] = launch(Kernel::Highest, inputs, [[to - from, 2 * k + 2]], &sizes, 64, [to - from, 1]);
            parts.push(y);
        }
        if parts.len() == 1 { parts.swap_remove(0) } else { Cube::float_cat(parts, 0) }
    }

    fn rms_norm(x: FloatTensor<Self>, weight: FloatTensor<Self>, eps: f32, kernels: KernelConfig) -> FloatTensor<Self> {
        let x = into_contiguous(x);
        let [tokens, width] = dims(&x);
        let inputs = vec![x, into_contiguous(weight)];
        let [y] = by_row(Row::RmsNorm, inputs, [[tokens, width]], &[width as u32, eps.to_bits()], 1, kernels);
        y
    }

    fn add_norm(
        hidden: FloatTensor<Self>,
        x: FloatTensor<Self>,
        post: FloatTensor<Self>,
        next: FloatTensor<Self>,
        eps: f32,
        kernels: KernelConfig,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let inputs: Vec<_> = [hidden, x, post, next].into_iter().map(into_contiguous).collect();
        let shape = dims(&inputs[0]);
        let sizes = [shape[1] as u32, eps.to_bits()];
        let [sum, normed] = by_row(Row::AddNorm, inputs, [shape, shape], &sizes, 1, kernels);
        (sum, normed)
    }

    fn empty_rows(like: FloatTensor<Self>, capacity: usize, width: usize) -> FloatTensor<Self> {
        empty_rows(&like, capacity, width)
    }

    fn grown_rows(rows: FloatTensor<Self>, len: usize, end: usize, capacity: usize) -> FloatTensor<Self> {
        let like = rows.clone();
        rows::grown::<Self>(rows, len, end, || empty_rows(&like, capacity, dims(&like)[1]))
    }

    fn rotate_append(
        qkv: FloatTensor<Self>,
        table: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        keys: FloatTensor<Self>,
        values: FloatTensor<Self>,
        options: RotateOptions,
        kernels: KernelConfig,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let RotateOptions { heads, kv_heads, eps, held } = options;
        let (keys, values) = (owned(keys), owned(values));
        let mut inputs: Vec<_> = [qkv, table, weights].into_iter().map(into_contiguous).collect();
        inputs.extend([keys.clone(), values.clone()]);
        let [tokens, width] = dims(&inputs[0]);
        let parts = heads + 2 * kv_heads;
        let d = width / parts;
        let sizes = [d as u32, heads as u32, kv_heads as u32, held as u32, eps.unwrap_or(0.0).to_bits()];
        let kernel = Row::Rotate { norm: eps.is_some() };
        let [q] = by_row(kernel, inputs, [[tokens, heads * d]], &sizes, parts, kernels);
        (q, keys, values)
    }

    fn pair_sums(a: FloatTensor<Self>, b: FloatTensor<Self>, factor: f32, kernels: KernelConfig) -> FloatTensor<Self> {
        let inputs = vec![into_contiguous(a), into_contiguous(b)];
        let [tokens, width] = dims(&inputs[0]);
        let sizes = [width as u32, factor.to_bits()];
        let [y] = by_row(Row::PairSums, inputs, [[tokens, 9]], &sizes, 1, kernels);
        y
    }
}
