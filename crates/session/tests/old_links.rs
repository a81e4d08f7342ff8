//! Links that stand in documents, tests and other people's pages go on opening: what was ever written or documented
//! is understood, and what is damaged is named in the same words.

use lens_session::keys::KEYS;
use lens_session::{Subject, ViewState};

/// A link, what the page writes for it, and what it says it dropped.
type Case = (&'static str, &'static str, &'static [&'static str]);

/// A text that another implementation deflated: the sentence below, fourteen times.
const LONG: &str = "z=C8lIVSjJTElVKE8sVkjMKUpNTKlUKCktysvMS1coz0jNUygBqkguSi1XyEktUUjPV8hPAwsV5RekFusphIzqH9U_qp9s_QA";

const WHOLE: &[Case] = &[
    // docs/embed.md and its element.
    ("?embed=true&example=two-events", "example=two-events&embed=true&v=3", &[]),
    (
        "?embed=true&example=poem&theme=dark&embedheatmap=false&embedtrajectory=true",
        "example=poem&theme=dark&embed=true&embedheatmap=false&embedtrajectory=true&v=3",
        &[],
    ),
    ("?embed=true&example=poem&embedcontrols=true", "example=poem&embed=true&embedcontrols=true&v=3", &[]),
    (
        "?embed=1&embedfeatures=1&embedinput=1&embedlink=0",
        "embed=true&embedfeatures=true&embedinput=true&embedlink=false&v=3",
        &[],
    ),
    (
        "?embed=true&embedtokens=false&embedtrajectory=true",
        "embed=true&embedtokens=false&embedtrajectory=true&v=3",
        &[],
    ),
    ("?embed=false&embedinput=true&example=poem", "example=poem&v=3", &[]),
    ("?embed=true&model=pack/&text=a%20b", "model=pack/&text=a+b&embed=true&v=3", &[]),
    ("?embed=true&example=poem&pin=4&of=novel", "example=poem&of=novel&pin=4&embed=true&v=3", &[]),
    ("?embed=true&embedlink=maybe", "embed=true&v=3", &[]),
    // What is looked at.
    ("?model=pack/", "model=pack/&v=3", &[]),
    ("?model=https://host.example/packs/gemma/", "model=https://host.example/packs/gemma/&v=3", &[]),
    ("?model=https%3A%2F%2Fhost.example%2Fpacks", "model=https://host.example/packs&v=3", &[]),
    ("?result=packs/result.json&pin=3", "result=packs/result.json&pin=3&v=3", &[]),
    ("?result=https://results.example/a.json", "result=https://results.example/a.json&v=3", &[]),
    ("?text=A+cat+%26+a+dog+%3D+100+%25", "text=A+cat+%26+a+dog+%3D+100+%25&v=3", &[]),
    ("?text=a%20b%2Bc", "text=a+b%2Bc&v=3", &[]),
    ("?text=100%&inf_k=5", "text=100%25&inf_k=5&v=3", &[]),
    ("?v=1&example=poem&pin=5", "example=poem&mode=notebook&scale=data&shade=top-feature&pin=5&v=3", &[]),
    ("?simMatrix=Once%20there%20was%20a%20fox.", "text=Once+there+was+a+fox.&scale=unit&v=3", &[]),
    ("?simMatrixDemo=garden-path", "", &[]),
    ("?simMatrixDemo=alice_1&of=total", "of=total&v=3", &[]),
    // The matrix.
    ("example=two-events&of=residual&mode=neuronpedia&scale=signed", "example=two-events&of=residual&v=3", &[]),
    ("of=predictable&mode=neuronpedia&scale=signed&events=yes&order=text", "", &[]),
    // Links of version 1 leave out the notebook's matrix in its colors, and the notebook's prompt.
    ("v=1&of=predictable", "example=seed-prompt&mode=notebook&scale=data&shade=top-feature&v=3", &[]),
    ("v=1&of=novel&mode=neuronpedia", "example=seed-prompt&of=novel&scale=data&shade=top-feature&v=3", &[]),
    ("v=1&simMatrixDemo=alice_1", "mode=notebook&scale=data&shade=top-feature&v=3", &[]),
    // Links of version 2 leave out the example of two scenes.
    ("v=2&pin=62", "example=two-events&pin=62&v=3", &[]),
    ("v=2&view=path", "example=two-events&view=path&v=3", &[]),
    ("v=2&theme=dark&embed=true", "example=two-events&theme=dark&embed=true&v=3", &[]),
    ("v=2&text=one+two&pin=1", "text=one+two&pin=1&v=3", &[]),
    ("v=2&simMatrixDemo=alice_1", "", &[]),
    // The figure.
    ("view=path", "view=path&v=3", &[]),
    ("view=matrix&pin=3", "pin=3&v=3", &[]),
    ("view=scenes&camera=1_0_1", "view=scenes&camera=1_0_1&v=3", &[]),
    ("view=compare&with=a", "with=a&v=3", &[]),
    ("events=no&order=tree&zoom=1.25_0_12.5", "events=no&order=tree&zoom=1.25_0_12.5&v=3", &[]),
    ("shade=none", "shade=none&v=3", &[]),
    ("shade=novel-share", "", &[]),
    ("shade=predictable-share&tcolour=boundary", "shade=predictable-share&tcolour=boundary&v=3", &[]),
    ("shade=variance-explained&pin=3.14", "shade=variance-explained&pin=3.14&v=3", &[]),
    // The trajectory.
    (
        "tof=residual&tby=pca&tin=2d&ttokens=notebook&tcolour=novel-energy",
        "tof=residual&tby=pca&tin=2d&ttokens=notebook&tcolour=novel-energy&v=3",
        &[],
    ),
    ("metric=cosine&neighbours=9&mindist=0.25&seed=7", "metric=cosine&neighbours=9&mindist=0.25&seed=7&v=3", &[]),
    ("metric=euclidean&tcolour=position&tin=3d&ttokens=all", "", &[]),
    ("camera=1.25_-0.5_2.5", "camera=1.25_-0.5_2.5&v=3", &[]),
    ("camera=1.25_-0.5_2.5_12_-40", "camera=1.25_-0.5_2.5_12_-40&v=3", &[]),
    ("camera=0_1.571_1", "camera=0_1.571_1&v=3", &[]),
    // Pins, spans, cards, attention.
    ("example=code&span=10-20.40-44&pin=5", "example=code&pin=5&span=10-20.40-44&v=3", &[]),
    ("example=code&span=3-3", "example=code&span=3-3&v=3", &[]),
    ("example=two-events&feature=1335", "example=two-events&feature=1335&v=3", &[]),
    ("attention=0.3", "attention=0.3&v=3", &[]),
    ("attention=1.mean", "attention=1.mean&v=3", &[]),
    ("attention=0.mean", "", &[]),
    // A second text.
    ("example=garden-path&with=The+horse+fell.", "example=garden-path&with=The+horse+fell.&v=3", &[]),
    ("with=a&withk=7&withspan=1-5_2-4.6-9", "with=a&withk=7&withspan=1-5_2-4.6-9&v=3", &[]),
    ("withspan=_&with=a", "with=a&withspan=_&v=3", &[]),
    ("withspan=1-2_&with=a", "with=a&withspan=1-2_&v=3", &[]),
    ("text=a&words=true", "text=a&words=true&v=3", &[]),
    ("words=false", "", &[]),
    ("example=code&theme=dark", "example=code&theme=dark&v=3", &[]),
    ("theme=system", "", &[]),
    ("", "", &[]),
    ("?", "", &[]),
    ("?&&", "", &[]),
];

const DAMAGED: &[Case] = &[
    (
        "v=99&example=poem",
        "example=poem&v=3",
        &["“v=99” is a link of a later version of this page: parts that are unknown here are left out"],
    ),
    ("v=one", "", &["“v=one” is not a version number"]),
    ("example=poem&of=everything", "example=poem&v=3", &["“of=everything” is not one of the choices"]),
    ("example=poem&span=9-2", "example=poem&v=3", &["“span=9-2” is not a span of tokens"]),
    ("span=1-2.3-4.5-6", "", &["“span=1-2.3-4.5-6” is not a span of tokens"]),
    ("example=../../secret", "", &["“example=../../secret” is not an example"]),
    ("camera=NaN_inf_1", "", &["“camera=NaN_inf_1” is out of range"]),
    ("camera=1", "", &["“camera=1” is not a camera position"]),
    ("zoom=1_2", "", &["“zoom=1_2” is not a part of a matrix"]),
    ("z=!!!!", "", &["“z=!!!!” is cut or damaged"]),
    ("z=AAAA", "", &["“z=AAAA” is cut or damaged"]),
    ("text=%FF%FE", "", &["“text=%FF%FE” is not text"]),
    ("text=", "", &["“text” is empty"]),
    ("text", "", &["“text” is empty"]),
    ("with=", "", &["“with” is empty"]),
    ("result=javascript:alert(1)", "", &["“result=javascript:alert(1)” is not a web address"]),
    ("result=data:application/json,{}", "", &["“result=data:application/json,{}” is not a web address"]),
    ("model=file:///etc/passwd", "", &["“model=file:///etc/passwd” is not a web address"]),
    (
        "seed=1e99&neighbours=-4&mindist=7",
        "",
        &["“seed=1e99” is not a whole number", "“neighbours=-4” is not a whole number", "“mindist=7” is out of range"],
    ),
    ("neighbours=300", "", &["“neighbours=300” is out of range"]),
    ("<img src=x onerror=alert(1)>=1", "", &[]),
    ("fbclid=x&__theme=dark&utm_source=y", "", &[]),
    ("exampel=poem", "", &["“exampel” is not known; did you mean “example”?"]),
    ("example=a&text=b", "example=a&v=3", &["“text=b” comes after another text, example or result"]),
    ("with=a&with=b", "with=a&v=3", &["“with=b” comes after another second text"]),
    ("withk=3", "", &["“withk” or “withspan” needs a second text"]),
    ("withspan=1-2&with=a", "with=a&v=3", &["“withspan=1-2” does not hold the spans of two texts"]),
    ("attention=1", "", &["“attention=1” is not a layer and a head"]),
    ("pin=-1", "", &["“pin=-1” is not a token position"]),
    ("feature=16777217", "", &["“feature=16777217” is out of range"]),
    ("device=tpu", "", &["“device=tpu” is not a device: it is webgpu or cpu"]),
    ("theme=pink", "", &["“theme=pink” is not a theme"]),
    ("words=1", "", &["“words=1” is not one of the choices"]),
    ("inf_k=0", "", &["“inf_k=0” is out of range"]),
    ("simMatrixDemo=\"><script>", "", &["“simMatrixDemo=\"><script>” is not the name of a demo"]),
    ("simMatrix=", "", &["“simMatrix” is empty"]),
];

#[test]
fn old_links_open_as_they_always_did() {
    assert!(WHOLE.len() >= 40);
    for (query, written, dropped) in WHOLE.iter().chain(DAMAGED) {
        let opened = ViewState::read(query);
        assert_eq!(opened.view.query(), *written, "{query}");
        assert_eq!(opened.dropped, *dropped, "{query}");
    }
}

#[test]
fn what_was_deflated_elsewhere_is_read() {
    let text = "The tide was already turning when the crew let go of the ropes. ".repeat(14);
    assert_eq!(ViewState::read(LONG).view.subject, Some(Subject::Text(text)));
    assert_eq!(ViewState::read(&LONG[..LONG.len() - 9]).dropped.len(), 1);
}

#[test]
fn documents_and_element_name_every_parameter() {
    let docs = include_str!("../../../docs/embed.md");
    let element = include_str!("../../../web/embed/temporal-lens.js");
    for key in KEYS {
        assert!(docs.contains(&format!("`{}`", key.name)), "docs/embed.md says nothing of {}", key.name);
        // The element is embedded whatever its attributes; Neuronpedia's links are links to a page.
        let is_attribute = !matches!(key.name, "v" | "embed" | "simMatrix" | "simMatrixDemo");
        if is_attribute {
            assert!(element.contains(&format!("\"{}\"", key.name)), "the element does not pass on {}", key.name);
        }
    }
}
