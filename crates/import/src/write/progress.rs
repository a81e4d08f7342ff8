//! How far packing is.

/// How far packing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'a> {
    /// What is being written.
    pub what: &'a str,
    /// Values written so far, of matrices and embedding together.
    pub values_done: u64,
    /// All values that will be written.
    pub values_total: u64,
}

/// Counts values and passes them on.
pub(crate) struct Counter<'a> {
    /// Where the counts go.
    pub(crate) report: &'a mut dyn FnMut(Progress<'_>),
    /// Values written so far.
    pub(crate) done: u64,
    /// All values that will be written.
    pub(crate) total: u64,
}

impl Counter<'_> {
    /// Counts `values` more of `what`.
    pub(crate) fn add(&mut self, what: &str, values: usize) {
        self.done += values as u64;
        (self.report)(Progress { what, values_done: self.done, values_total: self.total });
    }
}
