//! The CPU twins of the GPU's kernels.

mod product;
mod tensor;
mod top;

use burn::backend::Flex;
use burn::backend::ops::FloatTensorOps;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::tensor::{FloatDType, Shape};

use self::product::{Operand, each_chunk, multiply};
use self::tensor::{FlexTensor, dims, result};
use super::config::KernelConfig;
use super::rows;
use crate::ops::{AttentionOptions, Epilogue, InferenceOps, LensOps, PackedShape, TopOptions};

/// The factor of RMSNorm for one row.
fn rms_factor(row: &[f32], eps: f32) -> f32 {
    let mean = row.iter().map(|v| v * v).sum::<f32>() / row.len() as f32;
    1.0 / (mean + eps).sqrt()
}

fn linear(
    x: &FlexTensor,
    words: &FlexTensor,
    scales: &FlexTensor,
    extra: &[f32],
    shape: PackedShape,
    epilogue: Epilogue,
) -> FlexTensor {
    let x = x.to_contiguous();
    let [tokens, cols] = dims(&x);
    let values = x.storage::<f32>();
    let mut out = vec![0f32; tokens * shape.rows];
    each_chunk(words, scales, shape, |first, count, chunk| {
        multiply(
            (tokens, cols, count),
            Operand { values, row_stride: cols, transposed: false },
            Operand { values: chunk, row_stride: cols, transposed: true },
            &mut out[first..],
            shape.rows,
            false,
        );
    });
    let add_bias = |out: &mut [f32]| {
        for row in out.chunks_exact_mut(shape.rows) {
            row.iter_mut().zip(extra).for_each(|(y, bias)| *y += bias);
        }
    };
    match epilogue {
        Epilogue::Plain => {}
        Epilogue::Bias => add_bias(&mut out),
        Epilogue::BiasRelu => {
            add_bias(&mut out);
            out.iter_mut().for_each(|y| *y = relu(*y));
        }
        Epilogue::Relu { factor } => out.iter_mut().for_each(|y| *y = relu(*y * factor)),
        Epilogue::Gate => out.iter_mut().zip(extra).for_each(|(y, up)| {
            let z = 0.797_884_6 * (*y + 0.044_715 * *y * *y * *y);
            *y = 0.5 * *y * (1.0 + z.tanh()) * up;
        }),
    }
    result(out, [tokens, shape.rows])
}

/// The larger of `x` and 0; NaN stays, as in PyTorch, so that a damaged number is not taken for a code of 0.
#[inline]
fn relu(x: f32) -> f32 {
    if x > 0.0 || x.is_nan() { x } else { 0.0 }
}

/// Rotates each head of each row of `values`, in place; `table` has a row of angles a token.
fn rotate_heads(values: &mut [f32], width: usize, table: &[f32], d: usize) {
    for (row, angles) in values.chunks_exact_mut(width).zip(table.chunks_exact(d)) {
        let (cosines, sines) = angles.split_at(d / 2);
        for head in row.chunks_exact_mut(d) {
            let (first, second) = head.split_at_mut(d / 2);
            for (((a, b), cosine), sine) in first.iter_mut().zip(second).zip(cosines).zip(sines) {
                (*a, *b) = (*a * cosine - *b * sine, *b * cosine + *a * sine);
            }
        }
    }
}

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
        let (q, k, v) = (q.to_contiguous(), k.to_contiguous(), v.to_contiguous());
        let AttentionOptions { heads, kv_heads, first, .. } = options;
        let [tokens, width] = dims(&q);
        let d = width / heads;
        let dv = dims(&v)[1] / kv_heads;
        // Keys that some query sees.
        let keys = first + tokens;
        let mut out = vec![0f32; tokens * heads * dv];
        let mut scores = vec![0f32; tokens * keys];
        for head in 0..heads {
            let kv_head = head / (heads / kv_heads);
            multiply(
                (tokens, d, keys),
                Operand { values: &q.storage::<f32>()[head * d..], row_stride: heads * d, transposed: false },
                Operand { values: &k.storage::<f32>()[kv_head * d..], row_stride: kv_heads * d, transposed: true },
                &mut scores,
                keys,
                false,
            );
            for (i, row) in scores.chunks_exact_mut(keys).enumerate() {
                softmax_visible(row, first + i, options);
            }
            multiply(
                (tokens, keys, dv),
                Operand { values: &scores, row_stride: keys, transposed: false },
                Operand { values: &v.storage::<f32>()[kv_head * dv..], row_stride: kv_heads * dv, transposed: false },
                &mut out[head * dv..],
                heads * dv,
                false,
            );
        }
        result(out, [tokens, heads * dv])
    }

    fn project(
        x: FloatTensor<Self>,
        dz: FloatTensor<Self>,
        eps: f32,
        _kernels: KernelConfig,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let (x, dz) = (x.to_contiguous(), dz.to_contiguous());
        let shape = dims(&x);
        let mut left = x.storage::<f32>().to_vec();
        let mut factors = Vec::with_capacity(shape[0]);
        for (row, dz) in left.chunks_exact_mut(shape[1]).zip(dz.storage::<f32>().chunks_exact(shape[1])) {
            let norm = dz.iter().map(|v| v * v).sum::<f32>().sqrt() + eps;
            let factor = dz.iter().zip(row.iter()).map(|(a, b)| a * b).sum::<f32>() / (norm * norm);
            row.iter_mut().zip(dz).for_each(|(v, d)| *v -= factor * d);
            factors.push(factor);
        }
        (result(factors, [shape[0], 1]), result(left, shape))
    }

    fn keep_top_k(z: FloatTensor<Self>, k: usize) -> FloatTensor<Self> {
        let z = z.to_contiguous();
        let [tokens, width] = dims(&z);
        let mut out = vec![0f32; tokens * width];
        for (row, kept) in z.storage::<f32>().chunks_exact(width).zip(out.chunks_exact_mut(width)) {
            largest(row, k).for_each(|c| kept[c] = row[c]);
        }
        result(out, [tokens, width])
    }

    fn new_rows(first: FloatTensor<Self>, capacity: usize) -> FloatTensor<Self> {
        let empty = empty_rows(dims(&first)[1], capacity);
        rows::begin::<Self>(first, empty)
    }

    fn append_rows(held: FloatTensor<Self>, len: usize, new: FloatTensor<Self>, capacity: usize) -> FloatTensor<Self> {
        let width = dims(&new)[1];
        rows::append::<Self>(held, len, new, || empty_rows(width, capacity))
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
        linear(&x, &words, &scales, &[], shape, epilogue)
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
        linear(&x, &words, &scales, extra.to_contiguous().storage(), shape, epilogue)
    }

    fn packed_linear_transposed(
        x: FloatTensor<Self>,
        words: IntTensor<Self>,
        scales: IntTensor<Self>,
        shape: PackedShape,
        _kernels: KernelConfig,
    ) -> FloatTensor<Self> {
        let x = x.to_contiguous();
        let cols = shape.padded_cols();
        let values = x.storage::<f32>();
        let tokens = dims(&x)[0];
        let mut out = vec![0f32; tokens * shape.cols];
        each_chunk(&words, &scales, shape, |first, count, chunk| {
            multiply(
                (tokens, count, shape.cols),
                Operand { values: &values[first..], row_stride: shape.rows, transposed: false },
                Operand { values: chunk, row_stride: cols, transposed: false },
                &mut out,
                shape.cols,
                true,
            );
        });
        result(out, [tokens, shape.cols])
    }

    fn matmul_nt(a: FloatTensor<Self>, b: FloatTensor<Self>, _kernels: KernelConfig) -> FloatTensor<Self> {
        let (a, b) = (a.to_contiguous(), b.to_contiguous());
        let ([m, width], [n, _]) = (dims(&a), dims(&b));
        let mut out = vec![0f32; m * n];
        multiply(
            (m, width, n),
            Operand { values: a.storage::<f32>(), row_stride: width, transposed: false },
            Operand { values: b.storage::<f32>(), row_stride: width, transposed: true },
            &mut out,
            n,
            false,
        );
        result(out, [m, n])
    }

    fn top_entries(z: FloatTensor<Self>, k: usize) -> FloatTensor<Self> {
        let z = z.to_contiguous();
        let [tokens, width] = dims(&z);
        let k = k.min(width);
        let mut out = Vec::with_capacity(tokens * 2 * k);
        for row in z.storage::<f32>().chunks_exact(width) {
            let mut columns: Vec<usize> = largest(row, k).collect();
            columns.sort_unstable();
            out.extend(columns.into_iter().flat_map(|c| [row[c], c as f32]));
        }
        result(out, [tokens, 2 * k])
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
        let (x, weight) = (x.to_contiguous(), weight.to_contiguous());
        let shape = dims(&x);
        let mut out = x.storage::<f32>().to_vec();
        for row in out.chunks_exact_mut(shape[1]) {
            let factor = rms_factor(row, eps);
            row.iter_mut().zip(weight.storage::<f32>()).for_each(|(v, w)| *v *= factor * w);
        }
        result(out, shape)
    }

    fn add_norm(
        hidden: FloatTensor<Self>,
        x: FloatTensor<Self>,
        post: FloatTensor<Self>,
        next: FloatTensor<Self>,
        eps: f32,
        kernels: KernelConfig,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let added = Self::float_add(hidden, Self::rms_norm(x, post, eps, kernels));
        let normed = Self::rms_norm(added.clone(), next, eps, kernels);
        (added, normed)
    }

    fn rotate(
        x: FloatTensor<Self>,
        table: FloatTensor<Self>,
        heads: usize,
        _kernels: KernelConfig,
    ) -> FloatTensor<Self> {
        let x = x.to_contiguous();
        let [tokens, width] = dims(&x);
        let mut out = x.storage::<f32>().to_vec();
        rotate_heads(&mut out, width, table.to_contiguous().storage(), width / heads);
        result(out, [tokens, width])
    }

    fn norm_rotate(
        x: FloatTensor<Self>,
        table: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        heads: usize,
        eps: f32,
        _kernels: KernelConfig,
    ) -> FloatTensor<Self> {
        let (x, weight) = (x.to_contiguous(), weight.to_contiguous());
        let [tokens, width] = dims(&x);
        let mut out = x.storage::<f32>().to_vec();
        for head in out.chunks_exact_mut(width / heads) {
            let factor = rms_factor(head, eps);
            head.iter_mut().zip(weight.storage::<f32>()).for_each(|(v, w)| *v *= factor * w);
        }
        rotate_heads(&mut out, width, table.to_contiguous().storage(), width / heads);
        result(out, [tokens, width])
    }

    fn row_sums(x: FloatTensor<Self>, _kernels: KernelConfig) -> FloatTensor<Self> {
        let x = x.to_contiguous();
        let [tokens, width] = dims(&x);
        let sums = x.storage::<f32>().chunks_exact(width).flat_map(|row| {
            let count = row.iter().filter(|v| **v != 0.0).count();
            // f64: these sums feed the printed statistics.
            let sum: f64 = row.iter().map(|v| f64::from(*v)).sum();
            let squares: f64 = row.iter().map(|v| f64::from(*v).powi(2)).sum();
            [count as f32, sum as f32, squares as f32]
        });
        result(sums.collect(), [tokens, 3])
    }
}

/// Columns of the `k` largest entries of `row`, the first of equal ones first.
fn largest(row: &[f32], k: usize) -> impl Iterator<Item = usize> {
    let mut order: Vec<usize> = (0..row.len()).collect();
    // Of equal values the first one goes first. A row has one for each word of a vocabulary: only `k` of them are sorted.
    let by_size = |a: &usize, b: &usize| row[*b].total_cmp(&row[*a]).then(a.cmp(b));
    if k < order.len() {
        order.select_nth_unstable_by(k, by_size);
        order.truncate(k);
    }
    order.sort_unstable_by(by_size);
    order.into_iter()
}

/// Scores of query `i` to weights, in place; hidden keys get zero.
fn softmax_visible(row: &mut [f32], i: usize, options: AttentionOptions) {
    let first = options.window.map_or(0, |w| (i + 1).saturating_sub(w));
    row[..first].fill(0.0);
    row[i + 1..].fill(0.0);
    let visible = &mut row[first..=i];
    let mut highest = f32::NEG_INFINITY;
    for score in visible.iter_mut() {
        *score *= options.scale;
        if let Some(cap) = options.soft_cap {
            *score = cap * (*score / cap).tanh();
        }
        highest = highest.max(*score);
    }
    let mut total = 0.0;
    for score in visible.iter_mut() {
        *score = (*score - highest).exp();
        total += *score;
    }
    for score in visible {
        *score /= total;
    }
}
