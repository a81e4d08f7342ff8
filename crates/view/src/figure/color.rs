//! Color maps as matplotlib has them, color ranges, and the ticks of a color bar.
//!
//! The page's own colors (ink, paper, rules) live in `web/style/colors.css`.

use crate::format::number;

/// A color, 0..=255 each.
pub type Rgb = [u8; 3];

/// What a value that is not a number is drawn in: neither end of any map.
pub const NOT_A_NUMBER: Rgb = [128, 128, 128];

/// A color map: sequential, or diverging from a neutral middle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ColorMap {
    /// matplotlib's magma: the notebook's heatmap.
    #[default]
    Magma,
    /// matplotlib's viridis: the notebook's trajectory.
    Viridis,
    /// Blue through near-white to vermilion, for signed data: the two hues stay apart for all common
    /// kinds of color blindness, and both ends grow dark.
    Diverging,
}

/// Every fifth of matplotlib's 256 entries (0, 5, .., 255) as hex; between them linear
/// interpolation, which is never more than one level off.
const MAGMA: &str = "00000402020b0504160907200e0b2b140e361a104221114e29115a311165390f6e420f754a1079\
    52137c5a167e6219806a1c81721f81792282812581892881912b81992d80a1307eaa337db2357bba3878c23b75ca3e\
    72d2426fd9466be04c67e75263ec5860f1605df4695cf7725cf97b5dfb8560fc8e64fd9869fea16efeaa74feb47bfe\
    bd82fec68afecf92fed89afde2a3fdebacfcf4b6fcfdbf";
const VIRIDIS: &str = "44015446085c471063481769481d6f482475472a7a46307e453781433d844142873f48893d4e\
    8a3a538b38598c355e8d33638d31688e2e6d8e2c718e2a768e297b8e27808e25848e23898e218e8d20928c1f978b1e\
    9c891fa18821a58524aa8328ae802eb37c35b7793dbc7446c06f50c46a5ac86465cb5e70cf577cd25089d54895d840\
    a2da37b0dd2fbddf26cae11fd8e219e5e419f1e51dfde725";

/// Evenly spaced; the second and second-last are Okabe and Ito's blue and vermilion.
const DIVERGING: &str = "0b2f5c0072b286bfe0f7f5f2f0b48ad55e006b2600";

impl ColorMap {
    /// The map's 256 colors, from low to high.
    pub fn table(self) -> [Rgb; 256] {
        let points: Vec<Rgb> = match self {
            Self::Magma => points(MAGMA),
            Self::Viridis => points(VIRIDIS),
            Self::Diverging => points(DIVERGING),
        };
        let last = points.len() - 1;
        std::array::from_fn(|i| {
            let place = i as f32 / 255.0 * last as f32;
            let left = (place as usize).min(last - 1);
            let t = place - left as f32;
            std::array::from_fn(|c| {
                let (a, b) = (f32::from(points[left][c]), f32::from(points[left + 1][c]));
                (a + (b - a) * t).round() as u8
            })
        })
    }
}

fn points(hex: &str) -> Vec<Rgb> {
    let digits: Vec<u8> =
        hex.chars().filter_map(|c| c.to_digit(16)).map(|digit| u8::try_from(digit).unwrap_or_default()).collect();
    let (bytes, _) = digits.as_chunks::<2>();
    let bytes: Vec<u8> = bytes.iter().map(|[high, low]| high * 16 + low).collect();
    bytes.as_chunks::<3>().0.to_vec()
}

/// Which values the ends of a color map stand for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ColorRange {
    /// Drawn in the first color.
    pub low: f32,
    /// Drawn in the last color.
    pub high: f32,
}

impl ColorRange {
    /// Smallest to largest finite value, as imshow does without vmin and vmax. Where all values are
    /// equal (or none is finite) the range is widened, so that no division by zero follows.
    pub fn of<'a>(values: impl IntoIterator<Item = &'a f32>) -> Self {
        let finite = values.into_iter().copied().filter(|v| v.is_finite());
        let (low, high) = finite.fold((f32::INFINITY, f32::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        if low > high {
            Self { low: 0.0, high: 1.0 }
        } else if low == high {
            Self { low: low - 0.5, high: high + 0.5 }
        } else {
            Self { low, high }
        }
    }

    /// Where a value lies between the ends, 0..=1; none when it is not a number.
    pub fn place(self, value: f32) -> Option<f32> {
        value.is_finite().then(|| ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0))
    }
}

/// Index of a value's color in a table of 256; none when it is not a number.
pub fn index(value: f32, range: ColorRange) -> Option<usize> {
    range.place(value).map(|place| (place * 255.0).round() as usize)
}

/// A mark on an axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Tick {
    /// Where it stands, in the axis' unit.
    pub value: f32,
    /// What is written beside it.
    pub label: String,
}

/// Round values inside `range`, about `wanted` of them: multiples of 1, 2 or 5 times a power of ten.
pub fn ticks(range: ColorRange, wanted: usize) -> Vec<Tick> {
    let span = f64::from(range.high) - f64::from(range.low);
    if !span.is_finite() || span <= 0.0 {
        return Vec::new();
    }
    let rough = span / wanted.max(1) as f64;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * power).find(|s| *s >= rough * 0.999).unwrap_or(rough);
    let decimals = (-step.log10().floor()).clamp(0.0, 6.0) as usize;
    let first = (f64::from(range.low) / step - 1e-6).ceil() as i64;
    let last = (f64::from(range.high) / step + 1e-6).floor() as i64;
    (first..=last)
        .map(|i| {
            let value = (i as f64 * step) as f32;
            Tick { value, label: number::fixed(value, decimals) }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_begin_and_end_as_matplotlib_s() {
        let magma = ColorMap::Magma.table();
        assert_eq!((magma[0], magma[255]), ([0, 0, 4], [252, 253, 191]));
        // matplotlib's magma(128) is (183, 55, 121).
        assert!(magma[128].iter().zip([183u8, 55, 121]).all(|(a, b)| a.abs_diff(b) <= 1), "{:?}", magma[128]);
        let viridis = ColorMap::Viridis.table();
        assert_eq!((viridis[0], viridis[255]), ([68, 1, 84], [253, 231, 37]));
        // matplotlib's viridis(127) is (33, 144, 141).
        assert!(viridis[127].iter().zip([33u8, 144, 141]).all(|(a, b)| a.abs_diff(b) <= 1), "{:?}", viridis[127]);
    }

    #[test]
    fn maps_grow_lighter_all_the_way() {
        for map in [ColorMap::Magma, ColorMap::Viridis] {
            let light: Vec<f32> = map
                .table()
                .iter()
                .map(|[r, g, b]| 0.2126 * f32::from(*r) + 0.7152 * f32::from(*g) + 0.0722 * f32::from(*b))
                .collect();
            assert!(light.windows(2).all(|pair| pair[1] > pair[0] - 1.0));
        }
    }

    #[test]
    fn the_diverging_map_is_lightest_in_the_middle_and_evenly_dark_at_its_ends() {
        let light: Vec<f32> = ColorMap::Diverging
            .table()
            .iter()
            .map(|[r, g, b]| 0.2126 * f32::from(*r) + 0.7152 * f32::from(*g) + 0.0722 * f32::from(*b))
            .collect();
        assert!(light[..128].windows(2).all(|pair| pair[1] > pair[0] - 1.0));
        assert!(light[128..].windows(2).all(|pair| pair[1] < pair[0] + 1.0));
        assert!((light[0] - light[255]).abs() < 15.0 && light[127] > 235.0);
    }

    #[test]
    fn the_range_is_the_data_s_and_never_empty() {
        assert_eq!(ColorRange::of(&[0.5, f32::NAN, -0.25]), ColorRange { low: -0.25, high: 0.5 });
        assert_eq!(ColorRange::of(&[1.0, 1.0]), ColorRange { low: 0.5, high: 1.5 });
        assert_eq!(ColorRange::of(&[f32::NAN]), ColorRange { low: 0.0, high: 1.0 });
    }

    #[test]
    fn values_find_their_color_and_nan_has_none() {
        let range = ColorRange { low: -1.0, high: 1.0 };
        assert_eq!(index(-1.0, range), Some(0));
        assert_eq!(index(1.0, range), Some(255));
        assert_eq!(index(7.0, range), Some(255));
        assert_eq!(index(f32::NAN, range), None);
    }

    #[test]
    fn ticks_are_round_and_inside() {
        let labels = |low, high, n| -> Vec<String> {
            ticks(ColorRange { low, high }, n).into_iter().map(|tick| tick.label).collect()
        };
        assert_eq!(labels(-0.43, 1.0, 8), ["−0.4", "−0.2", "0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels(0.0, 1.0, 5), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels(-0.5, 0.5, 2), ["−0.5", "0.0", "0.5"]);
        assert!(ticks(ColorRange { low: 0.0, high: f32::NAN }, 5).is_empty());
    }
}
