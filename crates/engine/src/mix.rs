//! A mix of precisions, for measuring what each kind of tensor can bear before a pack is made so.

use std::str::FromStr;

use lens_weights::block::{PackedMatrix, Precision};
use lens_weights::manifest::EMBEDDING;
use lens_weights::unpack::TensorPart;

use crate::Error;

/// Kinds of matrices that are given a precision together.
const KINDS: [&str; 5] = ["embedding", "attention", "mlp", "sae-dictionary", "sae-attention"];

/// The kind of a matrix; vectors (norms, biases) have none and stay as they are.
fn kind(tensor: &str) -> Option<&'static str> {
    if tensor == EMBEDDING {
        Some(KINDS[0])
    } else if tensor.contains(".self_attn.") && tensor.contains("_proj.") {
        Some(KINDS[1])
    } else if tensor.contains(".mlp.") {
        Some(KINDS[2])
    } else if matches!(tensor, "sae.D" | "sae.E") {
        Some(KINDS[3])
    } else if tensor.starts_with("sae.attn_layers.") && tensor.ends_with(".weight") {
        Some(KINDS[4])
    } else {
        None
    }
}

/// One precision, and exceptions for kinds: `q8` or `q8,mlp=q4,sae-attention=q4`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mix {
    base: Precision,
    exceptions: Vec<(&'static str, Precision)>,
}

impl Mix {
    fn precision(&self, tensor: &str) -> Option<Precision> {
        let kind = kind(tensor)?;
        Some(self.exceptions.iter().find(|(k, _)| *k == kind).map_or(self.base, |(_, precision)| *precision))
    }

    /// Stores the part's rows as this mix says. The part must be f32: each change costs accuracy.
    pub fn apply(&self, part: &mut TensorPart) {
        if let Some(precision) = self.precision(&part.name) {
            let matrix = &part.matrix;
            part.matrix = PackedMatrix::pack(&matrix.unpack(), matrix.rows, matrix.cols, precision);
        }
    }

    /// Embedding rows [T, d_model] as this mix would have stored them.
    pub fn apply_to_rows(&self, rows: &[f32], d_model: usize) -> Vec<f32> {
        match self.precision(EMBEDDING) {
            Some(precision) => PackedMatrix::pack(rows, rows.len() / d_model, d_model, precision).unpack(),
            None => rows.to_vec(),
        }
    }
}

fn precision(text: &str) -> Result<Precision, Error> {
    [Precision::F32, Precision::F16, Precision::Q8, Precision::Q4]
        .into_iter()
        .find(|p| p.to_string() == text)
        .ok_or_else(|| Error::Input(format!("{text:?} is no precision; use f32, f16, q8 or q4")))
}

impl FromStr for Mix {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let mut parts = text.split(',');
        let base = precision(parts.next().unwrap_or_default())?;
        let mut exceptions = Vec::new();
        for part in parts {
            let (name, value) =
                part.split_once('=').ok_or_else(|| Error::Input(format!("{part:?} is not KIND=PRECISION")))?;
            let kind = KINDS.into_iter().find(|k| *k == name).ok_or_else(|| {
                Error::Input(format!("{name:?} is no kind of tensor; use one of {}", KINDS.join(", ")))
            })?;
            exceptions.push((kind, precision(value)?));
        }
        Ok(Self { base, exceptions })
    }
}

impl std::fmt::Display for Mix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.base)?;
        self.exceptions.iter().try_for_each(|(kind, precision)| write!(f, ", {kind} {precision}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_apply_to_their_kind_and_vectors_stay() {
        let mix: Mix = "q8,mlp=q4".parse().unwrap();
        assert_eq!(mix.precision("model.layers.3.mlp.up_proj.weight"), Some(Precision::Q4));
        assert_eq!(mix.precision("model.layers.3.self_attn.q_proj.weight"), Some(Precision::Q8));
        assert_eq!(mix.precision("model.layers.3.self_attn.q_norm.weight"), None);
        assert_eq!(mix.precision("sae.b"), None);
        assert_eq!(mix.to_string(), "q8, mlp q4");
        assert!("q8,wheels=q4".parse::<Mix>().is_err() && "q7".parse::<Mix>().is_err());
    }
}
