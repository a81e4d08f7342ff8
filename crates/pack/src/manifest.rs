//! `manifest.json`: what a pack holds and where every tensor lies.
//!
//! A pack is a folder of static files: this manifest, safetensors shards of at most 32 MiB, small
//! embedding shards of at most 1 MiB, the compact tokenizer and the licences. Offsets are bytes
//! from the start of the shard's file, so that a reader needs no safetensors header.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::block::{Precision, blocks_per_row, words_per_row};
use crate::config::{DIMENSION_MAX, GemmaConfig, SaeConfig};
use crate::precision_plan::PrecisionPlan;
use crate::tensor_spec::{SCALING, gemma_tensors, sae_tensors};
use crate::{Error, Result};

/// Value of [`Manifest::format`].
pub const FORMAT: &str = "temporal-lens-pack";
/// Version this code reads and writes.
pub const VERSION: u32 = 2;
/// Largest shard of weights, in bytes.
pub const SHARD_BYTES_MAX: usize = 32 << 20;
/// Largest shard of the embedding, in bytes.
pub const EMBEDDING_SHARD_BYTES_MAX: usize = 1 << 20;
/// Largest tokenizer file, in bytes: Gemma 3's has 1.4 million.
pub const TOKENIZER_BYTES_MAX: u64 = 32 << 20;
/// The manifest's file name inside a pack.
pub const MANIFEST_FILE: &str = "manifest.json";

/// A file of the pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Name beside the manifest (no folders).
    pub file: String,
    /// Its length.
    pub bytes: u64,
    /// Hexadecimal sha256 of its content.
    pub sha256: String,
}

/// Rows of a tensor inside one shard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Index into [`Manifest::shards`].
    pub shard: usize,
    /// First row of the tensor that this part holds.
    pub row_start: usize,
    /// Number of rows.
    pub rows: usize,
    /// Start and end of the values, in bytes of the shard's file.
    pub data: (u64, u64),
    /// Start and end of the f16 scales (q8 and q4 only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scales: Option<(u64, u64)>,
}

/// A tensor of the pack. Vectors are matrices of one row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TensorEntry {
    /// [rows, cols].
    pub shape: (usize, usize),
    /// How its values are stored. In the file f32 and f16 rows are tight; q8 and q4 rows are
    /// padded to whole blocks as in [`crate::block`].
    pub precision: Precision,
    /// Its parts, in row order.
    pub parts: Vec<Part>,
}

/// The token embedding: row `i` lies in shard `i / rows_per_shard`, at byte
/// `data_start + (i % rows_per_shard) * row_bytes`: values first, then the row's f16 scales.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmbeddingEntry {
    /// [vocab_size, d_model].
    pub shape: (usize, usize),
    /// How values are stored (f32 and f16 tight, q8 and q4 padded to whole blocks).
    pub precision: Precision,
    /// Bytes of one row, scales included.
    pub row_bytes: u64,
    /// Rows in every shard but the last.
    pub rows_per_shard: usize,
    /// Where the first row starts in each shard's file (after its safetensors header).
    pub data_start: u64,
    /// The shards, in row order.
    pub shards: Vec<FileEntry>,
}

/// Terms that travel with the weights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Licence {
    /// What it covers, e.g. "Gemma weights".
    pub covers: String,
    /// Its name, e.g. "Gemma Terms of Use".
    pub name: String,
    /// File inside the pack with the notice, if one travels along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// The page of Neuronpedia that shows this SAE's features, where there is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Neuronpedia {
    /// e.g. "gemma-2-2b".
    pub model: String,
    /// e.g. "12-temporal-res".
    pub source: String,
}

/// All that is known about a pack before any weight is read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: String,
    /// [`VERSION`].
    pub version: u32,
    /// The language model's name, e.g. "google/gemma-3-270m".
    pub model_name: String,
    /// Its configuration.
    pub gemma: GemmaConfig,
    /// The SAE's name.
    pub sae_name: String,
    /// Its configuration.
    pub sae: SaeConfig,
    /// The residual stream is the output of `model.layers[layer]`.
    pub layer: usize,
    /// What was asked for (each tensor's own precision stands in its entry).
    pub precision: PrecisionPlan,
    /// Where the features are published, if they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub neuronpedia: Option<Neuronpedia>,
    /// Terms of what is inside.
    pub licences: Vec<Licence>,
    /// The tokenizer, in the form of [`crate::tokenizer::file`].
    pub tokenizer: FileEntry,
    /// Shards of weights, in the order in which they are to be read.
    pub shards: Vec<FileEntry>,
    /// Every tensor but the embedding, by its name in the checkpoint; the SAE's start with `sae.`.
    /// `sae.E` (untied encoders) is stored transposed, [width, d_model], as a linear layer is.
    pub tensors: BTreeMap<String, TensorEntry>,
    /// The token embedding.
    pub embedding: EmbeddingEntry,
}

/// Bytes of one row's values in a file: f32 and f16 tight, q8 and q4 padded to whole blocks.
pub fn row_data_bytes(cols: usize, precision: Precision) -> u64 {
    (match precision {
        Precision::F32 => 4 * cols,
        Precision::F16 => 2 * cols,
        Precision::Q8 | Precision::Q4 => 4 * words_per_row(cols, precision),
    }) as u64
}

/// Bytes of one row's f16 scales in a file (q8 and q4 only).
pub fn row_scale_bytes(cols: usize, precision: Precision) -> u64 {
    if precision.is_quantized() { 2 * blocks_per_row(cols) as u64 } else { 0 }
}

/// Bytes of one embedding row: values, then scales.
pub fn embedding_row_bytes(cols: usize, precision: Precision) -> u64 {
    row_data_bytes(cols, precision) + row_scale_bytes(cols, precision)
}

impl Manifest {
    /// Reads and checks a manifest; `file` names it in errors. The text is untrusted.
    ///
    /// # Errors
    /// [`Error::Malformed`] when it is not a manifest of this version, or when an offset, index,
    /// shape or file name in it cannot be right.
    pub fn from_json(text: &str, file: &str) -> Result<Self> {
        let malformed = |problem: String| Error::Malformed { file: file.to_owned(), problem };
        let manifest: Self = serde_json::from_str(text).map_err(|e| malformed(format!("not a pack manifest: {e}")))?;
        if manifest.format != FORMAT {
            return Err(malformed(format!("format is {:?}, expected {FORMAT:?}", manifest.format)));
        }
        if manifest.version != VERSION {
            return Err(malformed(format!(
                "pack version {} is not the version this program reads ({VERSION}); pack the model again",
                manifest.version
            )));
        }
        manifest.check().map_err(malformed)?;
        Ok(manifest)
    }

    fn check(&self) -> std::result::Result<(), String> {
        self.gemma.check()?;
        self.sae.check()?;
        if self.layer >= self.gemma.num_hidden_layers {
            return Err(format!("layer {} of {} layers", self.layer, self.gemma.num_hidden_layers));
        }
        if self.sae.dimin != self.gemma.hidden_size {
            return Err(format!(
                "the SAE reads {} dimensions, the model has {}",
                self.sae.dimin, self.gemma.hidden_size
            ));
        }
        // Names are joined to a folder or URL: nothing but a plain name may pass.
        let licences = self.licences.iter().filter_map(|licence| licence.file.as_deref());
        for file in self.files().map(|entry| entry.file.as_str()).chain(licences) {
            let plain = !file.is_empty()
                && !file.starts_with('.')
                && file.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'));
            if !plain {
                return Err(format!("file name {file:?} is not a plain name"));
            }
        }
        // Readers hold a file in memory as a whole, and add sizes up.
        let limits = std::iter::once((&self.tokenizer, TOKENIZER_BYTES_MAX))
            .chain(self.shards.iter().map(|s| (s, SHARD_BYTES_MAX as u64)))
            .chain(self.embedding.shards.iter().map(|s| (s, EMBEDDING_SHARD_BYTES_MAX as u64)));
        for (entry, limit) in limits {
            if entry.bytes > limit {
                return Err(format!("{} has {} bytes, more than {limit}", entry.file, entry.bytes));
            }
        }
        let mut needed = gemma_tensors(&self.gemma, self.layer);
        needed.extend(sae_tensors(&self.sae));
        if self.tensors.contains_key(SCALING) {
            needed.push((SCALING.to_owned(), (1, self.sae.dimin)));
        }
        for (name, shape) in &needed {
            let tensor = self.tensors.get(name).ok_or(format!("tensor {name} is missing"))?;
            if tensor.shape != *shape {
                return Err(format!("tensor {name} has shape {:?}, its model calls for {shape:?}", tensor.shape));
            }
            self.check_parts(name, tensor)?;
        }
        if self.tensors.len() > needed.len() {
            let named = |name: &String| needed.iter().any(|(n, _)| n == name);
            let extra = self.tensors.keys().find(|name| !named(name)).map_or("", String::as_str);
            return Err(format!("tensor {extra} is none of this model's"));
        }
        self.check_embedding()
    }

    /// Shapes passed [`GemmaConfig::check`] and [`SaeConfig::check`], so that products fit 64 bits.
    fn check_parts(&self, name: &str, tensor: &TensorEntry) -> std::result::Result<(), String> {
        let (rows, cols) = tensor.shape;
        let row_bytes = row_data_bytes(cols, tensor.precision);
        let mut next_row = 0;
        for part in &tensor.parts {
            let shard = self.shards.get(part.shard).ok_or(format!("tensor {name} names shard {}", part.shard))?;
            // In this order: rows within the tensor first, so that no product overflows after.
            let fits = part.row_start == next_row && part.rows <= rows - next_row && {
                let spans = |(start, end): (u64, u64), row_bytes: u64| {
                    start <= end && end <= shard.bytes && end - start == row_bytes * part.rows as u64
                };
                let scales_fit = match part.scales {
                    Some(range) => {
                        tensor.precision.is_quantized() && spans(range, row_scale_bytes(cols, tensor.precision))
                    }
                    None => !tensor.precision.is_quantized(),
                };
                scales_fit && spans(part.data, row_bytes)
            };
            if !fits {
                return Err(format!("tensor {name}: the part at row {} does not fit its shape", part.row_start));
            }
            next_row += part.rows;
        }
        if next_row == rows { Ok(()) } else { Err(format!("tensor {name} has {next_row} of {rows} rows")) }
    }

    fn check_embedding(&self) -> std::result::Result<(), String> {
        let e = &self.embedding;
        let (rows, cols) = e.shape;
        if e.shape != (self.gemma.vocab_size, self.gemma.hidden_size) {
            return Err("the embedding and the model differ in shape".to_owned());
        }
        let rows_fit = (1..=DIMENSION_MAX).contains(&e.rows_per_shard)
            && e.shards.len() == rows.div_ceil(e.rows_per_shard)
            && e.row_bytes == embedding_row_bytes(cols, e.precision);
        let shards_fit = rows_fit
            && e.shards.iter().enumerate().all(|(i, shard)| {
                let held = e.rows_per_shard.min(rows - i * e.rows_per_shard) as u64;
                e.data_start.checked_add(held * e.row_bytes) == Some(shard.bytes)
            });
        if shards_fit { Ok(()) } else { Err("the embedding's shards do not fit its shape".to_owned()) }
    }

    /// Every file but the manifest and the licences.
    pub fn files(&self) -> impl Iterator<Item = &FileEntry> {
        std::iter::once(&self.tokenizer).chain(&self.shards).chain(&self.embedding.shards)
    }

    /// Bytes a first visit fetches: tokenizer and shards; embedding rows come on top, a few a text.
    pub fn load_bytes(&self) -> u64 {
        self.tokenizer.bytes + self.shards.iter().map(|s| s.bytes).sum::<u64>()
    }

    /// Shard and byte range of embedding row `token_id`, or `None` past the vocabulary.
    pub fn embedding_row(&self, token_id: u32) -> Option<(&FileEntry, std::ops::Range<u64>)> {
        let e = &self.embedding;
        let id = token_id as usize;
        if id >= e.shape.0 {
            return None;
        }
        let start = e.data_start + (id % e.rows_per_shard) as u64 * e.row_bytes;
        Some((e.shards.get(id / e.rows_per_shard)?, start..start + e.row_bytes))
    }
}
