//! Which precision each tensor gets: one for all matrices, and exceptions for kinds of them.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::block::{PackedMatrix, Precision, TensorPart, unstorable};
use crate::tensor_spec::EMBEDDING;

/// Kinds of matrices that are given a precision together.
const KINDS: [&str; 5] = ["embedding", "attention", "mlp", "sae-dictionary", "sae-attention"];

/// What [`PrecisionPlan::from_str`] takes the name `mix` for: of the kinds of matrices, the one that saves most for its error
/// (docs/precision.md).
const MIX: &str = "q8,sae-attention=q4";

/// The kind of a matrix; vectors (norms, biases) have none.
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PrecisionPlan {
    base: Precision,
    exceptions: Vec<(&'static str, Precision)>,
}

impl PrecisionPlan {
    /// The precision of a tensor in a pack of this plan.
    ///
    /// Norms, biases and other vectors are a thousandth of the bytes and stay f32. An embedding row
    /// is the whole input of its token, and only the rows of a text are fetched: where the rest is
    /// q4 it is q8, unless the plan says otherwise.
    pub fn precision_of(&self, tensor: &str) -> Precision {
        let Some(kind) = kind(tensor) else { return Precision::F32 };
        match self.exceptions.iter().find(|(k, _)| *k == kind) {
            Some((_, precision)) => *precision,
            None if tensor == EMBEDDING && self.base == Precision::Q4 => Precision::Q8,
            None => self.base,
        }
    }

    /// The coarsest precision that any matrix has.
    pub fn coarsest(&self) -> Precision {
        self.exceptions.iter().map(|(_, precision)| *precision).fold(self.base, Precision::max)
    }

    /// Stores the part's rows as a pack of this plan would. The part must be f32: each change costs
    /// accuracy.
    ///
    /// # Errors
    /// [`TooLarge`] when it holds a value that the plan's precision cannot store.
    pub fn apply(&self, part: &mut TensorPart) -> Result<(), TooLarge> {
        if kind(&part.name).is_some() {
            let matrix = &part.matrix;
            part.matrix = self.packed(&part.name, &matrix.unpack(), matrix.rows, matrix.cols)?;
        }
        Ok(())
    }

    /// Embedding rows [T, d_model] as a pack of this plan would have stored them.
    ///
    /// # Errors
    /// As [`Self::apply`].
    pub fn apply_to_rows(&self, rows: &[f32], d_model: usize) -> Result<Vec<f32>, TooLarge> {
        Ok(self.packed(EMBEDDING, rows, rows.len() / d_model, d_model)?.unpack())
    }

    fn packed(&self, tensor: &str, values: &[f32], rows: usize, cols: usize) -> Result<PackedMatrix, TooLarge> {
        let precision = self.precision_of(tensor);
        match unstorable(values, precision) {
            Some(value) => Err(TooLarge { tensor: tensor.to_owned(), value, precision }),
            None => Ok(PackedMatrix::pack(values, rows, cols, precision)),
        }
    }
}

impl From<Precision> for PrecisionPlan {
    fn from(base: Precision) -> Self {
        Self { base, exceptions: Vec::new() }
    }
}

/// A value that a precision cannot store.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("tensor {tensor} holds {value}, which {precision} cannot store")]
pub struct TooLarge {
    tensor: String,
    value: f32,
    precision: Precision,
}

/// Why a text is not a precision plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PrecisionPlanError {
    /// Not one of the four names.
    #[error("{0:?} is not a precision; use f32, f16, q8 or q4")]
    Precision(String),
    /// An exception without "=".
    #[error("{0:?} is not KIND=PRECISION")]
    Exception(String),
    /// An exception for something that is not a kind of tensor.
    #[error("{0:?} is not a kind of tensor; use one of {kinds}", kinds = KINDS.join(", "))]
    Kind(String),
    /// Two exceptions for one kind.
    #[error("{0} is given a precision twice")]
    Twice(&'static str),
}

fn precision(text: &str) -> Result<Precision, PrecisionPlanError> {
    [Precision::F32, Precision::F16, Precision::Q8, Precision::Q4]
        .into_iter()
        .find(|p| p.to_string() == text)
        .ok_or_else(|| PrecisionPlanError::Precision(text.to_owned()))
}

impl FromStr for PrecisionPlan {
    type Err = PrecisionPlanError;

    fn from_str(text: &str) -> Result<Self, PrecisionPlanError> {
        let text = if text == "mix" { MIX } else { text };
        let mut parts = text.split(',');
        let base = precision(parts.next().unwrap_or_default())?;
        let mut exceptions: Vec<(&'static str, Precision)> = Vec::new();
        for part in parts {
            let (name, value) = part.split_once('=').ok_or_else(|| PrecisionPlanError::Exception(part.to_owned()))?;
            let kind =
                KINDS.into_iter().find(|k| *k == name).ok_or_else(|| PrecisionPlanError::Kind(name.to_owned()))?;
            if exceptions.iter().any(|(k, _)| *k == kind) {
                return Err(PrecisionPlanError::Twice(kind));
            }
            exceptions.push((kind, precision(value)?));
        }
        Ok(Self { base, exceptions })
    }
}

impl TryFrom<String> for PrecisionPlan {
    type Error = PrecisionPlanError;

    fn try_from(text: String) -> Result<Self, PrecisionPlanError> {
        text.parse()
    }
}

impl From<PrecisionPlan> for String {
    fn from(plan: PrecisionPlan) -> Self {
        plan.to_string()
    }
}

impl std::fmt::Display for PrecisionPlan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.base)?;
        self.exceptions.iter().try_for_each(|(kind, precision)| write!(f, ",{kind}={precision}"))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_apply_to_their_kind_and_vectors_stay() {
        let plan: PrecisionPlan = "q8,mlp=q4".parse().unwrap();
        assert_eq!(plan.precision_of("model.layers.3.mlp.up_proj.weight"), Precision::Q4);
        assert_eq!(plan.precision_of("model.layers.3.self_attn.q_proj.weight"), Precision::Q8);
        for vector in ["model.norm.weight", "model.layers.3.self_attn.q_norm.weight", "sae.b", "sae.scaling"] {
            assert_eq!(plan.precision_of(vector), Precision::F32, "{vector}");
        }
        assert_eq!(plan.precision_of("sae.attn_layers.0.k_ctx.bias"), Precision::F32);
        assert_eq!((plan.coarsest(), PrecisionPlan::from(Precision::F16).coarsest()), (Precision::Q4, Precision::F16));
    }

    #[test]
    fn q4_leaves_the_embedding_q8_unless_asked_otherwise() {
        assert_eq!(PrecisionPlan::from(Precision::Q4).precision_of(EMBEDDING), Precision::Q8);
        assert_eq!("q4,embedding=q4".parse::<PrecisionPlan>().unwrap().precision_of(EMBEDDING), Precision::Q4);
        assert_eq!(PrecisionPlan::from(Precision::F32).precision_of(EMBEDDING), Precision::F32);
    }

    #[test]
    fn what_a_precision_cannot_store_is_refused() {
        let plan = PrecisionPlan::from(Precision::Q8);
        for value in [7e4, -7e6, f32::INFINITY, f32::NAN] {
            let problem = plan.apply_to_rows(&[1.0, value], 2).unwrap_err().to_string();
            assert!(problem.contains("q8 cannot store") && problem.contains(EMBEDDING), "{problem}");
        }
        assert!(PrecisionPlan::from(Precision::F32).apply_to_rows(&[1.0, -7e6], 2).is_ok());
    }

    #[test]
    fn a_plan_is_written_as_it_is_asked_for() {
        for text in ["q8", "f32", "q8,sae-attention=q4", "q4,embedding=f16,mlp=q8"] {
            let plan: PrecisionPlan = text.parse().unwrap();
            assert_eq!(plan.to_string(), text);
            let json = serde_json::to_string(&plan).unwrap();
            assert_eq!(json, format!("{text:?}"));
            assert_eq!(serde_json::from_str::<PrecisionPlan>(&json).unwrap(), plan);
        }
        assert_eq!("mix".parse::<PrecisionPlan>().unwrap().to_string(), MIX);
        for wrong in ["", "q7", "q8,wheels=q4", "q8,mlp", "q8,mlp=q4,mlp=q8"] {
            assert!(wrong.parse::<PrecisionPlan>().is_err(), "{wrong}");
        }
    }
}
