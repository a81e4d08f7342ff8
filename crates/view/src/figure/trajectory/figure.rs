//! Where plot and color bar go, in CSS pixels.

use crate::figure::layout::{Bar, Rect, Room};

/// The figure's places.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// Width of the figure.
    pub width: f64,
    /// Height of the figure.
    pub height: f64,
    /// Points and path; what is zoomed past its edges is not drawn.
    pub plot: Rect,
    /// The color bar.
    pub bar_rect: Rect,
    /// On which side it is.
    pub bar: Bar,
}

const MARGIN: f64 = 8.0;
/// Left of and below a plane: numbers and the axis' title.
const AXIS: f64 = 52.0;
/// Color bar with gap, numbers and title.
const BAR_RIGHT: f64 = 20.0 + 14.0 + 40.0 + 18.0;
const BAR_BELOW: f64 = 12.0 + 12.0 + 16.0 + 18.0;
/// Height of a plot to its width: the notebook's 800 to 1000.
const ASPECT: f64 = 0.8;
const SMALLEST: f64 = 120.0;

/// Lays out a trajectory of 2 or 3 dimensions.
pub fn figure(dimensions: usize, room: Room) -> Figure {
    let bar = if room.is_narrow() { Bar::Below } else { Bar::Right };
    // In space the axes stand inside the plot.
    let axis = if dimensions == 2 { AXIS } else { MARGIN };
    let (right, below) = match bar {
        Bar::Right => (BAR_RIGHT, 0.0),
        Bar::Below => (MARGIN, BAR_BELOW),
    };
    let width = (room.width - axis - right).max(SMALLEST);
    let height = (width * ASPECT).min(room.max_height - MARGIN - axis - below).max(SMALLEST);
    let plot = Rect { x: axis, y: MARGIN, width: width.round(), height: height.round() };
    let bar_rect = match bar {
        Bar::Right => Rect { x: plot.x + plot.width + 20.0, y: plot.y, width: 14.0, height: plot.height },
        Bar::Below => Rect { x: plot.x, y: plot.y + plot.height + axis + 12.0, width: plot.width, height: 12.0 },
    };
    Figure { width: plot.x + plot.width + right, height: plot.y + plot.height + axis + below, plot, bar_rect, bar }
}

impl Figure {
    /// The plot's middle.
    pub fn middle(&self) -> [f64; 2] {
        [self.plot.x + self.plot.width / 2.0, self.plot.y + self.plot.height / 2.0]
    }

    /// Where on the color bar a place (0 low, 1 high) is: x for a bar below, y for one at the right.
    pub fn on_bar(&self, place: f64) -> f64 {
        match self.bar {
            Bar::Right => self.bar_rect.y + (1.0 - place) * self.bar_rect.height,
            Bar::Below => self.bar_rect.x + place * self.bar_rect.width,
        }
    }

    /// Whether a point of the figure lies in the plot.
    pub fn is_in_plot(&self, x: f64, y: f64) -> bool {
        (self.plot.x..=self.plot.x + self.plot.width).contains(&x)
            && (self.plot.y..=self.plot.y + self.plot.height).contains(&y)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_fits_and_nothing_overlaps() {
        for width in [360.0, 519.0, 800.0, 2560.0] {
            for dimensions in [2, 3] {
                let place = figure(dimensions, Room { width, max_height: 700.0, pixel_ratio: 2.0 });
                assert!(place.width <= width + 1.0 && place.height <= 701.0, "{width}: {place:?}");
                let end = |r: Rect| (r.x + r.width, r.y + r.height);
                assert!(end(place.bar_rect).0 <= place.width && end(place.bar_rect).1 <= place.height, "{place:?}");
                match place.bar {
                    Bar::Right => assert!(place.bar_rect.x > end(place.plot).0),
                    Bar::Below => assert!(place.bar_rect.y > end(place.plot).1),
                }
            }
        }
    }

    #[test]
    fn a_narrow_figure_has_its_bar_below_from_left_to_right() {
        let narrow = figure(3, Room { width: 360.0, max_height: 700.0, pixel_ratio: 1.0 });
        assert_eq!(narrow.bar, Bar::Below);
        assert!(narrow.on_bar(0.0) < narrow.on_bar(1.0));
        let wide = figure(3, Room { width: 900.0, max_height: 700.0, pixel_ratio: 1.0 });
        assert!(wide.on_bar(0.0) > wide.on_bar(1.0), "low values are at its foot");
        assert!(wide.is_in_plot(wide.middle()[0], wide.middle()[1]) && !wide.is_in_plot(899.0, 10.0));
    }
}
