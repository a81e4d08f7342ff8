//! Where the parts of a figure go, in CSS pixels.

/// A rectangle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rect {
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

impl Rect {
    /// Its center.
    pub fn center(self) -> [f64; 2] {
        [self.x + self.width / 2.0, self.y + self.height / 2.0]
    }

    /// Whether a point lies in it, edges included.
    pub fn contains(self, x: f64, y: f64) -> bool {
        (self.x..=self.x + self.width).contains(&x) && (self.y..=self.y + self.height).contains(&y)
    }
}

/// What the picture may take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AvailableSpace {
    /// Width of the figure.
    pub width: f64,
    /// Greatest height of the figure.
    pub max_height: f64,
    /// Device pixels a CSS pixel.
    pub pixel_ratio: f64,
}

impl AvailableSpace {
    /// A phone's width: the color bar goes below, labels are shorter.
    pub fn is_narrow(self) -> bool {
        self.width < 520.0
    }

    /// Too low for names along the axes: the matrix takes what there is, and pointing at it names its tokens.
    pub fn is_low(self) -> bool {
        self.max_height < 280.0
    }

    /// Columns of text an axis label may take.
    pub fn label_columns(self) -> usize {
        // A square in a low space: what its labels take, it lacks.
        match (self.is_low(), self.is_narrow() || self.max_height < 560.0) {
            (true, _) => 0,
            (false, true) => 9,
            (false, false) => 14,
        }
    }
}

/// Side of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// To the right of the plot; of a color bar, low values at its foot.
    Right,
    /// Below the plot; of a color bar, low values to the left.
    Below,
}

/// Where a color bar goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ColorBarLayout {
    /// On which side of the plot it stands.
    pub side: Side,
    /// The bar itself, without its labels.
    pub rect: Rect,
}

impl ColorBarLayout {
    /// CSS pixels of the bar for each tick.
    const TICK_SPACE: f64 = 60.0;

    /// Where on the bar a place (0 low, 1 high) is: x for a bar below, y for one at the right.
    pub fn at(self, place: f64) -> f64 {
        match self.side {
            Side::Right => self.rect.y + (1.0 - place) * self.rect.height,
            Side::Below => self.rect.x + place * self.rect.width,
        }
    }

    /// About how many ticks fit, 2 to 8.
    pub fn tick_count(self) -> usize {
        let length = match self.side {
            Side::Right => self.rect.height,
            Side::Below => self.rect.width,
        };
        (length / Self::TICK_SPACE).clamp(2.0, 8.0) as usize
    }
}

/// What every figure has: its size, its plot, its color bar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FigureLayout {
    /// Width of the figure.
    pub width: f64,
    /// Height of the figure.
    pub height: f64,
    /// Where the data go, inside axes and titles.
    pub plot: Rect,
    /// The color bar, where the figure has one.
    pub color_bar: Option<ColorBarLayout>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_color_bar_rises_to_the_right_or_upwards() {
        let rect = Rect { x: 10.0, y: 20.0, width: 300.0, height: 100.0 };
        let below = ColorBarLayout { side: Side::Below, rect };
        assert_eq!((below.at(0.0), below.at(1.0), below.tick_count()), (10.0, 310.0, 5));
        let right = ColorBarLayout { side: Side::Right, rect };
        assert_eq!((right.at(0.0), right.at(1.0), right.tick_count()), (120.0, 20.0, 2));
    }

    #[test]
    fn a_rectangle_contains_its_center_and_its_edges() {
        let rect = Rect { x: 10.0, y: 20.0, width: 300.0, height: 100.0 };
        let [x, y] = rect.center();
        assert!(rect.contains(x, y) && rect.contains(310.0, 120.0) && !rect.contains(310.1, 120.0));
    }
}
