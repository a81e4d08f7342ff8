//! What training adds to the CPU's kernels: gradients in one pass over what they read.

use pulp::{Simd, WithSimd};

use super::attention::{Placed, ROWS_AT_ONCE, Softmax};
use super::dense::{dense, in_rows, values};
use super::level::{Work, widest};
use super::math::{LANES, relu, sum_of};
use super::panel::{DenseColumns, DenseRows};
use super::product::{Scratch, Sink, multiply_alone};
use super::rows::Rows;
use super::tensor::{FlexTensor, dims, result, vector};
use super::threads::{each_index, each_part};
use crate::ops::AttentionOptions;

/// Rows of an array that a thread takes at a time.
const ROWS: usize = 32;

/// `of(value, other)` in the place of each value of `x` [T, n], with the value of `others` [T, n] there.
fn each_pair(x: FlexTensor, others: &FlexTensor, of: impl Fn(f32, f32) -> f32 + Sync) -> FlexTensor {
    let (mut x, others) = (dense(x), in_rows(others.clone()));
    let length = ROWS * dims(&x)[1];
    let others = values(&others);
    each_part(x.storage_mut::<f32>(), length, |part, values| {
        let others = &others[part * length..][..values.len()];
        widest(Work(
            #[inline(always)]
            || values.iter_mut().zip(others).for_each(|(value, other)| *value = of(*value, *other)),
        ));
    });
    x
}

/// See [`crate::ops::DenseOps::scaled_relu`].
pub fn scaled_relu(sum: FlexTensor, factor: f32) -> FlexTensor {
    let mut sum = dense(sum);
    let length = ROWS * dims(&sum)[1];
    each_part(sum.storage_mut::<f32>(), length, |_, values| {
        widest(Work(
            #[inline(always)]
            || values.iter_mut().for_each(|value| *value = relu(*value * factor)),
        ));
    });
    sum
}

/// See [`crate::ops::DenseOps::add_bias`].
pub fn add_bias(sum: FlexTensor, bias: &FlexTensor, is_relu: bool) -> FlexTensor {
    let (mut sum, bias) = (dense(sum), bias.to_contiguous());
    let width = dims(&sum)[1];
    let bias = &bias.storage::<f32>()[bias.layout().start_offset()..][..width];
    each_part(sum.storage_mut::<f32>(), ROWS * width, |_, values| {
        widest(Work(
            #[inline(always)]
            || {
                for row in values.chunks_exact_mut(width) {
                    if is_relu {
                        row.iter_mut().zip(bias).for_each(|(value, bias)| *value = relu(*value + bias));
                    } else {
                        row.iter_mut().zip(bias).for_each(|(value, bias)| *value += bias);
                    }
                }
            },
        ));
    });
    sum
}

/// See [`crate::ops::TrainingOps::relu_gradient`].
pub fn relu_gradient(grad: FlexTensor, y: &FlexTensor, factor: f32) -> FlexTensor {
    // The product in any case, so that there is no branch.
    each_pair(
        grad,
        y,
        #[inline(always)]
        |grad, y| {
            let product = grad * factor;
            if y > 0.0 { product } else { 0.0 }
        },
    )
}

/// See [`crate::ops::TrainingOps::column_sums`]. Always in the order of the rows.
pub fn column_sums(grad: &FlexTensor) -> FlexTensor {
    let grad = in_rows(grad.clone());
    let width = dims(&grad)[1];
    let mut sums = vec![0f32; width];
    for row in values(&grad).chunks_exact(width.max(1)) {
        sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
    }
    vector(sums)
}

/// Adds sums to rows of a matrix.
struct Added<'a> {
    values: &'a mut [f32],
    width: usize,
}

impl Sink for Added<'_> {
    #[inline(always)]
    fn take(&mut self, row: usize, first: usize, sums: &mut [f32]) {
        let values = &mut self.values[row * self.width + first..][..sums.len()];
        let ((parts, rest), (more, more_rest)) = (values.as_chunks_mut::<LANES>(), sums.as_chunks::<LANES>());
        for (values, sums) in parts.iter_mut().zip(more) {
            // Of all of them at once: a loop over as many as are known would be unrolled to single numbers.
            let before = *values;
            *values = std::array::from_fn(|i| before[i] + sums[i]);
        }
        rest.iter_mut().zip(more_rest).for_each(|(value, sum)| *value += *sum);
    }
}

/// The gradients of one head's queries, keys and values, each [rows, width of a head].
#[derive(Default)]
struct OfHead {
    queries: Vec<f32>,
    keys: Vec<f32>,
    values: Vec<f32>,
}

/// What one head needs in addition to its operands.
#[derive(Default)]
struct HeadScratch {
    product: Scratch,
    weights: Vec<f32>,
    scores: Vec<f32>,
}

/// See [`crate::ops::TrainingOps::attention_gradients`]: a few queries of a head at a time, as in the forward pass.
pub fn attention_gradients([q, k, v, y, grad]: [FlexTensor; 5], options: AttentionOptions) -> [FlexTensor; 3] {
    let [q, k, v, y, grad] = [q, k, v, y, grad].map(dense);
    let heads = options.heads;
    let ([tokens, width], [keys, value_width]) = (dims(&q), dims(&v));
    let (d, dv) = (width / heads, value_width / heads);
    let parts: Vec<std::sync::Mutex<OfHead>> = (0..heads).map(|_| Default::default()).collect();
    let operands = Operands {
        q: q.storage(),
        k: k.storage(),
        v: v.storage(),
        y: y.storage(),
        grad: grad.storage(),
        tokens,
        keys,
        d,
        dv,
        options,
    };
    each_index(heads, |head, scratch: &mut HeadScratch| {
        let found = operands.of_head(head, scratch);
        *parts[head].lock().unwrap_or_else(std::sync::PoisonError::into_inner) = found;
    });
    let mut gradients = [vec![0f32; tokens * width], vec![0f32; keys * width], vec![0f32; keys * value_width]];
    for (head, part) in parts.into_iter().enumerate() {
        let part = part.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        let all = gradients.iter_mut().zip([(part.queries, d), (part.keys, d), (part.values, dv)]);
        for (whole, (part, d)) in all {
            for (row, part) in whole.chunks_exact_mut(heads * d).zip(part.chunks_exact(d)) {
                row[head * d..][..d].copy_from_slice(part);
            }
        }
    }
    let [of_queries, of_keys, of_values] = gradients;
    [result(of_queries, [tokens, width]), result(of_keys, [keys, width]), result(of_values, [keys, value_width])]
}

struct Operands<'a> {
    /// [T, heads * d]
    q: &'a [f32],
    /// [N, heads * d]
    k: &'a [f32],
    /// [N, heads * dv]
    v: &'a [f32],
    /// [T, heads * dv]
    y: &'a [f32],
    /// [T, heads * dv]
    grad: &'a [f32],
    tokens: usize,
    keys: usize,
    d: usize,
    dv: usize,
    options: AttentionOptions,
}

impl Operands<'_> {
    fn of_head(&self, head: usize, scratch: &mut HeadScratch) -> OfHead {
        let Self { d, dv, options, .. } = *self;
        let (stride, value_stride) = (options.heads * d, options.heads * dv);
        let mut found = OfHead {
            queries: vec![0.0; self.tokens * d],
            keys: vec![0.0; self.keys * d],
            values: vec![0.0; self.keys * dv],
        };
        let HeadScratch { product, weights, scores } = scratch;
        let of_keys = &self.k[head * d..];
        let of_values = &self.v[head * dv..];
        for from in (0..self.tokens).step_by(ROWS_AT_ONCE) {
            let rows = ROWS_AT_ONCE.min(self.tokens - from);
            let first = options.first + from;
            let keys = first + rows;
            let queries = &self.q[from * stride + head * d..];
            let grads = &self.grad[from * value_stride + head * dv..];
            let results = &self.y[from * value_stride + head * dv..];
            weights.resize(rows * keys, 0.0);
            scores.resize(rows * keys, 0.0);
            multiply_alone(
                Rows { values: queries, count: rows, groups: 1, width: d, stride, across: 1 },
                &DenseRows { values: of_keys, rows: keys, columns: d, stride },
                &mut Placed { values: weights, count: rows, width: keys, stride: keys },
                product,
            );
            widest(Softmax { scores: weights, keys, queries: rows, first, low: 0, options });
            // What a value adds to the loss by the weight that it has.
            multiply_alone(
                Rows { values: grads, count: rows, groups: 1, width: dv, stride: value_stride, across: 1 },
                &DenseRows { values: of_values, rows: keys, columns: dv, stride: value_stride },
                &mut Placed { values: scores, count: rows, width: keys, stride: keys },
                product,
            );
            widest(OfScores { scores, weights, grads, results, keys, dv, stride: value_stride, scale: options.scale });
            multiply_alone(
                Rows::of_matrix(scores, rows, keys),
                &DenseColumns { values: of_keys, rows: keys, columns: d, stride },
                &mut Placed { values: &mut found.queries[from * d..], count: rows, width: d, stride: d },
                product,
            );
            multiply_alone(
                Rows::of_columns(scores, keys, rows),
                &DenseColumns { values: queries, rows, columns: d, stride },
                &mut Added { values: &mut found.keys, width: d },
                product,
            );
            multiply_alone(
                Rows::of_columns(weights, keys, rows),
                &DenseColumns { values: grads, rows, columns: dv, stride: value_stride },
                &mut Added { values: &mut found.values, width: dv },
                product,
            );
        }
        found
    }
}

/// What weights add to the loss, in place to what scores before the scale add to it.
struct OfScores<'a> {
    scores: &'a mut [f32],
    weights: &'a [f32],
    /// Gradient of the result.
    grads: &'a [f32],
    results: &'a [f32],
    keys: usize,
    dv: usize,
    stride: usize,
    scale: f32,
}

impl WithSimd for OfScores<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let Self { scores, weights, grads, results, keys, dv, stride, scale } = self;
        let rows = scores.chunks_exact_mut(keys).zip(weights.chunks_exact(keys));
        let mut products = vec![0f32; dv];
        for ((scores, weights), at) in rows.zip((0..).step_by(stride)) {
            let pairs = grads[at..at + dv].iter().zip(&results[at..at + dv]);
            products.iter_mut().zip(pairs).for_each(|(product, (grad, result))| *product = grad * result);
            // The mean over the weights, of what their values add.
            let mean = sum_of(&products, |product| product);
            scores.iter_mut().zip(weights).for_each(|(score, weight)| *score = weight * (*score - mean) * scale);
        }
    }
}
