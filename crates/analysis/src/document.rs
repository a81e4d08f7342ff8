//! The analysis document: what the worker sends, the command line writes with `--json`, the page
//! exports. Its schema is `docs/analysis.schema.json`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::attention::Attention;
use crate::gram;

/// Value of [`Analysis::format`].
pub const FORMAT: &str = "temporal-lens-analysis/1";

/// What can be wrong with a saved analysis, as a sentence.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// Not JSON, or not of this shape.
    #[error("not an analysis document: {0}")]
    Json(#[from] serde_json::Error),
    /// Another format or version.
    #[error("the document's format is {found:?}, this program reads {FORMAT:?}")]
    Format {
        /// What it says it is.
        found: String,
    },
    /// Fields that contradict each other.
    #[error("the analysis document contradicts itself: {0}")]
    Inconsistent(String),
}

/// Which model made an analysis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelInfo {
    /// e.g. "google/gemma-3-270m".
    pub name: String,
    /// sha256 of the pack's manifest.
    pub pack_hash: String,
    /// The residual stream is the output of this layer.
    pub layer: usize,
    /// Precision of the pack.
    pub precision: String,
    /// Number of features of the SAE.
    pub width: usize,
    /// Neuronpedia source of the features as "model/source", where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub neuronpedia: Option<String>,
}

/// The feature the notebook looks up: argmax of the novel codes at a token.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Selected {
    /// Token position, by default the last but one.
    pub position: usize,
    /// Feature index.
    pub feature: usize,
    /// Its novel code.
    pub value: f32,
}

/// What the notebook prints of the similarity matrix.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SimilarityStats {
    /// Smallest entry.
    #[serde(with = "nan_as_null")]
    pub min: f32,
    /// Largest entry.
    #[serde(with = "nan_as_null")]
    pub max: f32,
    /// Mean of all entries.
    #[serde(with = "nan_as_null")]
    pub mean: f32,
}

/// A novel code that is not zero.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct NovelFeature {
    /// Feature index.
    pub feature: usize,
    /// Its code.
    pub value: f32,
}

/// Centred Gram matrices [T, T] of four sources, each the upper triangle with the diagonal, row by
/// row, as little-endian f32 in base64. All views follow from them: cosine similarity in every
/// mode, distances for UMAP, PCA, effective rank, cosines of spans.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grams {
    /// Predictable codes.
    pub predictable: String,
    /// Novel codes.
    pub novel: String,
    /// Their sum.
    pub total: String,
    /// Residual stream.
    pub residual: String,
}

impl Grams {
    /// Packs a symmetric matrix [t, t] for the document.
    pub fn encode(matrix: &[f32], t: usize) -> String {
        let mut bytes = Vec::with_capacity(2 * t * (t + 1));
        for i in 0..t {
            for j in i..t {
                bytes.extend_from_slice(&matrix[i * t + j].to_le_bytes());
            }
        }
        STANDARD.encode(bytes)
    }

    /// Unpacks a symmetric matrix [t, t], row-major.
    ///
    /// # Errors
    /// [`DocumentError::Inconsistent`] when it is not base64 or not of this size.
    pub fn decode(text: &str, t: usize) -> Result<Vec<f32>, DocumentError> {
        let bytes = STANDARD
            .decode(text)
            .map_err(|e| DocumentError::Inconsistent(format!("a Gram matrix is not base64: {e}")))?;
        if bytes.len() != 2 * t * (t + 1) {
            return Err(DocumentError::Inconsistent(format!(
                "a Gram matrix has {} bytes, {t} tokens call for {}",
                bytes.len(),
                2 * t * (t + 1)
            )));
        }
        let mut values = bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
        let mut matrix = vec![0f32; t * t];
        for i in 0..t {
            for j in i..t {
                let v = values.next().unwrap_or(f32::NAN);
                matrix[i * t + j] = v;
                matrix[j * t + i] = v;
            }
        }
        Ok(matrix)
    }
}

/// Squared norms of each token's vectors [T]: what the reconstruction explains, and by which part.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Energy {
    /// The residual stream.
    pub residual: Vec<f32>,
    /// The reconstruction's error.
    pub error: Vec<f32>,
    /// The predictable part of the reconstruction.
    pub predictable: Vec<f32>,
    /// The novel part of the reconstruction.
    pub novel: Vec<f32>,
}

/// The answer: one text, seen by one model and SAE. T is the number of tokens, BOS included.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Analysis {
    /// [`FORMAT`].
    pub format: String,
    /// The text, verbatim.
    pub text: String,
    /// Which model made it.
    pub model: ModelInfo,
    /// `inf_k` where it was set: novel codes kept a token instead of the SAE's own k.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inf_k: Option<usize>,
    /// Token ids [T].
    pub token_ids: Vec<u32>,
    /// Token strings [T], as the tokenizer's vocabulary spells them.
    pub tokens: Vec<String>,
    /// 1 - mean squared error / variance over all tokens but BOS, the seed's formula.
    #[serde(with = "nan_as_null")]
    pub variance_explained: f32,
    /// Novel codes that are not zero, a token [T].
    pub l0_novel: Vec<usize>,
    /// Predictable codes that are not zero, a token [T].
    pub l0_pred: Vec<usize>,
    /// Total codes that are not zero, a token [T].
    pub l0_total: Vec<usize>,
    /// The selected feature; none when the novel codes are all zero there.
    pub selected: Option<Selected>,
    /// Cosine similarity of centred predictable codes [T][T], notebook mode (BOS kept). A compact
    /// document leaves it out; reading it brings it back from the Gram matrix.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "nan_as_null_matrix")]
    pub similarity: Vec<Vec<f32>>,
    /// Its statistics.
    pub similarity_stats: SimilarityStats,
    /// The strongest novel codes of each token, strongest first [T].
    pub novel_top: Vec<Vec<NovelFeature>>,
    /// Squared norms, where the document carries them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub energy: Option<Energy>,
    /// The SAE's attention weights, where the document carries them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attention: Option<Attention>,
    /// Gram matrices, where the document carries them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grams: Option<Grams>,
}

impl Analysis {
    /// Reads a document and checks that its fields fit each other. The text is untrusted.
    ///
    /// # Errors
    /// [`DocumentError`], as a sentence for the person who opened the file.
    pub fn from_json(text: &str) -> Result<Self, DocumentError> {
        #[derive(Deserialize)]
        struct Head {
            format: String,
        }
        let head: Head = serde_json::from_str(text)?;
        if head.format != FORMAT {
            return Err(DocumentError::Format { found: head.format });
        }
        serde_json::from_str::<Self>(text)?.checked()
    }

    /// Brings back what a compact document leaves out, and checks that all fits.
    pub(crate) fn checked(mut self) -> Result<Self, DocumentError> {
        if self.similarity.is_empty()
            && let Some(grams) = &self.grams
        {
            let t = self.token_ids.len();
            let similarity = gram::cosine(&Grams::decode(&grams.predictable, t)?, t);
            self.similarity = similarity.chunks(t.max(1)).map(<[f32]>::to_vec).collect();
        }
        self.check()?;
        Ok(self)
    }

    /// The same without what follows from its Gram matrices; a document without those stays as it is.
    pub fn compact(mut self) -> Self {
        if self.grams.is_some() {
            self.similarity.clear();
        }
        self
    }

    fn check(&self) -> Result<(), DocumentError> {
        let t = self.token_ids.len();
        let lengths = [
            ("tokens", self.tokens.len()),
            ("l0_novel", self.l0_novel.len()),
            ("l0_pred", self.l0_pred.len()),
            ("l0_total", self.l0_total.len()),
            ("similarity", self.similarity.len()),
            ("novel_top", self.novel_top.len()),
        ];
        for (name, length) in lengths {
            if length != t {
                return Err(DocumentError::Inconsistent(format!("{name} has {length} entries, token_ids has {t}")));
            }
        }
        if let Some(row) = self.similarity.iter().find(|row| row.len() != t) {
            return Err(DocumentError::Inconsistent(format!(
                "a row of similarity has {} entries, token_ids has {t}",
                row.len()
            )));
        }
        if self.selected.is_some_and(|s| s.position >= t) {
            return Err(DocumentError::Inconsistent("the selected position lies past the last token".to_owned()));
        }
        if let Some(energy) = &self.energy {
            for figures in [&energy.residual, &energy.error, &energy.predictable, &energy.novel] {
                if figures.len() != t {
                    return Err(DocumentError::Inconsistent(format!(
                        "energy has {} entries, token_ids has {t}",
                        figures.len()
                    )));
                }
            }
        }
        if let Some(attention) = &self.attention {
            attention.check(t)?;
        }
        if let Some(grams) = &self.grams {
            for gram in [&grams.predictable, &grams.novel, &grams.total, &grams.residual] {
                Grams::decode(gram, t)?;
            }
        }
        Ok(())
    }
}

/// JSON has no NaN: it is null, both ways.
mod nan_as_null {
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(value: &f32, serializer: S) -> Result<S::Ok, S::Error> {
        if value.is_finite() { serializer.serialize_f32(*value) } else { serializer.serialize_none() }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f32, D::Error> {
        Ok(Option::<f32>::deserialize(deserializer)?.unwrap_or(f32::NAN))
    }
}

mod nan_as_null_matrix {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(matrix: &[Vec<f32>], serializer: S) -> Result<S::Ok, S::Error> {
        let rows: Vec<Vec<Option<f32>>> =
            matrix.iter().map(|row| row.iter().map(|v| v.is_finite().then_some(*v)).collect()).collect();
        rows.serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Vec<f32>>, D::Error> {
        let rows = Vec::<Vec<Option<f32>>>::deserialize(deserializer)?;
        Ok(rows.into_iter().map(|row| row.into_iter().map(|v| v.unwrap_or(f32::NAN)).collect()).collect())
    }
}
