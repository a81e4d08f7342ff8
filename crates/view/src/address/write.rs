//! Writes a query string.

use std::ops::Range;

use super::link::{Link, Subject, VERSION};
use super::text;
use super::theme::Theme;
use crate::figure::attention::AttentionSelection;
use crate::figure::trajectory::Camera;
use crate::format::choice::Choice;
use crate::format::percent;

impl Link {
    /// The query string without its question mark; empty for the page as it opens.
    pub fn query(&self) -> String {
        query(self)
    }
}

/// The parameters that are not as the page opens, in a fixed order.
fn query(link: &Link) -> String {
    let page = Link::default();
    let mut all: Vec<(&str, String)> = Vec::new();
    if let Some(model) = &link.model {
        all.push(("model", address(model)));
    }
    match &link.subject {
        None => {}
        Some(Subject::Example(id)) => all.push(("example", percent::encoded(id))),
        Some(Subject::Result(url)) => all.push(("result", address(url))),
        Some(Subject::Text(text)) => all.push(text::parameter(text, ["text", "z"])),
    }
    all.extend(link.second.iter().map(|second| text::parameter(&second.text, ["with", "withz"])));
    let mut put = |name, value: Option<String>| all.extend(value.map(|value| (name, value)));
    put("inf_k", link.inf_k.map(|k| k.to_string()));
    let second = link.second.as_ref();
    put("withk", second.and_then(|second| second.inf_k).map(|k| k.to_string()));
    put(
        "withspan",
        second.and_then(|second| second.spans.as_ref()).map(|both| both.each_ref().map(|it| spans(it)).join("_")),
    );
    put("of", key(link.source, page.source));
    put("mode", key(link.mode, page.mode));
    put("scale", key(link.scale, page.scale));
    put("shade", optional_key(link.quantity, page.quantity, "none"));
    put("events", (!link.has_events).then(|| "no".to_owned()));
    put("order", link.is_ordered.then(|| "tree".to_owned()));
    put("zoom", link.zoom.map(|part| part.map(|it| short(it, 2)).join("_")));
    let (settings, usual) = (&link.trajectory, &page.trajectory);
    put("tof", key(settings.source, usual.source));
    put("tby", key(settings.method, usual.method));
    put("tin", key(settings.dimensions, usual.dimensions));
    put("ttokens", key(settings.positions, usual.positions));
    put("tcolour", optional_key(link.trajectory_color, page.trajectory_color, "position"));
    put("metric", key(settings.metric, usual.metric));
    put("neighbours", number(settings.n_neighbors, usual.n_neighbors));
    put("mindist", number(settings.min_dist, usual.min_dist));
    put("seed", number(settings.seed, usual.seed));
    put("camera", camera(&link.camera));
    put("attention", (link.attention != AttentionSelection::default()).then(|| attention(link.attention)));
    put(
        "pin",
        link.pin
            .map(|pin| if pin.row == pin.column { pin.row.to_string() } else { format!("{}.{}", pin.row, pin.column) }),
    );
    put("feature", link.feature.map(|feature| feature.to_string()));
    put("span", (!link.spans.is_empty()).then(|| spans(&link.spans)));
    put("words", link.words.then(|| "true".to_owned()));
    put("theme", (link.theme != Theme::System).then(|| link.theme.key().to_owned()));
    if all.is_empty() {
        return String::new();
    }
    let parts: Vec<String> = all.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("v={VERSION}&{}", parts.join("&"))
}

/// First and last token of each.
fn spans(spans: &[Range<usize>]) -> String {
    let parts: Vec<String> =
        spans.iter().map(|span| format!("{}-{}", span.start, span.end.saturating_sub(1))).collect();
    parts.join(".")
}

fn attention(chosen: AttentionSelection) -> String {
    let head = chosen.head.map_or_else(|| "mean".to_owned(), |head| head.to_string());
    format!("{}.{head}", chosen.layer)
}

/// Addresses stay readable where they may.
fn address(url: &str) -> String {
    percent::encoded(url).replace("%2F", "/").replace("%3A", ":")
}

fn key<C: Choice>(choice: C, usual: C) -> Option<String> {
    (choice != usual).then(|| choice.key().to_owned())
}

fn optional_key<C: Choice>(choice: Option<C>, usual: Option<C>, none: &'static str) -> Option<String> {
    (choice != usual).then(|| choice.map_or(none, Choice::key).to_owned())
}

fn number<N: PartialEq + ToString>(value: N, usual: N) -> Option<String> {
    (value != usual).then(|| value.to_string())
}

/// Angles in thousandths of a radian, zoom in hundredths, pan in CSS pixels: finer is not seen.
fn camera(camera: &Camera) -> Option<String> {
    let text_of = |camera: &Camera| {
        let mut parts = vec![short(camera.yaw_radians, 3), short(camera.pitch_radians, 3), short(camera.zoom, 2)];
        if camera.pan.iter().any(|it| it.round() != 0.0) {
            parts.extend(camera.pan.iter().map(|it| short(*it, 0)));
        }
        parts.join("_")
    };
    let text = text_of(camera);
    (text != text_of(&Camera::default())).then_some(text)
}

fn short(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}
