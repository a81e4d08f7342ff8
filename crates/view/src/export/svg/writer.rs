//! The marks that figures are made of, as SVG.

use std::fmt::Write as _;

use crate::figure::color::{self, ColorMap};
use crate::figure::layout::{ColorBarLayout, Rect, Side};
use crate::format::markup::escaped;

/// Colors and typeface as CSS writes them.
#[derive(Debug, Clone, Copy)]
pub struct SvgTheme<'a> {
    /// The ground of all.
    pub paper: &'a str,
    /// Ground of what lies deeper.
    pub sunken: &'a str,
    /// Text.
    pub text: &'a str,
    /// Text of lesser weight.
    pub muted: &'a str,
    /// Lines.
    pub rule: &'a str,
    /// What stands out.
    pub accent: &'a str,
    /// The shade of a token.
    pub shade: &'a str,
    /// Typeface.
    pub typeface: &'a str,
}

/// Written above and below a figure.
#[derive(Debug, Clone, Copy)]
pub struct Caption<'a> {
    /// What it shows.
    pub title: &'a str,
    /// Which model and pack made it.
    pub credit: &'a str,
}

/// Space for the title and for the credit.
const HEAD: f64 = 34.0;
const FOOT: f64 = 30.0;

/// A drawing in the making; lengths are CSS pixels.
pub(super) struct Svg<'a> {
    body: String,
    theme: SvgTheme<'a>,
}

/// Where a text's given point is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

impl<'a> Svg<'a> {
    pub(super) fn new(theme: SvgTheme<'a>) -> Self {
        Self { body: String::new(), theme }
    }

    pub(super) fn rect(&mut self, rect: Rect, fill: &str, opacity: f64) {
        let Rect { x, y, width, height } = rect;
        let (fill, opacity) =
            (escaped(fill), if opacity < 1.0 { format!(" fill-opacity=\"{opacity:.3}\"") } else { String::new() });
        let _ = writeln!(
            self.body,
            "<rect x=\"{x:.2}\" y=\"{y:.2}\" width=\"{width:.2}\" height=\"{height:.2}\" fill=\"{fill}\"{opacity}/>"
        );
    }

    pub(super) fn line(&mut self, from: [f64; 2], to: [f64; 2], stroke: &str, opacity: f64) {
        let stroke = escaped(stroke);
        let opacity = if opacity < 1.0 { format!(" stroke-opacity=\"{opacity}\"") } else { String::new() };
        let _ = writeln!(
            self.body,
            "<line x1=\"{:.2}\" y1=\"{:.2}\" x2=\"{:.2}\" y2=\"{:.2}\" stroke=\"{stroke}\"{opacity}/>",
            from[0], from[1], to[0], to[1]
        );
    }

    /// A dot; hovering it in a browser shows `name`.
    pub(super) fn dot(&mut self, at: [f64; 2], radius: f64, [r, g, b]: color::Rgb, name: &str) {
        let _ = writeln!(
            self.body,
            "<circle cx=\"{:.2}\" cy=\"{:.2}\" r=\"{radius:.2}\" fill=\"#{r:02x}{g:02x}{b:02x}\"><title>{}</title></circle>",
            at[0],
            at[1],
            escaped(name)
        );
    }

    pub(super) fn text(&mut self, at: [f64; 2], text: &str, size: f64, fill: &str, anchor: Anchor) {
        self.any_text(at, text, size, fill, anchor, false);
    }

    pub(super) fn upright(&mut self, at: [f64; 2], text: &str, size: f64, fill: &str) {
        self.any_text(at, text, size, fill, Anchor::Middle, true);
    }

    fn any_text(&mut self, [x, y]: [f64; 2], text: &str, size: f64, fill: &str, anchor: Anchor, upright: bool) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let turned = if upright { format!(" transform=\"rotate(-90 {x:.2} {y:.2})\"") } else { String::new() };
        let _ = writeln!(
            self.body,
            "<text x=\"{x:.2}\" y=\"{y:.2}\" font-size=\"{size}\" fill=\"{}\" text-anchor=\"{anchor}\" \
             dominant-baseline=\"central\"{turned}>{}</text>",
            escaped(fill),
            escaped(text)
        );
    }

    /// What `draw` draws is cut off at the edges of `rect`.
    pub(super) fn clipped(&mut self, rect: Rect, draw: impl FnOnce(&mut Self)) {
        let Rect { x, y, width, height } = rect;
        let _ = writeln!(
            self.body,
            "<clipPath id=\"plot\"><rect x=\"{x:.2}\" y=\"{y:.2}\" width=\"{width:.2}\" height=\"{height:.2}\"/></clipPath>\n<g clip-path=\"url(#plot)\">"
        );
        draw(self);
        self.body.push_str("</g>\n");
    }

    /// A color bar with ticks and title.
    pub(super) fn bar(&mut self, map: ColorMap, range: color::ColorRange, bar: ColorBarLayout, title: &str) {
        let ColorBarLayout { side, rect } = bar;
        let SvgTheme { text: ink, muted, rule, .. } = self.theme;
        let (x2, y1) = match side {
            Side::Right => (0, 1),
            Side::Below => (1, 0),
        };
        let _ = write!(self.body, "<linearGradient id=\"bar\" x1=\"0\" y1=\"{y1}\" x2=\"{x2}\" y2=\"0\">");
        for (i, [r, g, b]) in map.table().into_iter().enumerate().step_by(15) {
            let _ =
                write!(self.body, "<stop offset=\"{:.4}\" stop-color=\"#{r:02x}{g:02x}{b:02x}\"/>", i as f64 / 255.0);
        }
        self.body.push_str("</linearGradient>\n");
        let Rect { x, y, width, height } = rect;
        self.rect(Rect { x: x - 1.0, y: y - 1.0, width: width + 2.0, height: height + 2.0 }, rule, 1.0);
        self.rect(rect, "url(#bar)", 1.0);
        for tick in color::ticks(range, bar.tick_count()) {
            let Some(place) = range.place(tick.value).map(f64::from) else { continue };
            match side {
                Side::Right => {
                    self.text([x + width + 7.0, bar.at(place)], &tick.label, 11.0, ink, Anchor::Start);
                }
                Side::Below => {
                    self.text([bar.at(place), y + height + 12.0], &tick.label, 11.0, ink, Anchor::Middle);
                }
            }
        }
        match side {
            Side::Right => self.upright([x + width + 46.0, y + height / 2.0], title, 12.0, muted),
            Side::Below => self.text([x + width / 2.0, y + height + 29.0], title, 12.0, muted, Anchor::Middle),
        }
    }

    /// The whole document around a figure of this size.
    pub(super) fn finish(self, width: f64, height: f64, caption: Caption) -> String {
        let SvgTheme { paper, text: ink, muted, typeface, .. } = self.theme;
        let whole = height + HEAD + FOOT;
        let mut frame = Svg::new(self.theme);
        frame.rect(Rect { x: 0.0, y: 0.0, width, height: whole }, paper, 1.0);
        frame.text([12.0, HEAD / 2.0 + 2.0], caption.title, 15.0, ink, Anchor::Start);
        frame.text([12.0, whole - FOOT / 2.0], caption.credit, 11.0, muted, Anchor::Start);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{whole:.0}\" \
             viewBox=\"0 0 {width:.2} {whole:.2}\" font-family=\"{}\" role=\"img\">\n<title>{}</title>\n{}\
             <g transform=\"translate(0 {HEAD})\">\n{}</g>\n</svg>\n",
            escaped(typeface),
            escaped(caption.title),
            frame.body,
            self.body
        )
    }
}
