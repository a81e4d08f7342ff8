//! Light or dark.

use lens_view::choice::Choice;

/// Light, dark, or as the system has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Theme {
    /// As the system has it.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Choice for Theme {
    const CHOICES: &'static [Self] = &[Self::System, Self::Light, Self::Dark];

    fn key(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::System => "System",
            Self::Light => "Light",
            Self::Dark => "Dark",
        }
    }
}

impl Theme {
    /// The next one on the switch.
    pub fn next(self) -> Self {
        match self {
            Self::System => Self::Light,
            Self::Light => Self::Dark,
            Self::Dark => Self::System,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_theme_is_found_by_its_key() {
        for theme in Theme::CHOICES {
            assert_eq!(Theme::from_key(theme.key()), Some(*theme));
        }
        assert_eq!(Theme::from_key("pink"), None);
    }

    #[test]
    fn the_switch_comes_round() {
        let theme = Theme::System.next();
        assert_eq!((theme, theme.next(), theme.next().next()), (Theme::Light, Theme::Dark, Theme::System));
    }
}
