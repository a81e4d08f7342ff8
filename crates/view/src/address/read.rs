//! Reads a query string. A parameter that is wrong is left out and named.

use std::f64::consts::{FRAC_PI_2, TAU};
use std::ops::Range;

use super::link::{Link, Opened, Second, Subject, VERSION, is_fetchable};
use super::theme::Theme;
use super::{embed, text};
use crate::figure::attention::AttentionSelection;
use crate::figure::focus::Cell;
use crate::figure::heatmap::Scale;
use crate::figure::trajectory::Camera;
use crate::format::choice::Choice;
use crate::format::percent;
use crate::gallery;

/// Larger token positions are refused: no text has so many tokens.
const POSITION_MAX: usize = 1 << 20;

/// Larger feature numbers are refused: no SAE is so wide.
const FEATURE_MAX: usize = 1 << 24;

/// Larger layer and head numbers are refused.
const HEAD_MAX: usize = 1 << 10;

impl Link {
    /// Reads a query string, with or without its question mark. Anyone may have written it.
    pub fn read(query: &str) -> Opened {
        read(query)
    }
}

fn read(query: &str) -> Opened {
    let mut opened = Opened::default();
    for part in query.trim_start_matches('?').split('&').filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let Some((name, value)) = percent::decoded(name).zip(percent::decoded(value)) else {
            opened.dropped.push(format!("“{}” is not text", shortened(part)));
            continue;
        };
        if embed::is_parameter(&name) && !matches!(name.as_str(), "theme") {
            continue;
        }
        if let Err(why) = take(&mut opened.link, &name, &value) {
            let what =
                if value.is_empty() { shortened(&name) } else { format!("{}={}", shortened(&name), shortened(&value)) };
            opened.dropped.push(format!("“{what}” {why}"));
        }
    }
    // Without a second text there is nothing that these could be about.
    if opened.link.second.as_ref().is_some_and(|second| second.text.is_empty()) {
        opened.link.second = None;
        opened.dropped.push("“withk” or “withspan” needs a second text".to_owned());
    }
    opened
}

/// Why a parameter is left out: a phrase that follows its name.
type Why = &'static str;

fn take(link: &mut Link, name: &str, value: &str) -> Result<(), Why> {
    match name {
        "v" => match value.parse::<u32>() {
            Ok(version) if version <= VERSION => {}
            Ok(_) => return Err("is a link of a later version of this page: parts that are unknown here are left out"),
            Err(_) => return Err("is not a version number"),
        },
        "model" if is_fetchable(value) => link.model = Some(value.to_owned()),
        "model" | "result" if !is_fetchable(value) => return Err("is not a web address"),
        "result" => subject(link, Subject::Result(value.to_owned()))?,
        "example" if gallery::address(value).is_some() => subject(link, Subject::Example(value.to_owned()))?,
        "example" => return Err("is not an example"),
        "text" if value.is_empty() => return Err("is empty"),
        "text" => subject(link, Subject::Text(value.to_owned()))?,
        "z" => subject(link, Subject::Text(text::unpack(value)?))?,
        "with" | "withz" if value.is_empty() => return Err("is empty"),
        "with" => second_text(link, value.to_owned())?,
        "withz" => second_text(link, text::unpack(value)?)?,
        "withk" => second(link).inf_k = Some(whole(value, 1, usize::MAX)?),
        "withspan" => second(link).spans = Some(both_spans(value)?),
        // Neuronpedia's: their matrix, in their colors.
        "simMatrix" if value.is_empty() => return Err("is empty"),
        "simMatrix" => {
            subject(link, Subject::Text(value.to_owned()))?;
            link.mode = lens_analysis::similarity::Mode::Neuronpedia;
            link.scale = Scale::of_mode(link.mode);
        }
        "simMatrixDemo" => link.neuronpedia_demo = Some(demo(value)?),
        "inf_k" => link.inf_k = Some(whole(value, 1, usize::MAX)?),
        "of" => link.source = choice(value)?,
        "mode" => link.mode = choice(value)?,
        "scale" => link.scale = choice(value)?,
        "shade" => link.quantity = optional(value, "none")?,
        "events" => link.has_events = flag(value, "yes", "no")?,
        "order" => link.is_ordered = flag(value, "tree", "text")?,
        "zoom" => link.zoom = Some(zoom(value)?),
        "tof" => link.trajectory.source = choice(value)?,
        "tby" => link.trajectory.method = choice(value)?,
        "tin" => link.trajectory.dimensions = choice(value)?,
        "ttokens" => link.trajectory.positions = choice(value)?,
        "tcolour" => link.trajectory_color = optional(value, "position")?,
        "metric" => link.trajectory.metric = choice(value)?,
        "neighbours" => link.trajectory.n_neighbors = whole(value, 2, 200)?,
        "mindist" => link.trajectory.min_dist = real(value, 0.0, 0.99)?,
        "seed" => link.trajectory.seed = whole(value, 0, u32::MAX as usize)? as u64,
        "camera" => link.camera = camera(value)?,
        "attention" => link.attention = attention(value)?,
        "pin" => link.pin = Some(pin(value)?),
        "feature" => link.feature = Some(whole(value, 0, FEATURE_MAX)?),
        "span" => link.spans = spans(value)?,
        "words" => link.words = flag(value, "true", "false")?,
        "theme" => link.theme = Theme::from_key(value).ok_or("is not a theme")?,
        _ => return Err("is not known"),
    }
    Ok(())
}

/// The first one counts.
fn subject(link: &mut Link, subject: Subject) -> Result<(), Why> {
    if link.subject.is_some() {
        return Err("comes after another text, example or result");
    }
    link.subject = Some(subject);
    Ok(())
}

fn second(link: &mut Link) -> &mut Second {
    link.second.get_or_insert_default()
}

/// The first one counts.
fn second_text(link: &mut Link, text: String) -> Result<(), Why> {
    let second = second(link);
    if !second.text.is_empty() {
        return Err("comes after another second text");
    }
    second.text = text;
    Ok(())
}

fn choice<C: Choice>(value: &str) -> Result<C, Why> {
    C::from_key(value).ok_or("is not one of the choices")
}

fn optional<C: Choice>(value: &str, none: &str) -> Result<Option<C>, Why> {
    if value == none { Ok(None) } else { choice(value).map(Some) }
}

fn flag(value: &str, yes: &str, no: &str) -> Result<bool, Why> {
    match value {
        _ if value == yes => Ok(true),
        _ if value == no => Ok(false),
        _ => Err("is not one of the choices"),
    }
}

fn whole(value: &str, least: usize, most: usize) -> Result<usize, Why> {
    let number = value.parse().map_err(|_| "is not a whole number")?;
    if (least..=most).contains(&number) { Ok(number) } else { Err("is out of range") }
}

fn real(value: &str, least: f64, most: f64) -> Result<f64, Why> {
    let number: f64 = value.parse().map_err(|_| "is not a number")?;
    // NaN is in no range.
    if (least..=most).contains(&number) { Ok(number) } else { Err("is out of range") }
}

fn camera(value: &str) -> Result<Camera, Why> {
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

fn zoom(value: &str) -> Result<[f64; 3], Why> {
    let parts: Vec<&str> = value.split('_').collect();
    let [x, y, span] = parts.as_slice() else { return Err("is not a part of a matrix") };
    let most = POSITION_MAX as f64;
    Ok([real(x, 0.0, most)?, real(y, 0.0, most)?, real(span, 1.0, most)?])
}

fn pin(value: &str) -> Result<Cell, Why> {
    let position = |text: &str| whole(text, 0, POSITION_MAX).map_err(|_| "is not a token position");
    match value.split_once('.') {
        None => position(value).map(Cell::token),
        Some((row, column)) => Ok(Cell { row: position(row)?, column: position(column)? }),
    }
}

fn spans(value: &str) -> Result<Vec<Range<usize>>, Why> {
    let problem = "is not a span of tokens";
    let span = |text: &str| {
        let (first, last) = text.split_once('-').ok_or(problem)?;
        let first = whole(first, 0, POSITION_MAX).map_err(|_| problem)?;
        let last = whole(last, first, POSITION_MAX).map_err(|_| problem)?;
        Ok(first..last + 1)
    };
    let spans = value.split('.').map(span).collect::<Result<Vec<_>, Why>>()?;
    if spans.len() <= 2 { Ok(spans) } else { Err(problem) }
}

/// The spans of both texts; an empty part means that nothing is selected in that text.
fn both_spans(value: &str) -> Result<[Vec<Range<usize>>; 2], Why> {
    let (first, second) = value.split_once('_').ok_or("does not hold the spans of two texts")?;
    let of = |text: &str| if text.is_empty() { Ok(Vec::new()) } else { spans(text) };
    Ok([of(first)?, of(second)?])
}

fn attention(value: &str) -> Result<AttentionSelection, Why> {
    let problem = "is not a layer and a head";
    let number = |text: &str| whole(text, 0, HEAD_MAX).map_err(|_| problem);
    let (layer, head) = value.split_once('.').ok_or(problem)?;
    let head = if head == "mean" { None } else { Some(number(head)?) };
    Ok(AttentionSelection { layer: number(layer)?, head })
}

/// It becomes part of a link to Neuronpedia.
fn demo(value: &str) -> Result<String, Why> {
    let fits = (1..=80).contains(&value.len());
    if fits && value.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')) {
        Ok(value.to_owned())
    } else {
        Err("is not the name of a demo")
    }
}

/// At most 40 characters, without control characters.
fn shortened(text: &str) -> String {
    let mut shown: String = text.chars().filter(|c| !c.is_control()).take(40).collect();
    if text.chars().count() > 40 {
        shown.push('…');
    }
    shown
}
