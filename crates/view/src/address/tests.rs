//! Links that are written come back as they were; whatever anyone writes opens what it can.

use std::ops::Range;

use lens_analysis::per_token::Quantity;
use lens_analysis::similarity::{Mode, Source};

use super::link::{Link, Opened, Second, Subject, is_fetchable};
use super::theme::Theme;
use crate::figure::attention::AttentionSelection;
use crate::figure::focus::Cell;
use crate::figure::heatmap::Scale;
use crate::figure::trajectory::{Camera, Dimensions, Method, Metric, Positions, TrajectorySettings};
use crate::format::choice::Choice;

fn one(span: Range<usize>) -> Vec<Range<usize>> {
    Vec::from([span])
}

fn back(link: &Link) -> Link {
    let opened = Link::read(&format!("?{}", link.query()));
    assert_eq!(opened.dropped, Vec::<String>::new(), "{}", link.query());
    opened.link
}

#[test]
fn the_page_as_it_opens_needs_no_query() {
    assert_eq!(Link::default().query(), "");
    assert_eq!(Link::read("").link, Link::default());
}

#[test]
fn every_field_comes_back() {
    let page = Link::default();
    let texts = ["x", " leading and trailing ", "a+b & c=d # 100% \"<b>\"\n\t“é” 日本 🦀", "v=2&example=code"];
    let mut links: Vec<Link> = Vec::new();
    links.extend(texts.iter().map(|text| Link { subject: Some(Subject::Text((*text).to_owned())), ..page.clone() }));
    links.push(Link { subject: Some(Subject::Text("long ".repeat(2000))), ..page.clone() });
    links.push(Link { subject: Some(Subject::Example("two-events".to_owned())), ..page.clone() });
    links.push(Link { subject: Some(Subject::Result("https://a.example/r?x=1&y=é".to_owned())), ..page.clone() });
    links.push(Link { subject: Some(Subject::Result("results/one.json".to_owned())), ..page.clone() });
    links.push(Link { model: Some("https://host.example/packs/gemma/".to_owned()), ..page.clone() });
    links.push(Link { inf_k: Some(7), ..page.clone() });
    links.extend(Source::CHOICES.iter().map(|it| Link { source: *it, ..page.clone() }));
    links.extend(Mode::CHOICES.iter().map(|it| Link { mode: *it, ..page.clone() }));
    links.extend(Scale::CHOICES.iter().map(|it| Link { scale: *it, ..page.clone() }));
    links.extend(Theme::CHOICES.iter().map(|it| Link { theme: *it, ..page.clone() }));
    let quantities = || Quantity::CHOICES.iter().map(|it| Some(*it)).chain([None]);
    links.extend(quantities().map(|it| Link { quantity: it, ..page.clone() }));
    links.extend(quantities().map(|it| Link { trajectory_color: it, ..page.clone() }));
    links.push(Link { has_events: false, ..page.clone() });
    links.push(Link { is_ordered: true, ..page.clone() });
    links.push(Link { words: true, ..page.clone() });
    let trajectory = TrajectorySettings {
        source: Source::Residual,
        method: Method::Pca,
        dimensions: Dimensions::Two,
        positions: Positions::Notebook,
        n_neighbors: 3,
        min_dist: 0.25,
        metric: Metric::Cosine,
        seed: 4_294_967_295,
    };
    links.push(Link { trajectory, ..page.clone() });
    links.push(Link { pin: Some(Cell::token(0)), ..page.clone() });
    links.push(Link { pin: Some(Cell { row: 3, column: 14 }), ..page.clone() });
    links.push(Link { spans: vec![0..1, 5..9], ..page.clone() });
    let camera = Camera { yaw_radians: 1.25, pitch_radians: -0.5, zoom: 2.5, pan: [12.0, -40.0] };
    links.push(Link { camera, ..page.clone() });
    links.push(Link { feature: Some(1919), ..page.clone() });
    links.push(Link { zoom: Some([1.25, 0.0, 12.5]), ..page.clone() });
    let second = |text: &str| Second { text: text.to_owned(), ..Second::default() };
    links.extend(texts.iter().map(|text| Link { second: Some(second(text)), ..page.clone() }));
    links.push(Link { second: Some(second(&"long ".repeat(2000))), ..page.clone() });
    links.push(Link { second: Some(Second { inf_k: Some(3), ..second("another") }), ..page.clone() });
    for spans in [[vec![], vec![]], [one(1..4), vec![]], [vec![], vec![0..1, 5..6]], [vec![1..4, 7..9], one(2..3)]] {
        links.push(Link { second: Some(Second { spans: Some(spans), ..second("another") }), ..page.clone() });
    }
    for head in [None, Some(0), Some(3)] {
        links.push(Link { attention: AttentionSelection { layer: 1, head }, ..page.clone() });
    }
    links.push(Link { attention: AttentionSelection { layer: 0, head: Some(2) }, ..page.clone() });
    for link in &links {
        assert_eq!(&back(link), link, "{}", link.query());
    }
    // All of them at once.
    let all = Link {
        subject: links[2].subject.clone(),
        inf_k: Some(2),
        source: Source::Novel,
        mode: Mode::Neuronpedia,
        scale: Scale::Signed,
        is_ordered: true,
        trajectory,
        camera,
        zoom: Some([0.0, 3.0, 4.5]),
        pin: Some(Cell { row: 1, column: 2 }),
        spans: vec![3..4, 6..9],
        second: Some(Second { text: "x y".to_owned(), inf_k: Some(1), spans: Some([one(0..2), one(3..4)]) }),
        attention: AttentionSelection { layer: 2, head: Some(1) },
        theme: Theme::Dark,
        ..page
    };
    assert_eq!(back(&all), all);
}

#[test]
fn what_a_drag_leaves_in_the_link_stays_as_it_is() {
    let camera = Camera::default().orbited(123.4, -1000.0).panned(3.3, 0.2).zoomed(1.7, [10.0, 3.0]);
    let once = Link { camera, ..Link::default() };
    assert_eq!(back(&once).query(), once.query());
    assert!((back(&once).camera.yaw_radians - camera.yaw_radians).abs() < 1e-3);
}

#[test]
fn damaged_and_unknown_parts_are_named_and_the_rest_opens() {
    let opened = Link::read(
        "?v=1&example=two-events&of=nothing&pin=-1&span=9-3&camera=NaN_0_1&mindist=inf&seed=1e9&theme=pink&extra=1&feature=x&zoom=1_2_NaN&mode=neuronpedia&inf_k=0&text=b&attention=1&withk=x&withspan=1-2&withz=%C2%A7&%ff=1",
    );
    assert_eq!(opened.link.second, None);
    assert_eq!(opened.link.subject, Some(Subject::Example("two-events".to_owned())));
    assert_eq!(opened.link.mode, Mode::Neuronpedia);
    for named in [
        "of=nothing",
        "pin=-1",
        "span=9-3",
        "camera=NaN_0_1",
        "mindist=inf",
        "seed=1e9",
        "theme=pink",
        "extra=1",
        "feature=x",
        "zoom=1_2_NaN",
        "inf_k=0",
        "text=b",
        "attention=1",
        "withk=x",
        "withspan=1-2",
        "withz=§",
        "%ff=1",
    ] {
        assert!(opened.dropped.iter().any(|it| it.contains(named)), "{named}: {:?}", opened.dropped);
    }
    assert_eq!(opened.dropped.len(), 17, "{:?}", opened.dropped);
    let opened = Link::read("with=a&with=b&withk=2&attention=0.mean");
    assert_eq!(opened.link.second, Some(Second { text: "a".to_owned(), inf_k: Some(2), spans: None }));
    assert_eq!(opened.dropped.len(), 1);
    assert!(opened.dropped[0].contains("second text"));
    let Opened { link, dropped } = Link::read("v=2&example=code");
    assert_eq!(link.subject, Some(Subject::Example("code".to_owned())));
    assert!(dropped[0].contains("later version"));
}

#[test]
fn hostile_links_stay_data() {
    let opened = Link::read(&format!(
        "?result=javascript:alert(1)&model=data:text/html,x&example=../../etc&simMatrixDemo=a/../b&{}=1&span={}",
        "a".repeat(100_000),
        "1-2.".repeat(10_000)
    ));
    assert_eq!(opened.link, Link::default());
    assert_eq!(opened.dropped.len(), 6);
    assert!(opened.dropped.iter().all(|it| it.chars().count() < 200));
    for address in [
        "javascript:alert(1)",
        "JAVASCRIPT:x",
        "data:,x",
        "blob:https://a/b",
        "file:///etc/passwd",
        "https://",
        "a b",
        "a\nb",
        "",
        "\\\\host",
        "ftp://a/b",
    ] {
        assert!(!is_fetchable(address), "{address:?}");
    }
    for address in
        ["https://a.example/b.json", "HTTP://a/b", "results/b.json", "./b:c.json", "//host/x", "/r.json?x=a:b"]
    {
        assert!(is_fetchable(address), "{address:?}");
    }
}

#[test]
fn neuronpedias_links_are_understood() {
    let link = Link::read("simMatrix=Once%20upon%20a%20time").link;
    assert_eq!(link.subject, Some(Subject::Text("Once upon a time".to_owned())));
    assert_eq!((link.mode, link.scale), (Mode::Neuronpedia, Scale::Unit));
    assert_eq!(Link::read("simMatrixDemo=alice_1").link.neuronpedia_demo.as_deref(), Some("alice_1"));
}
