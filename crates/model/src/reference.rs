//! The operations of the SAE out of burn's own: slower than the kernels, and differentiable.
//!
//! Training runs them ([`crate::autodiff`]); the tests below compare the CPU kernels with them.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, TensorMetadata};
use burn::tensor::{FloatDType, Shape, TensorData};

use crate::ops::{AdamW, AttentionOptions, Factors};

/// Added to masked scores. Not -inf: a difference of infinities is NaN.
const MASKED: f32 = -1e30;

/// Keeps the square root's slope finite where a prediction is zero; a squared norm is never this small.
const TINY: f32 = 1e-30;

fn dims<T: TensorMetadata>(tensor: &T) -> [usize; 2] {
    [tensor.shape()[0], tensor.shape()[1]]
}

/// [rows, n * d] to [heads, rows, d]; `heads` / `n` consecutive heads share one of the n.
fn by_head<B: Backend>(x: FloatTensor<B>, n: usize, heads: usize) -> FloatTensor<B> {
    let [rows, width] = dims(&x);
    let d = width / n;
    let x = B::float_reshape(x, Shape::new([rows, n, 1, d]));
    let x = B::float_expand(x, Shape::new([rows, n, heads / n, d]));
    B::float_swap_dims(B::float_reshape(x, Shape::new([rows, heads, d])), 0, 1)
}

/// The first `n` rows of a matrix.
fn first_rows<B: Backend>(x: FloatTensor<B>, n: usize) -> FloatTensor<B> {
    let [_, width] = dims(&x);
    B::float_slice(x, &[(0..n).into(), (0..width).into()])
}

/// [heads, rows, d] to [rows, heads * d].
fn by_row<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    let x = B::float_swap_dims(x, 0, 1);
    let (rows, width) = (x.shape()[0], x.shape()[1] * x.shape()[2]);
    B::float_reshape(x, Shape::new([rows, width]))
}

/// Weights [heads, T, N] of queries [heads, T, d] and keys [heads, N, d].
fn weights<B: Backend>(q: FloatTensor<B>, k: FloatTensor<B>, options: AttentionOptions) -> FloatTensor<B> {
    let AttentionOptions { heads, scale, soft_cap, window, first, .. } = options;
    let (tokens, keys, device) = (q.shape()[1], k.shape()[1], q.device());
    let mut scores = B::float_mul_scalar(B::float_matmul(q, B::float_transpose(k)), scale.into());
    if let Some(cap) = soft_cap {
        scores = B::float_mul_scalar(B::float_tanh(B::float_div_scalar(scores, cap.into())), cap.into());
    }
    let visible = |query: usize, key: usize| key <= query && window.is_none_or(|window| query - key < window);
    let mask = (first..keys).flat_map(|query| (0..keys).map(move |key| if visible(query, key) { 0.0 } else { MASKED }));
    let mask = TensorData::new(mask.collect::<Vec<f32>>(), [1, tokens, keys]);
    let mask = B::float_expand(B::float_from_data(mask, &device), Shape::new([heads, tokens, keys]));
    B::softmax(B::float_add(scores, mask), 2)
}

/// [`crate::ops::LensOps::attention`].
pub(crate) fn attention<B: Backend>(
    q: FloatTensor<B>,
    k: FloatTensor<B>,
    v: FloatTensor<B>,
    options: AttentionOptions,
) -> FloatTensor<B> {
    let AttentionOptions { heads, kv_heads, first, .. } = options;
    let keys = first + dims(&q)[0];
    let q = by_head::<B>(q, heads, heads);
    let k = by_head::<B>(first_rows::<B>(k, keys), kv_heads, heads);
    let v = by_head::<B>(first_rows::<B>(v, keys), kv_heads, heads);
    by_row::<B>(B::float_matmul(weights::<B>(q, k, options), v))
}

/// [`crate::ops::TrainingOps::attention_gradients`] of queries, keys, values, the result and its gradient. Keys that no query sees
/// get zeros.
pub(crate) fn attention_gradients<B: Backend>(
    [q, k, v, y, grad]: [FloatTensor<B>; 5],
    options: AttentionOptions,
) -> [FloatTensor<B>; 3] {
    let (seen, rows) = (options.first + dims(&q)[0], dims(&k)[0]);
    let (k, v) = (first_rows::<B>(k, seen), first_rows::<B>(v, seen));
    let [q, k, v, y, grad] = [q, k, v, y, grad].map(|x| by_head::<B>(x, options.heads, options.heads));
    let weights = weights::<B>(q.clone(), k.clone(), options);
    // Of softmax: a weight times what its value adds to the loss, less the mean of that over the weights.
    let means = B::float_sum_dim(B::float_mul(grad.clone(), y), 2);
    let apart = B::float_sub(B::float_matmul(grad.clone(), B::float_transpose(v)), means);
    let scores = B::float_mul_scalar(B::float_mul(weights.clone(), apart), options.scale.into());
    let of_values = B::float_matmul(B::float_transpose(weights), grad);
    let of_keys = B::float_matmul(B::float_transpose(scores.clone()), q);
    let with_unseen = |x: FloatTensor<B>| {
        let x = by_row::<B>(x);
        if rows == seen {
            return x;
        }
        let (shape, device) = (Shape::new([rows - seen, dims(&x)[1]]), x.device());
        B::float_cat(vec![x, B::float_zeros(shape, &device, FloatDType::F32)], 0)
    };
    [by_row::<B>(B::float_matmul(scores, k)), with_unseen(of_keys), with_unseen(of_values)]
}

/// [`crate::ops::TrainingOps::relu_gradient`].
pub(crate) fn relu_gradient<B: Backend>(grad: FloatTensor<B>, y: FloatTensor<B>, factor: f32) -> FloatTensor<B> {
    B::float_mul(grad, B::float_mul_scalar(B::float_sign(y), factor.into()))
}

/// [`crate::ops::TrainingOps::product_at`].
pub(crate) fn product_at<B: Backend>(at: FloatTensor<B>, a: FloatTensor<B>, b: FloatTensor<B>) -> FloatTensor<B> {
    B::float_mul(B::float_matmul(a, B::float_transpose(b)), B::float_abs(B::float_sign(at)))
}

/// [`crate::ops::TrainingOps::column_sums`].
pub(crate) fn column_sums<B: Backend>(grad: FloatTensor<B>) -> FloatTensor<B> {
    let [_, width] = dims(&grad);
    B::float_reshape(B::float_sum_dim(grad, 0), Shape::new([width]))
}

/// [`crate::ops::DenseOps::dense_product`].
pub(crate) fn dense_product<B: Backend>(x: FloatTensor<B>, w: FloatTensor<B>, is_turned: bool) -> FloatTensor<B> {
    B::float_matmul(x, if is_turned { B::float_transpose(w) } else { w })
}

/// [`crate::ops::DenseOps::scaled_relu`].
pub(crate) fn scaled_relu<B: Backend>(sum: FloatTensor<B>, factor: f32) -> FloatTensor<B> {
    B::relu(B::float_mul_scalar(sum, factor.into()))
}

/// [`crate::ops::DenseOps::add_bias`].
pub(crate) fn add_bias<B: Backend>(sum: FloatTensor<B>, bias: FloatTensor<B>, relu: bool) -> FloatTensor<B> {
    let width = bias.shape()[0];
    let sum = B::float_add(sum, B::float_reshape(bias, Shape::new([1, width])));
    if relu { B::relu(sum) } else { sum }
}

/// [`crate::ops::OptimizerOps::adamw`] of weights, gradient, clip and the two moments.
pub(crate) fn adamw<B: Backend>(
    [weights, gradient, clip, first, second]: [FloatTensor<B>; 5],
    step: AdamW,
) -> (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>) {
    let Factors { keep, betas: [a, b], root, epsilon, change } = step.factors();
    let clip = B::float_reshape(clip, Shape::from(vec![1; weights.shape().num_dims()]));
    let gradient = B::float_mul(gradient, clip);
    let mixed = |moment, beta: f32, now| {
        B::float_add(B::float_mul_scalar(moment, beta.into()), B::float_mul_scalar(now, (1.0 - beta).into()))
    };
    let first = mixed(first, a, gradient.clone());
    let second = mixed(second, b, B::float_mul(gradient.clone(), gradient));
    let roots = B::float_add_scalar(B::float_mul_scalar(B::float_sqrt(second.clone()), root.into()), epsilon.into());
    let change = B::float_mul_scalar(B::float_div(first.clone(), roots), change.into());
    (B::float_sub(B::float_mul_scalar(weights, keep.into()), change), first, second)
}

/// [`crate::ops::OptimizerOps::sum_of_squares`].
pub(crate) fn sum_of_squares<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    B::float_sum(B::float_mul(x.clone(), x))
}

/// [`crate::ops::LensOps::project`].
pub(crate) fn project<B: Backend>(x: FloatTensor<B>, dz: FloatTensor<B>, eps: f32) -> (FloatTensor<B>, FloatTensor<B>) {
    let squares = B::float_sum_dim(B::float_mul(dz.clone(), dz.clone()), 1);
    let norm = B::float_add_scalar(B::float_sqrt(B::float_add_scalar(squares, TINY.into())), eps.into());
    let products = B::float_sum_dim(B::float_mul(dz.clone(), x.clone()), 1);
    let factor = B::float_div(products, B::float_mul(norm.clone(), norm));
    let left = B::float_sub(x, B::float_mul(dz, factor.clone()));
    (factor, left)
}

#[cfg(test)]
mod tests {
    use burn::backend::Flex;
    use burn::backend::ops::{ActivationOps, FloatTensorOps};

    use super::*;
    use crate::kernels::config::KernelConfig;
    use crate::ops::{DenseOps, LensOps, OptimizerOps, TrainingOps};

    type FlexTensor = FloatTensor<Flex>;

    /// Some number in -1 ..= 1; the same for the same `i` everywhere.
    fn value(i: usize) -> f32 {
        ((i * 7919 + 13) % 1009) as f32 / 504.0 - 1.0
    }

    fn matrix(rows: usize, cols: usize, shift: usize) -> FlexTensor {
        let values: Vec<f32> = (0..rows * cols).map(|i| value(i + shift)).collect();
        Flex::float_from_data(TensorData::new(values, [rows, cols]), &Default::default())
    }

    fn assert_close(what: &str, found: &FlexTensor, expected: &FlexTensor) {
        assert_eq!(dims(found), dims(expected), "{what}");
        for (a, b) in found.storage::<f32>().iter().zip(expected.storage::<f32>()) {
            assert!((a - b).abs() <= 1e-5 * (1.0 + b.abs()), "{what}: {a} instead of {b}");
        }
    }

    #[test]
    fn the_cpu_attention_equals_the_reference() {
        // The last two are more queries than the kernel takes at a time.
        for (heads, kv_heads, first, tokens) in
            [(1, 1, 0, 1), (4, 2, 0, 5), (4, 2, 3, 4), (4, 1, 7, 1), (4, 2, 5, 67), (1, 1, 0, 101)]
        {
            for (soft_cap, window) in [(None, None), (Some(5.0), None), (None, Some(3)), (Some(5.0), Some(31))] {
                let options = AttentionOptions { heads, kv_heads, scale: 0.7, soft_cap, window, first };
                // More keys than are visible: their values must not matter.
                let keys = first + tokens + 2;
                let (q, k, v) =
                    (matrix(tokens, heads * 6, 0), matrix(keys, kv_heads * 6, 5), matrix(keys, kv_heads * 8, 9));
                let found = Flex::attention(q.clone(), k.clone(), v.clone(), options, KernelConfig::default());
                let expected = attention::<Flex>(q, k, v, options).to_contiguous();
                assert_close(&format!("{options:?}"), &found, &expected);
            }
        }
    }

    #[test]
    fn the_cpu_gradients_of_attention_equal_the_reference() {
        for (heads, first, tokens) in [(1, 0, 1), (4, 0, 5), (2, 3, 4), (3, 5, 67), (1, 0, 101)] {
            let options = AttentionOptions { heads, kv_heads: heads, scale: 0.7, soft_cap: None, window: None, first };
            // More keys than are seen, as the SAE has.
            let keys = first + tokens + 1;
            let (q, k, v) = (matrix(tokens, heads * 6, 0), matrix(keys, heads * 6, 5), matrix(keys, heads * 8, 9));
            let (y, grad) =
                (attention::<Flex>(q.clone(), k.clone(), v.clone(), options), matrix(tokens, heads * 8, 40));
            let found = Flex::attention_gradients(q.clone(), k.clone(), v.clone(), y.clone(), grad.clone(), options);
            let expected = attention_gradients::<Flex>([q, k, v, y, grad], options);
            for ((what, found), expected) in ["queries", "keys", "values"].iter().zip(&found).zip(expected) {
                assert_close(&format!("{what} of {options:?}"), found, &expected.to_contiguous());
            }
        }
    }

    #[test]
    fn the_cpu_bias_and_relu_equal_the_reference() {
        for rows in [1, 33] {
            let (sum, bias) = (matrix(rows, 7, 0), Flex::column_sums(matrix(1, 7, 20)));
            for relu in [false, true] {
                let found = Flex::add_bias(sum.clone(), bias.clone(), relu);
                assert_close("bias", &found, &add_bias::<Flex>(sum.clone(), bias.clone(), relu).to_contiguous());
            }
            let y = Flex::scaled_relu(sum.clone(), 0.3);
            assert_close("relu", &y, &scaled_relu::<Flex>(sum.clone(), 0.3).to_contiguous());
            let grad = matrix(rows, 7, 80);
            let found = Flex::relu_gradient(grad.clone(), y.clone(), 0.3);
            assert_close("gradient", &found, &relu_gradient::<Flex>(grad.clone(), y, 0.3).to_contiguous());
            let (found, expected) = (Flex::column_sums(grad.clone()), column_sums::<Flex>(grad));
            assert_eq!(found.storage::<f32>().len(), 7);
            for (a, b) in found.storage::<f32>().iter().zip(expected.to_contiguous().storage::<f32>()) {
                assert!((a - b).abs() < 1e-5, "{a} instead of {b}");
            }
        }
    }

    #[test]
    fn the_cpu_products_equal_the_reference() {
        for (m, k, n) in [(1, 1, 1), (5, 7, 3), (67, 40, 129)] {
            let (a, b) = (matrix(m, k, 0), matrix(k, n, 9));
            // The same matrices, turned in memory.
            let turned = |x: &FlexTensor| Flex::float_transpose(Flex::float_transpose(x.clone()).to_contiguous());
            let expected = Flex::float_matmul(a.clone(), b.clone()).to_contiguous();
            for a in [a.clone(), turned(&a)] {
                for b in [b.clone(), turned(&b)] {
                    assert_close("product", &Flex::product(a.clone(), b), &expected);
                }
            }
            let w = Flex::float_transpose(b.clone()).to_contiguous();
            assert_close("x w", &Flex::dense_product(a.clone(), b, false), &expected);
            assert_close("x w turned", &Flex::dense_product(a.clone(), w.clone(), true), &expected);
            let of_reference = dense_product::<Flex>(a, w, true).to_contiguous();
            assert_close("the reference", &of_reference, &expected);
        }
    }

    /// A matrix of `rows` and `cols` in a larger one, in the order of its rows or turned: the gradient of a part is such a view.
    fn views(rows: usize, cols: usize, shift: usize) -> [FlexTensor; 3] {
        let part = |x: FlexTensor, rows: std::ops::Range<usize>, cols: std::ops::Range<usize>| {
            Flex::float_slice(x, &[rows.into(), cols.into()])
        };
        [
            part(matrix(rows + 3, cols, shift), 2..rows + 2, 0..cols),
            part(Flex::float_transpose(matrix(cols + 2, rows, shift)), 0..rows, 1..cols + 1),
            part(matrix(rows + 1, cols + 4, shift), 1..rows + 1, 3..cols + 3),
        ]
    }

    #[test]
    fn the_cpu_reads_parts_of_matrices_as_the_reference_does() {
        for (m, k, n) in [(1, 5, 3), (4, 1, 6), (9, 7, 1), (13, 21, 40)] {
            for (a, grad) in views(m, k, 0).into_iter().zip(views(m, n, 30)) {
                let [plain, of_grad] = [&a, &grad].map(|x| x.to_contiguous());
                for b in views(k, n, 9) {
                    let expected = Flex::float_matmul(plain.clone(), b.to_contiguous()).to_contiguous();
                    assert_close("product", &Flex::product(a.clone(), b.clone()), &expected);
                    let w = b.to_contiguous();
                    let found = Flex::product_at(a.clone(), grad.clone(), b);
                    let expected = product_at::<Flex>(plain.clone(), of_grad.clone(), w).to_contiguous();
                    assert_close("product at places", &found, &expected);
                }
                for other in views(m, k, 60) {
                    let expected = Flex::float_add(plain.clone(), other.to_contiguous());
                    assert_close("sum", &Flex::added(a.clone(), other.clone()), &expected.to_contiguous());
                    let y = Flex::relu(other.to_contiguous());
                    let expected = relu_gradient::<Flex>(plain.clone(), y, 0.3);
                    let found = Flex::relu_gradient(a.clone(), other, 0.3);
                    assert_close("gradient", &found, &expected.to_contiguous());
                }
                let read = |x: FlexTensor| x.to_contiguous().storage::<f32>().to_vec();
                let sums = [column_sums::<Flex>(plain.clone()), sum_of_squares::<Flex>(plain.clone())].map(read);
                let found = [Flex::column_sums(a.clone()), Flex::sum_of_squares(a.clone())].map(read);
                for (found, expected) in found.iter().flatten().zip(sums.iter().flatten()) {
                    assert!((found - expected).abs() < 1e-4, "{found} instead of {expected}");
                }
            }
        }
    }

    #[test]
    fn the_cpu_products_of_what_is_mostly_zero_equal_the_reference() {
        // Parts of a vector, and more columns than are summed up at once. The third has rows without entries.
        for (m, k, n, one_in) in [(9, 40, 3, 20), (67, 129, 300, 30), (40, 33, 128, 97)] {
            let b = matrix(k, n, 9);
            let entries = |shift: usize| {
                let mut x = matrix(m, k, shift);
                let all = x.storage_mut::<f32>().iter_mut().enumerate();
                all.filter(|(i, _)| i * 31 % one_in != 7).for_each(|(_, x)| *x = 0.0);
                x
            };
            let a = entries(5);
            let few = a.storage::<f32>().iter().filter(|x| **x != 0.0).count();
            assert!(few > 0 && 10 * few < m * k, "{few} of {m} x {k}");
            let turned = Flex::float_transpose(Flex::float_transpose(a.clone()).to_contiguous());
            let expected = Flex::float_matmul(a.clone(), b.clone()).to_contiguous();
            for a in [a.clone(), turned] {
                assert_close("product", &Flex::product(a, b.clone()), &expected);
            }
            assert_close("codes", &Flex::decode(a.clone(), b.clone()), &expected);
            let (grad, w) = (matrix(m, n, 50), matrix(k, n, 77));
            // As many places as entries, then every place but a few.
            let mut most = matrix(m, k, 3);
            most.storage_mut::<f32>()[..k / 2].fill(0.0);
            for at in [a, most] {
                let found = Flex::product_at(at.clone(), grad.clone(), w.clone());
                let expected = product_at::<Flex>(at, grad.clone(), w.clone()).to_contiguous();
                assert_close("product at places", &found, &expected);
            }
        }
    }

    #[test]
    fn the_cpu_optimizer_equals_the_reference() {
        // The last has more values than a thread takes at a time.
        for [rows, cols] in [[1, 1], [3, 7], [129, 257]] {
            let moments = || (matrix(rows, cols, 3), Flex::float_abs(matrix(rows, cols, 50)));
            let (weights, gradient) = (matrix(rows, cols, 0), matrix(rows, cols, 90));
            let clip = Flex::float_abs(Flex::column_sums(matrix(1, 1, 4)));
            for time in [1, 500] {
                let step = AdamW { lr: 0.1, betas: [0.9, 0.95], epsilon: 1e-8, weight_decay: 0.2, time };
                let ((first, second), w, g) = (moments(), weights.clone(), gradient.clone());
                let found = Flex::adamw(w.clone(), g.clone(), clip.clone(), first.clone(), second.clone(), step);
                let expected = adamw::<Flex>([w.clone(), g.clone(), clip.clone(), first, second], step);
                // The gradient of a matrix that was turned before it was multiplied is turned in memory.
                let turned = Flex::float_transpose(Flex::float_transpose(g).to_contiguous());
                let (first, second) = moments();
                let of_turned = Flex::adamw(w, turned, clip.clone(), first, second, step);
                assert_eq!(of_turned.0.storage::<f32>(), found.0.storage::<f32>());
                assert_close("weights", &found.0, &expected.0.to_contiguous());
                assert_close("first moment", &found.1, &expected.1.to_contiguous());
                assert_close("second moment", &found.2, &expected.2.to_contiguous());
            }
            // What is held elsewhere stays as it was, and an array in another order of memory is read in its own.
            let turned = Flex::float_transpose(matrix(cols, rows, 20));
            let sum = Flex::added(weights.clone(), turned.clone());
            assert_close("sum", &sum, &Flex::float_add(weights.clone(), turned.clone()).to_contiguous());
            let twice = Flex::added(turned.clone(), turned.clone()).to_contiguous();
            assert_close("sum", &twice, &Flex::float_add(turned.clone(), turned.clone()).to_contiguous());
            assert_close("weights", &weights, &matrix(rows, cols, 0));
            let read = |x: FlexTensor| x.to_contiguous().storage::<f32>()[0];
            let (found, expected) = (read(Flex::sum_of_squares(turned.clone())), read(sum_of_squares::<Flex>(turned)));
            assert!((found - expected).abs() <= 1e-5 * expected, "{found} instead of {expected}");
        }
    }

    #[test]
    fn the_cpu_projection_equals_the_reference() {
        let (x, dz) = (matrix(5, 12, 0), matrix(5, 12, 40));
        let (factor, left) = Flex::project(x.clone(), dz.clone(), 1e-6, KernelConfig::default());
        let (expected_factor, expected_left) = project::<Flex>(x, dz, 1e-6);
        assert_close("factor", &factor, &expected_factor.to_contiguous());
        assert_close("left", &left, &expected_left.to_contiguous());
    }
}
