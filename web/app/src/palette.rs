//! The style sheets' colors and type, for what is drawn on a canvas: colors stand in
//! `web/style/colors.css` alone.

use lens_view::svg::SvgTheme;
use web_sys::{CssStyleDeclaration, Element};

/// Colors and typeface as the canvas takes them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Palette {
    /// The ground of all.
    pub paper: String,
    /// Ground of what lies deeper.
    pub sunken: String,
    /// Text.
    pub ink: String,
    /// Text of lesser weight.
    pub muted: String,
    /// Lines.
    pub rule: String,
    /// What is focused.
    pub accent: String,
    /// The shade of a token.
    pub shade: String,
    /// Text on the accent.
    pub on_accent: String,
    /// What a word added.
    pub added: String,
    /// What is pinned.
    pub pin: String,
    /// What wants attention.
    pub alarm: String,
    /// Inner outline of the focused cell: with the outer one it is seen on every color.
    pub cell_inner: String,
    /// Outer outline of the focused cell.
    pub cell_outer: String,
    /// Scenes of a text, in turn: the first scene has the first.
    pub scenes: [String; 4],
    /// Typeface.
    pub typeface: String,
}

impl Palette {
    /// The color of the scene of this number, from 1.
    pub fn scene(&self, number: usize) -> &str {
        &self.scenes[(number + self.scenes.len() - 1) % self.scenes.len()]
    }

    /// What a vector figure is drawn in.
    pub fn svg_theme(&self) -> SvgTheme<'_> {
        SvgTheme {
            paper: &self.paper,
            sunken: &self.sunken,
            text: &self.ink,
            muted: &self.muted,
            rule: &self.rule,
            accent: &self.accent,
            added: &self.added,
            alarm: &self.alarm,
            shade: &self.shade,
            scenes: self.scenes.each_ref().map(String::as_str),
            typeface: &self.typeface,
        }
    }

    /// As a theme has them, whichever the page is in: it is in that theme while they are read, and nothing is drawn then.
    pub fn of_theme(theme: &str) -> Self {
        let Some(root) = crate::environment::document().and_then(|document| document.document_element()) else {
            return Self::default();
        };
        let before = root.get_attribute("data-theme");
        // A page without themes has one palette.
        let _ = root.set_attribute("data-theme", theme);
        let palette = Self::of(&root);
        let _ = match before {
            Some(before) => root.set_attribute("data-theme", &before),
            None => root.remove_attribute("data-theme"),
        };
        palette
    }

    /// As they are for this element now. The names are registered as colors (`@property`), so that
    /// their computed values are colors and not formulas.
    pub fn of(element: &Element) -> Self {
        let style = crate::environment::window().and_then(|w| w.get_computed_style(element).ok().flatten());
        let value = |name: &str, fallback: &str| {
            let found = style.as_ref().and_then(|s: &CssStyleDeclaration| s.get_property_value(name).ok());
            found.filter(|text| !text.is_empty()).unwrap_or_else(|| fallback.to_owned())
        };
        Self {
            paper: value("--paper", "Canvas"),
            sunken: value("--sunken", "Canvas"),
            ink: value("--ink", "CanvasText"),
            muted: value("--muted", "CanvasText"),
            rule: value("--rule", "GrayText"),
            accent: value("--accent", "Highlight"),
            shade: value("--shade", "Mark"),
            on_accent: value("--on-accent", "HighlightText"),
            added: value("--new", "Highlight"),
            pin: value("--pin", "Highlight"),
            alarm: value("--alarm", "Mark"),
            cell_inner: value("--cell-inner", "Canvas"),
            cell_outer: value("--cell-outer", "CanvasText"),
            scenes: ["--scene-1", "--scene-2", "--scene-3", "--scene-4"].map(|name| value(name, "CanvasText")),
            typeface: value("font-family", "sans-serif"),
        }
    }
}
