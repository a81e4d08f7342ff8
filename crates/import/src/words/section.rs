//! The words section of a pack in a folder: written in place, whole or not at all.
//!
//! New files have names of their own content and are written first; then the manifest is replaced by one that names them,
//! which is the moment when the words are there; then files that it no longer names are removed. The rest of the
//! manifest's text stays as it is, so that the pack's hash does, and no other file is touched.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use lens_files::{Locked, lock_folder};
use lens_pack::block::Precision;
use lens_pack::config::check_logit_cap;
use lens_pack::folder::FolderManifest;
use lens_pack::manifest::{
    FileEntry, MANIFEST_FILE, Manifest, pack_hash, row_data_bytes, row_scale_bytes, seal, without_checksum,
    without_words,
};
use lens_pack::outline::named_files;
use lens_pack::unpack::{check_file, parts_in};
use lens_pack::words::{
    LENS_MATRIX, LENS_MEAN_X, LENS_MEAN_Y, MEAN_NOVEL, MEAN_PREDICTABLE, MEAN_RESIDUAL, PIECE_ROWS, ROWS, Vocabulary,
    WordsEntry,
};

use super::embedding_rows;
use crate::error::{Error, Result};
use crate::write::encode::{Encoded, encode};
use crate::write::file;
use crate::write::leftover::{WORDS_STEM, is_leftover};
use crate::write::shards::{Naming, ShardWriter};

/// What is read out is compared with these means of a corpus, BOS left out; [d_model] each.
#[derive(Debug, Clone, PartialEq)]
pub struct WordMeans {
    /// Of the predictable part of the reconstruction.
    pub predictable: Vec<f32>,
    /// Of the novel part of the reconstruction.
    pub novel: Vec<f32>,
    /// Of the residual stream.
    pub residual: Vec<f32>,
    /// Tokens that they were taken over.
    pub corpus_tokens: u64,
}

impl WordMeans {
    /// The means by their tensors' names in a pack.
    pub(super) fn named(&self) -> [(&'static str, &[f32]); 3] {
        [(MEAN_PREDICTABLE, &self.predictable), (MEAN_NOVEL, &self.novel), (MEAN_RESIDUAL, &self.residual)]
    }

    /// Whether they are of a model of width `d_model`, and numbers.
    ///
    /// # Errors
    /// [`Error::Mismatch`] with what is wrong.
    pub fn check(&self, d_model: usize) -> Result<()> {
        for (name, mean) in self.named() {
            if mean.len() != d_model {
                let found = mean.len();
                return Err(Error::Mismatch(format!("{name} has {found} values, the model's width is {d_model}")));
            }
            if let Some(value) = mean.iter().find(|value| !value.is_finite()) {
                return Err(Error::Mismatch(format!(
                    "{name} holds {value}, which is not a mean: the pack is damaged, or the device that computed it"
                )));
            }
        }
        Ok(())
    }
}

/// A map from the residual stream to the final normed hidden state: (x - mean_x) M + mean_y.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedLens {
    /// M transposed [d_model, d_model].
    pub matrix: Vec<f32>,
    /// mean_x [d_model].
    pub mean_x: Vec<f32>,
    /// mean_y [d_model].
    pub mean_y: Vec<f32>,
    /// Tokens that it was fitted on.
    pub tokens: u64,
    /// `cap * tanh(logit / cap)` of the model's logits.
    pub final_logit_softcapping: Option<f64>,
}

impl FittedLens {
    /// Rounds the matrix to what a pack stores.
    pub fn round(&mut self) {
        self.matrix.iter_mut().for_each(|value| *value = half::f16::from_f32(*value).to_f32());
    }

    /// Its tensors by their names in a pack.
    pub(super) fn named(&self) -> [(&'static str, &[f32], Precision); 3] {
        [
            (LENS_MATRIX, &self.matrix, Precision::F16),
            (LENS_MEAN_X, &self.mean_x, Precision::F32),
            (LENS_MEAN_Y, &self.mean_y, Precision::F32),
        ]
    }

    /// Whether it is of a model of width `d_model`, and of numbers.
    ///
    /// # Errors
    /// [`Error::Mismatch`] with what is wrong.
    pub fn check(&self, d_model: usize) -> Result<()> {
        for (name, values, _) in self.named() {
            let expected = if name == LENS_MATRIX { d_model * d_model } else { d_model };
            if values.len() != expected {
                let found = values.len();
                return Err(Error::Mismatch(format!("{name} has {found} values, the model's width is {d_model}")));
            }
            if let Some(value) = values.iter().find(|value| !value.is_finite()) {
                return Err(Error::Mismatch(format!("{name} holds {value}: the lens is damaged")));
            }
        }
        check_logit_cap(self.final_logit_softcapping)
            .map_err(|problem| Error::Mismatch(format!("the lens is damaged: {problem}")))
    }
}

/// What goes into the section in addition to the rows, which are the pack's own.
#[derive(Debug, Clone, PartialEq)]
pub struct WordsSection {
    /// The words.
    pub vocabulary: Vocabulary,
    /// The means.
    pub means: WordMeans,
    /// For what comes next; the vocabulary has pieces with it only.
    pub lens: Option<FittedLens>,
}

/// The words of the pack in `folder`, without its lens and pieces; none where it has none.
///
/// # Errors
/// [`Error::Io`] and [`Error::Pack`] naming the file that is missing, cut short or altered.
pub fn read_words(folder: &Path) -> Result<Option<WordsSection>> {
    let manifest = FolderManifest::read(folder)?.manifest;
    let Some(entry) = manifest.words else { return Ok(None) };
    let read = |file: &FileEntry| {
        let path = folder.join(&file.file);
        let bytes = std::fs::read(&path).map_err(|source| Error::Io { action: "read", path, source })?;
        check_file(file, &bytes)?;
        Ok::<_, Error>(bytes)
    };
    let mut vocabulary = Vocabulary::from_bytes(&read(&entry.vocabulary)?, &entry, manifest.gemma.vocab_size)?;
    vocabulary.pieces.clear();
    let mut vectors = BTreeMap::new();
    for (index, shard) in entry.shards.iter().enumerate() {
        let bytes = read(shard)?;
        for part in parts_in(&entry.tensors, &entry.shards, index, &bytes) {
            let part = part?;
            if part.rows_total == 1 {
                vectors.insert(part.name, part.matrix.unpack());
            }
        }
    }
    let mut mean = |name: &str| vectors.remove(name).unwrap_or_default();
    let means = WordMeans {
        predictable: mean(MEAN_PREDICTABLE),
        novel: mean(MEAN_NOVEL),
        residual: mean(MEAN_RESIDUAL),
        corpus_tokens: entry.corpus_tokens,
    };
    means.check(manifest.gemma.hidden_size)?;
    Ok(Some(WordsSection { vocabulary, means, lens: None }))
}

/// Gives the pack in `folder` these words, in place of those it has. Until the manifest is replaced the pack is the one
/// it was; a failure leaves that one.
///
/// # Errors
/// [`Error`] when the folder holds no whole pack, the words do not fit its model, another process is writing there, or
/// the folder cannot be written.
pub fn write_words(folder: &Path, section: &WordsSection) -> Result<WordsEntry> {
    let _lock = lock(folder)?;
    let old = FolderManifest::read(folder)?;
    section.means.check(old.manifest.gemma.hidden_size)?;
    if let Some(lens) = &section.lens {
        lens.check(old.manifest.gemma.hidden_size)?;
    }
    let written = write_files(folder, &old.manifest, section)
        .and_then(|entry| Ok((manifest_with(&old, &entry)?, entry)))
        .and_then(|(json, entry)| {
            lens_files::write_whole(&folder.join(MANIFEST_FILE), json.as_bytes())?;
            Ok((json, entry))
        });
    match written {
        Ok((json, entry)) => {
            remove_leftovers(folder, &json);
            Ok(entry)
        }
        Err(error) => {
            // Read again: a disk that fails late may have taken the new one.
            if let Ok(there) = std::fs::read_to_string(folder.join(MANIFEST_FILE)) {
                remove_leftovers(folder, &there);
            }
            Err(error)
        }
    }
}

/// Keeps a second process out, where the system can lock a folder: it would remove the files of the first.
fn lock(folder: &Path) -> Result<Locked> {
    match lock_folder(folder) {
        Locked::Others => {
            Err(Error::Mismatch(format!("another process is writing words into {}; wait for it", folder.display())))
        }
        // What cannot be opened is reported when its manifest is read.
        other => Ok(other),
    }
}

/// The vocabulary and the shards; nothing names them yet.
fn write_files(folder: &Path, manifest: &Manifest, section: &WordsSection) -> Result<WordsEntry> {
    let mut vocabulary = section.vocabulary.clone();
    vocabulary.words.sort();
    vocabulary.pieces.sort();
    if vocabulary.words.len() < 2 {
        let found = vocabulary.words.len();
        return Err(Error::Mismatch(format!("a vocabulary needs at least two words, this one has {found}")));
    }
    match (&section.lens, vocabulary.pieces.len()) {
        (None, 1..) => return Err(Error::Mismatch("pieces that are not words need a fitted lens".to_owned())),
        (Some(_), 0 | 1) => {
            return Err(Error::Mismatch("a fitted lens needs at least two pieces that are not words".to_owned()));
        }
        _ => {}
    }
    let json = serde_json::to_vec(&vocabulary)
        .map_err(|e| Error::malformed("the vocabulary", format!("cannot be written as JSON: {e}")))?;
    let name = format!("{WORDS_STEM}-{}.json", file::short_hash(&[&json]));
    let mut entry = WordsEntry {
        vocabulary: FileEntry { file: name.clone(), bytes: json.len() as u64, sha256: String::new() },
        words: vocabulary.words.len(),
        pieces: vocabulary.pieces.len(),
        shards: Vec::new(),
        tensors: BTreeMap::new(),
        corpus_tokens: section.means.corpus_tokens,
        final_logit_softcapping: section.lens.as_ref().and_then(|lens| lens.final_logit_softcapping),
    };
    // What readers would refuse is not written.
    Vocabulary::from_bytes(&json, &entry, manifest.gemma.vocab_size)?;
    entry.vocabulary = file::write_pieces(folder, &name, [json.as_slice()])?;
    let mut writer = ShardWriter::new(folder, Naming::Content(WORDS_STEM), &manifest.precision);
    add_embedding_rows(&mut writer, folder, manifest, ROWS, &vocabulary.words)?;
    for (name, mean) in section.means.named() {
        writer.add_rows(name, (1, mean.len()), Precision::F32, |_| {
            encode(mean, mean.len(), Precision::F32, "the words", name)
        })?;
    }
    if let Some(lens) = &section.lens {
        let cols = lens.mean_x.len();
        for (name, values, precision) in lens.named() {
            writer.add_rows(name, (values.len() / cols, cols), precision, |part| {
                encode(&values[part.start * cols..part.end * cols], cols, precision, "the fitted lens", name)
            })?;
        }
        add_embedding_rows(&mut writer, folder, manifest, PIECE_ROWS, &vocabulary.pieces)?;
    }
    (entry.shards, entry.tensors) = writer.finish()?;
    Ok(entry)
}

/// The rows of `tokens`, byte for byte those of the embedding.
fn add_embedding_rows(
    writer: &mut ShardWriter<'_>,
    folder: &Path,
    manifest: &Manifest,
    name: &str,
    tokens: &[(u32, String)],
) -> Result<()> {
    let embedding = &manifest.embedding;
    let (cols, precision) = (embedding.shape.1, embedding.precision);
    let [data, scales] = [row_data_bytes(cols, precision), row_scale_bytes(cols, precision)].map(|n| n as usize);
    let ids: Vec<u32> = tokens.iter().map(|(id, _)| *id).collect();
    let rows = embedding_rows::read(folder, embedding, &ids)?;
    writer.add_rows(name, (ids.len(), cols), precision, |part| {
        let of = |bytes: &[u8], row: usize| bytes[part.start * row..part.end * row].to_vec();
        Ok(Encoded { data: of(&rows.data, data), scales: of(&rows.scales, scales) })
    })
}

/// The manifest's text with the section, which readers accept and which leaves the pack's hash as it is.
fn manifest_with(old: &FolderManifest, entry: &WordsEntry) -> Result<String> {
    let refuse =
        || Error::malformed(MANIFEST_FILE, "is not in the form that this program writes; pack the model again");
    let section = serde_json::to_string(entry)
        .map_err(|e| Error::malformed(MANIFEST_FILE, format!("cannot be written as JSON: {e}")))?;
    let unsealed = without_checksum(&old.json);
    let without = without_words(&unsealed);
    let before = without.trim_end().strip_suffix('}').ok_or_else(refuse)?;
    let mut json = format!("{before},\"words\":{section}}}{}", &without[without.trim_end().len()..]);
    // Packs of earlier versions stay as they are.
    if old.manifest.checksum.is_some() {
        json = seal(&json);
    }
    // Words that are there in another form would be in the text twice.
    let new = Manifest::from_json(&json, MANIFEST_FILE)?;
    if new.words.as_ref() != Some(entry) || pack_hash(&json) != old.hash {
        return Err(refuse());
    }
    Ok(json)
}

/// Removes files of words that `manifest` does not name, and what a stopped process left. The pack is whole with or
/// without them: what cannot be removed stays until the next time.
fn remove_leftovers(folder: &Path, manifest: &str) {
    let named: BTreeSet<String> = named_files(manifest.as_bytes()).unwrap_or_default();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if is_leftover(&name) && !named.contains(&name) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}
