//! Small safetensors files of what goes into a pack's words, so that other machines need not compute it: they name the
//! pack they were made with.

use std::collections::HashMap;
use std::path::Path;

use lens_pack::block::Precision;
use lens_pack::folder::FolderManifest;
use lens_pack::text::not_tensors;
use safetensors::{Dtype, SafeTensors};
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::storage::Storage;
use crate::write::encode::encode;
use crate::write::file::{self, Entry};

/// Largest file: the lens of a model of width 8192.
const BYTES_MAX: u64 = 160 << 20;

/// A matrix with its name and its precision, f32 or f16.
pub struct Named<'a> {
    pub name: &'static str,
    pub values: &'a [f32],
    pub cols: usize,
    pub precision: Precision,
}

/// Writes tensors of `format`, made with the pack of `pack_hash`.
///
/// # Errors
/// [`Error::Write`]; [`Error::Malformed`] for values that the precision cannot store.
pub fn write(path: &Path, format: &str, pack_hash: &str, metadata: &[(&str, String)], tensors: &[Named]) -> Result<()> {
    let mut about = Map::new();
    about.insert("format".to_owned(), format.into());
    about.insert("pack_hash".to_owned(), pack_hash.into());
    about.extend(metadata.iter().map(|(key, value)| ((*key).to_owned(), value.clone().into())));
    let mut entries = Vec::new();
    let mut data = Vec::new();
    for tensor in tensors {
        let encoded = encode(tensor.values, tensor.cols, tensor.precision, &path.display().to_string(), tensor.name)?;
        let dtype = if tensor.precision == Precision::F16 { "F16" } else { "F32" };
        let shape = [tensor.values.len() / tensor.cols.max(1), tensor.cols];
        entries.push(Entry { name: tensor.name.to_owned(), dtype, shape, bytes: encoded.data.len() });
        data.extend(encoded.data);
    }
    let header = file::header_with(Value::Object(about), &entries, 0);
    Ok(lens_files::write_pieces(path, [header.as_slice(), data.as_slice()])?)
}

/// A file that was read.
pub struct TensorFile {
    name: String,
    bytes: Vec<u8>,
    metadata: HashMap<String, String>,
    /// d_model of the pack that it is for.
    pub d_model: usize,
}

impl TensorFile {
    /// Reads a file of `format` for the pack in `folder`.
    ///
    /// # Errors
    /// [`Error::Malformed`] when it is no such file, [`Error::Mismatch`] when it was made with another pack.
    pub fn read(path: &Path, format: &str, folder: &Path) -> Result<Self> {
        let pack = FolderManifest::read(folder)?;
        let name = path.display().to_string();
        if std::fs::metadata(path).is_ok_and(|meta| meta.len() > BYTES_MAX) {
            return Err(Error::malformed(
                name,
                format!("larger than {BYTES_MAX} bytes: it is not the file that its name suggests"),
            ));
        }
        let bytes =
            std::fs::read(path).map_err(|source| Error::Io { action: "read", path: path.to_owned(), source })?;
        if let Some(other) = not_tensors(&bytes) {
            return Err(Error::malformed(name, other));
        }
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|e| not_safetensors(&name, &e))?;
        let metadata = header.metadata().clone().unwrap_or_default();
        let file = Self { name, bytes, metadata, d_model: pack.manifest.gemma.hidden_size };
        if file.field("format")? != format {
            return Err(file.wrong(format!("its format is {:?}, not {format:?}", file.field("format")?)));
        }
        let short = |hash: &str| hash.chars().take(12).collect::<String>();
        let made_with = file.field("pack_hash")?;
        if made_with != pack.hash {
            let (made_with, hash) = (short(made_with), short(&pack.hash));
            return Err(Error::Mismatch(format!(
                "{}: made with the pack {made_with}, this one is {hash}; give a --corpus instead",
                file.name
            )));
        }
        Ok(file)
    }

    /// A field of the metadata.
    pub fn field(&self, key: &str) -> Result<&str> {
        self.metadata.get(key).map(String::as_str).ok_or_else(|| self.wrong(format!("its metadata has no {key}")))
    }

    /// The values of a tensor.
    pub fn values(&self, tensor: &str) -> Result<Vec<f32>> {
        let tensors = SafeTensors::deserialize(&self.bytes).map_err(|e| not_safetensors(&self.name, &e))?;
        let view = tensors.tensor(tensor).map_err(|_| self.wrong(format!("tensor {tensor} is missing")))?;
        let mut values = Vec::new();
        match view.dtype() {
            Dtype::F32 => Storage::F32.decode(view.data(), &mut values),
            Dtype::F16 => Storage::F16.decode(view.data(), &mut values),
            other => return Err(self.wrong(format!("tensor {tensor} is of type {other:?}"))),
        }
        Ok(values)
    }

    /// This file is not what it should be.
    pub fn wrong(&self, problem: impl std::fmt::Display) -> Error {
        Error::malformed(&self.name, problem)
    }
}

fn not_safetensors(file: &str, error: &safetensors::SafeTensorError) -> Error {
    Error::malformed(file, format!("not a safetensors file, or cut short: {error}"))
}
