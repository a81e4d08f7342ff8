//! Which tensors an analysis needs, with their shapes: the one list that packing, the manifest's
//! check and every loader agree on.

use crate::config::{GemmaConfig, SaeConfig};

/// Name and shape [rows, cols] of a tensor; vectors are one row.
pub type TensorSpec = (String, (usize, usize));

/// Name of the token embedding, as in the checkpoint.
pub const EMBEDDING: &str = "model.embed_tokens.weight";

/// Matrices with the same input, loaded as one whose rows are theirs, one after another: on a short text a dispatch costs a GPU more than
/// its arithmetic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// The name of the whole matrix.
    pub name: String,
    /// Names and rows of those that it is made of, in order.
    pub members: Vec<(String, usize)>,
}

/// Queries, keys and values of a layer as one matrix.
pub const QKV: &str = "self_attn.qkv_proj";
/// The gate of a layer's feed-forward network and what it gates as one matrix.
pub const GATE_UP: &str = "mlp.gate_up_proj";

/// Rows of a layer's queries, keys and values.
pub fn qkv_rows(config: &GemmaConfig) -> [usize; 3] {
    let keys = config.num_key_value_heads * config.head_dim;
    [config.num_attention_heads * config.head_dim, keys, keys]
}

/// The matrices of layers 0 to `layer` that are joined.
pub fn gemma_joined(config: &GemmaConfig, layer: usize) -> Vec<Joined> {
    let [queries, keys, values] = qkv_rows(config);
    let gates = config.intermediate_size;
    let mut all = Vec::new();
    for l in 0..=layer {
        let name = |part: &str| format!("model.layers.{l}.{part}.weight");
        let join = |whole: &str, members: &[(&str, usize)]| Joined {
            name: name(whole),
            members: members.iter().map(|(part, rows)| (name(part), *rows)).collect(),
        };
        all.push(join(QKV, &[("self_attn.q_proj", queries), ("self_attn.k_proj", keys), ("self_attn.v_proj", values)]));
        all.push(join(GATE_UP, &[("mlp.gate_proj", gates), ("mlp.up_proj", gates)]));
    }
    all
}

/// The language model up to the output of `layer`, in the order of use, the embedding left out.
/// The final norm comes last: dashboards need it.
pub fn gemma_tensors(config: &GemmaConfig, layer: usize) -> Vec<TensorSpec> {
    let d = config.hidden_size;
    let [queries, keys, values] = qkv_rows(config);
    let mut all = Vec::new();
    for l in 0..=layer {
        let mut add = |part: &str, shape| all.push((format!("model.layers.{l}.{part}.weight"), shape));
        add("input_layernorm", (1, d));
        add("self_attn.q_proj", (queries, d));
        add("self_attn.k_proj", (keys, d));
        add("self_attn.v_proj", (values, d));
        if config.qk_norm {
            add("self_attn.q_norm", (1, config.head_dim));
            add("self_attn.k_norm", (1, config.head_dim));
        }
        add("self_attn.o_proj", (d, queries));
        add("post_attention_layernorm", (1, d));
        add("pre_feedforward_layernorm", (1, d));
        add("mlp.gate_proj", (config.intermediate_size, d));
        add("mlp.up_proj", (config.intermediate_size, d));
        add("mlp.down_proj", (d, config.intermediate_size));
        add("post_feedforward_layernorm", (1, d));
    }
    all.push(("model.norm.weight".to_owned(), (1, d)));
    all
}

/// Our optional extension of the SAE's format: a factor per dimension, [d_model].
pub const SCALING: &str = "sae.scaling";
/// The encoder of untied SAEs. Checkpoints hold it as [d_model, width], packs transposed.
pub const ENCODER: &str = "sae.E";

/// Unembedding rows of the vocabulary's words [words, d_model], in its order: bytes of the pack's embedding.
pub const ROWS: &str = "words.rows";
/// Mean of the predictable part of the reconstruction over the corpus [d_model], BOS left out.
pub const MEAN_PREDICTABLE: &str = "words.mean.predictable";
/// Mean of the novel part of the reconstruction [d_model].
pub const MEAN_NOVEL: &str = "words.mean.novel";
/// Mean of the residual stream [d_model].
pub const MEAN_RESIDUAL: &str = "words.mean.residual";
/// The three means.
pub const MEANS: [&str; 3] = [MEAN_PREDICTABLE, MEAN_NOVEL, MEAN_RESIDUAL];

/// Unembedding rows of the pieces that are not words but may come next [pieces, d_model] (with a fitted lens only).
pub const PIECE_ROWS: &str = "lens.piece_rows";
/// The fitted lens: final normed hidden state = (x - mean_x) M + mean_y. Its M, transposed: [d_model, d_model].
pub const LENS_MATRIX: &str = "lens.matrix";
/// mean_x: mean of the residual stream over the tokens that the lens was fitted on [d_model].
pub const LENS_MEAN_X: &str = "lens.mean_x";
/// mean_y: mean of the final normed hidden state over them [d_model].
pub const LENS_MEAN_Y: &str = "lens.mean_y";

/// The SAE in the order of use, without [`SCALING`].
pub fn sae_tensors(config: &SaeConfig) -> Vec<TensorSpec> {
    let (d, width) = (config.dimin, config.width);
    let bottleneck = width / config.bottleneck_factor.max(1);
    let mut all = vec![("sae.b".to_owned(), (1, d)), ("sae.D".to_owned(), (width, d))];
    if !config.tied_weights {
        all.push((ENCODER.to_owned(), (width, d)));
    }
    for n in 0..config.n_attn_layers {
        for (part, rows) in [("k_ctx", bottleneck), ("q_target", bottleneck), ("v_ctx", width), ("c_proj", width)] {
            all.push((format!("sae.attn_layers.{n}.{part}.weight"), (rows, width)));
            all.push((format!("sae.attn_layers.{n}.{part}.bias"), (1, rows)));
        }
    }
    all
}
