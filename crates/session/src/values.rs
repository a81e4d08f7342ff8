//! Single values of parameters: read from what anyone may have written, and written.

use std::f64::consts::{FRAC_PI_2, TAU};
use std::ops::Range;

use lens_view::attention::AttentionSelection;
use lens_view::choice::Choice;
use lens_view::focus::Cell;
use lens_view::percent;
use lens_view::selection::Selection;
use lens_view::trajectory::Camera;

use crate::figure::Figure;
use crate::view_state::is_fetchable;

/// Larger token positions are refused: no text has so many tokens.
pub const POSITION_MAX: usize = 1 << 20;

/// Larger layer and head numbers are refused.
const HEAD_MAX: usize = 1 << 10;

/// Why a parameter is left out: a phrase that follows its name.
pub type Why = &'static str;

/// An address that may be fetched from.
pub fn fetchable(value: &str) -> Result<String, Why> {
    if is_fetchable(value) { Ok(value.to_owned()) } else { Err("is not a web address") }
}

/// A choice by its key.
pub fn choice<C: Choice>(value: &str) -> Result<C, Why> {
    C::from_key(value).ok_or("is not one of the choices")
}

/// A figure by its key, or by the name that frames have for it.
pub fn figure(value: &str) -> Result<Figure, Why> {
    if value == "matrix" { Ok(Figure::Scenes) } else { choice(value) }
}

/// A choice by its key, none for `none`.
pub fn optional<C: Choice>(value: &str, none: &str) -> Result<Option<C>, Why> {
    if value == none { Ok(None) } else { choice(value).map(Some) }
}

/// Yes or no, by these words.
pub fn flag(value: &str, yes: &str, no: &str) -> Result<bool, Why> {
    match value {
        _ if value == yes => Ok(true),
        _ if value == no => Ok(false),
        _ => Err("is not one of the choices"),
    }
}

/// A whole number of this range.
pub fn whole(value: &str, least: usize, most: usize) -> Result<usize, Why> {
    let number = value.parse().map_err(|_| "is not a whole number")?;
    if (least..=most).contains(&number) { Ok(number) } else { Err("is out of range") }
}

/// A number of this range.
pub fn real(value: &str, least: f64, most: f64) -> Result<f64, Why> {
    let number: f64 = value.parse().map_err(|_| "is not a number")?;
    // NaN is in no range.
    if (least..=most).contains(&number) { Ok(number) } else { Err("is out of range") }
}

/// Yaw, pitch and zoom, and a pan where there is one.
pub fn camera(value: &str) -> Result<Camera, Why> {
    let parts: Vec<&str> = value.split('_').collect();
    let (angles, pan) = match parts.as_slice() {
        [yaw, pitch, zoom] => ([*yaw, *pitch, *zoom], ["0", "0"]),
        [yaw, pitch, zoom, x, y] => ([*yaw, *pitch, *zoom], [*x, *y]),
        _ => return Err("is not a camera position"),
    };
    let [least, most] = Camera::ZOOM_RANGE;
    Ok(Camera {
        yaw_radians: real(angles[0], -TAU, TAU)?,
        // Rounded to thousandths, a quarter turn is a little more than one.
        pitch_radians: real(angles[1], -FRAC_PI_2 - 1e-3, FRAC_PI_2 + 1e-3)?.clamp(-FRAC_PI_2, FRAC_PI_2),
        zoom: real(angles[2], least, most)?,
        pan: [real(pan[0], -1e5, 1e5)?, real(pan[1], -1e5, 1e5)?],
    })
}

/// First column, first row and number of cells.
pub fn zoom(value: &str) -> Result<[f64; 3], Why> {
    let parts: Vec<&str> = value.split('_').collect();
    let [x, y, span] = parts.as_slice() else { return Err("is not a part of a matrix") };
    let most = POSITION_MAX as f64;
    Ok([real(x, 0.0, most)?, real(y, 0.0, most)?, real(span, 1.0, most)?])
}

/// A token, or a row and a column.
pub fn pin(value: &str) -> Result<Cell, Why> {
    let position = |text: &str| whole(text, 0, POSITION_MAX).map_err(|_| "is not a token position");
    match value.split_once('.') {
        None => position(value).map(Cell::token),
        Some((row, column)) => Ok(Cell { row: position(row)?, column: position(column)? }),
    }
}

/// One span or two.
pub fn spans(value: &str) -> Result<Selection, Why> {
    let problem = "is not a span of tokens";
    let span = |text: &str| {
        let (first, last) = text.split_once('-').ok_or(problem)?;
        let first = whole(first, 0, POSITION_MAX).map_err(|_| problem)?;
        let last = whole(last, first, POSITION_MAX).map_err(|_| problem)?;
        Ok(first..last + 1)
    };
    let spans = value.split('.').map(span).collect::<Result<Vec<Range<usize>>, Why>>()?;
    if spans.len() <= 2 { Ok(Selection::of(spans)) } else { Err(problem) }
}

/// The spans of both texts; an empty part means that nothing is selected in that text.
pub fn both_spans(value: &str) -> Result<[Selection; 2], Why> {
    let (first, second) = value.split_once('_').ok_or("does not hold the spans of two texts")?;
    let of = |text: &str| if text.is_empty() { Ok(Selection::default()) } else { spans(text) };
    Ok([of(first)?, of(second)?])
}

/// A layer, and a head or `mean`.
pub fn attention(value: &str) -> Result<AttentionSelection, Why> {
    let problem = "is not a layer and a head";
    let number = |text: &str| whole(text, 0, HEAD_MAX).map_err(|_| problem);
    let (layer, head) = value.split_once('.').ok_or(problem)?;
    let head = if head == "mean" { None } else { Some(number(head)?) };
    Ok(AttentionSelection { layer: number(layer)?, head })
}

/// It becomes part of a link to Neuronpedia.
pub fn demo(value: &str) -> Result<String, Why> {
    let fits = (1..=80).contains(&value.len());
    if fits && value.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')) {
        Ok(value.to_owned())
    } else {
        Err("is not the name of a demo")
    }
}

/// At most 40 characters, without control characters.
pub fn shortened(text: &str) -> String {
    let mut shown: String = text.chars().filter(|c| !c.is_control()).take(40).collect();
    if text.chars().count() > 40 {
        shown.push('…');
    }
    shown
}

/// First and last token of each.
pub fn spans_text(spans: &Selection) -> String {
    let parts: Vec<String> =
        spans.spans().iter().map(|span| format!("{}-{}", span.start, span.end.saturating_sub(1))).collect();
    parts.join(".")
}

/// Layer and head.
pub fn attention_text(chosen: AttentionSelection) -> String {
    let head = chosen.head.map_or_else(|| "mean".to_owned(), |head| head.to_string());
    format!("{}.{head}", chosen.layer)
}

/// A token, or a row and a column.
pub fn pin_text(pin: Cell) -> String {
    if pin.row == pin.column { pin.row.to_string() } else { format!("{}.{}", pin.row, pin.column) }
}

/// First column, first row and number of cells, in hundredths.
pub fn zoom_text(part: [f64; 3]) -> String {
    part.map(|it| short(it, 2)).join("_")
}

/// Addresses stay readable where they may.
pub fn address(url: &str) -> String {
    percent::encoded(url).replace("%2F", "/").replace("%3A", ":")
}

/// A choice's key, where it is not the usual one.
pub fn usual_key<C: Choice>(choice: C, usual: C) -> Option<String> {
    (choice != usual).then(|| choice.key().to_owned())
}

/// A choice's key, `none` for none, where it is not the usual one.
pub fn optional_key<C: Choice>(choice: Option<C>, usual: Option<C>, none: &'static str) -> Option<String> {
    (choice != usual).then(|| choice.map_or(none, Choice::key).to_owned())
}

/// A number, where it is not the usual one.
pub fn usual_number<N: PartialEq + ToString>(value: N, usual: N) -> Option<String> {
    (value != usual).then(|| value.to_string())
}

/// Angles in thousandths of a radian, zoom in hundredths, pan in CSS pixels: finer is not seen.
pub fn camera_text(camera: &Camera) -> String {
    let mut parts = vec![short(camera.yaw_radians, 3), short(camera.pitch_radians, 3), short(camera.zoom, 2)];
    if camera.pan.iter().any(|it| it.round() != 0.0) {
        parts.extend(camera.pan.iter().map(|it| short(*it, 0)));
    }
    parts.join("_")
}

fn short(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}
