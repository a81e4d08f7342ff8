//! Which precision each tensor gets.

use crate::block::Precision;
use crate::manifest::EMBEDDING;

/// The precision of a tensor when a pack of precision `requested` is made.
///
/// Norms, biases and other vectors are a thousandth of the bytes and stay f32. An embedding row is
/// the whole input of its token, and only the rows of a text are fetched, so q4 packs hold it as q8.
pub fn precision_for(tensor: &str, requested: Precision) -> Precision {
    let is_vector = tensor.ends_with("norm.weight")
        || tensor.ends_with(".bias")
        || matches!(tensor, "sae.b" | crate::needed::SCALING);
    match requested {
        _ if is_vector => Precision::F32,
        Precision::Q4 if tensor == EMBEDDING => Precision::Q8,
        other => other,
    }
}
