//! The SAE's attention: where each token's prediction comes from.

use lens_analysis::Attention;
use lens_analysis::attention::{AttentionError, Weights};
use lens_analysis::order::largest_first;

use super::color::{self, ColorMap, ColorRange};
use super::layout::{AvailableSpace, ColorBarLayout, FigureLayout, Rect, Side};
use crate::format::{number, token};

/// The map's colors.
pub const MAP: ColorMap = ColorMap::Magma;
/// Written beside the color bar.
pub const BAR_TITLE: &str = "Attention weight";
/// The empty context before the first token.
pub const NOTHING: &str = "(nothing yet)";

/// Which weights are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AttentionSelection {
    /// Attention layer of the SAE.
    pub layer: usize,
    /// Head; none for the mean of all.
    pub head: Option<usize>,
}

impl AttentionSelection {
    /// As it stands in titles and files.
    pub fn label(self) -> String {
        match self.head {
            Some(head) => format!("layer {}, head {head}", self.layer),
            None => format!("layer {}, mean of the heads", self.layer),
        }
    }
}

/// What a token's prediction is attended from.
#[derive(Debug, Clone, PartialEq)]
pub struct Origin {
    /// The token; none for the empty context.
    pub position: Option<usize>,
    /// Position and token.
    pub name: String,
    /// Its weight, 0..=1.
    pub weight: f32,
}

/// The weights of one head over a text, as they are drawn. Column 0 is the empty context, column j + 1
/// token j.
#[derive(Debug, Clone)]
pub struct AttentionMap {
    weights: Weights,
    tokens: Vec<String>,
    /// Which weights these are.
    pub selection: AttentionSelection,
    /// What the ends of the colors stand for.
    pub range: ColorRange,
}

impl AttentionMap {
    /// Of a text's `tokens`. The range of the colors ignores the empty context, BOS and the
    /// strongest hundredth of the weights: a token attends to them when nothing else fits.
    ///
    /// # Errors
    /// [`AttentionError`] when the weights are over another number of tokens, or there is no such layer or head.
    pub fn of(attention: &Attention, tokens: &[String], selection: AttentionSelection) -> Result<Self, AttentionError> {
        if attention.tokens() != tokens.len() {
            return Err(AttentionError::TokenCount { weights: attention.tokens(), tokens: tokens.len() });
        }
        let weights = attention.weights(selection.layer, selection.head)?;
        let mut counted: Vec<f32> = (0..tokens.len()).flat_map(|t| weights.row(t).iter().skip(2).copied()).collect();
        counted.sort_by(f32::total_cmp);
        let strong = counted.len().saturating_sub(1 + counted.len() / 100);
        let high = counted.get(strong).copied().filter(|weight| *weight > 0.0).unwrap_or(1.0);
        let range = ColorRange { low: 0.0, high };
        Ok(Self { weights, tokens: tokens.to_vec(), selection, range })
    }

    /// T.
    pub fn size(&self) -> usize {
        self.tokens.len()
    }

    /// The figure's title.
    pub fn title(&self) -> String {
        format!("Attention of the SAE, {}", self.selection.label())
    }

    /// Whether weights lie above the high end of the colors.
    pub fn is_clamped(&self) -> bool {
        (0..self.size()).any(|position| self.weights.row(position).iter().any(|weight| *weight > self.range.high))
    }

    /// Weight of a column in a token's row.
    pub fn weight(&self, position: usize, column: usize) -> Option<f32> {
        self.weights.row(position).get(column).copied()
    }

    /// How strongly each token is shaded while `position` is looked at [T], 0..=1 of the strongest one.
    pub fn levels(&self, position: usize) -> Vec<f32> {
        let from = self.weights.row(position).get(1..).unwrap_or_default();
        let most = from.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
        let mut levels: Vec<f32> = from.iter().map(|weight| weight / most).collect();
        levels.resize(self.size(), 0.0);
        levels
    }

    /// Where a token's prediction comes from, strongest first, at most `count`.
    pub fn origins(&self, position: usize, count: usize) -> Vec<Origin> {
        let columns: Vec<(usize, f32)> = self.weights.row(position).iter().copied().enumerate().collect();
        largest_first(columns, |it| it.1)
            .into_iter()
            .take(count)
            .map(|(column, weight)| Origin { position: column.checked_sub(1), name: self.column_name(column), weight })
            .collect()
    }

    /// What a column stands for.
    pub fn column_name(&self, column: usize) -> String {
        column.checked_sub(1).map_or_else(|| NOTHING.to_owned(), |position| self.name(position))
    }

    /// The tokens, as the vocabulary spells them.
    pub fn tokens(&self) -> &[String] {
        &self.tokens
    }

    /// Position and token.
    pub fn name(&self, position: usize) -> String {
        let text = self.tokens.get(position).map(|t| token::shortened(t, 24)).unwrap_or_default();
        format!("{position} {text}")
    }

    /// Token, origin and weight of a cell; none right of the diagonal.
    pub fn readout(&self, position: usize, column: usize) -> Option<String> {
        let weight = number::fixed(self.weight(position, column)?, 4);
        Some(format!("{} ← {}   {weight}", self.name(position), self.column_name(column)))
    }

    /// One pixel a cell, row by row, as RGBA; right of the diagonal nothing.
    pub fn raster(&self) -> Vec<u8> {
        let n = self.size();
        let table = MAP.table();
        let mut pixels = vec![0u8; n * n * 4];
        for position in 0..n {
            for (column, weight) in self.weights.row(position).iter().enumerate() {
                let [r, g, b] = color::index(*weight, self.range).map_or(color::NOT_A_NUMBER, |i| table[i]);
                let at = 4 * (position * n + column);
                pixels[at..at + 4].copy_from_slice(&[r, g, b, 255]);
            }
        }
        pixels
    }

    /// One sentence for those who do not see the picture.
    pub fn summary(&self) -> String {
        format!(
            "{}, {n} tokens by where their prediction comes from, colors from 0 to {} and more. Arrow keys walk the tokens, \
             Enter pins, Escape unpins.",
            self.title(),
            number::significant(self.range.high),
            n = self.size()
        )
    }
}

/// Where the map's parts go.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AttentionLayout {
    /// Size, map and color bar.
    pub figure: FigureLayout,
    /// Side of a cell.
    pub cell_side: f64,
    tokens: usize,
}

/// Titles of the axes.
const TITLE: f64 = 18.0;
/// Color bar with gap, numbers and title.
const BAR: f64 = 14.0 + 12.0 + 38.0 + 18.0;
/// Above and below the map.
const EDGE: f64 = 2.0;
const LARGEST_SIDE: f64 = 460.0;
const LARGEST_CELL: f64 = 22.0;

impl AttentionLayout {
    /// Of so many tokens, as large as a space lets it be.
    pub fn within(tokens: usize, space: AvailableSpace) -> Self {
        Self::new(tokens, space.width.min(space.max_height - EDGE + BAR))
    }

    /// Of so many tokens in so much width.
    pub fn new(tokens: usize, width: f64) -> Self {
        let n = tokens.max(1) as f64;
        let side = (width - TITLE - BAR).clamp(80.0, LARGEST_SIDE).min(n * LARGEST_CELL);
        // Color bar and titles need some height, however short the text.
        let height = side.max(120.0) + TITLE + EDGE;
        let plot = Rect { x: TITLE, y: 1.0, width: side, height: side };
        let rect = Rect { x: plot.x + side + 14.0, y: plot.y, width: 12.0, height: side.max(120.0) };
        let color_bar = Some(ColorBarLayout { side: Side::Right, rect });
        Self {
            figure: FigureLayout { width: side + TITLE + BAR, height, plot, color_bar },
            cell_side: side / n,
            tokens,
        }
    }

    /// Token and column under a point.
    pub fn at(&self, x: f64, y: f64) -> Option<(usize, usize)> {
        let [right, down] = [(x - self.figure.plot.x) / self.cell_side, (y - self.figure.plot.y) / self.cell_side];
        let inside = right >= 0.0 && down >= 0.0 && (right as usize) < self.tokens && (down as usize) < self.tokens;
        (inside && right as usize <= down as usize).then_some((down as usize, right as usize))
    }

    /// Upper edge of a token's row.
    pub fn row_y(&self, position: usize) -> f64 {
        self.figure.plot.y + self.cell_side * position as f64
    }

    /// Left edge of a column.
    pub fn column_x(&self, column: usize) -> f64 {
        self.figure.plot.x + self.cell_side * column as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example;

    fn map(head: Option<usize>) -> AttentionMap {
        let first = [1.0, 0.0, 0.0, 0.25, 0.75, 0.0, 0.5, 0.125, 0.375];
        let second = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0];
        let levels = [first, second].map(|head| Attention::levels_of(&head, 3)).to_vec();
        let attention = Attention::new(1, 2, 3, levels).unwrap();
        AttentionMap::of(&attention, &example::analysis().tokens, AttentionSelection { layer: 0, head }).unwrap()
    }

    #[test]
    fn a_prediction_comes_from_tokens_before_it_strongest_first() {
        let origins = map(Some(0)).origins(2, 8);
        let names: Vec<&str> = origins.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, [NOTHING, "1 ·sky", "0 <bos>"]);
        assert_eq!(origins.iter().map(|it| it.position).collect::<Vec<_>>(), [None, Some(1), Some(0)]);
        assert_eq!(map(Some(0)).origins(2, 1).len(), 1);
        assert!(map(Some(0)).origins(3, 8).is_empty());
    }

    #[test]
    fn tokens_are_shaded_by_their_share_of_the_strongest_and_never_those_that_follow() {
        let levels = map(Some(0)).levels(2);
        assert!((levels[0] - 1.0 / 3.0).abs() < 1e-3 && levels[1..] == [1.0, 0.0], "{levels:?}");
        assert_eq!(map(Some(0)).levels(0), [0.0; 3]);
    }

    #[test]
    fn colors_end_at_the_strong_weights_on_tokens_after_bos() {
        let it = map(Some(0));
        assert!((it.range.high - 0.375).abs() < 1e-4);
        let pixels = it.raster();
        assert_eq!(pixels[4..12], [0; 8], "right of the diagonal nothing is drawn");
        assert_eq!(pixels[32..36], [252, 253, 191, 255]);
        assert!(it.is_clamped(), "the empty context has more");
        assert_eq!(map(Some(1)).range.high, 1.0, "where there is none, at 1");
        assert!(!map(Some(1)).is_clamped());
        // 276 weights after BOS in 25 rows: the two strongest are past the end of the colors.
        let t = 25;
        let mut weights = vec![0.1; t * t];
        [3, 4, 5].into_iter().zip([0.9, 0.8, 0.5]).for_each(|(column, weight)| weights[20 * t + column] = weight);
        let attention = Attention::new(1, 1, t, vec![Attention::levels_of(&weights, t)]).unwrap();
        let it = AttentionMap::of(&attention, &vec![String::new(); t], AttentionSelection::default()).unwrap();
        assert!((it.range.high - 0.5).abs() < 1e-4, "{}", it.range.high);
    }

    #[test]
    fn cells_and_figures_say_what_they_are() {
        let it = map(None);
        assert_eq!(it.readout(2, 2).unwrap(), "2 . ← 1 ·sky   0.1875");
        assert_eq!(it.readout(1, 2), None);
        assert_eq!(it.title(), "Attention of the SAE, layer 0, mean of the heads");
        assert!(it.summary().contains("3 tokens"));
    }

    #[test]
    fn a_map_fits_its_space_and_wastes_none_of_it() {
        for (width, max_height) in [(391.0, 329.0), (600.0, 329.0), (328.0, 640.0), (300.0, 140.0)] {
            let it = AttentionLayout::within(143, AvailableSpace { width, max_height, pixel_ratio: 1.0 }).figure;
            assert!(it.width <= width && it.height <= max_height, "{width} x {max_height}: {it:?}");
            assert!(it.width > width - 1.0 || it.height > max_height - 1.0, "{width} x {max_height}: {it:?}");
        }
    }

    #[test]
    fn the_pointer_finds_cells_left_of_the_diagonal() {
        let it = AttentionLayout::new(10, 400.0);
        assert_eq!(it.at(it.column_x(2) + 1.0, it.row_y(7) + 1.0), Some((7, 2)));
        assert_eq!(it.at(it.column_x(7) + 1.0, it.row_y(2) + 1.0), None);
        assert_eq!(it.at(0.0, 5.0), None);
        assert!(AttentionLayout::new(2000, 328.0).figure.width <= 328.0);
        assert_eq!(AttentionLayout::new(0, 300.0).at(30.0, 5.0), None);
    }
}
