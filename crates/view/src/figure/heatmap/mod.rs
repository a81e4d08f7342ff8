//! The similarity matrix as a picture: its pixels, the readout of a cell, where everything goes.
//!
//! | file | what it is |
//! |---|---|
//! | `mod.rs` | the matrix as pixels, and what is said of a cell |
//! | `layout` | where everything goes, and what lies under the pointer |
//! | `scale` | how similarity becomes color |
//! | `viewport` | which part of the matrix is looked at |

mod layout;
mod scale;
mod viewport;

pub use layout::HeatmapLayout;
pub use scale::Scale;
pub use viewport::Viewport;

use std::sync::Arc;

use lens_analysis::Analysis;
use lens_analysis::similarity::{Matrix, Mode, Source};

use super::color::{self, ColorMap, ColorRange, NOT_A_NUMBER, Rgb};
use super::focus::{Cell, Focus, Step};
use crate::format::choice::technical_name;
use crate::format::scene::Scene;
use crate::format::{number, token};

/// Written beside the color bar.
pub const BAR_TITLE: &str = "Cosine similarity";
/// Written along both axes.
pub const AXIS_TITLE: &str = "Token position";
/// Written along both axes when tokens stand in the dendrogram's order.
pub const ORDERED_TITLE: &str = "Tokens in the order of the dendrogram";

/// A matrix of cosine similarities between tokens, as it is drawn.
///
/// Rows and columns are numbered three ways: by a token's *position* in the text, its *place* in the
/// matrix (which may leave BOS out), and the *slot* in which it is drawn (which may be the
/// dendrogram's order). Callers know positions; [`HeatmapLayout`] knows slots.
#[derive(Debug, Clone)]
pub struct Heatmap {
    matrix: Arc<Matrix>,
    /// Place of each slot.
    order: Vec<usize>,
    /// Slot of each place.
    slots: Vec<usize>,
    is_ordered: bool,
    tokens: Vec<String>,
    /// How values become colors.
    pub scale: Scale,
    /// What the ends of the colors stand for.
    pub range: ColorRange,
    /// What is compared.
    pub source: Source,
    /// How the matrix is made.
    pub mode: Mode,
}

/// What the visitor reads about a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readout {
    /// Position and token of the row.
    pub row: String,
    /// Position and token of the column.
    pub column: String,
    /// The similarity.
    pub value: String,
}

impl Heatmap {
    /// Draws `matrix` of a source and mode; `order` has the place of each slot, none for the order
    /// of the text.
    pub fn new(
        analysis: &Analysis,
        matrix: impl Into<Arc<Matrix>>,
        (source, mode): (Source, Mode),
        scale: Scale,
        order: Option<&[usize]>,
    ) -> Self {
        let matrix: Arc<Matrix> = matrix.into();
        let own = || (0..matrix.size()).collect();
        let is_ordered = order.is_some();
        let order: Vec<usize> = order.filter(|order| order.len() == matrix.size()).map_or_else(own, <[usize]>::to_vec);
        let mut slots = vec![0; matrix.size()];
        for (slot, place) in order.iter().enumerate() {
            if let Some(entry) = slots.get_mut(*place) {
                *entry = slot;
            }
        }
        let range = scale.range(matrix.entries.upper());
        Self { matrix, order, slots, is_ordered, tokens: analysis.tokens.clone(), scale, range, source, mode }
    }

    /// Number of rows, n.
    pub fn size(&self) -> usize {
        self.matrix.size()
    }

    /// The values behind the picture.
    pub fn matrix(&self) -> &Matrix {
        &self.matrix
    }

    /// Place of each slot.
    pub fn order(&self) -> &[usize] {
        &self.order
    }

    /// Whether slots follow the dendrogram.
    pub fn is_ordered(&self) -> bool {
        self.is_ordered
    }

    /// Written along the axes.
    pub fn axis_title(&self) -> &'static str {
        if self.is_ordered { ORDERED_TITLE } else { AXIS_TITLE }
    }

    /// The figure's title.
    pub fn title(&self) -> String {
        let claim = match self.source {
            Source::Predictable => "Which words share an expectation",
            Source::Novel => "Which words add the same",
            Source::Total => "Which words are alike, expected and new together",
            Source::Residual => "In which words the model’s state is alike",
        };
        format!("{claim} (cosine of {})", technical_name(self.source))
    }

    /// Position of the token in a slot.
    pub fn position(&self, slot: usize) -> Option<usize> {
        self.order.get(slot).map(|place| place + self.matrix.first)
    }

    /// Slot of a token; none for BOS where it is left out.
    pub fn slot(&self, position: usize) -> Option<usize> {
        self.slots.get(position.checked_sub(self.matrix.first)?).copied()
    }

    /// Where the tokens of a scene begin and end among the slots in the order of the text.
    pub fn scene_slots(&self, scene: &Scene) -> Option<(f64, f64)> {
        // BOS may be left out of the matrix.
        let first = (scene.first..=scene.last).find_map(|position| self.slot(position))?;
        Some((first as f64, self.slot(scene.last)? as f64 + 1.0))
    }

    /// Slots to positions.
    pub fn positions(&self, slots: Cell) -> Option<Cell> {
        Some(Cell { row: self.position(slots.row)?, column: self.position(slots.column)? })
    }

    /// Positions to slots.
    pub fn slots(&self, positions: Cell) -> Option<Cell> {
        Some(Cell { row: self.slot(positions.row)?, column: self.slot(positions.column)? })
    }

    /// A step of the keyboard's cursor among the slots; answers the slots it comes to.
    pub fn walk(&self, focus: &mut Focus, step: Step) -> Option<Cell> {
        let mut drawn = Focus { hovered: focus.focused().and_then(|cell| self.slots(cell)), pinned: None };
        drawn.walk(step, self.size());
        focus.hovered = drawn.hovered.and_then(|slots| self.positions(slots));
        drawn.hovered
    }

    /// The value at two positions; none outside the matrix.
    pub fn value(&self, cell: Cell) -> Option<f32> {
        self.matrix.at(cell.row, cell.column)
    }

    /// The label of a token on the axes, in at most `room` columns.
    pub fn label(&self, position: usize, room: usize) -> String {
        self.tokens.get(position).map(|t| token::shortened(t, room)).unwrap_or_default()
    }

    /// Columns the longest label takes, at most `room`: the axes' labels get that much space.
    pub fn label_columns(&self, room: usize) -> usize {
        self.tokens.iter().map(|t| token::columns(&token::shortened(t, room))).max().unwrap_or(0)
    }

    /// Both tokens and the value of a cell.
    pub fn readout(&self, cell: Cell) -> Option<Readout> {
        let value = self.value(cell)?;
        let name = |position: usize| format!("{position} {}", self.label(position, 24));
        Some(Readout { row: name(cell.row), column: name(cell.column), value: number::fixed4(value) })
    }

    /// A cell's value as it is printed in it, and whether its color is dark; none for what is no number.
    pub fn printed(&self, slots: Cell) -> Option<(String, bool)> {
        let value = self.value(self.positions(slots)?)?;
        let [r, g, b] = self.scale.map().table()[color::index(value, self.range)?].map(f32::from);
        Some((number::fixed(value, 2), 0.299 * r + 0.587 * g + 0.114 * b < 140.0))
    }

    /// Whether values lie below the low and above the high end of the colors.
    pub fn is_clamped(&self) -> [bool; 2] {
        let values = self.matrix.entries.upper();
        // What rounding does to a cosine is not seen.
        let slack = 1e-3;
        [values.iter().any(|it| *it < self.range.low - slack), values.iter().any(|it| *it > self.range.high + slack)]
    }

    /// One pixel a cell, row by row in slots, as RGBA.
    pub fn raster(&self) -> Vec<u8> {
        let table = self.scale.map().table();
        let mut pixels = Vec::with_capacity(self.size() * self.size() * 4);
        for row in &self.order {
            for column in &self.order {
                let value = self.matrix.entries.get(*row, *column).unwrap_or(f32::NAN);
                let [r, g, b]: Rgb = color::index(value, self.range).map_or(NOT_A_NUMBER, |i| table[i]);
                pixels.extend_from_slice(&[r, g, b, 255]);
            }
        }
        pixels
    }

    /// One sentence for those who do not see the picture.
    pub fn summary(&self) -> String {
        let (low, high) = (number::fixed(self.range.low, 2), number::fixed(self.range.high, 2));
        format!(
            "{title}, {n} tokens, {n} by {n} cells, colors from {low} to {high}. Arrow keys walk the cells, \
             Enter pins, Escape unpins, plus and minus zoom, 0 shows all.",
            title = self.title(),
            n = self.size()
        )
    }
}

/// The color bar's pixels as RGBA: 256 of them, from low to high.
pub fn bar_raster(map: ColorMap) -> Vec<u8> {
    map.table().into_iter().flat_map(|[r, g, b]| [r, g, b, 255]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use lens_analysis::SymmetricMatrix;

    fn heatmap(order: Option<&[usize]>) -> Heatmap {
        let mut analysis = crate::example::analysis();
        analysis.tokens[1] = "▁extraordinarily".to_owned();
        let entries = SymmetricMatrix::new(2, vec![1.0, -0.5, f32::NAN]).unwrap();
        let matrix = Matrix { entries, first: 1 };
        Heatmap::new(&analysis, matrix, (Source::Predictable, Mode::Neuronpedia), Scale::Data, order)
    }

    #[test]
    fn cells_say_both_tokens_and_the_value() {
        let it = heatmap(None);
        let readout = it.readout(Cell { row: 1, column: 2 }).unwrap();
        assert_eq!((readout.row.as_str(), readout.column.as_str()), ("1 ·extraordinarily", "2 ."));
        assert_eq!(readout.value, "−0.5000");
        assert_eq!(it.readout(Cell { row: 0, column: 2 }), None);
        assert_eq!(it.readout(Cell::token(2)).unwrap().value, "–");
    }

    #[test]
    fn the_raster_runs_from_first_to_last_color_and_marks_nan() {
        let pixels = heatmap(None).raster();
        assert_eq!(pixels.len(), 16);
        assert_eq!(pixels[0..4], [252, 253, 191, 255]);
        assert_eq!(pixels[4..8], [0, 0, 4, 255]);
        assert_eq!(pixels[12..16], [128, 128, 128, 255]);
        assert_eq!(bar_raster(ColorMap::Magma).len(), 256 * 4);
    }

    #[test]
    fn another_order_draws_other_slots_and_keeps_positions() {
        let it = heatmap(Some(&[1, 0]));
        assert_eq!(it.raster()[0..4], [128, 128, 128, 255]);
        assert_eq!((it.position(0), it.slot(2), it.slot(0)), (Some(2), Some(0), None));
        assert_eq!(it.value(Cell { row: 1, column: 2 }), Some(-0.5));
        let mut focus = Focus { hovered: Some(Cell::token(2)), pinned: None };
        assert_eq!(it.walk(&mut focus, Step::Right), Some(Cell { row: 0, column: 1 }));
        assert_eq!(focus.hovered, Some(Cell { row: 2, column: 1 }));
        assert_eq!(it.axis_title(), ORDERED_TITLE);
    }

    #[test]
    fn values_are_printed_on_their_color_and_what_the_colors_cut_is_known() {
        let it = heatmap(None);
        assert_eq!(it.printed(Cell { row: 0, column: 0 }), Some(("1.00".to_owned(), false)));
        assert_eq!(it.printed(Cell { row: 0, column: 1 }), Some(("−0.50".to_owned(), true)));
        assert_eq!(it.printed(Cell { row: 1, column: 1 }), None);
        assert_eq!(it.is_clamped(), [false, false]);
        assert_eq!(Heatmap { range: ColorRange { low: 0.0, high: 0.9 }, ..it }.is_clamped(), [true, true]);
    }

    #[test]
    fn labels_take_no_more_room_than_given() {
        assert_eq!(heatmap(None).label_columns(10), 10);
        assert_eq!(heatmap(None).label(1, 10), "·extraord…");
    }
}
