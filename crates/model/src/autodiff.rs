//! [`LensOps`] with gradients: what training runs, on any backend that has the operations.
//!
//! Gradients of single operations are written out where burn's own would go over large arrays several times:
//! [`TrainingOps`] has what they are made of.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::ops::FloatTensorOps;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, TensorMetadata};

use crate::kernels::config::KernelConfig;
use crate::ops::{AttentionOptions, DenseOps, LensOps, TrainingOps};
use crate::reference;

#[derive(Debug)]
struct Attention;

impl<B: TrainingOps> Backward<B, 3> for Attention {
    /// Queries, keys, values, the result, and options.
    type State = ([FloatTensor<B>; 4], AttentionOptions);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let grad = grads.consume::<B>(&ops.node);
        let ([q, k, v, y], options) = ops.state;
        let found = B::attention_gradients(q, k, v, y, grad, options);
        for (parent, gradient) in ops.parents.into_iter().zip(found) {
            if let Some(node) = parent {
                grads.register::<B>(node.id, gradient);
            }
        }
    }
}

/// What is zero or above: relu, and what of it is kept.
#[derive(Debug)]
struct Positive;

impl<B: TrainingOps> Backward<B, 1> for Positive {
    /// The result, and the factor before the relu.
    type State = (FloatTensor<B>, f32);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let grad = grads.consume::<B>(&ops.node);
        let (y, factor) = ops.state;
        if let [Some(node)] = ops.parents {
            grads.register::<B>(node.id, B::relu_gradient(grad, y, factor));
        }
    }
}

#[derive(Debug)]
struct DenseProduct;

impl<B: TrainingOps> Backward<B, 2> for DenseProduct {
    /// Both operands, and whether the second was turned.
    type State = ([FloatTensor<B>; 2], bool);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let grad = grads.consume::<B>(&ops.node);
        let ([of_x, of_w], ([x, w], is_turned)) = (ops.parents, ops.state);
        if let Some(node) = of_w {
            let (a, b) = if is_turned { (grad.clone(), x) } else { (x, grad.clone()) };
            grads.register::<B>(node.id, B::product(B::float_transpose(a), b));
        }
        if let Some(node) = of_x {
            grads.register::<B>(node.id, B::dense_product(grad, w, !is_turned));
        }
    }
}

/// The product of codes, of which zeros get no gradient.
#[derive(Debug)]
struct Decode;

impl<B: TrainingOps> Backward<B, 2> for Decode {
    /// Codes and matrix.
    type State = [FloatTensor<B>; 2];

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let grad = grads.consume::<B>(&ops.node);
        let ([of_codes, of_w], [codes, w]) = (ops.parents, ops.state);
        if let Some(node) = of_w {
            grads.register::<B>(node.id, B::product(B::float_transpose(codes.clone()), grad.clone()));
        }
        if let Some(node) = of_codes {
            grads.register::<B>(node.id, B::product_at(codes, grad, w));
        }
    }
}

#[derive(Debug)]
struct AddBias;

impl<B: TrainingOps> Backward<B, 2> for AddBias {
    /// The result, where a relu was taken of it.
    type State = Option<FloatTensor<B>>;

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let grad = grads.consume::<B>(&ops.node);
        let grad = match ops.state {
            Some(y) => B::relu_gradient(grad, y, 1.0),
            None => grad,
        };
        let [sum, bias] = ops.parents;
        if let Some(node) = bias {
            grads.register::<B>(node.id, B::column_sums(grad.clone()));
        }
        if let Some(node) = sum {
            grads.register::<B>(node.id, grad);
        }
    }
}

/// A result of `x` that is zero or above, with what its gradient needs.
fn positive<B: TrainingOps, C: CheckpointStrategy>(
    x: FloatTensor<Autodiff<B, C>>,
    factor: f32,
    of: impl FnOnce(FloatTensor<B>) -> FloatTensor<B>,
) -> FloatTensor<Autodiff<B, C>> {
    match Positive.prepare::<C>([x.node()]).compute_bound().stateful() {
        OpsKind::Tracked(prep) => {
            let y = of(x.into_primitive());
            prep.finish((y.clone(), factor), y)
        }
        OpsKind::UnTracked(prep) => prep.finish(of(x.into_primitive())),
    }
}

impl<B: TrainingOps, C: CheckpointStrategy> LensOps for Autodiff<B, C> {
    fn attention(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        options: AttentionOptions,
        kernels: KernelConfig,
    ) -> FloatTensor<Self> {
        let AttentionOptions { heads, kv_heads, soft_cap, window, .. } = options;
        if heads != kv_heads || soft_cap.is_some() || window.is_some() {
            return reference::attention::<Self>(q, k, v, options);
        }
        let operation = Attention.prepare::<C>([q.node(), k.node(), v.node()]).compute_bound().stateful();
        let [q, k, v] = [q, k, v].map(|x| x.into_primitive());
        match operation {
            OpsKind::Tracked(prep) => {
                let y = <B as LensOps>::attention(q.clone(), k.clone(), v.clone(), options, kernels);
                prep.finish(([q, k, v, y.clone()], options), y)
            }
            OpsKind::UnTracked(prep) => prep.finish(<B as LensOps>::attention(q, k, v, options, kernels)),
        }
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
        positive::<B, C>(z, 1.0, |z| B::keep_top_k(z, k))
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

impl<B: TrainingOps, C: CheckpointStrategy> DenseOps for Autodiff<B, C> {
    fn dense_product(x: FloatTensor<Self>, w: FloatTensor<Self>, is_turned: bool) -> FloatTensor<Self> {
        let operation = DenseProduct.prepare::<C>([x.node(), w.node()]).compute_bound().stateful();
        let (x, w) = (x.into_primitive(), w.into_primitive());
        match operation {
            OpsKind::Tracked(prep) => {
                prep.finish(([x.clone(), w.clone()], is_turned), B::dense_product(x, w, is_turned))
            }
            OpsKind::UnTracked(prep) => prep.finish(B::dense_product(x, w, is_turned)),
        }
    }

    fn decode(codes: FloatTensor<Self>, w: FloatTensor<Self>) -> FloatTensor<Self> {
        let operation = Decode.prepare::<C>([codes.node(), w.node()]).compute_bound().stateful();
        let (codes, w) = (codes.into_primitive(), w.into_primitive());
        match operation {
            OpsKind::Tracked(prep) => prep.finish([codes.clone(), w.clone()], B::decode(codes, w)),
            OpsKind::UnTracked(prep) => prep.finish(B::decode(codes, w)),
        }
    }

    fn scaled_relu(sum: FloatTensor<Self>, factor: f32) -> FloatTensor<Self> {
        positive::<B, C>(sum, factor, |sum| B::scaled_relu(sum, factor))
    }

    fn add_bias(sum: FloatTensor<Self>, bias: FloatTensor<Self>, relu: bool) -> FloatTensor<Self> {
        let operation = AddBias.prepare::<C>([sum.node(), bias.node()]).compute_bound().stateful();
        let y = B::add_bias(sum.into_primitive(), bias.into_primitive(), relu);
        match operation {
            OpsKind::Tracked(prep) => prep.finish(relu.then(|| y.clone()), y),
            OpsKind::UnTracked(prep) => prep.finish(y),
        }
    }
}
