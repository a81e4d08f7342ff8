//! Named tensors in files, whatever the files look like.
//!
//! Opening reads headers only. Rows are read on demand, so that a checkpoint of any size needs the
//! memory of its largest request.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::error::{Error, Result};
use crate::holes::HoleScan;
use crate::random_rows::RandomRows;
use crate::storage::{Storage, UnknownStorage};

/// Values of a matrix read at once where each is looked at.
const VALUES_AT_ONCE: usize = 8 << 20;

/// Where a tensor lies.
#[derive(Debug, Clone)]
pub(crate) struct Located {
    /// Index into [`Tensors::files`].
    pub(crate) file: usize,
    /// First byte in that file.
    pub(crate) offset: u64,
    /// Outermost dimension first.
    pub(crate) shape: Vec<usize>,
    /// How it is stored; otherwise the name of a format this crate does not read.
    pub(crate) storage: std::result::Result<Storage, UnknownStorage>,
    /// Added to every value: -1 for the norms of GGUF files, which hold weight + 1.
    pub(crate) shift: f32,
}

/// What tensors are read from.
#[derive(Debug)]
pub(crate) enum Backing {
    /// A file of them.
    File(PathBuf, File),
    /// Values made up when they are asked for.
    Random(RandomRows),
}

/// Named tensors of one or several files. A tensor is a matrix [rows, cols]: a vector is one row.
#[derive(Debug)]
pub struct Tensors {
    /// The file or folder as the person named it.
    origin: String,
    pub(crate) files: Vec<Backing>,
    pub(crate) located: BTreeMap<String, Located>,
    /// Tensors that an index places in a file that is not there: name to file.
    pub(crate) absent: BTreeMap<String, String>,
    /// Names of tensors that [`Self::rename`] had none for.
    pub(crate) unnamed: Vec<String>,
    /// Where an index and its files contradict each other about a tensor: its name, and what is wrong.
    pub(crate) contradictions: Vec<(String, String)>,
    /// What is odd about the files, and hinders nothing.
    pub(crate) warnings: Vec<String>,
    /// See [`Self::notes`].
    notes: Mutex<BTreeSet<String>>,
}

impl Tensors {
    pub(crate) fn new(origin: &Path) -> Self {
        Self {
            origin: origin.display().to_string(),
            files: Vec::new(),
            located: BTreeMap::new(),
            absent: BTreeMap::new(),
            unnamed: Vec::new(),
            contradictions: Vec::new(),
            warnings: Vec::new(),
            notes: Mutex::default(),
        }
    }

    /// The file or folder as the person named it, for errors.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Whether the values are random: such a model has no tokenizer of its own.
    pub(crate) fn is_made_up(&self) -> bool {
        self.files.iter().any(|backing| matches!(backing, Backing::Random(_)))
    }

    /// Names of all tensors, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.located.keys().map(String::as_str)
    }

    /// Shape of a tensor, outermost dimension first, if it is there.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.located.get(name).map(|l| l.shape.as_slice())
    }

    fn find(&self, name: &str) -> Result<&Located> {
        self.located.get(name).ok_or_else(|| match self.absent.get(name) {
            Some(file) => Error::Malformed {
                file: file.clone(),
                problem: format!("the file is missing; tensor {name} lies in it"),
            },
            None => {
                // An SAE's have no prefix in its file.
                let tensor = name.strip_prefix("sae.").unwrap_or(name).to_owned();
                Error::MissingTensor { file: self.origin.clone(), tensor }
            }
        })
    }

    /// Checks that a tensor is there, has this shape, and is stored in a format this crate reads.
    /// `expected` is [rows, cols]; a vector in the file counts as one row.
    ///
    /// # Errors
    /// [`Error::MissingTensor`], [`Error::Shape`], [`Error::Malformed`].
    pub fn check(&self, name: &str, expected: (usize, usize)) -> Result<()> {
        let located = self.find(name)?;
        let fits = match located.shape.as_slice() {
            [cols] => expected == (1, *cols),
            [rows, cols] => expected == (*rows, *cols),
            _ => false,
        };
        let file = || match &self.files[located.file] {
            Backing::File(path, _) => path.display().to_string(),
            Backing::Random(_) => self.origin.clone(),
        };
        if !fits {
            let vector = located.shape.len() == 1 && expected.0 == 1;
            let expected = if vector { vec![expected.1] } else { vec![expected.0, expected.1] };
            return Err(Error::Shape { file: file(), tensor: name.to_owned(), found: located.shape.clone(), expected });
        }
        match &located.storage {
            Ok(_) => Ok(()),
            Err(format) => Err(Error::Malformed {
                file: file(),
                problem: format!(
                    "tensor {name} is stored as {format}, which this program does not read; get the model in F32, F16, BF16, Q8_0, \
                     Q6_K, Q5_K, Q5_1, Q5_0, Q4_K, Q4_1, Q4_0 or IQ4_NL"
                ),
            }),
        }
    }

    /// Reads rows of a tensor as f32, row-major [rows.len(), cols].
    ///
    /// # Errors
    /// [`Error`] when the tensor is missing, has other than one or two dimensions, is stored in an
    /// unknown format, or cannot be read.
    pub fn read_rows(&self, name: &str, rows: Range<usize>) -> Result<Vec<f32>> {
        let located = self.find(name)?;
        let (row_count, cols) = match located.shape.as_slice() {
            [cols] => (1, *cols),
            [rows, cols] => (*rows, *cols),
            _ => (0, 0),
        };
        let expected = (row_count, cols);
        self.check(name, expected)?;
        let cut_short = || Error::Malformed {
            file: self.origin.clone(),
            problem: format!("tensor {name} has no rows {} to {}", rows.start, rows.end),
        };
        let Ok(storage) = located.storage else { return Err(cut_short()) };
        let row_bytes = storage.bytes(cols as u64).ok_or_else(cut_short)?;
        if rows.start > rows.end || rows.end > row_count {
            return Err(cut_short());
        }
        let (path, mut file) = match &self.files[located.file] {
            Backing::File(path, file) => (path, file),
            Backing::Random(random) => return Ok(random.rows(name, rows, cols)),
        };
        let length = usize::try_from(row_bytes * rows.len() as u64).map_err(|_| cut_short())?;
        let mut bytes = vec![0u8; length];
        let read_failed = |source_error| Error::Io { action: "read", path: path.clone(), source: source_error };
        file.seek(SeekFrom::Start(located.offset + row_bytes * rows.start as u64)).map_err(read_failed)?;
        file.read_exact(&mut bytes).map_err(read_failed)?;
        let mut values = Vec::new();
        storage.decode(&bytes, &mut values);
        if located.shift != 0.0 {
            values.iter_mut().for_each(|v| *v += located.shift);
        }
        Ok(values)
    }

    /// Reads a whole tensor as f32 after [`Self::check`]ing its shape.
    ///
    /// # Errors
    /// As [`Self::check`] and [`Self::read_rows`].
    pub fn read(&self, name: &str, expected: (usize, usize)) -> Result<Vec<f32>> {
        self.check(name, expected)?;
        let values = self.read_rows(name, 0..expected.0)?;
        let mut scan = self.hole_scan(name, expected)?;
        scan.add(&values);
        self.finish_scan(scan)?;
        Ok(values)
    }

    /// Hands tensor `name` [rows, cols] to `take`, a few rows after another, as [`Self::read`] gives it as a whole.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_in_pieces(&self, name: &str, (rows, cols): (usize, usize), mut take: impl FnMut(&[f32])) -> Result<()> {
        self.check(name, (rows, cols))?;
        let mut scan = self.hole_scan(name, (rows, cols))?;
        let step = (VALUES_AT_ONCE / cols.max(1)).max(1);
        for start in (0..rows).step_by(step) {
            let values = self.read_rows(name, start..rows.min(start + step))?;
            scan.add(&values);
            take(&values);
        }
        self.finish_scan(scan)
    }

    /// For who reads the rows of tensor `name` [rows, cols] one after another.
    pub(crate) fn hole_scan(&self, name: &str, shape: (usize, usize)) -> Result<HoleScan> {
        let located = self.find(name)?;
        Ok(HoleScan::new(self.origin(), name, shape, located.storage.clone().unwrap_or(Storage::F32), located.shift))
    }

    /// What was found while values were read, and hinders nothing.
    pub fn notes(&self) -> Vec<String> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// After the last row.
    pub(crate) fn finish_scan(&self, scan: HoleScan) -> Result<()> {
        if let Some(note) = scan.finish()? {
            self.notes.lock().unwrap_or_else(PoisonError::into_inner).insert(note);
        }
        Ok(())
    }

    /// Renames tensors; those for which `rename` gives nothing are dropped, their names are not.
    pub(crate) fn rename(&mut self, rename: impl Fn(&str) -> Option<String>) -> Result<()> {
        let mut renamed = BTreeMap::new();
        for (name, located) in std::mem::take(&mut self.located) {
            let Some(new_name) = rename(&name) else {
                self.unnamed.push(name);
                continue;
            };
            if renamed.insert(new_name.clone(), located).is_some() {
                return Err(Error::Malformed {
                    file: self.origin.clone(),
                    problem: format!("two tensors stand for {new_name}, one of them {name}"),
                });
            }
        }
        self.located = renamed;
        let absent = std::mem::take(&mut self.absent);
        self.absent = absent.into_iter().filter_map(|(name, file)| Some((rename(&name)?, file))).collect();
        Ok(())
    }
}

/// Opens a file of a checkpoint; a pipe would be waited for.
pub(crate) fn open_file(path: &Path) -> Result<File> {
    let io = |source| Error::Io { action: "read", path: path.to_owned(), source };
    if !path.metadata().map_err(io)?.is_file() {
        let problem = "it is a folder, a pipe or a device, where a file belongs";
        return Err(Error::malformed(path.display().to_string(), problem));
    }
    File::open(path).map_err(io)
}

/// Reads a small text file, refusing anything past `limit_bytes`.
pub(crate) fn read_text(path: &Path, limit_bytes: u64) -> Result<String> {
    open_file(path)?;
    Ok(lens_pack::text::read_data_up_to(path, limit_bytes)?)
}
