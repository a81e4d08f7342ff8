//! What every figure's layout is made of, in CSS pixels.

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

/// What the picture may take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Room {
    /// Width of the figure.
    pub width: f64,
    /// Greatest height of the figure.
    pub max_height: f64,
    /// Device pixels a CSS pixel.
    pub pixel_ratio: f64,
}

impl Room {
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
        match (self.is_low(), self.is_narrow()) {
            (true, _) => 0,
            (false, true) => 9,
            (false, false) => 14,
        }
    }
}

/// Where the color bar stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bar {
    /// To the right of the matrix, low values at its foot.
    Right,
    /// Below the matrix, low values to the left.
    Below,
}
