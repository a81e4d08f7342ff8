//! Which part of the matrix is looked at.

use crate::figure::focus::Cell;

/// A square window on n by n cells, in cells from the matrix' upper left corner.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Viewport {
    /// First column, may be a fraction.
    pub x: f64,
    /// First row, may be a fraction.
    pub y: f64,
    /// Columns and rows shown.
    pub span: f64,
    n: f64,
}

/// The fewest cells a side.
const CLOSEST: f64 = 4.0;

impl Viewport {
    /// The whole matrix.
    pub fn whole(n: usize) -> Self {
        let n = n.max(1) as f64;
        Self { x: 0.0, y: 0.0, span: n, n }
    }

    /// A part of n by n cells that a link names: its first column, its first row, how many cells. What does
    /// not fit is moved and cut until it does.
    pub fn part(n: usize, [x, y, span]: [f64; 3]) -> Self {
        let whole = Self::whole(n);
        Self { x, y, span: span.clamp(CLOSEST.min(whole.n), whole.n), ..whole }.inside()
    }

    /// What [`Self::part`] takes; none for the whole matrix.
    pub fn named(self) -> Option<[f64; 3]> {
        (!self.is_whole()).then_some([self.x, self.y, self.span])
    }

    /// Whether all of the matrix is shown.
    pub fn is_whole(self) -> bool {
        self.span >= self.n
    }

    /// Whether zooming in shows nothing larger.
    pub fn is_closest(self) -> bool {
        self.span <= CLOSEST.min(self.n)
    }

    /// Shows `factor` times as much; what is at (`u`, `v`) of the window, 0..=1 from its upper left
    /// corner, stays there.
    #[must_use]
    pub fn zoomed(self, factor: f64, u: f64, v: f64) -> Self {
        let span = (self.span * factor).clamp(CLOSEST.min(self.n), self.n);
        Self { x: self.x + u * (self.span - span), y: self.y + v * (self.span - span), span, ..self }.inside()
    }

    /// Moved by so many cells.
    #[must_use]
    pub fn panned(self, dx: f64, dy: f64) -> Self {
        Self { x: self.x + dx, y: self.y + dy, ..self }.inside()
    }

    /// Moved as little as it takes to show a cell.
    #[must_use]
    pub fn showing(self, cell: Cell) -> Self {
        let follow = |first: f64, place: usize| {
            let place = place as f64;
            first.min(place).max(place + 1.0 - self.span)
        };
        Self { x: follow(self.x, cell.column), y: follow(self.y, cell.row), ..self }.inside()
    }

    fn inside(self) -> Self {
        let last = self.n - self.span;
        Self { x: self.x.clamp(0.0, last), y: self.y.clamp(0.0, last), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zooming_keeps_what_is_under_the_pointer() {
        let it = Viewport::whole(100).zoomed(0.5, 0.25, 0.75);
        assert_eq!((it.x, it.y, it.span), (12.5, 37.5, 50.0));
        assert_eq!(it.zoomed(2.0, 0.25, 0.75), Viewport::whole(100));
        assert!(Viewport::whole(100).zoomed(3.0, 0.0, 0.0).is_whole());
        assert_eq!(Viewport::whole(100).zoomed(1e-6, 0.5, 0.5).span, CLOSEST);
        assert!(Viewport::whole(100).zoomed(1e-6, 0.5, 0.5).is_closest() && !Viewport::whole(100).is_closest());
        assert!(Viewport::whole(2).is_closest() && Viewport::whole(2).is_whole());
        assert_eq!(Viewport::whole(2).zoomed(0.1, 0.5, 0.5).span, 2.0);
    }

    #[test]
    fn a_part_is_named_and_found_again() {
        assert_eq!(Viewport::whole(9).named(), None);
        let it = Viewport::whole(100).zoomed(0.25, 0.5, 0.25);
        assert_eq!(Viewport::part(100, it.named().unwrap()), it);
        assert_eq!(Viewport::part(10, [50.0, -3.0, 400.0]), Viewport::whole(10));
        assert_eq!(Viewport::part(10, [50.0, 2.0, 0.0]).named(), Some([6.0, 2.0, CLOSEST]));
    }

    #[test]
    fn panning_stops_at_the_border() {
        let it = Viewport::whole(10).zoomed(0.5, 0.0, 0.0).panned(2.0, 99.0);
        assert_eq!((it.x, it.y), (2.0, 5.0));
        assert_eq!(it.panned(-9.0, 0.0).x, 0.0);
    }

    #[test]
    fn the_keyboard_s_cell_comes_into_view() {
        let it = Viewport::whole(20).zoomed(0.25, 0.0, 0.0);
        assert_eq!(it.showing(Cell { row: 3, column: 9 }), Viewport { x: 5.0, ..it });
        assert_eq!(it.showing(Cell { row: 3, column: 3 }), it);
        let moved = it.panned(10.0, 10.0).showing(Cell { row: 0, column: 19 });
        assert_eq!((moved.x, moved.y), (15.0, 0.0));
    }
}
