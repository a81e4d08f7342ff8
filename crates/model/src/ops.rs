//! The operations that our networks need beyond burn's own: multiplication with packed weights, causal attention
//! without a [heads, T, T] array, norms and rotations in one pass, the k largest codes of a token. T is the number of
//! tokens.
//!
//! burn's `Tensor` is of the type `Dispatch`, which selects the backend at run time, by the tensors that an operation
//! gets. An operation of ours is a method of a trait with one implementation per backend, and `backend_extension`
//! adds the routing: callers write `Dispatch::attention(..)` and never ask which backend, or whether there is
//! autodiff. The [`KernelConfig`] of the device selects the kernels of a GPU; the CPU ignores it.
//!
//! | trait | `Cube` (GPU) | `Flex` (CPU) | `Autodiff<B>` (not in wasm) |
//! |---|---|---|---|
//! | [`LensOps`]: what the SAE's forward pass is trained through | WGSL kernels | plain Rust | [`crate::autodiff`] |
//! | [`DenseOps`]: what only training needs (not in wasm) | burn's own | plain Rust | [`crate::autodiff`] |
//! | [`OptimizerOps`]: a step of training over its parameters (not in wasm) | burn's own | plain Rust | none |
//! | [`InferenceOps`]: what only inference needs | WGSL kernels | plain Rust | none: burn's routing panics |

use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Backend, backend_extension};
use lens_pack::block::Precision;

use crate::kernels::config::KernelConfig;

/// Shape and precision of a packed matrix on a device; see [`lens_pack::block`] for the layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PackedShape {
    /// Output dimension of the linear layer.
    pub rows: usize,
    /// Input dimension, without padding.
    pub cols: usize,
    /// How values are stored.
    pub precision: Precision,
}

impl PackedShape {
    /// `cols` rounded up to whole blocks.
    pub fn padded_cols(&self) -> usize {
        self.cols.next_multiple_of(lens_pack::block::BLOCK)
    }
}

/// Longest text that [`LensOps::attention`] takes: its scores fill the 8 KiB of workgroup memory
/// that leave room within the 16 KiB every adapter has.
pub const ATTENTION_TOKENS_MAX: usize = 2048;

/// What a linear layer does to its sums in the same pass.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Epilogue {
    /// Nothing: the sums.
    Plain,
    /// + bias; the extra operand is the bias [rows].
    Bias,
    /// relu(sum + bias); the extra operand is the bias [rows].
    BiasRelu,
    /// relu(factor * sum).
    Relu {
        /// Factor before the relu.
        factor: f32,
    },
    /// gelu(sum of row i) * sum of row rows / 2 + i, [T, rows / 2], with the tanh approximation of GELU (transformers
    /// `gelu_pytorch_tanh`).
    Gate,
}

/// What distinguishes one [`InferenceOps::rotate_append`] from another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RotateOptions {
    /// Query heads.
    pub heads: usize,
    /// Key and value heads.
    pub kv_heads: usize,
    /// Epsilon of the RMSNorm of each query and key, where there is one.
    pub eps: Option<f32>,
    /// Rows of keys and values that there are already.
    pub held: usize,
}

/// Most entries that [`InferenceOps::packed_top`] lists: half of the parts that its GPU kernel cuts a row into.
pub const TOP_MAX: usize = 128;

/// What [`InferenceOps::packed_top`] looks for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TopOptions {
    /// Entries per row of the result, at most [`TOP_MAX`] and the rows of W.
    pub k: usize,
    /// Rows of x from this one on give logits, the others scores.
    pub logits_from: usize,
    /// `cap * tanh(logit / cap)`.
    pub soft_cap: Option<f32>,
}

/// What distinguishes one attention from another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AttentionOptions {
    /// Query heads.
    pub heads: usize,
    /// Key and value heads; consecutive groups of query heads share one.
    pub kv_heads: usize,
    /// Factor on the scores.
    pub scale: f32,
    /// `cap * tanh(score / cap)`, before masking (Gemma 2).
    pub soft_cap: Option<f32>,
    /// Each query sees only the last `window` keys, its own included.
    pub window: Option<usize>,
    /// Position of the first query among the keys: query i sees keys 0 ..= first + i.
    pub first: usize,
}

/// The numbers of one step of AdamW.
#[cfg(not(target_family = "wasm"))]
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamW {
    /// Learning rate.
    pub lr: f64,
    /// Decay of the two moments.
    pub betas: [f32; 2],
    /// Added to the root of the second moment.
    pub epsilon: f32,
    /// Times `lr`, the share of itself that each weight loses.
    pub weight_decay: f32,
    /// Number of steps, this one included.
    pub time: usize,
}

/// [`AdamW`] as factors: of the weight, of the two moments before, of the root of the second; what is added to that; and the factor of
/// the change.
#[cfg(not(target_family = "wasm"))]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Factors {
    pub keep: f32,
    pub betas: [f32; 2],
    pub root: f32,
    pub epsilon: f32,
    pub change: f32,
}

#[cfg(not(target_family = "wasm"))]
impl AdamW {
    /// Moments are divided by 1 - beta^time, since they begin with zero.
    pub(crate) fn factors(&self) -> Factors {
        let steps = i32::try_from(self.time).unwrap_or(i32::MAX);
        let sizes = self.betas.map(|beta| 1.0 - f64::from(beta).powi(steps));
        Factors {
            keep: (1.0 - self.lr * f64::from(self.weight_decay)) as f32,
            betas: self.betas,
            root: sizes[1].sqrt().recip() as f32,
            epsilon: self.epsilon,
            change: (self.lr / sizes[0]) as f32,
        }
    }
}

/// Operations of the SAE's forward pass, in inference and in training.
#[backend_extension(Cube: cfg(feature = "gpu"), Flex, Autodiff: cfg(not(target_family = "wasm")))]
pub trait LensOps: Backend {
    /// Causal attention of `q` [T, heads * d] over `k` [N, kv_heads * d] and `v` [N, kv_heads * dv],
    /// where N is at least `first` + T. The result is [T, heads * dv].
    fn attention(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        options: AttentionOptions,
        kernels: KernelConfig,
    ) -> FloatTensor<Self>;

    /// factor = dz . x / (|dz| + eps)² of each row, and what is left of it, x - factor dz:
    /// ([T, 1], [T, d]).
    fn project(
        x: FloatTensor<Self>,
        dz: FloatTensor<Self>,
        eps: f32,
        kernels: KernelConfig,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);

    /// Keeps the `k` largest entries of each row of `z` [T, width], which must not be negative,
    /// and sets the others to zero; among equal values the first ones stay.
    fn keep_top_k(z: FloatTensor<Self>, k: usize) -> FloatTensor<Self>;

    /// `first` [n, width] at the beginning of a buffer of `capacity` rows, the rest undefined; with autodiff
    /// `first` alone.
    fn new_rows(first: FloatTensor<Self>, capacity: usize) -> FloatTensor<Self>;

    /// The first `len` rows of `rows`, then `new` [n, width], the rest undefined. Where `rows` has the capacity, it
    /// is written in place if this is its only handle (otherwise burn copies it); where not, the result is a
    /// buffer of `capacity` rows. With autodiff it has just the rows, and is always new.
    fn append_rows(rows: FloatTensor<Self>, len: usize, new: FloatTensor<Self>, capacity: usize) -> FloatTensor<Self>;
}

/// A product with a matrix that is not packed, and what follows it.
#[cfg(not(target_family = "wasm"))]
#[backend_extension(Cube: cfg(feature = "gpu"), Flex, Autodiff)]
pub trait DenseOps: Backend {
    /// x w, or x wᵀ where `w` `is_turned`, for `x` [T, n]. The gradient of `w` lies in memory as `w` does: that of a product
    /// with a tensor that was turned before would be turned, and adding it to another one would be slow.
    fn dense_product(x: FloatTensor<Self>, w: FloatTensor<Self>, is_turned: bool) -> FloatTensor<Self>;

    /// codes w for `codes` [T, width] and `w` [width, n]. Codes that are zero are so because a relu or a choice made them, and
    /// get no gradient.
    fn decode(codes: FloatTensor<Self>, w: FloatTensor<Self>) -> FloatTensor<Self>;

    /// relu(factor * sum), in the place of `sum` where this is its only handle.
    fn scaled_relu(sum: FloatTensor<Self>, factor: f32) -> FloatTensor<Self>;

    /// `sum` [T, n] + `bias` [n], and the relu of it where it is asked for, in the place of `sum` where this is its only
    /// handle.
    fn add_bias(sum: FloatTensor<Self>, bias: FloatTensor<Self>, relu: bool) -> FloatTensor<Self>;
}

/// What gradients are made of, on the backend below autodiff.
#[cfg(not(target_family = "wasm"))]
pub trait TrainingOps: LensOps + DenseOps {
    /// a b for `a` [m, k] and `b` [k, n], in whichever order they lie in memory: [m, n].
    fn product(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self>;

    /// a bᵀ for `a` [m, n] and `b` [k, n] where `at` [m, k] is not zero, and zero elsewhere: [m, k].
    fn product_at(at: FloatTensor<Self>, a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self>;

    /// factor * `grad` where `y` is above zero, and zero elsewhere.
    fn relu_gradient(grad: FloatTensor<Self>, y: FloatTensor<Self>, factor: f32) -> FloatTensor<Self>;

    /// The sums of the columns of `grad` [T, n]: [n].
    fn column_sums(grad: FloatTensor<Self>) -> FloatTensor<Self>;

    /// The gradients of `q`, `k` and `v` by that of `y`, their [`LensOps::attention`] with as many heads for keys as for queries,
    /// without soft cap and window.
    fn attention_gradients(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        y: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        options: AttentionOptions,
    ) -> [FloatTensor<Self>; 3];
}

/// What a step of training does to its parameters, without gradients of its own. A parameter, its gradient and its moments are of one
/// shape; `clip` and sums are [1].
#[cfg(not(target_family = "wasm"))]
#[backend_extension(Cube: cfg(feature = "gpu"), Flex)]
pub trait OptimizerOps: Backend {
    /// See [`crate::optimizer::adamw`]: `weights` and both moments after the step.
    fn adamw(
        weights: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        clip: FloatTensor<Self>,
        first: FloatTensor<Self>,
        second: FloatTensor<Self>,
        step: AdamW,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    /// See [`crate::optimizer::sum_of_squares`].
    fn sum_of_squares(x: FloatTensor<Self>) -> FloatTensor<Self>;

    /// See [`crate::optimizer::added`].
    fn added(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self>;
}

/// Operations without gradients: over packed weights, and those that read results out.
#[backend_extension(Cube: cfg(feature = "gpu"), Flex)]
pub trait InferenceOps: Backend {
    /// epilogue(x Wᵀ): a linear layer. `x` is [T, padded_cols]; the result [T, rows], with [`Epilogue::Gate`] [T, rows / 2].
    fn packed_linear(
        x: FloatTensor<Self>,
        words: IntTensor<Self>,
        scales: IntTensor<Self>,
        shape: PackedShape,
        epilogue: Epilogue,
        kernels: KernelConfig,
    ) -> FloatTensor<Self>;

    /// As [`InferenceOps::packed_linear`], for an epilogue that takes an extra operand.
    fn packed_linear_with(
        x: FloatTensor<Self>,
        words: IntTensor<Self>,
        scales: IntTensor<Self>,
        extra: FloatTensor<Self>,
        shape: PackedShape,
        epilogue: Epilogue,
        kernels: KernelConfig,
    ) -> FloatTensor<Self>;

    /// x W: the same matrix in the other direction. `x` is [T, rows]; the result [T, cols].
    fn packed_linear_transposed(
        x: FloatTensor<Self>,
        words: IntTensor<Self>,
        scales: IntTensor<Self>,
        shape: PackedShape,
        kernels: KernelConfig,
    ) -> FloatTensor<Self>;

    /// a bᵀ for `a` [M, padded] and the first `rows` rows of `b` [.., padded], whose width is a multiple of 32: [M, rows].
    fn matmul_nt(a: FloatTensor<Self>, b: FloatTensor<Self>, rows: usize, kernels: KernelConfig) -> FloatTensor<Self>;

    /// The weights of causal attention, the mean of its heads: `q` and `k` [.., heads * d] have a row for each of the first
    /// `options.first` + `tokens` positions at least. Row i of the result [tokens, first + tokens] are the weights that the query at
    /// first + i gives keys 0 ..= first + i, and zeros. There are as many heads of keys as of queries, and no window.
    fn mean_attention(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        tokens: usize,
        options: AttentionOptions,
        kernels: KernelConfig,
    ) -> FloatTensor<Self>;

    /// The `k` entries of largest magnitude of each row of `z` [T, width], of equal ones the first, as pairs of value and
    /// column in column order: [T, 2 k].
    fn top_entries(z: FloatTensor<Self>, k: usize) -> FloatTensor<Self>;

    /// The `k` highest entries of each row of x Wᵀ as pairs of value and column in column order, of equal ones the first;
    /// the product itself [T, rows] is in memory in parts at most. `x` is [T, padded_cols]; the result [T, 2 k + 2]. Scores are
    /// what is left after `offset` [T, 1] is subtracted from the entries of a row; those above 0 are listed, then pairs of
    /// zeros, and the last two columns are 0. For a row of logits the values are exp(logit - largest), and the last two columns are the
    /// largest logit and the sum of exp(logit - largest) over all rows of W; the offset has to be 0 there.
    fn packed_top(
        x: FloatTensor<Self>,
        offset: FloatTensor<Self>,
        words: IntTensor<Self>,
        scales: IntTensor<Self>,
        shape: PackedShape,
        options: TopOptions,
        kernels: KernelConfig,
    ) -> FloatTensor<Self>;

    /// x / sqrt(mean(x²) + eps) * weight over each row of `x` [T, d].
    fn rms_norm(x: FloatTensor<Self>, weight: FloatTensor<Self>, eps: f32, kernels: KernelConfig) -> FloatTensor<Self>;

    /// hidden' = hidden + rms_norm(x, post), and rms_norm(hidden', next); all [T, d].
    fn add_norm(
        hidden: FloatTensor<Self>,
        x: FloatTensor<Self>,
        post: FloatTensor<Self>,
        next: FloatTensor<Self>,
        eps: f32,
        kernels: KernelConfig,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);

    /// An undefined matrix [capacity, width] on the device of `like`, in a buffer of exactly this size that is not one of those
    /// that activations come and go in.
    fn empty_rows(like: FloatTensor<Self>, capacity: usize, width: usize) -> FloatTensor<Self>;

    /// `rows` with capacity for `end` rows, the first `len` of which stay: itself where it has that, otherwise in a buffer of
    /// `capacity` rows, as [`InferenceOps::empty_rows`] makes them.
    fn grown_rows(rows: FloatTensor<Self>, len: usize, end: usize, capacity: usize) -> FloatTensor<Self>;

    /// Splits queries, keys and values of T tokens, `qkv` [T, (heads + 2 kv_heads) d]: queries and keys are normed with
    /// `weights` [2, d] (the queries', then the keys') where `options` has an epsilon, then rotated half-split by `table` [T, d],
    /// which holds cosines, then sines. Returns the queries [T, heads * d], and `keys` and `values` [capacity, kv_heads * d]
    /// with the new rows after the first `options.held` ones: written in place if these are their only handles, copied before
    /// otherwise.
    fn rotate_append(
        qkv: FloatTensor<Self>,
        table: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        keys: FloatTensor<Self>,
        values: FloatTensor<Self>,
        options: RotateOptions,
        kernels: KernelConfig,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    /// Of each row of `a`, of `b`, and of a + factor * b, all [T, width]: number of entries that are not zero, sum, and sum of
    /// squares [T, 9].
    fn pair_sums(a: FloatTensor<Self>, b: FloatTensor<Self>, factor: f32, kernels: KernelConfig) -> FloatTensor<Self>;
}
