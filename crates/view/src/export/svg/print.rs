//! How wide a saved figure is, and on which ground.

use crate::format::choice::Choice;

/// CSS pixels of a millimeter.
const PIXELS: f64 = 96.0 / 25.4;
/// Dots of a millimeter in print: 300 an inch.
const DOTS: f64 = 300.0 / 25.4;
/// Titles of small figures need more width than the figure.
const LEAST: f64 = 420.0;
/// CSS pixels of a figure for the screen.
const SCREEN: f64 = 900.0;

/// What a figure is saved for. Its type is as large in each: narrow figures have less of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PrintWidth {
    /// A screen.
    #[default]
    Screen,
    /// A column of a page with two.
    Column,
    /// A whole page.
    Page,
}

impl PrintWidth {
    /// Width in print; none for a screen.
    pub fn millimeters(self) -> Option<f64> {
        match self {
            Self::Screen => None,
            Self::Column => Some(85.0),
            Self::Page => Some(180.0),
        }
    }

    /// CSS pixels that a figure may take.
    pub fn pixels(self) -> f64 {
        self.millimeters().map_or(SCREEN, |it| it * PIXELS)
    }

    /// CSS pixels that it takes, however small it is.
    pub(super) fn least(self) -> f64 {
        self.millimeters().map_or(LEAST, |it| it * PIXELS)
    }

    /// Pixels of a row of the picture; none for a screen, where a CSS pixel has two.
    pub fn dots(self) -> Option<u32> {
        self.millimeters().map(|it| (it * DOTS).round() as u32)
    }

    /// Width and height as SVG's attributes, of so many CSS pixels.
    pub(super) fn size(self, width: f64, height: f64) -> String {
        match self.millimeters() {
            None => format!("width=\"{width:.0}\" height=\"{height:.0}\""),
            Some(it) => format!("width=\"{it}mm\" height=\"{:.2}mm\"", height / width * it),
        }
    }
}

impl Choice for PrintWidth {
    const CHOICES: &'static [Self] = &[Self::Screen, Self::Column, Self::Page];

    fn key(self) -> &'static str {
        match self {
            Self::Screen => "screen",
            Self::Column => "85",
            Self::Page => "180",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Screen => "for a screen",
            Self::Column => "85 mm, a column in print",
            Self::Page => "180 mm, a page in print",
        }
    }
}

/// The colors of what is saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ground {
    /// For paper, whatever the screen has.
    #[default]
    Light,
    /// For dark slides.
    Dark,
}

impl Choice for Ground {
    const CHOICES: &'static [Self] = &[Self::Light, Self::Dark];

    fn key(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_in_print_have_300_dots_an_inch() {
        assert_eq!(PrintWidth::CHOICES.iter().map(|it| it.dots()).collect::<Vec<_>>(), [None, Some(1004), Some(2126)]);
        assert!((PrintWidth::Column.pixels() - 321.26).abs() < 0.01);
        assert_eq!(PrintWidth::Screen.size(900.0, 300.4), "width=\"900\" height=\"300\"");
        assert_eq!(PrintWidth::Page.size(600.0, 300.0), "width=\"180mm\" height=\"90.00mm\"");
    }
}
