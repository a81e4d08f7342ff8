//! The points of a text in their order, with their colors and their table.

use super::settings::Method;
use crate::figure::color::{self, ColorMap, ColorRange, NOT_A_NUMBER, Rgb};
use crate::figure::film::Reading;
use crate::format::{number, token};

/// The notebook's color map for positions.
pub const MAP: ColorMap = ColorMap::Viridis;
/// Written beside the color bar where color stands for the position.
pub const POSITION_TITLE: &str = "Token position";

/// Coordinates that do not fit the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrajectoryError {
    /// Neither a plane nor a space.
    #[error("a trajectory has 2 or 3 dimensions, not {0}")]
    Dimensions(usize),
    /// Not one point a position.
    #[error("{positions} positions call for {} coordinates, there are {found}", positions * dimensions)]
    Coordinates {
        /// Positions drawn.
        positions: usize,
        /// 2 or 3.
        dimensions: usize,
        /// Coordinates given.
        found: usize,
    },
    /// A position past the end of the text, or a quantity that some tokens lack.
    #[error("position {position} was to be drawn, there are {tokens} tokens")]
    Position {
        /// The position.
        position: usize,
        /// Tokens there are.
        tokens: usize,
    },
}

/// Points of a text in their order, each at a token position.
#[derive(Debug, Clone)]
pub struct Trajectory {
    method: Method,
    pub(super) dimensions: usize,
    /// Third coordinate 0 in a plane.
    pub(super) points: Vec<[f32; 3]>,
    positions: Vec<usize>,
    pub(super) tokens: Vec<String>,
    pub(super) shades: Vec<f32>,
    /// Written beside the color bar.
    pub shade_title: String,
    /// What the ends of the colors stand for.
    pub shade_range: ColorRange,
}

/// A row of the table behind the picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PointRow {
    /// Token position.
    pub position: usize,
    /// The token, invisible characters made visible.
    pub token: String,
    /// Its coordinates, two decimals.
    pub coordinates: Vec<String>,
}

impl Trajectory {
    /// Points at `positions` of a text of `tokens`, with coordinates [positions, dimensions] row-major; colored by
    /// position.
    ///
    /// # Errors
    /// [`TrajectoryError`].
    pub fn new(
        method: Method,
        coordinates: &[f32],
        dimensions: usize,
        positions: Vec<usize>,
        tokens: Vec<String>,
    ) -> Result<Self, TrajectoryError> {
        if !matches!(dimensions, 2 | 3) {
            return Err(TrajectoryError::Dimensions(dimensions));
        }
        if coordinates.len() != positions.len() * dimensions {
            return Err(TrajectoryError::Coordinates {
                positions: positions.len(),
                dimensions,
                found: coordinates.len(),
            });
        }
        if let Some(&position) = positions.iter().find(|p| **p >= tokens.len()) {
            return Err(TrajectoryError::Position { position, tokens: tokens.len() });
        }
        let points =
            coordinates.chunks_exact(dimensions).map(|c| [c[0], c[1], c.get(2).copied().unwrap_or(0.0)]).collect();
        let shades: Vec<f32> = positions.iter().map(|p| *p as f32).collect();
        Ok(Self {
            method,
            dimensions,
            points,
            shade_range: ColorRange::of(&shades),
            shades,
            shade_title: POSITION_TITLE.to_owned(),
            positions,
            tokens,
        })
    }

    /// Colored by a quantity that every token has [T].
    ///
    /// # Errors
    /// [`TrajectoryError::Position`] where a token drawn has none.
    pub fn shaded_by(mut self, title: &str, quantity: &[f32]) -> Result<Self, TrajectoryError> {
        let value = |&position: &usize| {
            quantity.get(position).copied().ok_or(TrajectoryError::Position { position, tokens: quantity.len() })
        };
        self.shades = self.positions.iter().map(value).collect::<Result<_, _>>()?;
        self.shade_range = ColorRange::of(&self.shades);
        self.shade_title = title.to_owned();
        Ok(self)
    }

    /// Number of points.
    pub fn size(&self) -> usize {
        self.points.len()
    }

    /// 2 or 3.
    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// Coordinates of a point; none past the last.
    pub fn coordinates(&self, point: usize) -> &[f32] {
        self.points.get(point).map_or(&[], |it| &it[..self.dimensions])
    }

    /// Titles of the axes.
    pub fn axis_titles(&self) -> Vec<String> {
        (0..self.dimensions).map(|axis| self.method.axis_title(axis)).collect()
    }

    /// Token position of a point.
    pub fn position(&self, point: usize) -> Option<usize> {
        self.positions.get(point).copied()
    }

    /// The point drawn at a token position, or the last one before it: what lights up when that token is looked at
    /// elsewhere.
    pub fn point_at(&self, position: usize) -> Option<usize> {
        (0..self.size())
            .filter(|point| self.positions[*point] <= position)
            .max_by_key(|point| self.positions[*point])
            .filter(|_| position < self.tokens.len())
    }

    /// How far the path goes in a text that has been read so far: to a point, and which part of the way from it to the
    /// next. None before the first point.
    pub fn reached(&self, reading: Reading) -> Option<(usize, f64)> {
        let point = self.point_at(reading.position)?;
        let from = self.positions[point] as f64;
        let next = self.position(point + 1).map(|it| it as f64).filter(|next| *next > from);
        let part = next.map_or(0.0, |next| (reading.position as f64 + reading.progress - from) / (next - from));
        Some((point, part.clamp(0.0, 1.0)))
    }

    /// The next point along the path (`forward`) or the one before; at the ends it stays.
    pub fn beside(&self, point: usize, forward: bool) -> usize {
        if forward { (point + 1).min(self.size().saturating_sub(1)) } else { point.saturating_sub(1) }
    }

    /// The points' colors, in their order.
    pub fn colors(&self) -> Vec<Rgb> {
        let table = MAP.table();
        let color = |shade: &f32| color::index(*shade, self.shade_range).map_or(NOT_A_NUMBER, |i| table[i]);
        self.shades.iter().map(color).collect()
    }

    /// Position and token of a point, the token as the vocabulary spells it.
    pub fn token(&self, point: usize) -> (usize, &str) {
        let position = self.positions[point];
        (position, &self.tokens[position])
    }

    /// The table behind the picture.
    pub fn rows(&self) -> impl Iterator<Item = PointRow> + '_ {
        (0..self.size()).map(|point| PointRow {
            position: self.positions[point],
            token: token::plain(&self.tokens[self.positions[point]]),
            coordinates: self.points[point][..self.dimensions].iter().map(|v| number::fixed(*v, 2)).collect(),
        })
    }

    /// One sentence for those who do not see the picture.
    pub fn summary(&self) -> String {
        format!(
            "The way of {} token positions through {} dimensions ({}), colored by {}. Arrow keys walk the points, \
             Enter pins, Escape unpins.",
            self.size(),
            self.dimensions,
            self.axis_titles().join(", "),
            self.shade_title.to_lowercase()
        )
    }

    /// Smallest and largest finite coordinate of each axis; never empty.
    pub(crate) fn extents(&self) -> [ColorRange; 3] {
        std::array::from_fn(|axis| {
            if axis >= self.dimensions {
                return ColorRange { low: 0.0, high: 0.0 };
            }
            let values: Vec<f32> = self.points.iter().map(|p| p[axis]).collect();
            ColorRange::of(&values)
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Four tokens; three of them drawn.
    pub fn trajectory(dimensions: usize) -> Trajectory {
        let tokens = ["<bos>", "▁night", "▁sky", "."].map(str::to_owned).to_vec();
        let coordinates: Vec<f32> = [[0.0, 0.0, 0.0], [4.0, 2.0, 1.0], [8.0, 0.0, -1.0]]
            .iter()
            .flat_map(|point| point[..dimensions].to_vec())
            .collect();
        Trajectory::new(Method::Umap, &coordinates, dimensions, vec![0, 1, 3], tokens).unwrap()
    }

    #[test]
    fn colors_run_over_the_positions_drawn() {
        assert_eq!(trajectory(2).shade_range, ColorRange { low: 0.0, high: 3.0 });
        let colors = trajectory(2).colors();
        assert_eq!((colors[0], colors[2]), ([68, 1, 84], [253, 231, 37]));
    }

    #[test]
    fn any_quantity_of_the_tokens_can_color() {
        let shaded = trajectory(3).shaded_by("Novel energy", &[2.0, f32::NAN, 9.0, 4.0]).unwrap();
        assert_eq!(shaded.shade_range, ColorRange { low: 2.0, high: 4.0 });
        assert_eq!(shaded.colors()[1], NOT_A_NUMBER);
        assert!(shaded.summary().contains("colored by novel energy"));
        let short = trajectory(3).shaded_by("Novel energy", &[2.0, 1.0]).unwrap_err();
        assert_eq!(short, TrajectoryError::Position { position: 3, tokens: 2 });
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let of = |coordinates: &[f32], dimensions, positions: &[usize]| {
            let tokens = vec!["a".to_owned(), "b".to_owned()];
            Trajectory::new(Method::Pca, coordinates, dimensions, positions.to_vec(), tokens).unwrap_err().to_string()
        };
        assert_eq!(of(&[0.0], 1, &[0]), "a trajectory has 2 or 3 dimensions, not 1");
        assert_eq!(of(&[0.0; 3], 2, &[0, 1]), "2 positions call for 4 coordinates, there are 3");
        assert_eq!(of(&[0.0; 2], 2, &[2]), "position 2 was to be drawn, there are 2 tokens");
    }

    #[test]
    fn tokens_looked_at_elsewhere_find_their_point() {
        let trajectory = trajectory(2);
        assert_eq!([0, 1, 2, 3, 4].map(|p| trajectory.point_at(p)), [Some(0), Some(1), Some(1), Some(2), None]);
        assert_eq!((trajectory.beside(0, false), trajectory.beside(0, true), trajectory.beside(2, true)), (0, 1, 2));
    }

    #[test]
    fn the_path_reaches_as_far_as_the_text_is_read() {
        let trajectory = trajectory(2);
        let reached = |position, progress| trajectory.reached(Reading { position, progress });
        assert_eq!(
            [reached(0, 0.0), reached(0, 0.25), reached(1, 0.0)],
            [Some((0, 0.0)), Some((0, 0.25)), Some((1, 0.0))]
        );
        // Token 2 is no point: it lies on the way from 1 to 3.
        assert_eq!([reached(2, 0.0), reached(2, 0.5)], [Some((1, 0.5)), Some((1, 0.75))]);
        assert_eq!([reached(3, 0.0), reached(3, 0.5), reached(9, 0.0)], [Some((2, 0.0)), Some((2, 0.0)), None]);
    }

    #[test]
    fn the_table_has_positions_tokens_and_coordinates() {
        let rows: Vec<PointRow> = trajectory(3).rows().collect();
        assert_eq!(rows[2].position, 3);
        assert_eq!(rows[1].token, "·night");
        assert_eq!(rows[2].coordinates, ["8.00", "0.00", "−1.00"]);
        assert_eq!(trajectory(3).axis_titles(), ["UMAP 1", "UMAP 2", "UMAP 3"]);
    }
}
