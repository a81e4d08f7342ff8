//! Products of which one operand is mostly zeros: an SAE keeps 64 of a token's 1,920 codes, and the gradients of codes
//! that were not kept are zero, too. They go only over what is not zero: what stands opposite a zero is not read, so that NaN
//! there does not show. Of codes it does, as NaN is not zero.

use std::mem::MaybeUninit;

use pulp::{Simd, WithSimd};

use super::level::{Work, widest};
use super::math::{each_nonzero, scalar_product};
use super::table::{Table, written};
use super::tensor::{FlexTensor, result};
use super::threads::each_index;

/// A matrix of which more than one entry in so many is not zero is multiplied as a whole: a whole matrix takes the registers' rate, entries
/// one by one that of the second-level cache, about a third of it.
const ONE_IN: usize = 8;

/// Rows of a matrix whose entries are counted before all are.
const SAMPLES: usize = 8;

/// Vectors of a result that are summed up together, in registers.
const VECTORS: usize = 8;

/// Columns that a thread takes at a time, a multiple of what is summed up together: with them, 1,920 rows of a factor fit a
/// second-level cache.
const COLUMNS: usize = 128;

/// The entries of a matrix that are not zero, row by row, in the order of their columns.
pub struct Sparse {
    /// Where each row begins, and where the last one ends.
    starts: Vec<usize>,
    /// Column and value.
    entries: Vec<(u32, f32)>,
}

impl Sparse {
    /// Of `values`, row-major with `width` columns; `None` where they are not sparse.
    pub fn of_rows(values: &[f32], width: usize) -> Option<Self> {
        if !seems_sparse(values, width) {
            return None;
        }
        let most = values.len() / ONE_IN;
        let (mut starts, mut entries) = (vec![0], Vec::with_capacity(most + width));
        widest(Work(
            #[inline(always)]
            || {
                for row in values.chunks_exact(width) {
                    each_nonzero(row, |column| entries.push((column as u32, row[column])));
                    if entries.len() > most {
                        return None;
                    }
                    starts.push(entries.len());
                }
                Some(Self { starts, entries })
            },
        ))
    }

    /// The same of the matrix turned, whose rows are the columns of `values`.
    pub fn of_columns(values: &[f32], width: usize) -> Option<Self> {
        Self::of_rows(values, width).map(|rows| rows.turned(width))
    }

    /// The matrix turned; `columns` are those it has.
    fn turned(&self, columns: usize) -> Self {
        let mut starts = vec![0; columns + 1];
        for (column, _) in &self.entries {
            starts[*column as usize + 1] += 1;
        }
        for column in 0..columns {
            starts[column + 1] += starts[column];
        }
        let (mut next, mut entries) = (starts.clone(), vec![(0, 0.0); self.entries.len()]);
        for row in 0..self.rows() {
            for (column, value) in self.row(row) {
                let place = &mut next[*column as usize];
                entries[*place] = (row as u32, *value);
                *place += 1;
            }
        }
        Self { starts, entries }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.starts.len() - 1
    }

    #[inline(always)]
    fn row(&self, row: usize) -> &[(u32, f32)] {
        &self.entries[self.starts[row]..self.starts[row + 1]]
    }
}

/// Whether few of some rows' entries are not zero.
fn seems_sparse(values: &[f32], width: usize) -> bool {
    let rows = values.len().checked_div(width).unwrap_or(0);
    if rows < SAMPLES {
        return false;
    }
    let sample = |i: usize| &values[i * rows / SAMPLES * width..][..width];
    (0..SAMPLES).flat_map(sample).filter(|value| **value != 0.0).count() <= SAMPLES * width / ONE_IN
}

/// The matrix [rows, columns] that `write` makes, some columns at a time, from one to before another.
///
/// # Safety
/// `write` writes all of its columns in every row, and no others.
unsafe fn by_columns(rows: usize, columns: usize, write: impl Fn(usize, usize, Table) + Sync) -> Vec<f32> {
    // SAFETY: the parts have all columns, and by contract each writes them in every row.
    unsafe {
        written(rows, columns, |table| {
            each_index(columns.div_ceil(COLUMNS), |part, _: &mut ()| {
                let first = part * COLUMNS;
                write(first, columns.min(first + COLUMNS), table);
            });
        })
    }
}

/// a b for sparse `a` [m, k] and `b` [k, `width`], row-major: [m, `width`].
pub fn product(a: &Sparse, b: &[f32], width: usize) -> FlexTensor {
    // SAFETY: it writes its columns in every row.
    let out =
        unsafe { by_columns(a.rows(), width, |first, end, table| widest(Columns { a, b, width, first, end, table })) };
    result(out, [a.rows(), width])
}

/// Some columns of a product.
struct Columns<'a> {
    a: &'a Sparse,
    b: &'a [f32],
    width: usize,
    first: usize,
    end: usize,
    table: Table<'a>,
}

impl WithSimd for Columns<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { a, b, width, mut first, end, table } = self;
        let at_once = VECTORS * S::F32_LANES;
        while first + at_once <= end {
            for row in 0..a.rows() {
                let mut sums = [simd.splat_f32s(0.0); VECTORS];
                for (k, value) in a.row(row) {
                    let (value, weights) = (simd.splat_f32s(*value), &b[*k as usize * width + first..][..at_once]);
                    for (sum, weights) in sums.iter_mut().zip(S::as_simd_f32s(weights).0) {
                        *sum = simd.mul_add_e_f32s(value, *weights, *sum);
                    }
                }
                // SAFETY: every column belongs to one part, which writes it once.
                unsafe { table.part(row, first, at_once) }.write_copy_of_slice(bytemuck::cast_slice(&sums));
            }
            first += at_once;
        }
        // What is left, a vector or a part of one at a time: fused as above.
        for first in (first..end).step_by(S::F32_LANES) {
            let count = S::F32_LANES.min(end - first);
            for row in 0..a.rows() {
                let mut sum = simd.splat_f32s(0.0);
                for (k, value) in a.row(row) {
                    let weights = simd.partial_load_f32s(&b[*k as usize * width + first..][..count]);
                    sum = simd.mul_add_e_f32s(simd.splat_f32s(*value), weights, sum);
                }
                // SAFETY: as above.
                let out = unsafe { table.part(row, first, count) };
                out.write_copy_of_slice(&bytemuck::cast_slice(&[sum])[..count]);
            }
        }
    }
}

/// Of a bᵀ for `a` [`rows`, `width`] and `b` [k, `width`], row-major, the entries at `places`, which are the turned matrix's: of
/// each row of b those rows of a. The others are zero.
pub fn product_at(places: &Sparse, rows: usize, [a, b]: [&[f32]; 2], width: usize) -> FlexTensor {
    // Column by column: a row of b stays in the first-level cache, all rows of a in the second.
    let columns = places.rows();
    // SAFETY: as above.
    let out = unsafe {
        by_columns(rows, columns, |first, end, table| {
            widest(ProductAtPlaces { places, first, end, rows, a, b, width, table })
        })
    };
    result(out, [rows, columns])
}

/// Some columns of a product at some places.
struct ProductAtPlaces<'a> {
    /// Turned: each row has the places of a column.
    places: &'a Sparse,
    first: usize,
    end: usize,
    rows: usize,
    a: &'a [f32],
    b: &'a [f32],
    width: usize,
    table: Table<'a>,
}

impl WithSimd for ProductAtPlaces<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let Self { places, first, end, rows, a, b, width, table } = self;
        for row in 0..rows {
            // SAFETY: every column belongs to one part, and what is borrowed here is not used below.
            unsafe { table.part(row, first, end - first) }.fill(MaybeUninit::new(0.0));
        }
        for column in first..end {
            let b = &b[column * width..][..width];
            for (row, _) in places.row(column) {
                let row = *row as usize;
                // SAFETY: as above.
                let out = unsafe { table.part(row, column, 1) };
                out.fill(MaybeUninit::new(scalar_product(&a[row * width..][..width], b)));
            }
        }
    }
}

#[cfg(test)]
// A test that finds nothing has failed.
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Entries of `values`, row by row.
    fn entries(sparse: &Sparse) -> Vec<Vec<(u32, f32)>> {
        (0..sparse.rows()).map(|row| sparse.row(row).to_vec()).collect()
    }

    /// Every way with vectors of every kind that this machine has: all that fuse multiplication and addition give the bits of the
    /// product with the whole matrix, which adds zeros in the same order.
    #[test]
    fn products_are_those_of_whole_matrices_to_the_bit() {
        use super::super::linear::product_of;
        use super::super::panel::DenseColumns;
        use super::super::rows::Rows;
        use crate::ops::Epilogue;

        let value = |i: usize| ((i * 7919 + 13) % 1009) as f32 / 504.0 - 1.0;
        let (rows, inputs) = (40, 77);
        for outputs in [1, 15, 130, 300] {
            let a: Vec<f32> = (0..rows * inputs).map(|i| if i * 31 % 19 == 3 { value(i) } else { 0.0 }).collect();
            let b: Vec<f32> = (0..inputs * outputs).map(value).collect();
            let entries = Sparse::of_rows(&a, inputs).unwrap();
            let weights = DenseColumns { values: &b, rows: inputs, columns: outputs, stride: outputs };
            let whole = product_of(Rows::of_matrix(&a, rows, inputs), &weights, Epilogue::Plain, &[]);
            let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
            for found in [product(&entries, &b, outputs), alone.install(|| product(&entries, &b, outputs))] {
                assert_eq!(found.storage::<f32>(), whole, "{outputs}");
            }
            #[cfg(target_arch = "x86_64")]
            {
                let of_level = |run: &dyn Fn(Columns)| {
                    // SAFETY: one part has all columns.
                    unsafe {
                        written(rows, outputs, |table| {
                            run(Columns { a: &entries, b: &b, width: outputs, first: 0, end: outputs, table });
                        })
                    }
                };
                if let Some(level) = pulp::x86::V3::try_new() {
                    assert_eq!(of_level(&|columns| Simd::vectorize(level, columns)), whole);
                }
                if let Some(level) = pulp::x86::V4::try_new() {
                    assert_eq!(of_level(&|columns| Simd::vectorize(level, columns)), whole);
                }
            }
        }
    }

    #[test]
    fn a_matrix_with_few_entries_is_sparse_and_one_with_more_is_not() {
        let (rows, width) = (40, 33);
        let with = |count: usize, from: usize| {
            let mut values = vec![0f32; rows * width];
            for i in 0..count {
                values[from + i * 13 % (rows * width - from)] = 1.0 + i as f32;
            }
            values
        };
        let values = with(rows * width / 12, 0);
        let sparse = Sparse::of_rows(&values, width).unwrap();
        let wanted = |row: usize, column: usize| values[row * width + column];
        for (row, entries) in entries(&sparse).iter().enumerate() {
            let columns: Vec<u32> = (0..width).filter(|c| wanted(row, *c) != 0.0).map(|c| c as u32).collect();
            assert_eq!(entries.iter().map(|(column, _)| *column).collect::<Vec<_>>(), columns);
            assert!(entries.iter().all(|(column, value)| *value == wanted(row, *column as usize)));
        }
        let turned = Sparse::of_columns(&values, width).unwrap();
        for (column, entries) in entries(&turned).iter().enumerate() {
            let rows: Vec<u32> = (0..rows).filter(|r| wanted(*r, column) != 0.0).map(|r| r as u32).collect();
            assert_eq!(entries.iter().map(|(row, _)| *row).collect::<Vec<_>>(), rows);
            assert!(entries.iter().all(|(row, value)| *value == wanted(*row as usize, column)));
        }
        // Too many, then all of them in rows of which one is among the samples, then a matrix that is too small to ask.
        assert!(Sparse::of_rows(&with(rows * width / ONE_IN + 1, 0), width).is_none());
        let at_the_end = with(rows * width / ONE_IN + 1, 31 * width);
        assert!(seems_sparse(&at_the_end, width) && Sparse::of_rows(&at_the_end, width).is_none());
        assert!(Sparse::of_rows(&vec![0.0; (SAMPLES - 1) * width], width).is_none());
        assert!(Sparse::of_rows(&[], 0).is_none());
    }
}
