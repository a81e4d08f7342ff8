//! The GGUF container, versions 2 and 3 (specification: `docs/gguf.md` of ggml).
//!
//! The file is untrusted: every count and length is compared with the bytes that are left in it
//! before anything is allocated or skipped.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use lens_pack::instead::{ExpectedInput, instead};
use lens_pack::text::{not_tensors, not_the_file};

use crate::error::{Error, Result};
use crate::safetensors_header::{EMPTY, head};
use crate::storage::{Storage, UnknownStorage};
use crate::tensors::{Backing, Located, Tensors, open_file};

/// Strings longer than this are skipped (chat templates).
const TEXT_BYTES_MAX: u64 = 1 << 16;
/// Arrays of more values are skipped (vocabularies), and all arrays once this many values were stored.
const ARRAY_VALUES_MAX: u64 = 1 << 14;
/// The key of the vocabulary's spellings, which are held against those of a tokenizer.
pub const TOKENS: &str = "tokenizer.ggml.tokens";
/// More tensors, or more metadata, than any model has.
const ENTRIES_MAX: u64 = 1 << 16;
/// Texts in an array that is kept, at most: Gemma 3's vocabulary has 262,208.
const TEXTS_MAX: u64 = 1 << 19;
/// The type of a text.
const TEXT: u32 = 8;
/// The type of an array.
const ARRAY: u32 = 9;
/// Dimensions of a tensor of ggml, at most.
const DIMENSIONS_MAX: u32 = 4;
/// Arrays in arrays carry no configuration, but may be there.
const NESTING_MAX: u32 = 4;

/// A metadata value this crate can use; everything else is [`Value::Skipped`].
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Any unsigned integer.
    Unsigned(u64),
    /// Any signed integer.
    Signed(i64),
    /// Any float; a 32-bit one as its shortest decimal form reads.
    Float(f64),
    /// True or false.
    Bool(bool),
    /// Text.
    Text(String),
    /// A short array.
    Array(Vec<Value>),
    /// The texts of [`TOKENS`].
    Texts(Vec<String>),
    /// Too long to be of interest.
    Skipped,
}

/// Metadata by key.
pub type Values = BTreeMap<String, Value>;

/// Reads metadata and the places of all tensors, under the names in the file.
///
/// # Errors
/// [`Error`] when the file cannot be read, is not a GGUF file of these versions, or is cut short.
pub fn open(path: &Path) -> Result<(Values, Tensors)> {
    let read_failed = |source| Error::Io { action: "read", path: path.to_owned(), source };
    let mut file = open_file(path)?;
    let head = head(&mut file).map_err(read_failed)?;
    // JSON is what a host says of a file that it does not give.
    let other = match head.first() {
        None => Some(EMPTY.to_owned()),
        Some(b'{') => not_tensors(&head),
        Some(_) => not_the_file(&head).map(|other| other.to_string()),
    };
    if let Some(other) = other {
        return Err(Error::malformed(path.display().to_string(), other));
    }
    let file_bytes = file.metadata().map_err(read_failed)?.len();
    let mut reader = Reader { input: BufReader::with_capacity(1 << 16, file), at: 0, file_bytes, array_values: 0 };
    let (values, infos) = reader.header().map_err(|e| {
        let other = if matches!(e, GgufError::Magic) { instead(path, ExpectedInput::Model) } else { String::new() };
        Error::malformed(path.display().to_string(), format!("{e}{other}"))
    })?;

    let mut tensors = Tensors::new(path);
    let malformed = |problem: String| Error::Malformed { file: path.display().to_string(), problem };
    let alignment = match values.get("general.alignment") {
        None => 32,
        Some(Value::Unsigned(a)) if a.is_power_of_two() && *a <= 1 << 20 => *a,
        Some(other) => return Err(malformed(format!("general.alignment is {other:?}"))),
    };
    let data_start = reader.at.next_multiple_of(alignment);
    // Where each tensor begins and ends, and its name; no end where its size is not known.
    let mut places: Vec<(u64, Option<u64>, String)> = Vec::with_capacity(infos.len());
    for info in infos {
        let (name, offset, shape) = (info.name, info.offset, info.shape);
        let storage = storage_of(info.kind);
        let start = data_start.checked_add(offset).filter(|s| *s <= file_bytes);
        let cols = shape.last().copied().unwrap_or(1) as u64;
        let values = shape.iter().try_fold(1u64, |n, d| n.checked_mul(*d as u64));
        let end = match &storage {
            Ok(storage) => {
                if storage.bytes(cols).is_none() {
                    return Err(malformed(format!("tensor {name} has rows of {cols} values, not whole blocks")));
                }
                values.and_then(|n| storage.bytes(n)).zip(start).and_then(|(bytes, start)| start.checked_add(bytes))
            }
            // Size unknown; reading its values is an error.
            Err(_) => start,
        };
        let (Some(start), Some(end)) = (start, end.filter(|end| *end <= file_bytes)) else {
            return Err(malformed(format!("tensor {name} lies past the end of the file: it is cut short")));
        };
        places.push((start, storage.is_ok().then_some(end), name.clone()));
        let located = Located { file: 0, offset: start, shape, storage, shift: 0.0 };
        if tensors.located.insert(name.clone(), located).is_some() {
            return Err(malformed(format!("two tensors are named {name}")));
        }
    }
    check_places(places, data_start, alignment, file_bytes).map_err(|problem| malformed(problem.to_string()))?;
    tensors.files.push(Backing::File(path.to_owned(), reader.input.into_inner()));
    Ok((values, tensors))
}

/// Tensors lie one after another, each at the next multiple of the alignment, up to the end of the file: the specification
/// says so, and otherwise an offset is damaged, or the file is.
fn check_places(
    mut places: Vec<(u64, Option<u64>, String)>,
    data_start: u64,
    alignment: u64,
    file_bytes: u64,
) -> Parsed<()> {
    places.sort();
    let mut next = Some(data_start);
    for (start, end, name) in &places {
        if next.is_some_and(|next| next != *start) {
            return Err(GgufError::Offset(name.clone()));
        }
        next = end.map(|end| end.next_multiple_of(alignment));
    }
    match next.filter(|_| !places.is_empty()) {
        Some(next) if file_bytes > next => Err(GgufError::TrailingBytes { bytes: file_bytes, end: next }),
        _ => Ok(()),
    }
}

/// ggml's numbering of storage types.
fn storage_of(kind: u32) -> std::result::Result<Storage, UnknownStorage> {
    Ok(match kind {
        0 => Storage::F32,
        1 => Storage::F16,
        2 => Storage::Q4_0,
        3 => Storage::Q4_1,
        6 => Storage::Q5_0,
        7 => Storage::Q5_1,
        8 => Storage::Q8_0,
        12 => Storage::Q4K,
        13 => Storage::Q5K,
        14 => Storage::Q6K,
        20 => Storage::Iq4Nl,
        30 => Storage::Bf16,
        other => {
            let name = NOT_READ.iter().find(|(kind, _)| *kind == other).map(|(_, name)| (*name).to_owned());
            return Err(UnknownStorage(name.unwrap_or_else(|| format!("ggml type {other}"))));
        }
    })
}

/// Types that are not read, by ggml's numbering (ggml.h).
const NOT_READ: [(u32, &str); 21] = [
    (9, "Q8_1"),
    (10, "Q2_K"),
    (11, "Q3_K"),
    (15, "Q8_K"),
    (16, "IQ2_XXS"),
    (17, "IQ2_XS"),
    (18, "IQ3_XXS"),
    (19, "IQ1_S"),
    (21, "IQ3_S"),
    (22, "IQ2_S"),
    (23, "IQ4_XS"),
    (24, "I8"),
    (25, "I16"),
    (26, "I32"),
    (27, "I64"),
    (28, "F64"),
    (29, "IQ1_M"),
    (34, "TQ1_0"),
    (35, "TQ2_0"),
    (39, "MXFP4"),
    (40, "NVFP4"),
];

struct TensorInfo {
    name: String,
    /// Outermost dimension first.
    shape: Vec<usize>,
    kind: u32,
    /// Bytes from the start of the data.
    offset: u64,
}

/// Why a header cannot be read, or contradicts its tensors, as a sentence without the file's name.
#[derive(Debug, thiserror::Error)]
enum GgufError {
    #[error("not a GGUF file (nor a folder with config.json and safetensors)")]
    Magic,
    #[error(
        "its numbers are big-endian; convert it with gguf-py's gguf_convert_endian.py, or get the file for other machines"
    )]
    BigEndian,
    #[error("metadata {0} is there twice")]
    Twice(String),
    #[error("GGUF version {0} is not read; versions 2 and 3 are")]
    Version(u32),
    #[error("{tensors} tensors and {values} metadata entries are more than any model has")]
    Entries { tensors: u64, values: u64 },
    #[error("a metadata key is longer than any key may be")]
    LongKey,
    #[error("a tensor's name is longer than any name may be")]
    LongName,
    #[error("metadata {key}: {problem}")]
    Metadata { key: String, problem: Box<GgufError> },
    #[error("tensor {name} has {dimensions} dimensions")]
    Dimensions { name: String, dimensions: u32 },
    #[error("tensor {0} has an impossible shape")]
    Shape(String),
    #[error("it is cut short or damaged at byte {at} of {bytes}")]
    CutShort { at: u64, bytes: u64 },
    #[error("cannot read it: {0}")]
    Io(#[from] std::io::Error),
    #[error("impossible length")]
    Length,
    #[error("a string before byte {0} is not UTF-8")]
    Utf8(u64),
    #[error("unknown value type {0}")]
    ValueType(u32),
    #[error("arrays are nested too deeply")]
    Nesting,
    #[error(
        "tensor {0} does not lie where the tensor before it ends: an offset or a size in the file is damaged; get it again"
    )]
    Offset(String),
    #[error("{bytes} bytes long, its tensors end at {end}: there is something after its end")]
    TrailingBytes { bytes: u64, end: u64 },
}

type Parsed<T> = std::result::Result<T, GgufError>;

struct Reader {
    input: BufReader<File>,
    /// Bytes read or skipped so far.
    at: u64,
    file_bytes: u64,
    /// Array values stored so far.
    array_values: u64,
}

impl Reader {
    fn header(&mut self) -> Parsed<(Values, Vec<TensorInfo>)> {
        if self.file_bytes < 4 || &self.bytes::<4>()? != b"GGUF" {
            return Err(GgufError::Magic);
        }
        let version = self.u32()?;
        if matches!(version.swap_bytes(), 2 | 3) {
            return Err(GgufError::BigEndian);
        }
        if version != 2 && version != 3 {
            return Err(GgufError::Version(version));
        }
        let tensor_count = self.u64()?;
        let value_count = self.u64()?;
        if tensor_count > ENTRIES_MAX || value_count > ENTRIES_MAX {
            return Err(GgufError::Entries { tensors: tensor_count, values: value_count });
        }
        // The shortest entry is a key of no letters, its type, and a byte.
        self.has(value_count, 13)?;
        let mut values = Values::new();
        for _ in 0..value_count {
            let key = self.text()?.ok_or(GgufError::LongKey)?;
            let kind = self.u32()?;
            let value = if key == TOKENS && kind == ARRAY { self.texts() } else { self.value(kind, 0) };
            let value =
                value.map_err(|problem| GgufError::Metadata { key: key.clone(), problem: Box::new(problem) })?;
            if values.insert(key.clone(), value).is_some() {
                return Err(GgufError::Twice(key));
            }
        }
        // The shortest entry is a name of no letters, no dimension, type and offset.
        self.has(tensor_count, 24)?;
        let mut infos = Vec::new();
        for _ in 0..tensor_count {
            let name = self.text()?.ok_or(GgufError::LongName)?;
            let dimensions = self.u32()?;
            if dimensions > DIMENSIONS_MAX {
                return Err(GgufError::Dimensions { name, dimensions });
            }
            let mut shape = Vec::new();
            for _ in 0..dimensions {
                let dimension = usize::try_from(self.u64()?).ok().filter(|d| *d > 0);
                shape.push(dimension.ok_or_else(|| GgufError::Shape(name.clone()))?);
            }
            // ggml writes the innermost dimension first.
            shape.reverse();
            infos.push(TensorInfo { name, shape, kind: self.u32()?, offset: self.u64()? });
        }
        Ok((values, infos))
    }

    /// Fails unless `count` items of at least `bytes` each are left in the file.
    fn has(&self, count: u64, bytes: u64) -> Parsed<u64> {
        let left = self.file_bytes.saturating_sub(self.at);
        count
            .checked_mul(bytes)
            .filter(|wanted| *wanted <= left)
            .ok_or(GgufError::CutShort { at: self.at, bytes: self.file_bytes })
    }

    fn bytes<const N: usize>(&mut self) -> Parsed<[u8; N]> {
        self.has(1, N as u64)?;
        let mut bytes = [0u8; N];
        self.input.read_exact(&mut bytes)?;
        self.at += N as u64;
        Ok(bytes)
    }

    fn u32(&mut self) -> Parsed<u32> {
        Ok(u32::from_le_bytes(self.bytes()?))
    }

    fn u64(&mut self) -> Parsed<u64> {
        Ok(u64::from_le_bytes(self.bytes()?))
    }

    fn skip(&mut self, count: u64, bytes: u64) -> Parsed<()> {
        let total = self.has(count, bytes)?;
        let step = i64::try_from(total).map_err(|_| GgufError::Length)?;
        self.input.seek_relative(step)?;
        self.at += total;
        Ok(())
    }

    /// A string, or `None` for one too long to be of interest.
    fn text(&mut self) -> Parsed<Option<String>> {
        let length = self.u64()?;
        self.has(length, 1)?;
        if length > TEXT_BYTES_MAX {
            self.skip(length, 1)?;
            return Ok(None);
        }
        let mut bytes = vec![0u8; length as usize];
        self.input.read_exact(&mut bytes)?;
        self.at += length;
        String::from_utf8(bytes).map(Some).map_err(|_| GgufError::Utf8(self.at))
    }

    fn value(&mut self, kind: u32, nesting: u32) -> Parsed<Value> {
        Ok(match kind {
            0 => Value::Unsigned(self.bytes::<1>()?[0].into()),
            1 => Value::Signed((self.bytes::<1>()?[0] as i8).into()),
            2 => Value::Unsigned(u16::from_le_bytes(self.bytes()?).into()),
            3 => Value::Signed(i16::from_le_bytes(self.bytes()?).into()),
            4 => Value::Unsigned(self.u32()?.into()),
            5 => Value::Signed(i32::from_le_bytes(self.bytes()?).into()),
            // 1e-6 was written as the nearest f32; read back it should be 1e-6 again.
            6 => Value::Float(f32::from_le_bytes(self.bytes()?).to_string().parse().unwrap_or(f64::NAN)),
            7 => Value::Bool(self.bytes::<1>()?[0] != 0),
            TEXT => self.text()?.map_or(Value::Skipped, Value::Text),
            ARRAY => self.array(nesting)?,
            10 => Value::Unsigned(self.u64()?),
            11 => Value::Signed(i64::from_le_bytes(self.bytes()?)),
            12 => Value::Float(f64::from_le_bytes(self.bytes()?)),
            other => return Err(GgufError::ValueType(other)),
        })
    }

    /// An array of texts; skipped where it is of anything else, or of more than a vocabulary has.
    fn texts(&mut self) -> Parsed<Value> {
        let start = (self.u32()?, self.u64()?);
        let (TEXT, count @ ..=TEXTS_MAX) = start else { return self.array_of(start, 0) };
        self.has(count, 8)?;
        let texts: Vec<Option<String>> = (0..count).map(|_| self.text()).collect::<Parsed<_>>()?;
        Ok(texts.into_iter().collect::<Option<_>>().map_or(Value::Skipped, Value::Texts))
    }

    fn array(&mut self, nesting: u32) -> Parsed<Value> {
        if nesting >= NESTING_MAX {
            return Err(GgufError::Nesting);
        }
        let start = (self.u32()?, self.u64()?);
        self.array_of(start, nesting)
    }

    /// The values of an array of this kind and count.
    fn array_of(&mut self, (kind, count): (u32, u64), nesting: u32) -> Parsed<Value> {
        let value_bytes = match kind {
            0 | 1 | 7 => 1,
            2 | 3 => 2,
            4..=6 => 4,
            10..=12 => 8,
            // Strings start with their length, arrays with type and count.
            TEXT => 8,
            ARRAY => 12,
            other => return Err(GgufError::ValueType(other)),
        };
        self.has(count, value_bytes)?;
        let is_stored = !matches!(kind, TEXT | ARRAY) && self.array_values + count <= ARRAY_VALUES_MAX;
        if is_stored {
            self.array_values += count;
            return (0..count).map(|_| self.value(kind, nesting)).collect::<Parsed<_>>().map(Value::Array);
        }
        match kind {
            TEXT => {
                for _ in 0..count {
                    let length = self.u64()?;
                    self.skip(length, 1)?;
                }
            }
            ARRAY => {
                for _ in 0..count {
                    self.array(nesting + 1)?;
                }
            }
            _ => self.skip(count, value_bytes)?,
        }
        Ok(Value::Skipped)
    }
}
