//! A matrix that several threads write different columns of.

use std::marker::PhantomData;

/// A matrix [rows, columns] in a slice that nothing else reads or writes while this lives.
#[derive(Clone, Copy)]
pub struct Table<'a> {
    start: *mut f32,
    len: usize,
    columns: usize,
    values: PhantomData<&'a mut [f32]>,
}

// SAFETY: it is a pointer to f32s; only `part` writes through it, and it requires that no two parts in use overlap.
unsafe impl Send for Table<'_> {}
// SAFETY: as above.
unsafe impl Sync for Table<'_> {}

impl<'a> Table<'a> {
    pub fn new(values: &'a mut [f32], columns: usize) -> Self {
        Self { start: values.as_mut_ptr(), len: values.len(), columns, values: PhantomData }
    }

    /// `count` numbers of a row from the column `first` on.
    ///
    /// # Safety
    /// Nothing else may read or write these numbers while the result lives.
    #[inline(always)]
    pub unsafe fn part(self, row: usize, first: usize, count: usize) -> &'a mut [f32] {
        assert!(first + count <= self.columns && (row + 1) * self.columns <= self.len);
        // SAFETY: the part is within the slice, which is borrowed for 'a, and by contract nothing else uses it.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(row * self.columns + first), count) }
    }
}
