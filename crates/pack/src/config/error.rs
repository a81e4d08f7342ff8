//! What can be wrong with the numbers of a configuration.

/// Why a configuration cannot be a model's, as a sentence without the file's name.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ConfigError {
    /// A dimension is 0 or larger than any model's.
    #[error("{name} is {value}; it must lie between 1 and {max}")]
    Dimension {
        /// The field.
        name: &'static str,
        /// Its value.
        value: usize,
        /// The largest value allowed.
        max: usize,
    },
    /// More layers than any model has.
    #[error("{name} is {value}, more than {max}")]
    Layers {
        /// The field.
        name: &'static str,
        /// Its value.
        value: usize,
        /// The largest value allowed.
        max: usize,
    },
    /// The list of layer types has another length than the model has layers.
    #[error("{types} layer types for {layers} layers (num_hidden_layers)")]
    LayerTypes {
        /// Length of the list.
        types: usize,
        /// Layers of the model.
        layers: usize,
    },
    /// Query heads cannot be shared out among the key heads.
    #[error("num_attention_heads ({heads}) is not a multiple of num_key_value_heads ({key_value_heads})")]
    HeadGroups {
        /// Query heads.
        heads: usize,
        /// Key and value heads.
        key_value_heads: usize,
    },
    /// Rotary embeddings rotate pairs.
    #[error("head_dim is {0}; rotary embeddings need an even number")]
    OddHead(usize),
    /// A number far outside what any published model has.
    #[error("{name} is {value:?}; it must lie between {least:?} and {largest:?}")]
    OutOfRange {
        /// The field.
        name: &'static str,
        /// Its value.
        value: f64,
        /// The least value allowed.
        least: f64,
        /// The largest value allowed.
        largest: f64,
    },
    /// The SAE's width cannot be divided into heads of the bottleneck's size.
    #[error("the width {width} is not a multiple of bottleneck_factor * n_heads = {bottleneck_factor} * {n_heads}")]
    Width {
        /// Number of features.
        width: usize,
        /// Width over dimensions of queries and keys.
        bottleneck_factor: usize,
        /// Heads of an attention layer.
        n_heads: usize,
    },
    /// A TopK SAE without its k.
    #[error("sae_diff_type is topk, but kval_topk is missing")]
    MissingK,
    /// A k of 0, or larger than the number of features.
    #[error("kval_topk is {k}; it must lie between 1 and the width {width}")]
    K {
        /// Its value.
        k: usize,
        /// Number of features.
        width: usize,
    },
    /// A factor that would make everything 0 or not a number.
    #[error("scaling_factor is {0}; it must be a number other than 0")]
    ScalingFactor(f64),
}
