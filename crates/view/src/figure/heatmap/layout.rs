//! Where everything of the heatmap goes, in CSS pixels, and what lies under the pointer.

use super::viewport::Viewport;
use crate::figure::focus::Spot;
use crate::figure::layout::{Bar, Rect, Room};

/// The figure's places.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    /// Width of the figure.
    pub width: f64,
    /// Height of the figure.
    pub height: f64,
    /// The matrix.
    pub matrix: Rect,
    /// Side of a cell.
    pub cell: f64,
    /// The color bar.
    pub bar_rect: Rect,
    /// On which side it is.
    pub bar: Bar,
    /// Type size of the labels.
    pub font: f64,
    /// Every how many tokens have a label.
    pub label_step: usize,
    /// Where the middle line of the row axis' title is.
    pub row_title_x: f64,
    /// Where the middle line of the column axis' title is.
    pub column_title_y: f64,
    /// Where the dendrogram stands: right beside the matrix, root to the right.
    pub tree: Option<Rect>,
    /// Which cells are shown.
    pub viewport: Viewport,
    /// Whether axes and color bar have names.
    pub has_names: bool,
    tokens: usize,
}

const MARGIN: f64 = 8.0;
/// Between labels and matrix.
pub(crate) const LABEL_GAP: f64 = 5.0;
const TITLE: f64 = 18.0;
const LARGEST_FONT: f64 = 11.0;
const SMALLEST_FONT: f64 = 8.5;
const THINNED_FONT: f64 = 10.0;
/// Width of a column of text in type sizes; a little more than most letters need.
const COLUMN: f64 = 0.6;
/// Short texts do not become posters.
const LARGEST_CELL: f64 = 44.0;
/// Width of the dendrogram and its gap.
const TREE: f64 = 76.0;
const TREE_GAP: f64 = 4.0;

/// Lays out a matrix of `tokens` tokens whose longest label takes `label_columns` columns, with room
/// for a dendrogram if it `has_tree`. Zooming (`viewport`) changes the cells, not the matrix' place.
pub fn layout(tokens: usize, label_columns: usize, room: Room, viewport: Viewport, has_tree: bool) -> Layout {
    let has_names = !room.is_low();
    let bar = if room.is_narrow() && has_names { Bar::Below } else { Bar::Right };
    let labels = if has_names { label_columns as f64 * COLUMN * LARGEST_FONT + LABEL_GAP } else { 0.0 };
    let title = if has_names { TITLE } else { 0.0 };
    let left = title + labels;
    // Right of the matrix: gap, bar, its labels, its title. Below: gap, bar, labels, title.
    let (right, below_bar) = match bar {
        Bar::Right => (20.0 + 14.0 + 40.0 + title, 0.0),
        Bar::Below => (MARGIN, 14.0 + 12.0 + 16.0 + TITLE),
    };
    let tree_room = if has_tree { TREE + TREE_GAP } else { 0.0 };
    let right = right + tree_room;
    let below = labels + title + below_bar + 2.0;

    let n = tokens.max(1) as f64;
    let side = (room.width - left - right).min(room.max_height - MARGIN - below).max(40.0);
    let side = snap((side / n).min(LARGEST_CELL), room.pixel_ratio) * n;
    let cell = side / viewport.span;

    // Labels shrink a little before they thin out; thinned, they have room again.
    let font = if cell > SMALLEST_FONT { (cell - 1.0).clamp(SMALLEST_FONT, LARGEST_FONT) } else { THINNED_FONT };
    let matrix = Rect { x: left.round(), y: MARGIN, width: side, height: side };
    let column_title_y = matrix.y + side + labels + TITLE / 2.0;
    let bar_rect = match bar {
        Bar::Right => Rect { x: matrix.x + side + tree_room + 20.0, y: matrix.y, width: 14.0, height: side },
        Bar::Below => Rect { x: matrix.x, y: column_title_y + TITLE / 2.0 + 10.0, width: side, height: 12.0 },
    };
    Layout {
        width: (left + side + right).min(room.width).max(left + side),
        height: (matrix.y + side + below).ceil(),
        matrix,
        cell,
        bar_rect,
        bar,
        font,
        label_step: label_step(cell, font),
        row_title_x: TITLE / 2.0,
        column_title_y,
        tree: has_tree.then_some(Rect { x: matrix.x + side + TREE_GAP, width: TREE, ..matrix }),
        viewport,
        has_names,
        tokens,
    }
}

/// Cells of whole device pixels are all equally large, unless that wasted more than a tenth of the
/// room.
fn snap(cell: f64, pixel_ratio: f64) -> f64 {
    let device = cell * pixel_ratio;
    if device.floor() >= 0.9 * device { device.floor() / pixel_ratio } else { cell }
}

/// 1, 2, 5, 10, 20, ..: the first at which labels do not touch.
fn label_step(cell: f64, font: f64) -> usize {
    let mut power = 1;
    loop {
        for step in [1, 2, 5] {
            let step: usize = step * power;
            if step as f64 * cell >= font + 0.5 || power > 1_000_000 {
                return step;
            }
        }
        power *= 10;
    }
}

impl Layout {
    /// The cell under a point of the figure.
    pub fn cell_at(&self, x: f64, y: f64) -> Option<Spot> {
        let at = |offset: f64, first: f64| {
            let inside = offset >= 0.0 && offset < self.matrix.width;
            inside.then_some((offset / self.cell + first) as usize).filter(|place| *place < self.tokens)
        };
        let Viewport { x: column, y: row, .. } = self.viewport;
        Some(Spot { row: at(y - self.matrix.y, row)?, column: at(x - self.matrix.x, column)? })
    }

    /// Where in the matrix' square a point of the figure is, 0..=1 from its upper left corner.
    pub fn within(&self, x: f64, y: f64) -> (f64, f64) {
        let of = |offset: f64| (offset / self.matrix.width).clamp(0.0, 1.0);
        (of(x - self.matrix.x), of(y - self.matrix.y))
    }

    /// x of a column's left edge; columns that are not shown lie outside the matrix.
    pub fn column_x(&self, column: f64) -> f64 {
        self.matrix.x + (column - self.viewport.x) * self.cell
    }

    /// y of a row's upper edge.
    pub fn row_y(&self, row: f64) -> f64 {
        self.matrix.y + (row - self.viewport.y) * self.cell
    }

    /// Where a cell is.
    pub fn cell_rect(&self, spot: Spot) -> Rect {
        let (x, y) = (self.column_x(spot.column as f64), self.row_y(spot.row as f64));
        Rect { x, y, width: self.cell, height: self.cell }
    }

    /// The whole row of a token.
    pub fn row_band(&self, row: usize) -> Rect {
        Rect { y: self.row_y(row as f64), height: self.cell, ..self.matrix }
    }

    /// The whole column of a token.
    pub fn column_band(&self, column: usize) -> Rect {
        Rect { x: self.column_x(column as f64), width: self.cell, ..self.matrix }
    }

    /// Whether a row's middle is shown.
    pub fn shows_row(&self, row: usize) -> bool {
        let middle = row as f64 + 0.5;
        middle >= self.viewport.y && middle <= self.viewport.y + self.viewport.span
    }

    /// Whether a column's middle is shown.
    pub fn shows_column(&self, column: usize) -> bool {
        let middle = column as f64 + 0.5;
        middle >= self.viewport.x && middle <= self.viewport.x + self.viewport.span
    }

    /// Places that have a label.
    pub fn labeled(&self) -> impl Iterator<Item = usize> {
        (0..if self.has_names { self.tokens } else { 0 }).step_by(self.label_step)
    }

    /// Where a token's row label ends and which line is its middle.
    pub fn row_label(&self, row: usize) -> (f64, f64) {
        (self.matrix.x - LABEL_GAP, self.row_y(row as f64 + 0.5))
    }

    /// Where a token's column label (written upwards) ends and which line is its middle.
    pub fn column_label(&self, column: usize) -> (f64, f64) {
        (self.column_x(column as f64 + 0.5), self.matrix.y + self.matrix.height + LABEL_GAP)
    }

    /// Where on the color bar a place (0 low, 1 high) is: x for a bar below, y for one at the right.
    pub fn on_bar(&self, place: f64) -> f64 {
        match self.bar {
            Bar::Right => self.bar_rect.y + (1.0 - place) * self.bar_rect.height,
            Bar::Below => self.bar_rect.x + place * self.bar_rect.width,
        }
    }

    /// About how many ticks the color bar has room for.
    pub fn bar_ticks(&self) -> usize {
        match self.bar {
            Bar::Right => (self.bar_rect.height / 60.0).clamp(2.0, 8.0) as usize,
            Bar::Below => (self.bar_rect.width / 60.0).clamp(2.0, 8.0) as usize,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wide(tokens: usize) -> Layout {
        layout(tokens, 8, Room { width: 900.0, max_height: 800.0, pixel_ratio: 2.0 }, Viewport::whole(tokens), false)
    }

    fn inside(inner: Rect, width: f64, height: f64) -> bool {
        inner.x >= 0.0 && inner.y >= 0.0 && inner.x + inner.width <= width && inner.y + inner.height <= height
    }

    #[test]
    fn everything_fits_at_every_size() {
        for tokens in [1, 2, 19, 141, 1000] {
            for (width, max_height) in
                [(304.0, 180.0), (600.0, 279.0), (320.0, 600.0), (519.0, 500.0), (700.0, 1200.0), (1600.0, 900.0)]
            {
                for pixel_ratio in [1.0, 1.5, 3.0] {
                    for has_tree in [false, true] {
                        let room = Room { width, max_height, pixel_ratio };
                        let it = layout(tokens, 14, room, Viewport::whole(tokens), has_tree);
                        assert!(inside(it.matrix, it.width, it.height), "{tokens} {width}");
                        assert!(inside(it.bar_rect, it.width, it.height), "{tokens} {width}");
                        assert!(it.tree.is_none_or(|tree| inside(tree, it.width, it.height)), "{tokens} {width}");
                        assert!(it.width <= width && it.height <= max_height + 1.0, "{tokens} {width} {it:?}");
                        assert_eq!(it.matrix.width, it.matrix.height);
                    }
                }
            }
        }
    }

    #[test]
    fn the_pointer_finds_the_cell_it_is_over() {
        let it = wide(19);
        for spot in [Spot { row: 0, column: 0 }, Spot { row: 3, column: 18 }, Spot { row: 18, column: 7 }] {
            let rect = it.cell_rect(spot);
            assert_eq!(it.cell_at(rect.x + rect.width / 2.0, rect.y + rect.height / 2.0), Some(spot));
        }
        assert_eq!(it.cell_at(it.matrix.x - 1.0, it.matrix.y + 5.0), None);
        assert_eq!(it.cell_at(it.matrix.x + 5.0, it.matrix.y + it.matrix.height + 0.1), None);
    }

    #[test]
    fn labels_thin_out_by_1_2_5() {
        assert_eq!(wide(19).label_step, 1);
        let many = wide(500);
        assert_eq!(many.label_step, 10);
        assert!(many.label_step as f64 * many.cell > many.font);
        assert_eq!(many.labeled().take(3).collect::<Vec<_>>(), [0, 10, 20]);
    }

    #[test]
    fn cells_are_whole_device_pixels_where_that_wastes_little() {
        let device = wide(19).cell * 2.0;
        assert_eq!(device, device.round());
        let many = wide(240);
        assert!(many.matrix.width > 0.9 * wide(1000).matrix.width, "{many:?}");
        assert!(wide(2000).cell * 2.0 < 1.0);
    }

    #[test]
    fn zoomed_cells_grow_and_are_found_where_they_are() {
        let room = Room { width: 900.0, max_height: 800.0, pixel_ratio: 2.0 };
        let whole = layout(200, 8, room, Viewport::whole(200), false);
        let view = Viewport::whole(200).zoomed(0.1, 0.5, 0.25);
        let it = layout(200, 8, room, view, false);
        assert_eq!(it.matrix, whole.matrix);
        assert!((it.cell - 10.0 * whole.cell).abs() < 1e-9);
        assert_eq!((whole.label_step, it.label_step), (5, 1));
        let spot = Spot { row: 47, column: 95 };
        let rect = it.cell_rect(spot);
        assert_eq!(it.cell_at(rect.x + 1.0, rect.y + 1.0), Some(spot));
        assert!(it.shows_row(47) && !it.shows_row(66) && !it.shows_column(50));
        assert_eq!(it.within(it.matrix.x + it.matrix.width / 2.0, -9.0), (0.5, 0.0));
    }

    #[test]
    fn short_texts_stay_small_and_phones_get_the_bar_below() {
        assert!(wide(2).matrix.width <= 2.0 * LARGEST_CELL);
        let room = Room { width: 340.0, max_height: 800.0, pixel_ratio: 3.0 };
        let phone = layout(19, 8, room, Viewport::whole(19), false);
        assert_eq!(phone.bar, Bar::Below);
        assert!(phone.matrix.width > 220.0);
        assert_eq!(phone.on_bar(0.0), phone.matrix.x);
        assert_eq!(wide(19).on_bar(1.0), MARGIN);
    }
}
