//! The marks that figures are made of, as SVG.

use std::fmt::Write as _;

use super::pixels;
use super::print::PrintWidth;
use crate::figure::color::{self, ColorMap};
use crate::figure::layout::{ColorBarLayout, Rect, Side};
use crate::format::markup::escaped;
use crate::format::token::columns;

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
    /// What words added.
    pub added: &'a str,
    /// The shade of a token.
    pub shade: &'a str,
    /// Where scenes begin.
    pub alarm: &'a str,
    /// Scenes of a text, in turn.
    pub scenes: [&'a str; 4],
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
    /// How wide the whole is.
    pub width: PrintWidth,
}

/// Space for the title and for the credit, each in one line.
const HEAD: f64 = 34.0;
const FOOT: f64 = 30.0;
/// Type sizes of the title and of the credit, and left and right of them.
const TITLE: f64 = 15.0;
const CREDIT: f64 = 11.0;
const MARGIN: f64 = 12.0;
/// Width of a letter in type sizes; a little more than most need.
const LETTER: f64 = 0.56;

/// Lines of a text that has so much width: words stay whole.
fn lines(text: &str, size: f64, width: f64) -> Vec<String> {
    let room = (width / (LETTER * size)).max(1.0) as usize;
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if columns(line) + 1 + columns(word) <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// As much of a name as fits into so much width, "…" where it was cut; nothing where not even a letter has room.
pub(super) fn fitting(name: &str, size: f64, width: f64) -> String {
    let room = (width / (LETTER * size)).max(0.0) as usize;
    if columns(name) <= room {
        return name.to_owned();
    }
    let mut cut = name.to_owned();
    while columns(&cut) + 1 > room && cut.pop().is_some() {}
    if cut.is_empty() { cut } else { format!("{}…", cut.trim_end_matches([' ', ','])) }
}

/// A drawing in the making; lengths are CSS pixels.
pub(super) struct Svg<'a> {
    body: String,
    theme: SvgTheme<'a>,
    /// Areas that something was cut off at.
    clips: usize,
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
        Self { body: String::new(), theme, clips: 0 }
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

    pub(super) fn upright(&mut self, at: [f64; 2], text: &str, size: f64, fill: &str, anchor: Anchor) {
        self.any_text(at, text, size, fill, anchor, true);
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
        let clip = self.clips;
        self.clips += 1;
        let _ = writeln!(
            self.body,
            "<clipPath id=\"clip{clip}\"><rect x=\"{x:.2}\" y=\"{y:.2}\" width=\"{width:.2}\" height=\"{height:.2}\"/></clipPath>\n<g clip-path=\"url(#clip{clip})\">"
        );
        draw(self);
        self.body.push_str("</g>\n");
    }

    /// What `draw` draws stands so much further to the right.
    pub(super) fn moved(&mut self, right: f64, draw: impl FnOnce(&mut Self)) {
        let _ = writeln!(self.body, "<g transform=\"translate({right:.2} 0)\">");
        draw(self);
        self.body.push_str("</g>\n");
    }

    /// A circle around a dot.
    pub(super) fn ring(&mut self, at: [f64; 2], radius: f64, stroke: &str) {
        let _ = writeln!(
            self.body,
            "<circle cx=\"{:.2}\" cy=\"{:.2}\" r=\"{radius:.2}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"/>",
            at[0],
            at[1],
            escaped(stroke)
        );
    }

    /// RGBA pixels, `columns` to the row, as large as `place`: with hard edges where one is larger than a pixel of the page.
    pub(super) fn pixels(&mut self, rgba: &[u8], columns: usize, place: Rect) {
        let Some(address) = pixels::address(rgba, columns) else { return };
        let Rect { x, y, width, height } = place;
        let edges = if width >= columns as f64 { " style=\"image-rendering: pixelated\"" } else { "" };
        let _ = writeln!(
            self.body,
            "<image x=\"{x:.2}\" y=\"{y:.2}\" width=\"{width:.2}\" height=\"{height:.2}\" \
             preserveAspectRatio=\"none\"{edges} href=\"{address}\"/>"
        );
    }

    /// A line of two strokes, white in black: seen on every color of a data map. `dashes` breaks it.
    pub(super) fn seen_line(&mut self, from: [f64; 2], to: [f64; 2], is_broken: bool) {
        let dashes = if is_broken { " stroke-dasharray=\"4 4\"" } else { "" };
        for (width, color) in [(2.5, "#000000"), (1.0, "#ffffff")] {
            let _ = writeln!(
                self.body,
                "<line x1=\"{:.2}\" y1=\"{:.2}\" x2=\"{:.2}\" y2=\"{:.2}\" stroke=\"{color}\" stroke-width=\"{width}\"{dashes}/>",
                from[0], from[1], to[0], to[1]
            );
        }
    }

    /// The outline of a color bar: an end is pointed where values lie beyond it.
    fn bar_outline(&mut self, bar: ColorBarLayout, [is_low, is_high]: [bool; 2]) {
        const POINT: f64 = 8.0;
        let Rect { x, y, width, height } = bar.rect;
        // Along the bar from low to high, and across it.
        let at = |along: f64, across: f64| match bar.side {
            Side::Right => [x + across * width, y + height - along],
            Side::Below => [x + along, y + across * height],
        };
        let length = match bar.side {
            Side::Right => height,
            Side::Below => width,
        };
        let (low, high) = (if is_low { POINT } else { 0.0 }, if is_high { length - POINT } else { length });
        let corners = [at(low, 0.0), at(0.0, 0.5), at(low, 1.0), at(high, 1.0), at(length, 0.5), at(high, 0.0)];
        let corners: Vec<String> = corners.iter().map(|[x, y]| format!("{x:.2},{y:.2}")).collect();
        let _ = writeln!(
            self.body,
            "<polygon points=\"{}\" fill=\"url(#bar)\" stroke=\"{}\"/>",
            corners.join(" "),
            escaped(self.theme.rule)
        );
    }

    /// A color bar with ticks and title; `is_clamped` says whether values lie below its low and above its high end.
    pub(super) fn bar(
        &mut self,
        map: ColorMap,
        range: color::ColorRange,
        bar: ColorBarLayout,
        title: &str,
        is_clamped: [bool; 2],
    ) {
        let ColorBarLayout { side, rect } = bar;
        let SvgTheme { text: ink, muted, .. } = self.theme;
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
        self.bar_outline(bar, is_clamped);
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
            Side::Right => self.upright([x + width + 46.0, y + height / 2.0], title, 12.0, muted, Anchor::Middle),
            Side::Below => self.text([x + width / 2.0, y + height + 29.0], title, 12.0, muted, Anchor::Middle),
        }
    }

    /// The whole document around a figure of this size, which stands in the middle of a wider page.
    pub(super) fn finish(self, width: f64, height: f64, caption: Caption) -> String {
        let SvgTheme { paper, text: ink, muted, typeface, .. } = self.theme;
        let page = caption.width.least().max(width);
        let titles = lines(caption.title, TITLE, page - 2.0 * MARGIN);
        let credits = lines(caption.credit, CREDIT, page - 2.0 * MARGIN);
        let more = |lines: &[String], size: f64| lines.len().saturating_sub(1) as f64 * 1.25 * size;
        let head = HEAD + more(&titles, TITLE);
        let whole = head + height + FOOT + more(&credits, CREDIT);
        let mut frame = Svg::new(self.theme);
        // Past the edges: a picture's whole pixels are not the figure's, and none of them may be left clear.
        frame.rect(Rect { x: -2.0, y: -2.0, width: page + 4.0, height: whole + 4.0 }, paper, 1.0);
        for (row, line) in titles.iter().enumerate() {
            let y = HEAD / 2.0 + 2.0 + row as f64 * 1.25 * TITLE;
            frame.text([MARGIN, y], line, TITLE, ink, Anchor::Start);
        }
        for (row, line) in credits.iter().rev().enumerate() {
            let y = whole - FOOT / 2.0 - row as f64 * 1.25 * CREDIT;
            frame.text([MARGIN, y], line, CREDIT, muted, Anchor::Start);
        }
        let size = caption.width.size(page, whole);
        let x = (page - width) / 2.0;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" {size} viewBox=\"0 0 {page:.2} {whole:.2}\" font-family=\"{}\" \
             role=\"img\">\n<title>{}</title>\n{}<g transform=\"translate({x:.2} {head:.2})\">\n{}</g>\n</svg>\n",
            escaped(typeface),
            escaped(caption.title),
            frame.body,
            self.body
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captions_break_between_words_and_names_are_cut() {
        assert_eq!(lines("one two three", 10.0, 45.0), ["one two", "three"]);
        assert_eq!(lines("one two three", 10.0, 1000.0), ["one two three"]);
        assert_eq!(fitting("sea, sail", 10.0, 100.0), "sea, sail");
        assert_eq!(fitting("sea, sail", 10.0, 34.0), "sea…");
        assert_eq!(fitting("sea", 10.0, 3.0), "");
    }
}
