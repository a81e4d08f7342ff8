//! The page's own colors, for pictures: read from the one file that has them.

use anyhow::{Context, Result};
use lens_view::color::Rgb;
use lens_view::preview::PreviewTheme;

const COLORS: &str = include_str!("../../../web/style/colors.css");

/// Colors of a picture on light ground.
pub fn light() -> Result<PreviewTheme> {
    theme(0)
}

/// Colors of a picture on dark ground.
pub fn dark() -> Result<PreviewTheme> {
    theme(1)
}

fn theme(side: usize) -> Result<PreviewTheme> {
    let color = |name: &str| color(COLORS, name, side).with_context(|| format!("colors.css: no color --{name}"));
    let scenes = [color("scene-1")?, color("scene-2")?, color("scene-3")?, color("scene-4")?];
    Ok(PreviewTheme { paper: color("paper")?, scenes })
}

/// One side of `--NAME: light-dark(#rrggbb, #rrggbb);`.
fn color(css: &str, name: &str, side: usize) -> Option<Rgb> {
    let sides = css.split(&format!("--{name}: light-dark(")).nth(1)?.split(')').next()?;
    let hex = sides.split(", ").nth(side)?.strip_prefix('#').filter(|hex| hex.len() == 6)?;
    let [_, red, green, blue] = u32::from_str_radix(hex, 16).ok()?.to_be_bytes();
    Some([red, green, blue])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_themes_are_read_from_the_pages_style() {
        let css = "--a: light-dark(#0102ff, #fffefd); --b: light-dark(red, #000000);";
        assert_eq!((color(css, "a", 0), color(css, "a", 1)), (Some([1, 2, 255]), Some([255, 254, 253])));
        assert_eq!((color(css, "b", 0), color(css, "c", 0)), (None, None));
        let (light, dark) = (light().unwrap(), dark().unwrap());
        let brightness = |it: Rgb| it.map(u32::from).iter().sum::<u32>();
        assert!(brightness(light.paper) > 600 && brightness(dark.paper) < 200, "{light:?} {dark:?}");
        assert!(light.scenes.iter().zip(dark.scenes).all(|(a, b)| brightness(*a) < brightness(b)));
    }
}
