//! Where plot and color bar go, in CSS pixels.

use crate::figure::layout::{AvailableSpace, ColorBarLayout, FigureLayout, Rect, Side};

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
pub fn layout(dimensions: usize, space: AvailableSpace) -> FigureLayout {
    let side = if space.is_narrow() { Side::Below } else { Side::Right };
    // In space the axes stand inside the plot.
    let axis = if dimensions == 2 { AXIS } else { MARGIN };
    let (right, below) = match side {
        Side::Right => (BAR_RIGHT, 0.0),
        Side::Below => (MARGIN, BAR_BELOW),
    };
    let width = (space.width - axis - right).max(SMALLEST);
    let height = (width * ASPECT).min(space.max_height - MARGIN - axis - below).max(SMALLEST);
    let plot = Rect { x: axis, y: MARGIN, width: width.round(), height: height.round() };
    let rect = match side {
        Side::Right => Rect { x: plot.x + plot.width + 20.0, y: plot.y, width: 14.0, height: plot.height },
        Side::Below => Rect { x: plot.x, y: plot.y + plot.height + axis + 12.0, width: plot.width, height: 12.0 },
    };
    FigureLayout {
        width: plot.x + plot.width + right,
        height: plot.y + plot.height + axis + below,
        plot,
        color_bar: Some(ColorBarLayout { side, rect }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_fits_and_nothing_overlaps() {
        for width in [360.0, 519.0, 800.0, 2560.0] {
            for dimensions in [2, 3] {
                let place = layout(dimensions, AvailableSpace { width, max_height: 700.0, pixel_ratio: 2.0 });
                assert!(place.width <= width + 1.0 && place.height <= 701.0, "{width}: {place:?}");
                let bar = place.color_bar.unwrap();
                let end = |r: Rect| (r.x + r.width, r.y + r.height);
                assert!(end(bar.rect).0 <= place.width && end(bar.rect).1 <= place.height, "{place:?}");
                match bar.side {
                    Side::Right => assert!(bar.rect.x > end(place.plot).0),
                    Side::Below => assert!(bar.rect.y > end(place.plot).1),
                }
            }
        }
    }

    #[test]
    fn a_narrow_figure_has_its_bar_below_from_left_to_right() {
        let narrow = layout(3, AvailableSpace { width: 360.0, max_height: 700.0, pixel_ratio: 1.0 });
        assert_eq!(narrow.color_bar.map(|bar| bar.side), Some(Side::Below));
        let ends = |layout: &FigureLayout| [0.0, 1.0].map(|place| layout.color_bar.unwrap().at(place));
        let [low, high] = ends(&narrow);
        assert!(low < high);
        let wide = layout(3, AvailableSpace { width: 900.0, max_height: 700.0, pixel_ratio: 1.0 });
        let [low, high] = ends(&wide);
        assert!(low > high, "low values are at its foot");
        assert!(wide.plot.contains(wide.plot.center()[0], wide.plot.center()[1]) && !wide.plot.contains(899.0, 10.0));
    }
}
