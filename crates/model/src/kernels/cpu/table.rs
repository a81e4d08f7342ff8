//! A matrix that several threads write different columns of.

use std::marker::PhantomData;
use std::mem::MaybeUninit;

/// A matrix [rows, columns] in memory that nothing else reads or writes while this lives, and that holds nothing yet.
#[derive(Clone, Copy)]
pub struct Table<'a> {
    start: *mut MaybeUninit<f32>,
    len: usize,
    columns: usize,
    values: PhantomData<&'a mut [MaybeUninit<f32>]>,
}

// SAFETY: it is a pointer to f32s; only `part` goes through it, and requires that no two parts in use overlap.
unsafe impl Send for Table<'_> {}
// SAFETY: as above.
unsafe impl Sync for Table<'_> {}

impl<'a> Table<'a> {
    /// `count` numbers of a row from the column `first` on.
    ///
    /// # Safety
    /// Nothing else may read or write these numbers while the result lives.
    #[inline(always)]
    pub unsafe fn part(self, row: usize, first: usize, count: usize) -> &'a mut [MaybeUninit<f32>] {
        assert!(first + count <= self.columns && (row + 1) * self.columns <= self.len);
        // SAFETY: the part is within the capacity that `written` holds while `write` runs, which takes a table of any lifetime, so
        // that neither it nor a part can stay; by contract nothing else uses the part.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(row * self.columns + first), count) }
    }
}

impl Table<'_> {
    /// Has `count` numbers of a row from the column `first` on fetched into the caches, to be written there: rows are pages apart, and
    /// a write would wait for each.
    #[inline(always)]
    pub fn fetch(self, row: usize, first: usize, count: usize) {
        #[cfg(target_arch = "x86_64")]
        for column in (first..first + count).step_by(16) {
            use std::arch::x86_64::{_MM_HINT_ET0, _mm_prefetch};
            // SAFETY: every processor of this architecture passes over the instruction where it does not know it, and nothing is read
            // or written, wherever the address is.
            unsafe { _mm_prefetch::<_MM_HINT_ET0>(self.start.wrapping_add(row * self.columns + column).cast()) };
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = (row, first, count);
    }
}

/// The matrix [rows, columns] that `write` makes. Zeros that it would only overwrite cost a fiftieth of a step of training.
///
/// # Safety
/// `write` writes every number.
pub unsafe fn written(rows: usize, columns: usize, write: impl FnOnce(Table<'_>)) -> Vec<f32> {
    let len = rows * columns;
    let mut values = Vec::with_capacity(len);
    let start = values.spare_capacity_mut().as_mut_ptr();
    write(Table { start, len, columns, values: PhantomData });
    // SAFETY: there is capacity for them, the vector was not touched in between, and by contract all were written.
    unsafe { values.set_len(len) };
    values
}
