//! `manifest.json`: what a pack holds and where every tensor lies.
//!
//! A pack is a folder of static files: this manifest, safetensors shards of at most 32 MiB, small
//! embedding shards of at most 1 MiB, checksums of embedding rows, the compact tokenizer and the licenses. Offsets are bytes
//! from the start of the shard's file, so that a reader needs no safetensors header.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::block::{Precision, blocks_per_row, words_per_row};
use crate::config::{ConfigError, DIMENSION_MAX, GemmaConfig, SaeConfig, check_logit_cap};
use crate::file_name;
use crate::precision_plan::PrecisionPlan;
use crate::sha256::sha256_hex;
use crate::tensor_spec::{
    LENS_MATRIX, LENS_MEAN_X, LENS_MEAN_Y, MEANS, PIECE_ROWS, ROWS, SCALING, TensorSpec, gemma_joined, gemma_tensors,
    sae_tensors,
};
use crate::text::json_problem;
use crate::{Error, Result};

/// Value of [`Manifest::format`].
pub const FORMAT: &str = "temporal-lens-pack";
/// Version this code writes.
pub const VERSION: u32 = 4;
/// Version that this code reads, too: without [`Manifest::checksum`].
pub const VERSION_WITHOUT_CHECKSUM: u32 = 3;
/// Version that this code reads, too: without [`Manifest::row_checks`], either.
pub const VERSION_WITHOUT_ROW_CHECKS: u32 = 2;
/// Largest shard of weights, in bytes.
pub const SHARD_BYTES_MAX: usize = 32 << 20;
/// Largest shard of the embedding, in bytes.
pub const EMBEDDING_SHARD_BYTES_MAX: usize = 1 << 20;
/// Largest tokenizer file, in bytes: Gemma 3's has 1.4 million.
pub const TOKENIZER_BYTES_MAX: u64 = 32 << 20;
/// Largest vocabulary file, in bytes.
pub const VOCABULARY_BYTES_MAX: u64 = 8 << 20;
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
#[serde(deny_unknown_fields)]
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
#[serde(deny_unknown_fields)]
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

impl EmbeddingEntry {
    /// Blocks of `rows` rows in every shard but the last; the last block of a shard may have fewer rows.
    pub fn blocks_per_shard(&self, rows: usize) -> usize {
        self.rows_per_shard.div_ceil(rows).max(1)
    }

    /// All blocks of `rows` rows.
    pub fn blocks(&self, rows: usize) -> usize {
        let (whole, rest) = (self.shape.0 / self.rows_per_shard, self.shape.0 % self.rows_per_shard);
        whole * self.blocks_per_shard(rows) + rest.div_ceil(rows)
    }
}

/// Bytes of the checksum of a block of rows, the first ones of a sha256.
pub const ROW_CHECK_BYTES: usize = 8;

/// Where a pack's checksums of rows lie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowChecksEntry {
    /// Rows in every block but the last of a shard.
    pub rows: usize,
    /// The checksums of all blocks, in row order.
    pub list: FileEntry,
}

/// Terms that travel with the weights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct License {
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

/// Where a pack's words lie.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WordsEntry {
    /// The [`crate::words::Vocabulary`].
    pub vocabulary: FileEntry,
    /// Its number of words.
    pub words: usize,
    /// Its number of pieces: 0 without a fitted lens.
    #[serde(default)]
    pub pieces: usize,
    /// Shards of the tensors.
    pub shards: Vec<FileEntry>,
    /// [`ROWS`] and [`MEANS`]; with a fitted lens [`PIECE_ROWS`], [`LENS_MATRIX`], [`LENS_MEAN_X`], [`LENS_MEAN_Y`].
    /// The shards that their parts name are those of this section.
    pub tensors: BTreeMap<String, TensorEntry>,
    /// Tokens of the corpus that the means were taken over, BOS not counted.
    pub corpus_tokens: u64,
    /// `cap * tanh(logit / cap)` of the model's logits (Gemma 2), with a fitted lens only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub final_logit_softcapping: Option<f64>,
}

impl WordsEntry {
    /// Bytes that asking for words fetches.
    pub fn load_bytes(&self) -> u64 {
        self.files().map(|file| file.bytes).sum()
    }

    /// Vocabulary, then shards.
    pub fn files(&self) -> impl Iterator<Item = &FileEntry> {
        std::iter::once(&self.vocabulary).chain(&self.shards)
    }

    /// Whether there is a fitted lens; one of its tensors calls for the others.
    pub fn has_lens(&self) -> bool {
        [PIECE_ROWS, LENS_MATRIX, LENS_MEAN_X, LENS_MEAN_Y].iter().any(|name| self.tensors.contains_key(*name))
    }

    /// The tensors that there are to be, with their shapes.
    pub fn expected_tensors(&self, d_model: usize) -> Vec<TensorSpec> {
        let vector = |name: &str| (name.to_owned(), (1, d_model));
        let mut all = vec![(ROWS.to_owned(), (self.words, d_model))];
        all.extend(MEANS.map(vector));
        if self.has_lens() {
            all.push((PIECE_ROWS.to_owned(), (self.pieces, d_model)));
            all.push((LENS_MATRIX.to_owned(), (d_model, d_model)));
            all.extend([LENS_MEAN_X, LENS_MEAN_Y].map(vector));
        }
        all
    }
}

/// Everything about a pack but its weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: String,
    /// [`VERSION`], [`VERSION_WITHOUT_CHECKSUM`] or [`VERSION_WITHOUT_ROW_CHECKS`].
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
    /// The plan it was packed with; each tensor's own precision is in its entry.
    pub precision: PrecisionPlan,
    /// Where the features are published, if they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub neuronpedia: Option<Neuronpedia>,
    /// Terms of what is inside.
    #[serde(rename = "licences")]
    pub licenses: Vec<License>,
    /// The tokenizer, in the form of [`crate::tokenizer::file`].
    pub tokenizer: FileEntry,
    /// Shards of weights, in the order in which they are to be read.
    pub shards: Vec<FileEntry>,
    /// Every tensor but the embedding, by its name in the checkpoint; the SAE's start with `sae.`.
    /// `sae.E` (untied encoders) is stored transposed, [width, d_model], as a linear layer is.
    pub tensors: BTreeMap<String, TensorEntry>,
    /// Whether the model predicts tokens with a head of its own, which the pack does not hold, instead of its embedding.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub own_head: bool,
    /// The token embedding.
    pub embedding: EmbeddingEntry,
    /// Checksums of the embedding's rows; there are some since version 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row_checks: Option<RowChecksEntry>,
    /// What readouts are spelled with, where the pack has words. Followed by nothing but the checksum, so that [`pack_hash`]
    /// can leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words: Option<WordsEntry>,
    /// Hexadecimal sha256 of the manifest's text without this field and without white space between its parts; there is
    /// one since version 4 ([`seal`]). The last field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<String>,
}

/// A pack's identity in every document: the hexadecimal sha256 of its manifest's text as version 2 has it without a words
/// section. Neither codes nor similarities depend on words, and checksums follow from the rest: of rows from the embedding,
/// whose shards are in the text with theirs. A pack that is given any of them stays the one it was.
pub fn pack_hash(json: &str) -> String {
    sha256_hex(without_row_checks(&without_words(&without_checksum(json))).as_bytes())
}

/// The manifest's text with the checksum of what it holds, in place of one that is there.
pub fn seal(json: &str) -> String {
    let unsealed = without_checksum(json);
    let sum = sha256_hex(compact(&unsealed).as_bytes());
    match unsealed.rsplit_once('}') {
        Some((before, after)) => format!("{before},\"checksum\":\"{sum}\"}}{after}"),
        // Not an object, which no reader takes.
        None => unsealed.into_owned(),
    }
}

/// A manifest's text without its checksum, byte for byte what it was before [`seal`]. Of a manifest whose last field it is
/// not, in the form that the packer writes, this is the whole text.
pub fn without_checksum(json: &str) -> Cow<'_, str> {
    let checksum = serde_json::from_str::<Sections>(json).ok().and_then(|sections| sections.checksum);
    let without = checksum.and_then(|checksum| without_last(json, "checksum", &checksum));
    without.map_or(Cow::Borrowed(json), Cow::Owned)
}

/// JSON without white space outside of its strings: a tool that breaks lines changes nothing that is read.
fn compact(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let (mut in_string, mut is_escaped) = (false, false);
    for c in json.chars() {
        if !in_string && matches!(c, ' ' | '\t' | '\n' | '\r') {
            continue;
        }
        in_string = in_string != (c == '"' && !is_escaped);
        is_escaped = in_string && c == '\\' && !is_escaped;
        out.push(c);
    }
    out
}

/// The optional sections at the end of a manifest.
#[derive(Deserialize)]
struct Sections {
    #[serde(default)]
    words: Option<WordsEntry>,
    #[serde(default)]
    row_checks: Option<RowChecksEntry>,
    #[serde(default)]
    checksum: Option<String>,
}

/// A manifest's text, [`without_checksum`], without its words section, byte for byte what it was before the section came in.
/// The section is written as the last field, in one form; of a manifest that has it in another form this is the whole text.
pub fn without_words(json: &str) -> Cow<'_, str> {
    let words = serde_json::from_str::<Sections>(json).ok().and_then(|sections| sections.words);
    let without = words.and_then(|words| without_last(json, "words", &words));
    without.map_or(Cow::Borrowed(json), Cow::Owned)
}

/// A manifest's text as version 2 has it, where it is in the form that the packer writes.
fn without_row_checks(json: &str) -> Cow<'_, str> {
    let version = |number: u32| format!("{{\"format\":\"{FORMAT}\",\"version\":{number},");
    let checks = serde_json::from_str::<Sections>(json).ok().and_then(|sections| sections.row_checks);
    let without = checks.and_then(|checks| without_last(json, "row_checks", &checks)).and_then(|text| {
        let rest = [VERSION, VERSION_WITHOUT_CHECKSUM].iter().find_map(|it| text.strip_prefix(&version(*it)))?;
        Some(format!("{}{rest}", version(VERSION_WITHOUT_ROW_CHECKS)))
    });
    without.map_or(Cow::Borrowed(json), Cow::Owned)
}

/// A manifest's text without its last field, where that is `name` and in the form in which `section` is written.
fn without_last(json: &str, name: &str, section: &impl Serialize) -> Option<String> {
    let section = serde_json::to_string(section).ok()?;
    let (before, after) = json.rsplit_once(&format!(",\"{name}\":{section}}}"))?;
    Some(format!("{before}}}{after}"))
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

/// Why a text is not a manifest that this program reads, as a sentence without the file's name.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Not JSON, or a field is missing or of another type.
    #[error("not a pack manifest: {}", json_problem(.0))]
    Json(#[from] serde_json::Error),
    /// JSON of something else.
    #[error("format is {0:?}, expected {FORMAT:?}")]
    Format(String),
    /// A pack of another version of the format.
    #[error(
        "pack version {0} is not one that this program reads ({VERSION_WITHOUT_ROW_CHECKS} to {VERSION}); pack the model \
         again"
    )]
    Version(u32),
    /// A number of one of the configurations.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Matrices that are loaded as one.
    #[error(
        "tensors {first} and {other} have different precisions; they are loaded as one matrix: pack the model again"
    )]
    Joined {
        /// The first one's name.
        first: String,
        /// The other one's.
        other: String,
    },
    /// The layer is not one of the model's.
    #[error("layer {layer} of {layers} layers")]
    Layer {
        /// The pack's layer.
        layer: usize,
        /// Layers of the published model.
        layers: usize,
    },
    /// SAE and model differ in d_model.
    #[error("the SAE reads {sae} dimensions, the model has {model}")]
    Width {
        /// Of the SAE.
        sae: usize,
        /// Of the model.
        model: usize,
    },
    /// A file name that could lead elsewhere.
    #[error("file name {0:?} is not a plain name")]
    FileName(String),
    /// A file larger than readers take.
    #[error("{file} has {bytes} bytes, more than {limit}")]
    FileSize {
        /// Its name.
        file: String,
        /// Its length.
        bytes: u64,
        /// The most allowed.
        limit: u64,
    },
    /// A tensor that the configurations call for is not listed.
    #[error("tensor {0} is missing")]
    MissingTensor(String),
    /// A tensor that the configurations do not call for.
    #[error("tensor {0} does not belong to this model")]
    ExtraTensor(String),
    /// A tensor's shape contradicts the configurations.
    #[error("tensor {tensor} has shape {found:?}, its model calls for {expected:?}")]
    Shape {
        /// Its name.
        tensor: String,
        /// [rows, cols] listed.
        found: (usize, usize),
        /// [rows, cols] called for.
        expected: (usize, usize),
    },
    /// A part lies in a shard that is not listed.
    #[error("tensor {tensor} names shard {shard}")]
    Shard {
        /// Its name.
        tensor: String,
        /// The shard's index.
        shard: usize,
    },
    /// A part's rows or bytes do not fit the tensor or its shard.
    #[error("tensor {tensor}: the part at row {row_start} does not fit its shape")]
    Part {
        /// Its name.
        tensor: String,
        /// First row of the part.
        row_start: usize,
    },
    /// The parts do not add up to the tensor.
    #[error("tensor {tensor} has {found} of {expected} rows")]
    Rows {
        /// Its name.
        tensor: String,
        /// Rows in its parts.
        found: usize,
        /// Rows of its shape.
        expected: usize,
    },
    /// The embedding is another model's.
    #[error("the embedding and the model differ in shape")]
    EmbeddingShape,
    /// The embedding's shards do not add up to it.
    #[error("the embedding's shards do not fit its shape")]
    EmbeddingShards,
    /// A manifest of version 4 without a checksum, or of an earlier one with one.
    #[error(
        "a manifest of version {0} has {1} checksum of its own: it is damaged, or was edited; pack the model again"
    )]
    Unsealed(u32, &'static str),
    /// The checksum is of another text.
    #[error(
        "its checksum differs from that of its content: it is damaged, or was edited; copy the pack again, or pack the \
         model again"
    )]
    Checksum,
    /// A manifest of version 3 or later without checksums of rows, or with too few or too many.
    #[error("the checksums of the embedding's rows are missing or do not fit its shape")]
    RowChecks,
    /// A vocabulary of words that the model cannot have.
    #[error("the words section has {words} words and {pieces} pieces, the model has {tokens} tokens")]
    Words {
        /// Words listed.
        words: usize,
        /// Pieces listed.
        pieces: usize,
        /// Tokens of the model.
        tokens: usize,
    },
}

/// Whether exactly the tensors `specs` are listed, in parts that lie in `shards`.
fn check_tensors(
    specs: &[TensorSpec],
    tensors: &BTreeMap<String, TensorEntry>,
    shards: &[FileEntry],
) -> std::result::Result<(), ManifestError> {
    for (name, shape) in specs {
        let tensor = tensors.get(name).ok_or_else(|| ManifestError::MissingTensor(name.clone()))?;
        if tensor.shape != *shape {
            return Err(ManifestError::Shape { tensor: name.clone(), found: tensor.shape, expected: *shape });
        }
        check_parts(name, tensor, shards)?;
    }
    if tensors.len() > specs.len() {
        let is_expected = |name: &String| specs.iter().any(|(n, _)| n == name);
        let extra = tensors.keys().find(|name| !is_expected(name)).cloned().unwrap_or_default();
        return Err(ManifestError::ExtraTensor(extra));
    }
    Ok(())
}

/// Shapes passed [`GemmaConfig::check`] and [`SaeConfig::check`], so that products fit 64 bits.
fn check_parts(name: &str, tensor: &TensorEntry, shards: &[FileEntry]) -> std::result::Result<(), ManifestError> {
    let (rows, cols) = tensor.shape;
    let row_bytes = row_data_bytes(cols, tensor.precision);
    let mut next_row = 0;
    for part in &tensor.parts {
        let shard = shards
            .get(part.shard)
            .ok_or_else(|| ManifestError::Shard { tensor: name.to_owned(), shard: part.shard })?;
        // In this order: rows within the tensor first, so that no product overflows after.
        let fits = part.row_start == next_row && part.rows <= rows - next_row && {
            let spans = |(start, end): (u64, u64), row_bytes: u64| {
                start <= end && end <= shard.bytes && end - start == row_bytes * part.rows as u64
            };
            let scales_fit = match part.scales {
                Some(range) => tensor.precision.is_quantized() && spans(range, row_scale_bytes(cols, tensor.precision)),
                None => !tensor.precision.is_quantized(),
            };
            scales_fit && spans(part.data, row_bytes)
        };
        if !fits {
            return Err(ManifestError::Part { tensor: name.to_owned(), row_start: part.row_start });
        }
        next_row += part.rows;
    }
    if next_row == rows {
        Ok(())
    } else {
        Err(ManifestError::Rows { tensor: name.to_owned(), found: next_row, expected: rows })
    }
}

impl Manifest {
    /// Reads and checks a manifest; `file` names it in errors. The text is untrusted.
    ///
    /// # Errors
    /// [`Error::Malformed`] with a [`ManifestError`]'s sentence when it is not a manifest of this
    /// version, or when an offset, index, shape or file name in it cannot be right.
    pub fn from_json(text: &str, file: &str) -> Result<Self> {
        Self::parse(text).map_err(|e| Error::Malformed { file: file.to_owned(), problem: e.to_string() })
    }

    fn parse(text: &str) -> std::result::Result<Self, ManifestError> {
        let manifest: Self = serde_json::from_str(text)?;
        if manifest.format != FORMAT {
            return Err(ManifestError::Format(manifest.format));
        }
        if !(VERSION_WITHOUT_ROW_CHECKS..=VERSION).contains(&manifest.version) {
            return Err(ManifestError::Version(manifest.version));
        }
        manifest.check_sum(text)?;
        manifest.check()?;
        Ok(manifest)
    }

    /// Compares the checksum with the text that it is in.
    fn check_sum(&self, text: &str) -> std::result::Result<(), ManifestError> {
        match &self.checksum {
            None if self.version < VERSION => Ok(()),
            None => Err(ManifestError::Unsealed(self.version, "no")),
            Some(_) if self.version < VERSION => Err(ManifestError::Unsealed(self.version, "a")),
            Some(sum) => {
                let compact = compact(text);
                let content = compact.strip_suffix(&format!(",\"checksum\":\"{sum}\"}}"));
                let is_right = content.is_some_and(|content| sha256_hex(format!("{content}}}").as_bytes()) == *sum);
                if is_right { Ok(()) } else { Err(ManifestError::Checksum) }
            }
        }
    }

    fn check(&self) -> std::result::Result<(), ManifestError> {
        self.gemma.check()?;
        self.sae.check()?;
        if self.layer >= self.gemma.num_hidden_layers {
            return Err(ManifestError::Layer { layer: self.layer, layers: self.gemma.num_hidden_layers });
        }
        if self.sae.dimin != self.gemma.hidden_size {
            return Err(ManifestError::Width { sae: self.sae.dimin, model: self.gemma.hidden_size });
        }
        // Names are joined to a folder or URL: nothing but a plain name may pass.
        let licenses = self.licenses.iter().filter_map(|license| license.file.as_deref());
        if let Some(name) =
            self.files().map(|entry| entry.file.as_str()).chain(licenses).find(|name| !file_name::is_plain(name))
        {
            return Err(ManifestError::FileName(name.to_owned()));
        }
        // Readers hold a file in memory as a whole, and add sizes up.
        let limits = std::iter::once((&self.tokenizer, TOKENIZER_BYTES_MAX))
            .chain(self.shards.iter().map(|s| (s, SHARD_BYTES_MAX as u64)))
            .chain(self.embedding.shards.iter().map(|s| (s, EMBEDDING_SHARD_BYTES_MAX as u64)))
            .chain(self.words.iter().map(|it| (&it.vocabulary, VOCABULARY_BYTES_MAX)))
            .chain(self.words.iter().flat_map(|it| &it.shards).map(|s| (s, SHARD_BYTES_MAX as u64)));
        for (entry, limit) in limits {
            if entry.bytes > limit {
                return Err(ManifestError::FileSize { file: entry.file.clone(), bytes: entry.bytes, limit });
            }
        }
        let mut specs = gemma_tensors(&self.gemma, self.layer);
        specs.extend(sae_tensors(&self.sae));
        if self.tensors.contains_key(SCALING) {
            specs.push((SCALING.to_owned(), (1, self.sae.dimin)));
        }
        check_tensors(&specs, &self.tensors, &self.shards)?;
        self.check_joined()?;
        self.check_embedding()?;
        self.check_row_checks()?;
        match &self.words {
            Some(words) => self.check_words(words),
            None => Ok(()),
        }
    }

    /// Matrices that become one on a device have one precision.
    fn check_joined(&self) -> std::result::Result<(), ManifestError> {
        let precision = |name: &String| self.tensors.get(name).map(|tensor| tensor.precision);
        for joined in gemma_joined(&self.gemma, self.layer) {
            let mut names = joined.members.iter().map(|(name, _)| name);
            let Some(first) = names.next() else { continue };
            if let Some(other) = names.find(|name| precision(name) != precision(first)) {
                return Err(ManifestError::Joined { first: first.clone(), other: other.clone() });
            }
        }
        Ok(())
    }

    fn check_words(&self, it: &WordsEntry) -> std::result::Result<(), ManifestError> {
        let tokens = self.gemma.vocab_size;
        // A matrix of one row would be taken for a vector.
        let is_lens = it.has_lens() && it.pieces > 1 || !it.has_lens() && it.pieces == 0;
        if it.words < 2 || it.words > tokens || it.pieces > tokens - it.words || !is_lens {
            return Err(ManifestError::Words { words: it.words, pieces: it.pieces, tokens });
        }
        check_logit_cap(it.final_logit_softcapping)?;
        check_tensors(&it.expected_tensors(self.gemma.hidden_size), &it.tensors, &it.shards)
    }

    fn check_embedding(&self) -> std::result::Result<(), ManifestError> {
        let e = &self.embedding;
        let (rows, cols) = e.shape;
        if e.shape != (self.gemma.vocab_size, self.gemma.hidden_size) {
            return Err(ManifestError::EmbeddingShape);
        }
        let rows_fit = (1..=DIMENSION_MAX).contains(&e.rows_per_shard)
            && e.shards.len() == rows.div_ceil(e.rows_per_shard)
            && e.row_bytes == embedding_row_bytes(cols, e.precision);
        let shards_fit = rows_fit
            && e.shards.iter().enumerate().all(|(i, shard)| {
                let held = e.rows_per_shard.min(rows - i * e.rows_per_shard) as u64;
                e.data_start.checked_add(held * e.row_bytes) == Some(shard.bytes)
            });
        if shards_fit { Ok(()) } else { Err(ManifestError::EmbeddingShards) }
    }

    fn check_row_checks(&self) -> std::result::Result<(), ManifestError> {
        let fits = match &self.row_checks {
            Some(it) => {
                (1..=self.embedding.rows_per_shard).contains(&it.rows)
                    && it.list.bytes == (ROW_CHECK_BYTES * self.embedding.blocks(it.rows)) as u64
            }
            None => self.version == VERSION_WITHOUT_ROW_CHECKS,
        };
        if fits { Ok(()) } else { Err(ManifestError::RowChecks) }
    }

    /// Every file but the manifest and the licenses.
    pub fn files(&self) -> impl Iterator<Item = &FileEntry> {
        let words = self.words.iter().flat_map(WordsEntry::files);
        self.load_files().chain(&self.embedding.shards).chain(words)
    }

    /// The files that every analysis needs: tokenizer, checksums of rows, weights.
    pub fn load_files(&self) -> impl Iterator<Item = &FileEntry> {
        let row_checks = self.row_checks.iter().map(|it| &it.list);
        std::iter::once(&self.tokenizer).chain(row_checks).chain(&self.shards)
    }

    /// Bytes a first visit fetches: tokenizer, checksums of rows and weights; embedding rows come on top, a few per text, and
    /// words ([`WordsEntry::load_bytes`]) where they are asked for.
    pub fn load_bytes(&self) -> u64 {
        self.load_files().map(|file| file.bytes).sum()
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
