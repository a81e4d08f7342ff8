//! Where everything of the heatmap goes, in CSS pixels, and what lies under the pointer.

use super::viewport::Viewport;
use crate::figure::focus::Cell;
use crate::figure::layout::{AvailableSpace, ColorBarLayout, FigureLayout, Rect, Side};

/// Where the heatmap's parts go.
#[derive(Debug, Clone, PartialEq)]
pub struct HeatmapLayout {
    /// Size, matrix and color bar.
    pub figure: FigureLayout,
    /// Side of a cell.
    pub cell_side: f64,
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
    /// Whether rows and columns have the labels of their tokens.
    has_labels: Axes,
    tokens: usize,
}

/// One answer for each axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Axes {
    rows: bool,
    columns: bool,
}

/// What stands around a matrix.
#[derive(Debug, Clone, Copy)]
struct Surroundings {
    labels: Axes,
    has_names: bool,
    has_tree: bool,
    bar: Option<Side>,
}

const MARGIN: f64 = 8.0;
/// Between labels and matrix.
pub(crate) const LABEL_GAP: f64 = 5.0;
const TITLE: f64 = 18.0;
/// Between an axis' title and the matrix, where no labels stand between them.
const TITLE_GAP: f64 = 4.0;
const LARGEST_FONT: f64 = 11.0;
const SMALLEST_FONT: f64 = 8.5;
const THINNED_FONT: f64 = 10.0;
/// Width of a column of text in type sizes; a little more than most letters need.
const COLUMN: f64 = 0.6;
/// Short texts do not become posters.
const LARGEST_CELL: f64 = 44.0;
/// Side of a cell from which its value is printed in it.
const PRINTED_CELL: f64 = 36.0;
/// Width of the dendrogram and its gap.
const TREE: f64 = 76.0;
const TREE_GAP: f64 = 4.0;

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

impl HeatmapLayout {
    /// Lays out a matrix of `tokens` tokens whose longest label takes `label_columns` columns, with room
    /// for a dendrogram if it `has_tree`. Zooming (`viewport`) changes the cells, not the matrix' place.
    pub fn new(tokens: usize, label_columns: usize, space: AvailableSpace, viewport: Viewport, has_tree: bool) -> Self {
        let has_names = !space.is_low();
        let bar = if space.is_narrow() && has_names { Side::Below } else { Side::Right };
        let labels = Axes { rows: has_names, columns: has_names };
        let around = Surroundings { labels, has_names, has_tree, bar: Some(bar) };
        Self::within_surroundings(tokens, label_columns, space, viewport, around)
    }

    /// As [`HeatmapLayout::new`], for a page whose text stands beside the matrix and where pointing at a cell names its tokens: labels of
    /// every tenth token say little there, so a matrix too large for all of them is drawn larger instead. Its rows have labels where the
    /// height limits it anyway.
    pub fn beside_text(
        tokens: usize,
        label_columns: usize,
        space: AvailableSpace,
        viewport: Viewport,
        has_tree: bool,
    ) -> Self {
        // Zooming must not move the matrix: what the whole one looks like decides.
        let whole = Self::new(tokens, label_columns, space, Viewport::whole(tokens), has_tree);
        if whole.label_step == 1 || !whole.has_names {
            return Self::new(tokens, label_columns, space, viewport, has_tree);
        }
        let bar = whole.figure.color_bar.map(|bar| bar.side);
        let of = |rows| {
            let around = Surroundings { labels: Axes { rows, columns: false }, has_names: true, has_tree, bar };
            Self::within_surroundings(tokens, label_columns, space, viewport, around)
        };
        let (labeled, plain) = (of(true), of(false));
        if labeled.figure.plot.width < plain.figure.plot.width { plain } else { labeled }
    }

    /// As [`HeatmapLayout::new`], for one of several matrices whose common colors are explained once: labels of rows, and the matrix.
    pub fn compact(tokens: usize, label_columns: usize, space: AvailableSpace) -> Self {
        let labels = Axes { rows: true, columns: false };
        let around = Surroundings { labels, has_names: false, has_tree: false, bar: None };
        Self::within_surroundings(tokens, label_columns, space, Viewport::whole(tokens), around)
    }

    fn within_surroundings(
        tokens: usize,
        label_columns: usize,
        space: AvailableSpace,
        viewport: Viewport,
        around: Surroundings,
    ) -> Self {
        let Surroundings { labels: has_labels, has_names, has_tree, bar } = around;
        let title = if has_names { TITLE } else { 0.0 };
        let labels = |has_them: bool| match (has_them, has_names) {
            (true, _) => label_columns as f64 * COLUMN * LARGEST_FONT + LABEL_GAP,
            (false, true) => TITLE_GAP,
            (false, false) => 0.0,
        };
        let (left, labels_below) = (title + labels(has_labels.rows), labels(has_labels.columns));
        // Right of the matrix: gap, bar, its labels, its title. Below: gap, bar, labels, title.
        let (right, below_bar) = match bar {
            Some(Side::Right) => (20.0 + 14.0 + 40.0 + title, 0.0),
            Some(Side::Below) => (MARGIN, 14.0 + 12.0 + 16.0 + TITLE),
            None => (2.0, 0.0),
        };
        let tree_room = if has_tree { TREE + TREE_GAP } else { 0.0 };
        let right = right + tree_room;
        let below = labels_below + title + below_bar + 2.0;

        let n = tokens.max(1) as f64;
        let side = (space.width - left - right).min(space.max_height - MARGIN - below).max(40.0);
        let side = snap((side / n).min(LARGEST_CELL), space.pixel_ratio) * n;
        let cell = side / viewport.span;

        // Labels shrink a little before they thin out; thinned, they have room again.
        let font = if cell > SMALLEST_FONT { (cell - 1.0).clamp(SMALLEST_FONT, LARGEST_FONT) } else { THINNED_FONT };
        let matrix = Rect { x: left.round(), y: MARGIN, width: side, height: side };
        let column_title_y = matrix.y + side + labels_below + TITLE / 2.0;
        let bar_rect = |bar_side| match bar_side {
            Side::Right => Rect { x: matrix.x + side + tree_room + 20.0, y: matrix.y, width: 14.0, height: side },
            Side::Below => Rect { x: matrix.x, y: column_title_y + TITLE / 2.0 + 10.0, width: side, height: 12.0 },
        };
        let figure = FigureLayout {
            width: (left + side + right).min(space.width).max(left + side),
            height: (matrix.y + side + below).ceil(),
            plot: matrix,
            color_bar: bar.map(|side| ColorBarLayout { side, rect: bar_rect(side) }),
        };
        Self {
            figure,
            cell_side: cell,
            font,
            label_step: label_step(cell, font),
            row_title_x: TITLE / 2.0,
            column_title_y,
            tree: has_tree.then_some(Rect { x: matrix.x + side + TREE_GAP, width: TREE, ..matrix }),
            viewport,
            has_names,
            has_labels,
            tokens,
        }
    }

    /// The cell under a point of the figure.
    pub fn cell_at(&self, x: f64, y: f64) -> Option<Cell> {
        let at = |offset: f64, first: f64| {
            let inside = offset >= 0.0 && offset < self.figure.plot.width;
            inside.then_some((offset / self.cell_side + first) as usize).filter(|place| *place < self.tokens)
        };
        let Viewport { x: column, y: row, .. } = self.viewport;
        Some(Cell { row: at(y - self.figure.plot.y, row)?, column: at(x - self.figure.plot.x, column)? })
    }

    /// Where in the matrix' square a point of the figure is, 0..=1 from its upper left corner.
    pub fn within(&self, x: f64, y: f64) -> (f64, f64) {
        let of = |offset: f64| (offset / self.figure.plot.width).clamp(0.0, 1.0);
        (of(x - self.figure.plot.x), of(y - self.figure.plot.y))
    }

    /// x of a column's left edge; columns that are not shown lie outside the matrix.
    pub fn column_x(&self, column: f64) -> f64 {
        self.figure.plot.x + (column - self.viewport.x) * self.cell_side
    }

    /// y of a row's upper edge.
    pub fn row_y(&self, row: f64) -> f64 {
        self.figure.plot.y + (row - self.viewport.y) * self.cell_side
    }

    /// Where a cell is.
    pub fn cell_rect(&self, cell: Cell) -> Rect {
        let (x, y) = (self.column_x(cell.column as f64), self.row_y(cell.row as f64));
        Rect { x, y, width: self.cell_side, height: self.cell_side }
    }

    /// The whole row of a token.
    pub fn row_band(&self, row: usize) -> Rect {
        Rect { y: self.row_y(row as f64), height: self.cell_side, ..self.figure.plot }
    }

    /// The whole column of a token.
    pub fn column_band(&self, column: usize) -> Rect {
        Rect { x: self.column_x(column as f64), width: self.cell_side, ..self.figure.plot }
    }

    /// Whether a row's label is shown: where rows have labels, and its middle is in sight.
    pub fn shows_row(&self, row: usize) -> bool {
        let middle = row as f64 + 0.5;
        self.has_labels.rows && middle >= self.viewport.y && middle <= self.viewport.y + self.viewport.span
    }

    /// Whether a column's label is shown: where columns have labels, and its middle is in sight.
    pub fn shows_column(&self, column: usize) -> bool {
        let middle = column as f64 + 0.5;
        self.has_labels.columns && middle >= self.viewport.x && middle <= self.viewport.x + self.viewport.span
    }

    /// Whether cells are large enough for their values.
    pub fn prints_values(&self) -> bool {
        self.cell_side >= PRINTED_CELL
    }

    /// Places that have a label, on one axis at least.
    pub fn labeled(&self) -> impl Iterator<Item = usize> {
        let has_any = self.has_labels.rows || self.has_labels.columns;
        (0..if has_any { self.tokens } else { 0 }).step_by(self.label_step)
    }

    /// Where a token's row label ends and which line is its middle.
    pub fn row_label(&self, row: usize) -> (f64, f64) {
        (self.figure.plot.x - LABEL_GAP, self.row_y(row as f64 + 0.5))
    }

    /// Where a token's column label (written upwards) ends and which line is its middle.
    pub fn column_label(&self, column: usize) -> (f64, f64) {
        (self.column_x(column as f64 + 0.5), self.figure.plot.y + self.figure.plot.height + LABEL_GAP)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wide(tokens: usize) -> HeatmapLayout {
        HeatmapLayout::new(
            tokens,
            8,
            AvailableSpace { width: 900.0, max_height: 800.0, pixel_ratio: 2.0 },
            Viewport::whole(tokens),
            false,
        )
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
                        let space = AvailableSpace { width, max_height, pixel_ratio };
                        let it = HeatmapLayout::new(tokens, 14, space, Viewport::whole(tokens), has_tree);
                        assert!(inside(it.figure.plot, it.figure.width, it.figure.height), "{tokens} {width}");
                        assert!(
                            inside(it.figure.color_bar.unwrap().rect, it.figure.width, it.figure.height),
                            "{tokens} {width}"
                        );
                        assert!(
                            it.tree.is_none_or(|tree| inside(tree, it.figure.width, it.figure.height)),
                            "{tokens} {width}"
                        );
                        assert!(
                            it.figure.width <= width && it.figure.height <= max_height + 1.0,
                            "{tokens} {width} {it:?}"
                        );
                        assert_eq!(it.figure.plot.width, it.figure.plot.height);
                    }
                }
            }
        }
    }

    #[test]
    fn beside_its_text_a_matrix_too_large_for_all_labels_is_larger_without() {
        // Height limits the first, width the second; a short text has all of its labels.
        let zone = AvailableSpace { width: 575.0, max_height: 380.0, pixel_ratio: 1.0 };
        let phone = AvailableSpace { width: 340.0, max_height: 640.0, pixel_ratio: 3.0 };
        let (new, beside) = (HeatmapLayout::new, HeatmapLayout::beside_text);
        for (space, has_rows) in [(zone, true), (phone, false)] {
            let whole = Viewport::whole(142);
            let (small, large) = (new(142, 9, space, whole, false), beside(142, 9, space, whole, false));
            assert!(large.figure.plot.width >= 1.15 * small.figure.plot.width, "{large:?} {small:?}");
            assert!(large.figure.width <= space.width && large.figure.height <= space.max_height + 1.0);
            assert_eq!((large.shows_row(0), large.shows_column(0)), (has_rows, false));
            assert_eq!(large.labeled().next().is_some(), has_rows);
            assert!(large.has_names && large.column_title_y > large.figure.plot.y + large.figure.plot.height);
            let zoomed = beside(142, 9, space, whole.zoomed(0.05, 0.5, 0.5), false);
            assert_eq!(zoomed.figure.plot, large.figure.plot);
            assert_eq!(beside(9, 9, space, Viewport::whole(9), false), new(9, 9, space, Viewport::whole(9), false));
        }
        let low = AvailableSpace { max_height: 200.0, ..zone };
        let whole = Viewport::whole(142);
        assert_eq!(beside(142, 0, low, whole, false), new(142, 0, low, whole, false));
    }

    #[test]
    fn a_compact_matrix_has_labels_of_rows_and_neither_titles_nor_a_bar() {
        let space = AvailableSpace { width: 280.0, max_height: 230.0, pixel_ratio: 1.0 };
        for tokens in [1, 6, 60, 500] {
            let it = HeatmapLayout::compact(tokens, 9, space);
            assert!(it.figure.color_bar.is_none() && !it.has_names);
            assert!(it.shows_row(0) && !it.shows_column(0));
            assert!(inside(it.figure.plot, it.figure.width, it.figure.height), "{it:?}");
            assert!(it.figure.width <= space.width && it.figure.height <= space.max_height + 1.0);
        }
        assert!(HeatmapLayout::compact(6, 8, space).prints_values());
    }

    #[test]
    fn the_pointer_finds_the_cell_it_is_over() {
        let it = wide(19);
        for cell in [Cell { row: 0, column: 0 }, Cell { row: 3, column: 18 }, Cell { row: 18, column: 7 }] {
            let rect = it.cell_rect(cell);
            assert_eq!(it.cell_at(rect.x + rect.width / 2.0, rect.y + rect.height / 2.0), Some(cell));
        }
        assert_eq!(it.cell_at(it.figure.plot.x - 1.0, it.figure.plot.y + 5.0), None);
        assert_eq!(it.cell_at(it.figure.plot.x + 5.0, it.figure.plot.y + it.figure.plot.height + 0.1), None);
    }

    #[test]
    fn labels_thin_out_by_1_2_5() {
        assert_eq!(wide(19).label_step, 1);
        let many = wide(500);
        assert_eq!(many.label_step, 10);
        assert!(many.label_step as f64 * many.cell_side > many.font);
        assert_eq!(many.labeled().take(3).collect::<Vec<_>>(), [0, 10, 20]);
    }

    #[test]
    fn cells_are_whole_device_pixels_where_that_wastes_little() {
        let device = wide(19).cell_side * 2.0;
        assert_eq!(device, device.round());
        let many = wide(240);
        assert!(many.figure.plot.width > 0.9 * wide(1000).figure.plot.width, "{many:?}");
        assert!(wide(2000).cell_side * 2.0 < 1.0);
    }

    #[test]
    fn zoomed_cells_grow_and_are_found_where_they_are() {
        let space = AvailableSpace { width: 900.0, max_height: 800.0, pixel_ratio: 2.0 };
        let whole = HeatmapLayout::new(200, 8, space, Viewport::whole(200), false);
        let view = Viewport::whole(200).zoomed(0.1, 0.5, 0.25);
        let it = HeatmapLayout::new(200, 8, space, view, false);
        assert_eq!(it.figure.plot, whole.figure.plot);
        assert!((it.cell_side - 10.0 * whole.cell_side).abs() < 1e-9);
        assert_eq!((whole.label_step, it.label_step), (5, 1));
        let cell = Cell { row: 47, column: 95 };
        let rect = it.cell_rect(cell);
        assert_eq!(it.cell_at(rect.x + 1.0, rect.y + 1.0), Some(cell));
        assert!(it.shows_row(47) && !it.shows_row(66) && !it.shows_column(50));
        assert_eq!(it.within(it.figure.plot.x + it.figure.plot.width / 2.0, -9.0), (0.5, 0.0));
    }

    #[test]
    fn short_texts_stay_small_and_phones_get_the_bar_below() {
        assert!(wide(2).figure.plot.width <= 2.0 * LARGEST_CELL);
        let space = AvailableSpace { width: 340.0, max_height: 800.0, pixel_ratio: 3.0 };
        let phone = HeatmapLayout::new(19, 8, space, Viewport::whole(19), false);
        let bar = phone.figure.color_bar.unwrap();
        assert_eq!(bar.side, Side::Below);
        assert!(phone.figure.plot.width > 220.0);
        assert_eq!(bar.at(0.0), phone.figure.plot.x);
        assert_eq!(wide(19).figure.color_bar.unwrap().at(1.0), MARGIN);
    }
}
