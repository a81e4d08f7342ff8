//! Rows of x, and their packed form: what the register tile reads.

use pulp::{Simd, WithSimd};

use super::level::widest;
use super::panel::transpose;
use super::threads::each_part;
use super::tile::tile_rows;

/// Rows of `width` numbers in a matrix: `count` at each of `groups` places, such as the neighboring heads of every token.
/// Row i of group g begins at g * width + i * stride, and its numbers are `across` from each other; rows are numbered group by
/// group.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    pub values: &'a [f32],
    pub count: usize,
    pub groups: usize,
    pub width: usize,
    pub stride: usize,
    /// 1, but for columns of a matrix that are taken as rows.
    pub across: usize,
}

impl<'a> Rows<'a> {
    /// A whole matrix, row-major.
    pub fn of_matrix(values: &'a [f32], count: usize, width: usize) -> Self {
        Self { values, count, groups: 1, width, stride: width, across: 1 }
    }

    /// The columns of a whole matrix [width, count], row-major.
    #[cfg(not(target_family = "wasm"))]
    pub fn of_columns(values: &'a [f32], count: usize, width: usize) -> Self {
        Self { values, count, groups: 1, width, stride: 1, across: count }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.groups * self.count
    }

    /// First row, and how many, of a tile of at most `most` rows. Tiles are of nearly one size: 18 rows are 9 and 9, not 12
    /// and 6, which would leave registers empty. No tile has rows of two groups.
    #[inline(always)]
    pub fn tile(&self, tile: usize, most: usize) -> (usize, usize) {
        let tiles = self.count.div_ceil(most);
        let (group, tile) = (tile / tiles, tile % tiles);
        let (first, end) = (tile * self.count / tiles, (tile + 1) * self.count / tiles);
        (group * self.count + first, end - first)
    }

    /// Number of tiles.
    #[inline(always)]
    pub fn tiles(&self, most: usize) -> usize {
        self.groups * self.count.div_ceil(most)
    }

    /// Length of all rows in packed form.
    pub fn packed_length(&self, most: usize) -> usize {
        self.tiles(most) * self.width * most
    }

    /// A tile as [width, `MOST`]; what is past its rows stays as it is.
    #[inline(always)]
    fn pack_tile<const MOST: usize>(&self, tile: usize, packed: &mut [f32]) {
        let (first, count) = self.tile(tile, MOST);
        let start = first / self.count * self.width + first % self.count * self.stride;
        let (lines, _) = packed.as_chunks_mut::<MOST>();
        if self.across > 1 {
            for (line, column) in lines.iter_mut().zip((start..).step_by(self.across)) {
                let values = &self.values[column..column + count];
                // Of a length that the compiler knows, where it is: a call would take longer than what it copies.
                match values.first_chunk() {
                    Some(values) => *line = *values,
                    None => line[..count].copy_from_slice(values),
                }
            }
            return;
        }
        transpose(count, |i| &self.values[start + i * self.stride..][..self.width], lines);
    }
}

/// Packs some tiles, the number `first` and those after it.
pub struct Pack<'a> {
    pub rows: Rows<'a>,
    pub first: usize,
    pub packed: &'a mut [f32],
}

impl WithSimd for Pack<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let length = self.rows.width * tile_rows::<S>();
        if length == 0 {
            return;
        }
        for (i, packed) in self.packed.chunks_exact_mut(length).enumerate() {
            if tile_rows::<S>() == 12 {
                self.rows.pack_tile::<12>(self.first + i, packed);
            } else {
                self.rows.pack_tile::<6>(self.first + i, packed);
            }
        }
    }
}

/// [`tile_rows`] of the machine's widest vectors.
pub struct MostRows;

impl WithSimd for MostRows {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) -> usize {
        tile_rows::<S>()
    }
}

/// Packs all rows, for the machine's widest vectors.
pub fn pack(rows: Rows, most: usize, packed: &mut [f32]) {
    each_part(packed, rows.width * most, |first, packed| widest(Pack { rows, first, packed }));
}
