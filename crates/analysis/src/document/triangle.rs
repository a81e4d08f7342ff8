//! A triangle of a matrix as base64, for serde: written straight from the matrix, read as text whose size is
//! checked once T is known.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize, Serializer, ser};

use crate::analysis::Grams;
use crate::attention::Attention;
use crate::document::error::DocumentError;
use crate::finite;
use crate::matrix::SymmetricMatrix;
use crate::source::Source;

/// Little-endian bytes in base64.
fn encode<const N: usize, V: Copy>(values: &[V], bytes_of: fn(V) -> [u8; N]) -> String {
    let bytes: Vec<u8> = values.iter().flat_map(|value| bytes_of(*value)).collect();
    STANDARD.encode(bytes)
}

fn decode(what: &str, text: &str) -> Result<Vec<u8>, DocumentError> {
    STANDARD.decode(text).map_err(|e| DocumentError::Inconsistent(format!("{what} is not base64: {e}")))
}

/// A Gram matrix: its upper triangle as f32.
struct Gram<'a>(&'a SymmetricMatrix);

impl Serialize for Gram<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !finite::are_all(self.0.upper()) {
            return Err(ser::Error::custom(finite::NOT_FINITE));
        }
        serializer.serialize_str(&encode(self.0.upper(), f32::to_le_bytes))
    }
}

/// Gram matrices to be written.
#[derive(Serialize)]
pub struct GramsWritten<'a> {
    predictable: Gram<'a>,
    novel: Gram<'a>,
    total: Gram<'a>,
    residual: Gram<'a>,
}

impl<'a> GramsWritten<'a> {
    pub fn of(grams: &'a Grams) -> Self {
        let gram = |source| Gram(grams.of(source));
        Self {
            predictable: gram(Source::Predictable),
            novel: gram(Source::Novel),
            total: gram(Source::Total),
            residual: gram(Source::Residual),
        }
    }
}

/// Gram matrices as they were read.
#[derive(Deserialize)]
pub struct GramsRead<'a> {
    #[serde(borrow)]
    predictable: Cow<'a, str>,
    #[serde(borrow)]
    novel: Cow<'a, str>,
    #[serde(borrow)]
    total: Cow<'a, str>,
    #[serde(borrow)]
    residual: Cow<'a, str>,
}

impl GramsRead<'_> {
    /// The matrices of `t` tokens.
    ///
    /// # Errors
    /// [`DocumentError::Inconsistent`] where one is not base64, not of this size, or holds a number that is not finite.
    pub fn matrices(&self, t: usize) -> Result<Grams, DocumentError> {
        Ok(Grams {
            predictable: gram(&self.predictable, t)?,
            novel: gram(&self.novel, t)?,
            total: gram(&self.total, t)?,
            residual: gram(&self.residual, t)?,
        })
    }
}

/// The symmetric matrix [t, t] whose upper triangle `text` holds as f32.
pub fn gram(text: &str, t: usize) -> Result<SymmetricMatrix, DocumentError> {
    let bytes = decode("a Gram matrix", text)?;
    let (entries, rest) = bytes.as_chunks::<4>();
    let entries = if rest.is_empty() { entries } else { &[] };
    let entries: Vec<f32> = entries.iter().map(|b| f32::from_le_bytes(*b)).collect();
    if !finite::are_all(&entries) {
        return Err(DocumentError::Inconsistent("a Gram matrix holds a number that is not finite".to_owned()));
    }
    SymmetricMatrix::new(t, entries).map_err(|_| {
        let expected = 2 * t * (t + 1);
        DocumentError::Inconsistent(format!("a Gram matrix has {} bytes, {t} tokens call for {expected}", bytes.len()))
    })
}

/// Attention weights to be written.
#[derive(Serialize)]
pub struct AttentionWritten<'a> {
    layers: usize,
    heads: usize,
    weights: Vec<Levels<'a>>,
}

/// A head's weights: their lower triangle as u16.
struct Levels<'a>(&'a [u16]);

impl Serialize for Levels<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&encode(self.0, u16::to_le_bytes))
    }
}

impl<'a> AttentionWritten<'a> {
    pub fn of(it: &'a Attention) -> Self {
        let weights = it.levels().iter().map(|levels| Levels(levels)).collect();
        Self { layers: it.layers(), heads: it.heads(), weights }
    }
}

/// Attention weights as they were read.
#[derive(Deserialize)]
pub struct AttentionRead<'a> {
    layers: usize,
    heads: usize,
    #[serde(borrow)]
    weights: Vec<Cow<'a, str>>,
}

impl AttentionRead<'_> {
    /// The weights over `t` tokens.
    ///
    /// # Errors
    /// [`DocumentError::Inconsistent`] where one is not base64 or not of this size.
    pub fn weights(&self, t: usize) -> Result<Attention, DocumentError> {
        let levels = |text: &Cow<'_, str>| -> Result<Vec<u16>, DocumentError> {
            let bytes = decode("an attention matrix", text)?;
            let (levels, rest) = bytes.as_chunks::<2>();
            if !rest.is_empty() {
                let problem = format!("an attention matrix has {} bytes, which is odd", bytes.len());
                return Err(DocumentError::Inconsistent(problem));
            }
            Ok(levels.iter().map(|b| u16::from_le_bytes(*b)).collect())
        };
        let levels = self.weights.iter().map(levels).collect::<Result<_, _>>()?;
        Ok(Attention::new(self.layers, self.heads, t, levels)?)
    }
}
