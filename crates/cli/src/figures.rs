//! The published figures, and what a pack's own are compared by.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use anyhow::{Result, anyhow, bail};
use lens_pack::block::Precision;
use lens_pack::manifest::Manifest;
use lens_pack::text::from_json;
use lens_pack::unpack::sha256_hex;
use serde::{Deserialize, Serialize};

/// Value of [`Figures::format`].
const FORMAT: &str = "temporal-lens-figures/1";

/// Figures of one model and SAE on some prompts.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Figures {
    /// [`FORMAT`].
    pub format: String,
    /// Where they come from.
    pub source: String,
    /// Which packs they are of.
    pub of: Subject,
    /// How far off ours may be, for each precision of a pack.
    pub tolerances: BTreeMap<Precision, Tolerances>,
    /// The prompts.
    pub prompts: Vec<Prompt>,
}

/// What figures are of: enough to recognize a pack that they do not apply to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// For people, e.g. "google/gemma-2-2b".
    pub model: String,
    /// Layers of the published model.
    pub num_hidden_layers: usize,
    /// d_model.
    pub hidden_size: usize,
    /// The residual stream is this layer's output.
    pub layer: usize,
    /// Features of the SAE.
    pub width: usize,
    /// Its k.
    pub kval_topk: Option<usize>,
    /// [`sae_identity`] of the SAE: one of the same shape may be anybody's. Absent where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sae_b_sha256: Option<String>,
}

/// How far off ours may be. L0 of novel codes has no tolerance where it is k.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Tolerances {
    /// Absolute.
    pub variance_explained: f64,
    /// Share of the published count, for each token.
    pub l0_pred: f64,
    /// Absolute, for minimum, maximum and mean.
    pub similarity: f64,
}

/// Published figures of one prompt; absent where none were published.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Prompt {
    /// The text.
    pub text: String,
    /// Its number of tokens, BOS included.
    pub tokens: usize,
    /// By the authors' formula.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variance_explained: Option<f64>,
    /// The same at every token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub l0_novel: Option<usize>,
    /// One per token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub l0_pred: Option<Vec<usize>>,
    /// Of the matrix in notebook mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub similarity: Option<SimilarityFigures>,
}

/// What the notebook prints of the matrix.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct SimilarityFigures {
    /// Smallest entry.
    pub min: f64,
    /// Largest entry.
    pub max: f64,
    /// Mean of all entries.
    pub mean: f64,
}

/// PyTorch's figures of the default pack, made by tests/reference/verify_figures.py.
const DEFAULT_PACK: &str = include_str!("../../../demo/verify-gemma-3-270m.json");

/// The released SAE for Gemma-2-2B, from the authors' own notebook runs with the real weights (LLM
/// in bf16). The tolerances allow for bf16 on their side, and for the pack's precision on ours.
fn released() -> Figures {
    let near = Tolerances { variance_explained: 0.01, l0_pred: 0.05, similarity: 0.05 };
    let l0_pred =
        [880, 788, 2687, 2762, 2809, 2813, 2777, 2762, 2740, 2727, 2744, 2746, 2697, 2668, 2680, 2683, 2683, 2686];
    Figures {
        format: FORMAT.to_owned(),
        source: "the authors' notebook with the released weights".to_owned(),
        of: Subject {
            model: "google/gemma-2-2b".to_owned(),
            num_hidden_layers: 26,
            hidden_size: 2304,
            layer: 12,
            width: 9216,
            kval_topk: Some(192),
            sae_b_sha256: None,
        },
        tolerances: BTreeMap::from([
            (Precision::F32, near),
            (Precision::F16, near),
            (Precision::Q8, near),
            (Precision::Q4, Tolerances { variance_explained: 0.04, l0_pred: 0.1, similarity: 0.1 }),
        ]),
        prompts: vec![
            Prompt {
                text: "Once upon a time, a little girl named Alice loved looking at the night sky.".to_owned(),
                tokens: 18,
                variance_explained: Some(0.9342),
                l0_novel: Some(192),
                l0_pred: Some(l0_pred.to_vec()),
                similarity: None,
            },
            Prompt {
                text: "The quick brown fox jumps over the lazy dog. \
                       This sentence contains every letter of the alphabet."
                    .to_owned(),
                tokens: 20,
                variance_explained: None,
                l0_novel: None,
                l0_pred: None,
                similarity: Some(SimilarityFigures { min: -0.9360, max: 1.0, mean: 0.5371 }),
            },
        ],
    }
}

/// Reads a figures file; `file` names it in errors.
pub fn read(text: &str, file: &str) -> Result<Figures> {
    let figures: Figures = from_json(text).map_err(|e| anyhow!("{file}: not a file of figures: {e}"))?;
    if figures.format != FORMAT {
        bail!("{file}: format is {:?}, this program reads {FORMAT:?}", figures.format);
    }
    let wrong = |p: &&Prompt| p.l0_pred.as_ref().is_some_and(|l| l.len() != p.tokens);
    if let Some(prompt) = figures.prompts.iter().find(wrong) {
        bail!("{file}: l0_pred of {:?} has another length than its {} tokens", prompt.text, prompt.tokens);
    }
    Ok(figures)
}

/// sha256 of the SAE's b [d_model] in f32, little-endian. A pack of any precision stores these bytes, and training changes them.
/// `manifest` is that of the pack in `folder`, whose shards were compared with their checksums.
pub fn sae_identity(folder: &Path, manifest: &Manifest) -> Result<String> {
    const NAME: &str = "sae.b";
    let tensor = manifest.tensors.get(NAME).ok_or_else(|| anyhow!("{}: it has no {NAME}", folder.display()))?;
    let mut bytes = Vec::new();
    for part in &tensor.parts {
        let shard = manifest.shards.get(part.shard).ok_or_else(|| anyhow!("{NAME} lies in no shard"))?;
        let path = folder.join(&shard.file);
        let (start, end) = part.data;
        File::open(&path)
            .and_then(|mut file| {
                file.seek(SeekFrom::Start(start))?;
                file.take(end - start).read_to_end(&mut bytes)
            })
            .map_err(|e| anyhow!("cannot read {}: {e}", path.display()))?;
    }
    Ok(sha256_hex(&bytes))
}

/// The figures of a pack: the published ones, or those of the default pack. `sae` is its [`sae_identity`].
pub fn of_pack(manifest: &Manifest, sae: &str) -> Result<Figures> {
    let known = [released(), read(DEFAULT_PACK, "demo/verify-gemma-3-270m.json")?];
    let mut of_shape = known.into_iter().filter(|figures| figures.of.has_shape(manifest)).peekable();
    if of_shape.peek().is_none() {
        bail!(
            "there are no published figures for {} at layer {} with an SAE of width {}; name a file with --golden",
            manifest.model_name,
            manifest.layer,
            manifest.sae.width
        );
    }
    of_shape.find(|figures| figures.of.is_of_sae(sae)).ok_or_else(|| {
        anyhow!(
            "there are no published figures for this SAE ({:?}): it has the shape of one that has some, but is another; name \
             a file with --golden",
            manifest.sae_name
        )
    })
}

impl Figures {
    /// The tolerances for a pack.
    pub fn tolerances_of(&self, manifest: &Manifest) -> Result<Tolerances> {
        // A mixed plan is compared with what its coarsest matrices allow.
        let found = self.tolerances.get(&manifest.precision.coarsest()).copied();
        found.ok_or_else(|| anyhow!("the figures have no tolerances for {} packs", manifest.precision))
    }
}

impl Subject {
    /// Whether a pack is of a model, layer and SAE of these dimensions.
    pub fn has_shape(&self, manifest: &Manifest) -> bool {
        self.num_hidden_layers == manifest.gemma.num_hidden_layers
            && self.hidden_size == manifest.gemma.hidden_size
            && self.layer == manifest.layer
            && self.width == manifest.sae.width
            && self.kval_topk == manifest.sae.kval_topk
    }

    /// Whether the SAE may be this one: see [`sae_identity`].
    pub fn is_of_sae(&self, identity: &str) -> bool {
        self.sae_b_sha256.as_ref().is_none_or(|known| known == identity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_tables_are_whole() {
        for figures in [released(), read(DEFAULT_PACK, "default").unwrap()] {
            assert_eq!((figures.prompts.len(), figures.tolerances.len()), (2, 4));
            for prompt in &figures.prompts {
                assert!(prompt.l0_pred.as_ref().is_none_or(|l| l.len() == prompt.tokens));
            }
        }
    }

    #[test]
    fn a_file_of_another_format_is_refused_by_name() {
        let error = read(&DEFAULT_PACK.replace(FORMAT, "other"), "x.json").unwrap_err().to_string();
        assert!(error.contains("x.json") && error.contains("other"), "{error}");
    }
}
