//! Tensors in order into safetensors shards of at most [`SHARD_BYTES_MAX`].
//!
//! A tensor that fits a shard lies in one; a larger one is cut by rows, its parts in order.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use lens_pack::block::{Precision, blocks_per_row, words_per_row};
use lens_pack::manifest::{FileEntry, Part, SHARD_BYTES_MAX, TensorEntry, embedding_row_bytes};
use lens_pack::precision_plan::PrecisionPlan;
use lens_pack::tensor_spec::ENCODER;

use super::encode::{Encoded, encode};
use super::file::{self, Entry};
use super::progress::Counter;
use crate::error::{Error, Result};
use crate::tensors::Tensors;

/// Bytes reserved in every shard for the header entry of one part.
const HEADER_BYTES_PER_PART: usize = 512;
/// Bytes reserved for the rest of the header.
const HEADER_BYTES: usize = 256;
/// Values encoded at once: bounds memory next to a shard.
const VALUES_AT_ONCE: usize = 8 << 20;
/// Every tensor starts at a multiple of this in its file, so that it can be viewed as words.
const ALIGNMENT: usize = 4;

/// How shards are named.
#[derive(Debug, Clone, Copy)]
pub enum Naming {
    /// By their number: in a folder that appears whole.
    Number,
    /// With this stem, the first digits of their content's sha256, and their number: beside files of the same kind that
    /// are still in use.
    Content(&'static str),
}

impl Naming {
    fn name(self, index: usize, pieces: &[&[u8]]) -> String {
        match self {
            Self::Number => format!("shard-{index:04}.safetensors"),
            Self::Content(stem) => format!("{stem}-{}-{index:04}.safetensors", file::short_hash(pieces)),
        }
    }
}

/// Collects tensors and writes a shard whenever one is full.
pub struct ShardWriter<'a> {
    folder: PathBuf,
    naming: Naming,
    plan: &'a PrecisionPlan,
    shards: Vec<FileEntry>,
    tensors: BTreeMap<String, TensorEntry>,
    open: OpenShard,
}

/// The shard being filled.
#[derive(Default)]
struct OpenShard {
    entries: Vec<Entry>,
    data: Vec<u8>,
    /// Tensors with a part here, whose offsets count from the data's start until it is written.
    parts: Vec<String>,
}

impl OpenShard {
    fn available_bytes(&self) -> usize {
        let header = HEADER_BYTES + HEADER_BYTES_PER_PART * (self.parts.len() + 1);
        SHARD_BYTES_MAX.saturating_sub(header + self.data.len())
    }

    /// Appends bytes as a tensor and returns where they start and end in the data.
    fn push(&mut self, name: String, dtype: &'static str, shape: [usize; 2], bytes: &[u8]) -> (u64, u64) {
        let start = self.data.len();
        self.data.extend_from_slice(bytes);
        let end = self.data.len();
        self.entries.push(Entry { name, dtype, shape, bytes: bytes.len() });
        // safetensors allows no holes: the padding is a tensor as well.
        let filling = end.next_multiple_of(ALIGNMENT) - end;
        if filling > 0 {
            self.data.resize(end + filling, 0);
            let name = format!("filling.{}", self.entries.len());
            self.entries.push(Entry { name, dtype: "U8", shape: [1, filling], bytes: filling });
        }
        (start as u64, end as u64)
    }
}

/// dtype and columns under which a matrix of `cols` columns appears in a shard.
fn stored_as(cols: usize, precision: Precision) -> (&'static str, usize) {
    match precision {
        Precision::F32 => ("F32", cols),
        Precision::F16 => ("F16", cols),
        Precision::Q8 => ("I8", 4 * words_per_row(cols, precision)),
        Precision::Q4 => ("U8", 4 * words_per_row(cols, precision)),
    }
}

impl<'a> ShardWriter<'a> {
    /// Writes into `folder`.
    pub fn new(folder: &Path, naming: Naming, plan: &'a PrecisionPlan) -> Self {
        Self {
            folder: folder.to_owned(),
            naming,
            plan,
            shards: Vec::new(),
            tensors: BTreeMap::new(),
            open: OpenShard::default(),
        }
    }

    /// Adds tensor `name` [rows, cols] (the encoder transposed) to the open shard and those after.
    ///
    /// # Errors
    /// [`Error`] when it cannot be read, encoded or written.
    pub fn add(
        &mut self,
        tensors: &Tensors,
        name: &str,
        (rows, cols): (usize, usize),
        counter: &mut Counter<'_>,
    ) -> Result<()> {
        let precision = self.plan.precision_of(name);
        let encoder = if name == ENCODER { Some(transposed(tensors, name, rows, cols)?) } else { None };
        // The encoder was read as a whole, in the shape that its file has.
        let mut scan = if encoder.is_some() { None } else { Some(tensors.hole_scan(name, (rows, cols))?) };
        self.add_rows(name, (rows, cols), precision, |part| {
            let mut encoded = Encoded::default();
            for start in part.clone().step_by((VALUES_AT_ONCE / cols).max(1)) {
                let end = part.end.min(start + (VALUES_AT_ONCE / cols).max(1));
                let read;
                let values = match &encoder {
                    Some(whole) => &whole[start * cols..end * cols],
                    None => {
                        read = tensors.read_rows(name, start..end)?;
                        read.as_slice()
                    }
                };
                scan.iter_mut().for_each(|scan| scan.add(values));
                let piece = encode(values, cols, precision, tensors.origin(), name)?;
                encoded.data.extend_from_slice(&piece.data);
                encoded.scales.extend_from_slice(&piece.scales);
                counter.add(name, values.len());
            }
            Ok(encoded)
        })?;
        scan.map_or(Ok(()), |scan| tensors.finish_scan(scan))
    }

    /// As [`Self::add`], of a tensor whose rows `encoded` gives in the bytes of `precision`, whatever the plan says.
    ///
    /// # Errors
    /// [`Error`] when a row is too large or a shard cannot be written; errors of `encoded`.
    pub fn add_rows(
        &mut self,
        name: &str,
        (rows, cols): (usize, usize),
        precision: Precision,
        mut encoded: impl FnMut(Range<usize>) -> Result<Encoded>,
    ) -> Result<()> {
        let row_bytes = embedding_row_bytes(cols, precision) as usize;
        let empty_bytes = OpenShard::default().available_bytes() - 2 * ALIGNMENT;
        if row_bytes > empty_bytes {
            return Err(Error::Mismatch(format!("a row of tensor {name} is larger than a shard of a pack may be")));
        }
        self.tensors.insert(name.to_owned(), TensorEntry { shape: (rows, cols), precision, parts: Vec::new() });
        let fits_one_shard = rows * row_bytes <= empty_bytes;
        let mut row = 0;
        while row < rows {
            let fitting = self.open.available_bytes().saturating_sub(2 * ALIGNMENT) / row_bytes;
            if fitting == 0 || (fits_one_shard && fitting < rows) {
                self.close()?;
                continue;
            }
            let part = row..rows.min(row + fitting);
            let bytes = encoded(part.clone())?;
            self.place(name, part.start, part.len(), cols, precision, &bytes);
            row = part.end;
        }
        Ok(())
    }

    fn place(&mut self, name: &str, row_start: usize, rows: usize, cols: usize, precision: Precision, from: &Encoded) {
        let (dtype, stored_cols) = stored_as(cols, precision);
        let data = self.open.push(name.to_owned(), dtype, [rows, stored_cols], &from.data);
        let scales = precision
            .is_quantized()
            .then(|| self.open.push(format!("{name}.scales"), "F16", [rows, blocks_per_row(cols)], &from.scales));
        if let Some(entry) = self.tensors.get_mut(name) {
            entry.parts.push(Part { shard: self.shards.len(), row_start, rows, data, scales });
        }
        self.open.parts.push(name.to_owned());
    }

    /// Writes the open shard and moves the offsets of its parts behind its header.
    fn close(&mut self) -> Result<()> {
        let open = std::mem::take(&mut self.open);
        if open.entries.is_empty() {
            return Ok(());
        }
        let header = file::header(&open.entries, 0);
        let index = self.shards.len();
        let shift = header.len() as u64;
        for name in &open.parts {
            for part in self.tensors.get_mut(name).into_iter().flat_map(|t| &mut t.parts).filter(|p| p.shard == index) {
                part.data = (part.data.0 + shift, part.data.1 + shift);
                part.scales = part.scales.map(|(start, end)| (start + shift, end + shift));
            }
        }
        let pieces = [header.as_slice(), open.data.as_slice()];
        let name = self.naming.name(index, &pieces);
        self.shards.push(file::write_pieces(&self.folder, &name, pieces)?);
        Ok(())
    }

    /// Writes the last shard and returns all, with the places of the tensors in them.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn finish(mut self) -> Result<(Vec<FileEntry>, BTreeMap<String, TensorEntry>)> {
        self.close()?;
        Ok((self.shards, self.tensors))
    }
}

/// The encoder [rows = width, cols = d_model] from the checkpoint's [d_model, width].
fn transposed(tensors: &Tensors, name: &str, rows: usize, cols: usize) -> Result<Vec<f32>> {
    let values = tensors.read(name, (cols, rows))?;
    let mut out = Vec::with_capacity(values.len());
    for r in 0..rows {
        out.extend((0..cols).map(|c| values[c * rows + r]));
    }
    Ok(out)
}
