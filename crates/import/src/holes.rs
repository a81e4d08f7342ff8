//! Holes in files of weights: stretches of zeros where a download did not get to, in a file whose place was taken beforehand.
//!
//! Files have holes of whole pages. What tells one from zeros that a model has is its shape: a page ends where it ends, a
//! model's zeros are whole rows (tokens that are not used, neurons that were pruned) or the same columns of every row. So
//! a stretch of zeros of about a page that covers a part of a row, in columns that are not zero in every row, is refused. Of
//! whole rows of zeros, which may be either, there is a note.

use std::ops::Range;

use lens_pack::tensor_spec::ENCODER;

use crate::error::{Error, Result};
use crate::storage::Storage;

/// Bytes of a page, the least that is missing of a file.
const PAGE_BYTES: usize = 4096;
/// Bytes of a stretch at an end of a tensor, which may go on in the tensor beside it.
const EDGE_BYTES: usize = 512;
/// Bytes of a part of a row that are not zero by chance.
const PART_BYTES: usize = 64;
/// An SAE's decoder.
const DICTIONARY: &str = "sae.D";

/// Looks for holes in a tensor [rows, cols] whose rows come one after another.
pub(crate) struct HoleScan {
    /// The file or folder as the person named it.
    origin: String,
    name: String,
    rows: usize,
    cols: usize,
    /// What a zero of the file is read as: another number where one is added to every value.
    zero: f32,
    /// Lengths in values.
    page: usize,
    edge: usize,
    part: usize,
    /// Values so far.
    at: usize,
    /// Where the zeros begin that end at `at`.
    start: usize,
    /// Stretches that are long enough to be a hole.
    stretches: Vec<Range<usize>>,
    /// Columns that are not zero in some row.
    is_live: Vec<bool>,
}

impl HoleScan {
    /// Of tensor `name` [rows, cols], whose zeros are read as `zero`; made-up values have no storage, and no holes.
    pub(crate) fn new(origin: &str, name: &str, (rows, cols): (usize, usize), storage: Storage, zero: f32) -> Self {
        // A page has parts of blocks at both ends.
        let whole = |bytes: usize| {
            let blocks = (bytes + 2).saturating_sub(2 * storage.block_bytes()) / storage.block_bytes();
            blocks.max(1) * storage.block_values()
        };
        let part = whole(PART_BYTES + 2 * storage.block_bytes()).min(cols / 4).max(1);
        // A norm that multiplies by zero is none, wherever it lies.
        let page = if zero == 0.0 { whole(PAGE_BYTES) } else { part };
        Self {
            origin: origin.to_owned(),
            name: name.to_owned(),
            rows,
            cols,
            zero,
            page,
            edge: whole(EDGE_BYTES),
            part,
            at: 0,
            start: 0,
            stretches: Vec::new(),
            is_live: vec![false; cols],
        }
    }

    /// Takes the next rows.
    pub(crate) fn add(&mut self, values: &[f32]) {
        for row in values.chunks(self.cols) {
            for (is_live, value) in self.is_live.iter_mut().zip(row) {
                *is_live |= *value != self.zero;
            }
        }
        for (index, value) in values.iter().enumerate() {
            if *value != self.zero {
                self.end(self.at + index);
            }
        }
        self.at += values.len();
    }

    /// A value that is not zero, or the end of the tensor.
    fn end(&mut self, end: usize) {
        let length = end - self.start;
        let is_edge = length > 0 && (self.start == 0 || end == self.rows * self.cols);
        if length >= self.page || is_edge && length >= self.edge {
            self.stretches.push(self.start..end);
        }
        self.start = end + 1;
    }

    /// What the tensor as a whole shows: a note, where there is something to say.
    ///
    /// # Errors
    /// [`Error::Malformed`] for a hole.
    pub(crate) fn finish(mut self) -> Result<Option<String>> {
        self.end(self.at);
        if !self.is_live.contains(&true) {
            return if self.cannot_be_zero() { Err(self.refusal(None)) } else { Ok(None) };
        }
        // A bias of an SAE may be zero where it is not used; its parts are no rows of anything.
        let is_vector = self.rows == 1;
        if is_vector && self.name.starts_with("sae.") {
            return Ok(None);
        }
        if let Some(hole) = self.stretches.iter().find(|it| is_vector || self.parts(it).any(|part| self.is_torn(part)))
        {
            return Err(self.refusal(Some(hole)));
        }
        let whole: Vec<Range<usize>> = self
            .stretches
            .iter()
            .filter(|it| it.len() >= self.page)
            .map(|it| it.start.div_ceil(self.cols)..it.end / self.cols)
            .filter(|rows| !rows.is_empty())
            .collect();
        let Some(first) = whole.first() else { return Ok(None) };
        let count: usize = whole.iter().map(ExactSizeIterator::len).sum();
        let places = whole.len();
        let more = if places > 1 { format!(", {count} rows in {places} places in all,") } else { String::new() };
        Ok(Some(format!(
            "{}: rows {} to {} of tensor {}{more} are zero: rows that are not used can be, and so is a hole where a download did \
             not get to; if this is unexpected, get the file again",
            self.origin,
            first.start,
            first.end - 1,
            self.shown(),
        )))
    }

    /// The columns of the rows that a stretch covers in part.
    fn parts(&self, stretch: &Range<usize>) -> impl Iterator<Item = Range<usize>> + use<> {
        let (first, last) = (stretch.start / self.cols, (stretch.end - 1) / self.cols);
        let (start, end) = (stretch.start % self.cols, (stretch.end - 1) % self.cols + 1);
        let (cols, is_one_row) = (self.cols, first == last);
        let head = if is_one_row { start..end } else { start..cols };
        let tail = (!is_one_row).then_some(0..end);
        std::iter::once(head).chain(tail).filter(move |part| part.len() < cols)
    }

    /// Whether a model would not have zeros in this part of one row only.
    fn is_torn(&self, part: Range<usize>) -> bool {
        self.is_live[part].iter().filter(|is_live| **is_live).count() >= self.part
    }

    /// Whether it cannot be all zeros: a matrix of a model, or an SAE's dictionary. Norms and biases can, and so can the
    /// attention of an SAE that was not trained for long.
    fn cannot_be_zero(&self) -> bool {
        let may_be_zero = self.name.starts_with("sae.") && !matches!(self.name.as_str(), DICTIONARY | ENCODER);
        (self.rows > 1 && self.cols > 1 || self.zero != 0.0) && !may_be_zero
    }

    /// An SAE's tensors have no prefix in their file.
    fn shown(&self) -> &str {
        self.name.strip_prefix("sae.").unwrap_or(&self.name)
    }

    fn refusal(&self, hole: Option<&Range<usize>>) -> Error {
        let what = match hole {
            None => format!("every value of tensor {} is zero", self.shown()),
            Some(it) => {
                let (first, last) = (it.start / self.cols, (it.end - 1) / self.cols);
                format!(
                    "{} values in a row are zero in tensor {}, from row {first} to row {last}",
                    it.len(),
                    self.shown()
                )
            }
        };
        Error::malformed(
            &self.origin,
            format!("{what}, as in a file with holes where its download did not get to; get the file again"),
        )
    }
}
