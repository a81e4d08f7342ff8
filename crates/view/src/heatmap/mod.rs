//! The similarity matrix as a picture: its pixels, what a cell says, where everything goes.

mod layout;

pub use layout::{Bar, Layout, Rect, Room, layout};

use lens_analysis::Analysis;

use crate::colour::{self, ColourMap, NOT_A_NUMBER, Range, Rgb};
use crate::focus::Spot;
use crate::{number, token};

/// Written beside the colour bar.
pub const BAR_TITLE: &str = "Cosine similarity";
/// Written along both axes.
pub const AXIS_TITLE: &str = "Token position";

/// A matrix of cosine similarities [n, n] between tokens.
#[derive(Debug, Clone)]
pub struct Heatmap {
    values: Vec<f32>,
    tokens: Vec<String>,
    /// What the ends of the colours stand for.
    pub range: Range,
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
    /// The document's similarity of predictable codes, coloured over its data range as in the
    /// notebook.
    pub fn of(analysis: &Analysis) -> Self {
        let values: Vec<f32> = analysis.similarity.iter().flatten().copied().collect();
        let range = Range::of(&values);
        Self { values, tokens: analysis.tokens.clone(), range }
    }

    /// Number of tokens, n.
    pub fn size(&self) -> usize {
        self.tokens.len()
    }

    /// One value; none outside the matrix.
    pub fn value(&self, spot: Spot) -> Option<f32> {
        let n = self.size();
        (spot.row < n && spot.column < n).then(|| self.values.get(spot.row * n + spot.column).copied())?
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
    pub fn readout(&self, spot: Spot) -> Option<Readout> {
        let value = self.value(spot)?;
        let name = |position: usize| format!("{position} {}", self.label(position, 24));
        Some(Readout { row: name(spot.row), column: name(spot.column), value: number::fixed4(value) })
    }

    /// One pixel a cell, row by row, as RGBA.
    pub fn raster(&self, map: ColourMap) -> Vec<u8> {
        let table = map.table();
        let mut pixels = Vec::with_capacity(self.values.len() * 4);
        for value in &self.values {
            let [r, g, b]: Rgb = colour::index(*value, self.range).map_or(NOT_A_NUMBER, |i| table[i]);
            pixels.extend_from_slice(&[r, g, b, 255]);
        }
        pixels
    }

    /// One sentence for those who do not see the picture.
    pub fn summary(&self) -> String {
        let (low, high) = (number::fixed(self.range.low, 2), number::fixed(self.range.high, 2));
        format!(
            "Similarity of the predictable codes of {n} tokens, {n} by {n} cells, from {low} to {high}. \
             Arrow keys walk the cells, Enter pins, Escape unpins.",
            n = self.size()
        )
    }
}

/// The colour bar's pixels as RGBA: 256 of them, from low to high.
pub fn bar_raster(map: ColourMap) -> Vec<u8> {
    map.table().into_iter().flat_map(|[r, g, b]| [r, g, b, 255]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heatmap() -> Heatmap {
        let values = vec![1.0, -0.5, -0.5, f32::NAN];
        Heatmap { range: Range::of(&values), values, tokens: vec!["<bos>".into(), "▁extraordinarily".into()] }
    }

    #[test]
    fn cells_say_both_tokens_and_the_value() {
        let readout = heatmap().readout(Spot { row: 0, column: 1 }).unwrap();
        assert_eq!((readout.row.as_str(), readout.column.as_str()), ("0 <bos>", "1 ·extraordinarily"));
        assert_eq!(readout.value, "−0.5000");
        assert_eq!(heatmap().readout(Spot { row: 0, column: 2 }), None);
        assert_eq!(heatmap().readout(Spot::token(1)).unwrap().value, "–");
    }

    #[test]
    fn the_raster_runs_from_first_to_last_colour_and_marks_nan() {
        let pixels = heatmap().raster(ColourMap::Magma);
        assert_eq!(pixels.len(), 16);
        assert_eq!(pixels[0..4], [252, 253, 191, 255]);
        assert_eq!(pixels[4..8], [0, 0, 4, 255]);
        assert_eq!(pixels[12..16], [128, 128, 128, 255]);
        assert_eq!(bar_raster(ColourMap::Magma).len(), 256 * 4);
    }

    #[test]
    fn labels_take_no_more_room_than_given() {
        assert_eq!(heatmap().label_columns(10), 10);
        assert_eq!(heatmap().label(1, 10), "·extraord…");
    }
}
