//! The parameters of the page's address: one table, from which a query string is read and written.
//!
//! A link leaves out what is as the page opens, so that short states make short links. What cannot be
//! read is left out and named: old and damaged links open what they can. What others hang onto a link is passed over.
//!
//! A link ends in a digit, and holds nothing that a program which finds links in plain text takes for their end or for
//! markup: chats and mail programs cut what ends in a full stop.
//!
//! Where a link holds a text that was typed, its parameters stand behind `#`: browsers send that part of an address to no host, neither when
//! a link is opened nor when the page is loaded again. Links with the text behind `?`, as they were written before, are read as well.

use lens_analysis::similarity::Mode;
use lens_protocol::DeviceWish;
use lens_view::choice::Choice;
use lens_view::heatmap::Scale;
use lens_view::{gallery, percent};

use crate::embed::Embed;
use crate::figure::Figure;
use crate::misspelled::meant;
use crate::outside::from_outside;
use crate::packed_text::{TextValue, unpack};
use crate::values::{
    self, POSITION_MAX, Why, fetchable, flag, optional, optional_key, shortened, usual_key, usual_number, whole,
};
use crate::view_state::{Opened, Second, Subject, VERSION, ViewState};

/// What links of version 1 open that are about nothing: the notebook's prompt.
const FIRST_EXAMPLE_OF_VERSION_1: &str = "seed-prompt";
/// What a link of version 2 is about that names nothing: it left out the example that the page then opened with.
const FIRST_EXAMPLE_OF_VERSION_2: &str = "two-events";
/// What the page opens with. Every link but the page's own address names what it is about, so that a link shows the same
/// when this is another one some day.
pub const FIRST_EXAMPLE: &str = "three-scenes";

/// Larger feature numbers are refused: no SAE is so wide.
const FEATURE_MAX: usize = 1 << 24;

/// A parameter of the address.
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// Its value in the address, escaped; none where it is as in the second state, the page as it opens.
    get: fn(&ViewState, &ViewState) -> Option<String>,
    /// Takes a value, which anyone may have written.
    set: fn(&mut ViewState, &str) -> Result<(), Why>,
}

const fn key(
    name: &'static str,
    get: fn(&ViewState, &ViewState) -> Option<String>,
    set: fn(&mut ViewState, &str) -> Result<(), Why>,
) -> Key {
    Key { name, get, set }
}

/// Every parameter, in the order in which they are written. Names stay: links are never given up.
pub static KEYS: &[Key] = &[
    // The version, which `query` writes after all others.
    key("v", |_, _| None, |_, value| version(value)),
    key(
        "model",
        |it, _| it.model.as_deref().map(values::address),
        |it, value| put(&mut it.model, fetchable(value).map(Some)),
    ),
    key(
        "example",
        |it, _| match &it.subject {
            Some(Subject::Example(id)) => Some(percent::encoded(id)),
            _ => None,
        },
        |it, value| match gallery::address(value) {
            Some(_) => set_subject(it, Subject::Example(value.to_owned())),
            None => Err("is not an example"),
        },
    ),
    key(
        "result",
        |it, _| match &it.subject {
            Some(Subject::Result(url)) => Some(values::address(url)),
            _ => None,
        },
        |it, value| fetchable(value).and_then(|url| set_subject(it, Subject::Result(url))),
    ),
    key(
        "text",
        |it, _| match text_of(it)? {
            TextValue::Plain(text) => Some(text),
            TextValue::Packed(_) => None,
        },
        |it, value| outside_text(value).and_then(|text| set_subject(it, Subject::Text(text))),
    ),
    key(
        "z",
        |it, _| match text_of(it)? {
            TextValue::Packed(text) => Some(text),
            TextValue::Plain(_) => None,
        },
        |it, value| unpack(value).and_then(|text| set_subject(it, Subject::Text(from_outside(&text)))),
    ),
    key(
        "with",
        |it, _| match second_text_of(it)? {
            TextValue::Plain(text) => Some(text),
            TextValue::Packed(_) => None,
        },
        |it, value| outside_text(value).and_then(|text| set_second_text(it, text)),
    ),
    key(
        "withz",
        |it, _| match second_text_of(it)? {
            TextValue::Packed(text) => Some(text),
            TextValue::Plain(_) => None,
        },
        |it, value| {
            filled(value).and_then(|packed| unpack(&packed)).and_then(|text| set_second_text(it, from_outside(&text)))
        },
    ),
    key(
        "inf_k",
        |it, _| it.inf_k.map(|k| k.to_string()),
        |it, value| put(&mut it.inf_k, whole(value, 1, usize::MAX).map(Some)),
    ),
    key(
        "withk",
        |it, _| it.second.as_ref()?.inf_k.map(|k| k.to_string()),
        |it, value| whole(value, 1, usize::MAX).map(|k| second(it).inf_k = Some(k)),
    ),
    key(
        "withspan",
        |it, _| Some(it.second.as_ref()?.spans.as_ref()?.each_ref().map(values::spans_text).join("_")),
        |it, value| values::both_spans(value).map(|spans| second(it).spans = Some(spans)),
    ),
    // Neuronpedia's: their matrix, in their colors.
    key(
        "simMatrix",
        |_, _| None,
        |it, value| {
            outside_text(value).and_then(|text| set_subject(it, Subject::Text(text)))?;
            (it.mode, it.scale) = (Mode::Neuronpedia, Scale::of_mode(Mode::Neuronpedia));
            Ok(())
        },
    ),
    key("simMatrixDemo", |_, _| None, |it, value| put(&mut it.neuronpedia_demo, values::demo(value).map(Some))),
    key(
        "view",
        |it, _| usual_key(it.figure, if it.embed.is_embedded { Figure::default() } else { it.figure_meant() }),
        // A frame may have the text or a word alone; the page always has both.
        |it, value| if it.embed.show_alone(value) { Ok(()) } else { put(&mut it.figure, values::figure(value)) },
    ),
    key("of", |it, page| usual_key(it.source, page.source), |it, value| put(&mut it.source, values::choice(value))),
    key("mode", |it, page| usual_key(it.mode, page.mode), |it, value| put(&mut it.mode, values::choice(value))),
    key("scale", |it, page| usual_key(it.scale, page.scale), |it, value| put(&mut it.scale, values::choice(value))),
    key(
        "shade",
        |it, page| optional_key(it.quantity, page.quantity, "none"),
        |it, value| put(&mut it.quantity, optional(value, "none")),
    ),
    key(
        "events",
        |it, _| (!it.has_events).then(|| "no".to_owned()),
        |it, value| put(&mut it.has_events, flag(value, "yes", "no")),
    ),
    key(
        "order",
        |it, _| it.is_ordered.then(|| "tree".to_owned()),
        |it, value| put(&mut it.is_ordered, flag(value, "tree", "text")),
    ),
    key("zoom", |it, _| it.zoom.map(values::zoom_text), |it, value| put(&mut it.zoom, values::zoom(value).map(Some))),
    key(
        "tof",
        |it, page| usual_key(it.trajectory.source, page.trajectory.source),
        |it, value| put(&mut it.trajectory.source, values::choice(value)),
    ),
    key(
        "tby",
        |it, page| usual_key(it.trajectory.method, page.trajectory.method),
        |it, value| put(&mut it.trajectory.method, values::choice(value)),
    ),
    key(
        "tin",
        |it, page| usual_key(it.trajectory.dimensions, page.trajectory.dimensions),
        |it, value| put(&mut it.trajectory.dimensions, values::choice(value)),
    ),
    key(
        "ttokens",
        |it, page| usual_key(it.trajectory.positions, page.trajectory.positions),
        |it, value| put(&mut it.trajectory.positions, values::choice(value)),
    ),
    key(
        "tcolour",
        |it, page| optional_key(it.trajectory_color, page.trajectory_color, "position"),
        |it, value| put(&mut it.trajectory_color, optional(value, "position")),
    ),
    key(
        "metric",
        |it, page| usual_key(it.trajectory.metric, page.trajectory.metric),
        |it, value| put(&mut it.trajectory.metric, values::choice(value)),
    ),
    key(
        "neighbours",
        |it, page| usual_number(it.trajectory.n_neighbors, page.trajectory.n_neighbors),
        |it, value| put(&mut it.trajectory.n_neighbors, whole(value, 2, 200)),
    ),
    key(
        "mindist",
        |it, page| usual_number(it.trajectory.min_dist, page.trajectory.min_dist),
        |it, value| put(&mut it.trajectory.min_dist, values::real(value, 0.0, 0.99)),
    ),
    key(
        "seed",
        |it, page| usual_number(it.trajectory.seed, page.trajectory.seed),
        |it, value| put(&mut it.trajectory.seed, whole(value, 0, u32::MAX as usize).map(|seed| seed as u64)),
    ),
    key(
        "camera",
        |it, page| Some(values::camera_text(&it.camera)).filter(|text| *text != values::camera_text(&page.camera)),
        |it, value| put(&mut it.camera, values::camera(value)),
    ),
    key(
        "attention",
        |it, page| (it.attention != page.attention).then(|| values::attention_text(it.attention)),
        |it, value| put(&mut it.attention, values::attention(value)),
    ),
    key("pin", |it, _| it.pin.map(values::pin_text), |it, value| put(&mut it.pin, values::pin(value).map(Some))),
    key(
        "t",
        |it, _| it.read_to.map(|position| position.to_string()),
        |it, value| put(&mut it.read_to, whole(value, 1, POSITION_MAX).map(Some)),
    ),
    key(
        "feature",
        |it, _| it.feature.map(|feature| feature.to_string()),
        |it, value| put(&mut it.feature, whole(value, 0, FEATURE_MAX).map(Some)),
    ),
    key(
        "span",
        |it, _| (!it.spans.spans().is_empty()).then(|| values::spans_text(&it.spans)),
        |it, value| put(&mut it.spans, values::spans(value)),
    ),
    key(
        "words",
        |it, _| it.words.then(|| "true".to_owned()),
        |it, value| put(&mut it.words, flag(value, "true", "false")),
    ),
    key(
        "theme",
        |it, page| (it.theme != page.theme).then(|| it.theme.key().to_owned()),
        |it, value| put(&mut it.theme, Choice::from_key(value).ok_or("is not a theme")),
    ),
    key(
        "device",
        |it, _| it.device.map(|device| device.key().to_owned()),
        |it, value| {
            put(&mut it.device, DeviceWish::from_key(value).map(Some).ok_or("is not a device: it is webgpu or cpu"))
        },
    ),
    key(
        "embed",
        |it, _| it.embed.is_embedded.then(|| "true".to_owned()),
        |it, value| show(&mut it.embed.is_embedded, value),
    ),
    key(
        "embedtokens",
        |it, page| shown(it, page, |it| it.has_tokens),
        |it, value| show(&mut it.embed.has_tokens, value),
    ),
    key(
        "embedheatmap",
        |it, page| shown(it, page, |it| it.has_heatmap),
        |it, value| show(&mut it.embed.has_heatmap, value),
    ),
    key(
        "embedtrajectory",
        |it, page| shown(it, page, |it| it.has_trajectory),
        |it, value| show(&mut it.embed.has_trajectory, value),
    ),
    key(
        "embedfeatures",
        |it, page| shown(it, page, |it| it.has_features),
        |it, value| show(&mut it.embed.has_features, value),
    ),
    key("embedword", |it, page| shown(it, page, |it| it.has_word), |it, value| show(&mut it.embed.has_word, value)),
    key("embedinput", |it, page| shown(it, page, |it| it.has_input), |it, value| show(&mut it.embed.has_input, value)),
    key(
        "embedcontrols",
        |it, page| shown(it, page, |it| it.has_controls),
        |it, value| show(&mut it.embed.has_controls, value),
    ),
    key(
        "embedcaption",
        |it, page| shown(it, page, |it| it.has_caption),
        |it, value| show(&mut it.embed.has_caption, value),
    ),
    key("embedlink", |it, page| shown(it, page, |it| it.has_link), |it, value| show(&mut it.embed.has_link, value)),
];

/// Whether an address has a parameter of this name.
pub fn is_key(name: &str) -> bool {
    KEYS.iter().any(|key| key.name == name)
}

impl ViewState {
    /// Reads the query and the fragment of an address, with or without the marks that they begin with. A fragment that holds no
    /// parameter is a place in the page.
    pub fn read_address(query: &str, fragment: &str) -> Opened {
        let fragment = fragment.trim_start_matches('#');
        if fragment.contains('=') { Self::read(&format!("{query}&{fragment}")) } else { Self::read(query) }
    }

    /// Reads a query string, with or without its question mark. Anyone may have written it.
    pub fn read(query: &str) -> Opened {
        let query = query.trim_start_matches('?');
        let is_of_version_1 = query.split('&').any(|part| part == "v=1");
        let is_of_version_2 = query.split('&').any(|part| part == "v=2");
        let mut opened = Opened::default();
        if is_of_version_1 {
            opened.view = Self::of_version_1();
        }
        for part in query.split('&').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let Some(name) = percent::decoded(name) else { continue };
            let Some(key) = KEYS.iter().find(|key| key.name == name) else {
                if let Some(meant) = meant(&name, KEYS.iter().map(|key| key.name)) {
                    opened.dropped.push(format!("“{}” is not known; did you mean “{meant}”?", shortened(&name)));
                }
                continue;
            };
            let Some(value) = percent::decoded(value) else {
                opened.dropped.push(format!("“{}” is not text", shortened(part)));
                continue;
            };
            if let Err(why) = (key.set)(&mut opened.view, &value) {
                let mut what = shortened(&name);
                if !value.is_empty() {
                    what = format!("{what}={}", shortened(&value));
                }
                opened.dropped.push(format!("“{what}” {why}"));
            }
        }
        // Without a second text there is nothing that these could be about.
        if opened.view.second.as_ref().is_some_and(|second| second.text.is_empty()) {
            opened.view.second = None;
            opened.dropped.push("“withk” or “withspan” needs a second text".to_owned());
        }
        if !opened.view.embed.is_embedded {
            opened.view.embed = Embed::default();
        }
        let first_example_then = if is_of_version_1 {
            Some(FIRST_EXAMPLE_OF_VERSION_1)
        } else {
            is_of_version_2.then_some(FIRST_EXAMPLE_OF_VERSION_2)
        };
        if opened.view.subject.is_none() && opened.view.neuronpedia_demo.is_none() {
            opened.view.subject = first_example_then.map(|id| Subject::Example(id.to_owned()));
        }
        // A frame has flags for what it shows.
        let names_figure = query.split('&').any(|part| part.starts_with("view="));
        if !names_figure && !opened.view.embed.is_embedded {
            opened.view.figure = opened.view.figure_meant();
        }
        opened
    }

    /// The figure that a link is about which names none: the page once showed all of them below each other.
    fn figure_meant(&self) -> Figure {
        let page = Self::default();
        if self.second.is_some() {
            Figure::Compare
        } else if self.attention != page.attention {
            Figure::Sources
        } else if (&self.trajectory, self.trajectory_color, self.camera)
            != (&page.trajectory, page.trajectory_color, page.camera)
        {
            Figure::Path
        } else {
            Figure::Scenes
        }
    }

    /// What follows the page's own address in a link: `?` or `#` and the parameters; empty for the page as it opens.
    pub fn link(&self) -> String {
        let query = self.query();
        let is_typed = matches!(self.subject, Some(Subject::Text(_))) || self.second.is_some();
        match (query.is_empty(), is_typed) {
            (true, _) => query,
            (false, true) => format!("#{query}"),
            (false, false) => format!("?{query}"),
        }
    }

    /// The query string without its question mark; empty for the page as it opens.
    pub fn query(&self) -> String {
        let page = Self::default();
        let first = Some(Subject::Example(FIRST_EXAMPLE.to_owned()));
        if (Self { subject: first, ..page.clone() }) == *self {
            return String::new();
        }
        let mut query = String::new();
        for key in KEYS {
            if let Some(value) = (key.get)(self, &page) {
                for part in [key.name, "=", &value, "&"] {
                    query.push_str(part);
                }
            }
        }
        if query.is_empty() { query } else { format!("{query}v={VERSION}") }
    }
}

fn put<T>(field: &mut T, value: Result<T, Why>) -> Result<(), Why> {
    *field = value?;
    Ok(())
}

fn version(value: &str) -> Result<(), Why> {
    match value.parse::<u32>() {
        Ok(version) if version <= VERSION => Ok(()),
        Ok(_) => Err("is a link of a later version of this page: parts that are unknown here are left out"),
        Err(_) => Err("is not a version number"),
    }
}

fn filled(value: &str) -> Result<String, Why> {
    if value.is_empty() { Err("is empty") } else { Ok(value.to_owned()) }
}

/// A text, as the text box would have it.
fn outside_text(value: &str) -> Result<String, Why> {
    filled(value).map(|text| from_outside(&text))
}

fn text_of(it: &ViewState) -> Option<TextValue> {
    match &it.subject {
        Some(Subject::Text(text)) => Some(TextValue::of(text)),
        _ => None,
    }
}

fn second_text_of(it: &ViewState) -> Option<TextValue> {
    it.second.as_ref().map(|second| TextValue::of(&second.text))
}

/// The first one counts.
fn set_subject(it: &mut ViewState, subject: Subject) -> Result<(), Why> {
    if it.subject.is_some() {
        return Err("comes after another text, example or result");
    }
    it.subject = Some(subject);
    Ok(())
}

fn second(it: &mut ViewState) -> &mut Second {
    it.second.get_or_insert_default()
}

/// The first one counts.
fn set_second_text(it: &mut ViewState, text: String) -> Result<(), Why> {
    let second = second(it);
    if !second.text.is_empty() {
        return Err("comes after another second text");
    }
    second.text = text;
    Ok(())
}

/// A flag of the embedded page; one that is neither true nor false leaves things as they are.
fn show(flag: &mut bool, value: &str) -> Result<(), Why> {
    match value {
        "true" | "1" => *flag = true,
        "false" | "0" => *flag = false,
        _ => {}
    }
    Ok(())
}

fn shown(it: &ViewState, page: &ViewState, get: fn(&Embed) -> bool) -> Option<String> {
    let flag = get(&it.embed);
    (it.embed.is_embedded && flag != get(&page.embed)).then(|| flag.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_need_no_escape() {
        for (i, key) in KEYS.iter().enumerate() {
            assert_eq!(KEYS.iter().position(|it| it.name == key.name), Some(i), "{} twice", key.name);
            assert!(key.name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'), "{}", key.name);
        }
    }

    #[test]
    fn the_page_as_it_opens_has_no_value() {
        let page = ViewState::default();
        for key in KEYS {
            assert_eq!((key.get)(&page, &page), None, "{}", key.name);
        }
    }

    #[test]
    fn a_typed_text_is_not_sent_to_the_host() {
        let link = |query: &str| ViewState::read(query).view.link();
        assert_eq!(link(""), "");
        assert_eq!(link("?example=poem&pin=4"), "?example=poem&pin=4&v=3");
        assert_eq!(link("?text=one+two&pin=1"), "#text=one+two&pin=1&v=3");
        assert_eq!(link("?example=poem&with=three"), "#example=poem&with=three&v=3");
        let long = "the tide is in. ".repeat(60);
        assert!(link(&format!("text={long}")).starts_with("#z="));
    }

    #[test]
    fn both_parts_of_an_address_are_read() {
        let both = |query: &str, fragment: &str| ViewState::read_address(query, fragment);
        for (query, fragment) in [
            ("?text=one+two&pin=1", ""),
            ("", "#text=one+two&pin=1&v=3"),
            ("?v=3&pin=1", "#text=one+two"),
            ("", "text=one+two&pin=1"),
        ] {
            let opened = both(query, fragment);
            assert_eq!(opened.view.link(), "#text=one+two&pin=1&v=3", "{query} {fragment}");
            assert_eq!(opened.dropped, Vec::<String>::new());
        }
        assert_eq!(both("?example=poem", "#text-zone"), ViewState::read("example=poem"));
        assert_eq!(both("?example=poem", "#text=other").dropped.len(), 1, "one address is about one text");
        assert_eq!(both("?v=2", "#pin=1").view.subject, Some(Subject::Example("two-events".to_owned())));
    }

    #[test]
    fn a_frame_leaves_its_caption_to_the_page_around_it() {
        let of = |query: &str| ViewState::read(query).view;
        assert!(of("embed=true&example=poem").embed.has_caption);
        let without = of("embed=true&embedcaption=false&example=poem");
        assert!(!without.embed.has_caption);
        assert_eq!(without.query(), "example=poem&embed=true&embedcaption=false&v=3");
        assert_eq!(of(&without.query()), without);
        // Neither a value that is none nor the flag without a frame means anything.
        assert!(of("embed=true&embedcaption=perhaps").embed.has_caption);
        assert_eq!(of("embedcaption=false"), ViewState::default());
    }

    #[test]
    fn no_parameter_takes_everything_or_panics() {
        let hostile =
            ["", "-1", "9".repeat(400).as_str(), "NaN", "inf", "_", ".", "-", "\u{0}", "é", "0.0.0", "1_1_1_1_1_1"]
                .map(str::to_owned);
        for key in KEYS {
            for value in &hostile {
                let mut view = ViewState::default();
                if (key.set)(&mut view, value).is_err() {
                    view.second = None;
                    assert_eq!(view, ViewState::default(), "{}={value} is refused and changes something", key.name);
                }
            }
        }
    }
}
