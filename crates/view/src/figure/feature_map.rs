//! The strongest novel features of a text against its tokens.

use std::collections::BTreeMap;

use lens_analysis::Analysis;
use lens_analysis::order::largest_first;

use super::layout::{FigureLayout, Rect};
use crate::format::number;

/// A map of features (rows) by tokens (columns).
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureMap {
    /// Feature of each row, in the order of the text: by where it is strongest.
    pub features: Vec<usize>,
    /// Number of tokens.
    pub tokens: usize,
    /// Values [features, tokens]; 0 where the feature is not among the token's strongest.
    pub values: Vec<f32>,
    /// The largest value.
    pub highest: f32,
}

impl FeatureMap {
    /// The `count` features with the largest values after BOS, whose codes dwarf all others.
    pub fn of(analysis: &Analysis, count: usize) -> Self {
        let tokens = analysis.novel_top.len();
        let mut strongest: BTreeMap<usize, (f32, usize)> = BTreeMap::new();
        for (position, features) in analysis.novel_top.iter().enumerate().skip(1) {
            for it in features.iter().filter(|f| f.value.is_finite()) {
                let best = strongest.entry(it.feature).or_insert((it.value, position));
                if it.value > best.0 {
                    *best = (it.value, position);
                }
            }
        }
        // In the order of their numbers, in which equally strong ones stay.
        let found: Vec<(usize, f32, usize)> = strongest.into_iter().map(|(f, (v, p))| (f, v, p)).collect();
        let mut chosen = largest_first(found, |it| it.1);
        chosen.truncate(count);
        let highest = chosen.first().map_or(0.0, |c| c.1);
        chosen.sort_by_key(|(feature, _, position)| (*position, *feature));
        let features: Vec<usize> = chosen.into_iter().map(|c| c.0).collect();
        let row_of: BTreeMap<usize, usize> = features.iter().enumerate().map(|(row, f)| (*f, row)).collect();
        let mut values = vec![0f32; features.len() * tokens];
        for (position, top) in analysis.novel_top.iter().enumerate() {
            for it in top {
                if let Some(row) = row_of.get(&it.feature) {
                    values[row * tokens + position] = it.value;
                }
            }
        }
        Self { features, tokens, values, highest }
    }

    /// Value of the feature in a row at a token.
    pub fn value(&self, row: usize, position: usize) -> Option<f32> {
        (row < self.features.len() && position < self.tokens).then(|| self.values[row * self.tokens + position])
    }

    /// The row of the feature that is strongest at a token; none where no feature of the map is active.
    pub fn strongest_at(&self, position: usize) -> Option<usize> {
        let active = (0..self.features.len()).filter_map(|row| Some((row, self.value(row, position)?)));
        let active = active.filter(|(_, value)| *value > 0.0);
        active.max_by(|a, b| a.1.total_cmp(&b.1)).map(|(row, _)| row)
    }

    /// How opaque a cell of this level is drawn: faint values stay visible.
    pub fn opacity(level: f32) -> f32 {
        0.15 + 0.85 * level
    }

    /// How strong a cell is, 0..=1.
    pub fn level(&self, row: usize, position: usize) -> f32 {
        let value = self.value(row, position).unwrap_or(0.0);
        if self.highest > 0.0 { (value / self.highest).clamp(0.0, 1.0) } else { 0.0 }
    }
}

/// CSS pixels that a feature's number takes.
const NUMBER_WIDTH: f64 = 52.0;
/// CSS pixels that a feature's name may take.
const NAME_WIDTH: f64 = 170.0;

/// Where the map's parts go.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FeatureMapLayout {
    /// Size, with the axis' title, and cells; left of them stand the features' numbers. There is no color bar.
    pub figure: FigureLayout,
    /// Height of a row.
    pub row_height: f64,
    /// Width of a column.
    pub column_width: f64,
    rows: usize,
    columns: usize,
}

impl FeatureMapLayout {
    /// Of `rows` features by `columns` tokens in so much width, of which the features' names have up to a third; short texts
    /// do not become posters.
    pub fn new(rows: usize, columns: usize, width: f64) -> Self {
        let (left, row_height) = ((width * 0.3).clamp(NUMBER_WIDTH, NAME_WIDTH), 15.0);
        let column_width = ((width - left) / columns.max(1) as f64).clamp(0.0, 40.0);
        let width = left + column_width * columns as f64;
        let plot = Rect { x: left, y: 0.0, width: width - left, height: row_height * rows as f64 };
        let figure = FigureLayout { width, height: plot.height + 22.0, plot, color_bar: None };
        Self { figure, row_height, column_width, rows, columns }
    }

    /// Left edge of a token's column.
    pub fn column_x(&self, position: usize) -> f64 {
        self.figure.plot.x + self.column_width * position as f64
    }

    /// Row and token under a point.
    pub fn at(&self, x: f64, y: f64) -> Option<(usize, usize)> {
        let inside = x >= self.figure.plot.x && y >= 0.0 && self.column_width > 0.0;
        let (row, position) = ((y / self.row_height) as usize, ((x - self.figure.plot.x) / self.column_width) as usize);
        (inside && row < self.rows && position < self.columns).then_some((row, position))
    }
}

/// Where a feature is among the strongest of a token: position and value, in the order of the text.
pub fn occurrences(analysis: &Analysis, feature: usize) -> Vec<(usize, f32)> {
    analysis
        .novel_top
        .iter()
        .enumerate()
        .filter_map(|(position, top)| top.iter().find(|f| f.feature == feature).map(|f| (position, f.value)))
        .collect()
}

/// Why a search finds no feature, as a sentence of the page.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SearchError {
    /// Only numbers are searched for, and this is not one.
    #[error("A feature is a number: “{0}” is not.")]
    NotANumber(String),
    /// No feature has this number.
    #[error("This SAE’s features are numbered 0 to {}.", number::count(features.saturating_sub(1) as u64))]
    OutOfRange {
        /// Features that there are.
        features: usize,
    },
    /// No feature's name has this text.
    #[error("No feature’s name has “{0}” in it.")]
    NoName(String),
}

/// What a search for a feature's number answers.
///
/// # Errors
/// [`SearchError`] when `typed` is not a number, or there is no feature of this number.
pub fn search(analysis: &Analysis, typed: &str) -> Result<Vec<(usize, f32)>, SearchError> {
    let bare = typed.trim().trim_start_matches('#');
    let feature: usize = bare.parse().map_err(|_| SearchError::NotANumber(typed.to_owned()))?;
    if feature >= analysis.model.width {
        return Err(SearchError::OutOfRange { features: analysis.model.width });
    }
    Ok(occurrences(analysis, feature))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example;
    use lens_analysis::FeatureCode;

    fn analysis() -> Analysis {
        let feature = |feature, value| FeatureCode { feature, value };
        let mut analysis = example::analysis();
        analysis.novel_top = vec![
            vec![feature(9, 99.0)],
            vec![feature(7, 2.0), feature(3, 1.0)],
            vec![feature(4, 3.0), feature(7, 0.5)],
        ];
        analysis
    }

    #[test]
    fn the_strongest_feature_of_a_token_is_found() {
        let map = FeatureMap::of(&example::analysis(), 5);
        for position in 0..map.tokens {
            let values: Vec<f32> = (0..map.features.len()).filter_map(|row| map.value(row, position)).collect();
            let most = values.iter().copied().fold(0.0, f32::max);
            assert_eq!(map.strongest_at(position).map(|row| values[row]), (most > 0.0).then_some(most), "{position}");
        }
        assert_eq!(map.strongest_at(99), None);
    }

    #[test]
    fn rows_are_the_strongest_after_bos_in_the_order_of_the_text() {
        let it = FeatureMap::of(&analysis(), 2);
        assert_eq!((it.features.as_slice(), it.highest), ([7, 4].as_slice(), 3.0));
        assert_eq!(it.values, [0.0, 2.0, 0.5, 0.0, 0.0, 3.0]);
        assert_eq!((it.level(1, 2), it.level(5, 0)), (1.0, 0.0));
        assert_eq!(it.value(0, 3), None);
        assert!(FeatureMap::of(&example::analysis(), 0).features.is_empty());
    }

    #[test]
    fn the_pointer_finds_feature_and_token() {
        let it = FeatureMapLayout::new(3, 50, 552.0);
        assert_eq!(it.at(it.column_x(49) + 1.0, 31.0), Some((2, 49)));
        let first = it.column_x(0);
        assert_eq!((it.at(first - 1.0, 5.0), it.at(first + 8.0, 45.5), it.at(553.0, 5.0)), (None, None, None));
        assert_eq!(FeatureMapLayout::new(3, 2, 900.0).figure.width, NAME_WIDTH + 80.0);
        assert_eq!(FeatureMapLayout::new(3, 2, 100.0).column_x(0), NUMBER_WIDTH);
        assert_eq!(FeatureMapLayout::new(0, 0, 300.0).at(60.0, 1.0), None);
    }

    #[test]
    fn a_feature_is_found_by_its_number() {
        assert_eq!(search(&analysis(), " #7 ").unwrap(), [(1, 2.0), (2, 0.5)]);
        assert!(search(&analysis(), "1000").unwrap().is_empty());
        let past = search(&analysis(), "1920").unwrap_err();
        assert_eq!(past.to_string(), "This SAE’s features are numbered 0 to 1,919.");
        let word = search(&analysis(), "x").unwrap_err();
        assert_eq!(word.to_string(), "A feature is a number: “x” is not.");
    }
}
