//! How figures are saved: their colors and their width.

use lens_view::choice::Choice;
use lens_view::layout::AvailableSpace;
use lens_view::svg::{Ground, PrintWidth};

use crate::palette::Palette;

/// How figures are saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Print {
    /// Their colors.
    pub ground: Ground,
    /// Their width.
    pub width: PrintWidth,
}

impl Print {
    /// The ground's colors.
    pub fn palette(self) -> Palette {
        Palette::of_theme(self.ground.key())
    }

    /// Room for a figure, `height` times as high as wide.
    pub fn space(self, height: f64) -> AvailableSpace {
        let width = self.width.pixels();
        AvailableSpace { width, max_height: height * width, pixel_ratio: 2.0 }
    }
}
