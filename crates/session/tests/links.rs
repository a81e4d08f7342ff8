//! ViewStates that are written come back as they were; whatever anyone writes opens what it can.

use std::ops::Range;

use lens_analysis::per_token::Quantity;
use lens_analysis::similarity::{Mode, Source};
use lens_protocol::DeviceWish;
use lens_session::embed::{Embed, Purpose, code};
use lens_session::view_state::is_fetchable;
use lens_session::{Opened, Second, Subject, Theme, ViewState};
use lens_view::attention::AttentionSelection;
use lens_view::choice::Choice;
use lens_view::focus::Cell;
use lens_view::heatmap::Scale;
use lens_view::selection::Selection;
use lens_view::trajectory::{Camera, Dimensions, Method, Metric, Positions, TrajectorySettings};

fn selection(spans: &[Range<usize>]) -> Selection {
    Selection::of(spans.to_vec())
}

fn one(span: Range<usize>) -> Selection {
    Selection::of(Vec::from([span]))
}

fn back(link: &ViewState) -> ViewState {
    let opened = ViewState::read(&format!("?{}", link.query()));
    assert_eq!(opened.dropped, Vec::<String>::new(), "{}", link.query());
    opened.view
}

#[test]
fn the_page_as_it_opens_needs_no_query() {
    assert_eq!(ViewState::default().query(), "");
    assert_eq!(ViewState::read("").view, ViewState::default());
}

#[test]
fn every_field_comes_back() {
    let page = ViewState::default();
    let texts = [
        "x",
        " leading and trailing ",
        "a+b & c=d # 100% \"<b>\"\n\t“é” 日本 🦀 _a_ ~b~ ... --- (c)*!",
        "example=code&v=3",
    ];
    let mut links: Vec<ViewState> = Vec::new();
    links.extend(
        texts.iter().map(|text| ViewState { subject: Some(Subject::Text((*text).to_owned())), ..page.clone() }),
    );
    links.push(ViewState { subject: Some(Subject::Text("long ".repeat(2000))), ..page.clone() });
    links.push(ViewState { subject: Some(Subject::Example("two-events".to_owned())), ..page.clone() });
    links.push(ViewState { subject: Some(Subject::Result("https://a.example/r?x=1&y=é".to_owned())), ..page.clone() });
    links.push(ViewState { subject: Some(Subject::Result("results/one.json".to_owned())), ..page.clone() });
    links.push(ViewState { subject: Some(Subject::Result("results/my text_1.json".to_owned())), ..page.clone() });
    links.push(ViewState { model: Some("https://host.example/packs/gemma/".to_owned()), ..page.clone() });
    links.push(ViewState { inf_k: Some(7), ..page.clone() });
    links.extend(Source::CHOICES.iter().map(|it| ViewState { source: *it, ..page.clone() }));
    links.extend(Mode::CHOICES.iter().map(|it| ViewState { mode: *it, ..page.clone() }));
    links.extend(Scale::CHOICES.iter().map(|it| ViewState { scale: *it, ..page.clone() }));
    links.extend(DeviceWish::ALL.map(|it| ViewState { device: Some(it), ..page.clone() }));
    links.extend(Theme::CHOICES.iter().map(|it| ViewState { theme: *it, ..page.clone() }));
    let quantities = || Quantity::CHOICES.iter().map(|it| Some(*it)).chain([None]);
    links.extend(quantities().map(|it| ViewState { quantity: it, ..page.clone() }));
    links.extend(quantities().map(|it| ViewState { trajectory_color: it, ..page.clone() }));
    links.push(ViewState { has_events: false, ..page.clone() });
    links.push(ViewState { is_ordered: true, ..page.clone() });
    links.push(ViewState { words: true, ..page.clone() });
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
    links.push(ViewState { trajectory, ..page.clone() });
    links.push(ViewState { pin: Some(Cell::token(0)), ..page.clone() });
    links.push(ViewState { pin: Some(Cell { row: 3, column: 14 }), ..page.clone() });
    links.push(ViewState { spans: selection(&[0..1, 5..9]), ..page.clone() });
    let camera = Camera { yaw_radians: 1.25, pitch_radians: -0.5, zoom: 2.5, pan: [12.0, -40.0] };
    links.push(ViewState { camera, ..page.clone() });
    links.push(ViewState { feature: Some(1919), ..page.clone() });
    links.push(ViewState { read_to: Some(17), ..page.clone() });
    links.push(ViewState { zoom: Some([1.25, 0.0, 12.5]), ..page.clone() });
    let second = |text: &str| Second { text: text.to_owned(), ..Second::default() };
    links.extend(texts.iter().map(|text| ViewState { second: Some(second(text)), ..page.clone() }));
    links.push(ViewState { second: Some(second(&"long ".repeat(2000))), ..page.clone() });
    links.push(ViewState { second: Some(Second { inf_k: Some(3), ..second("another") }), ..page.clone() });
    let none = Selection::default;
    for spans in [
        [none(), none()],
        [one(1..4), none()],
        [none(), selection(&[0..1, 5..6])],
        [selection(&[1..4, 7..9]), one(2..3)],
    ] {
        links.push(ViewState { second: Some(Second { spans: Some(spans), ..second("another") }), ..page.clone() });
    }
    for head in [None, Some(0), Some(3)] {
        links.push(ViewState { attention: AttentionSelection { layer: 1, head }, ..page.clone() });
    }
    links.push(ViewState { attention: AttentionSelection { layer: 0, head: Some(2) }, ..page.clone() });
    for link in &links {
        assert_eq!(&back(link), link, "{}", link.query());
    }
    // All of them at once.
    let all = ViewState {
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
        spans: selection(&[3..4, 6..9]),
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
    let once = ViewState { camera, ..ViewState::default() };
    assert_eq!(back(&once).query(), once.query());
    assert!((back(&once).camera.yaw_radians - camera.yaw_radians).abs() < 1e-3);
}

#[test]
fn damaged_and_unknown_parts_are_named_and_the_rest_opens() {
    let opened = ViewState::read(
        "?v=1&example=two-events&of=nothing&pin=-1&span=9-3&camera=NaN_0_1&mindist=inf&seed=1e9&theme=pink&exmaple=1&feature=x&zoom=1_2_NaN&mode=neuronpedia&fbclid=x&inf_k=0&text=b&attention=1&withk=x&withspan=1-2&withz=%C2%A7&%ff=1",
    );
    assert_eq!(opened.view.second, None);
    assert_eq!(opened.view.subject, Some(Subject::Example("two-events".to_owned())));
    assert_eq!(opened.view.mode, Mode::Neuronpedia);
    for named in [
        "of=nothing",
        "pin=-1",
        "span=9-3",
        "camera=NaN_0_1",
        "mindist=inf",
        "seed=1e9",
        "theme=pink",
        "“exmaple” is not known; did you mean “example”?",
        "feature=x",
        "zoom=1_2_NaN",
        "inf_k=0",
        "text=b",
        "attention=1",
        "withk=x",
        "withspan=1-2",
        "withz=§",
    ] {
        assert!(opened.dropped.iter().any(|it| it.contains(named)), "{named}: {:?}", opened.dropped);
    }
    assert_eq!(opened.dropped.len(), 16, "{:?}", opened.dropped);
    let opened = ViewState::read("with=a&with=b&withk=2&attention=0.mean");
    assert_eq!(opened.view.second, Some(Second { text: "a".to_owned(), inf_k: Some(2), spans: None }));
    assert_eq!(opened.dropped.len(), 1);
    assert!(opened.dropped[0].contains("second text"));
    let Opened { view: link, dropped } = ViewState::read("v=4&example=code");
    assert_eq!(link.subject, Some(Subject::Example("code".to_owned())));
    assert!(dropped[0].contains("later version"));
}

#[test]
fn hostile_links_stay_data() {
    let opened = ViewState::read(&format!(
        "?result=javascript:alert(1)&model=data:text/html,x&example=../../etc&simMatrixDemo=a/../b&{}=1&span={}",
        "a".repeat(100_000),
        "1-2.".repeat(10_000)
    ));
    assert_eq!(opened.view, ViewState::default());
    assert_eq!(opened.dropped.len(), 5);
    assert!(opened.dropped.iter().all(|it| it.chars().count() < 200));
    for address in [
        "javascript:alert(1)",
        "JAVASCRIPT:x",
        "data:,x",
        "blob:https://a/b",
        "file:///etc/passwd",
        "https://",
        " a",
        "a\u{3000}",
        "a\nb",
        "",
        "\\\\host",
        "ftp://a/b",
    ] {
        assert!(!is_fetchable(address), "{address:?}");
    }
    for address in [
        "https://a.example/b.json",
        "HTTP://a/b",
        "results/b.json",
        "results/my text.json",
        "./b:c.json",
        "//host/x",
        "/r.json?x=a:b",
    ] {
        assert!(is_fetchable(address), "{address:?}");
    }
}

#[test]
fn neuronpedias_links_are_understood() {
    let link = ViewState::read("simMatrix=Once%20upon%20a%20time").view;
    assert_eq!(link.subject, Some(Subject::Text("Once upon a time".to_owned())));
    assert_eq!((link.mode, link.scale), (Mode::Neuronpedia, Scale::Unit));
    assert_eq!(ViewState::read("simMatrixDemo=alice_1").view.neuronpedia_demo.as_deref(), Some("alice_1"));
}

#[test]
fn flags_say_what_an_embedded_page_shows() {
    let embed = |query: &str| ViewState::read(query).view.embed;
    assert_eq!(embed("?text=a"), Embed::default());
    assert_eq!(embed("?embed=false&embedinput=true"), Embed::default());
    assert_eq!(embed("embed=true"), Embed { is_embedded: true, ..Embed::default() });
    let shown = Embed { is_embedded: true, has_heatmap: false, has_trajectory: true, ..Embed::default() };
    let opened = ViewState::read("?embedtrajectory=1&embed=true&embedheatmap=false&embedlink=perhaps&embed=x");
    assert_eq!((opened.view.embed, opened.dropped), (shown, Vec::new()));
    let view = ViewState { embed: shown, ..ViewState::default() };
    assert_eq!(view.query(), "embed=true&embedheatmap=false&embedtrajectory=true&v=3");
    assert_eq!(back(&view), view);
}

#[test]
fn a_link_to_share_opens_a_figure_and_not_the_export_of_one() {
    let shared = |link: &str| ViewState::read(link).view.to_share().query();
    assert_eq!(shared("example=poem&view=export"), "example=poem&v=3");
    assert_eq!(shared("example=poem&view=numbers"), "example=poem&view=numbers&v=3");
}

#[test]
fn the_whole_page_shows_the_figure_that_stands_first_in_the_frame() {
    let page_of = |flags: &str| {
        let link = ViewState::read(&format!("embed=true&example=poem&{flags}")).view;
        ViewState { embed: Embed::default(), ..link.of_frame(&link.embed) }.query()
    };
    assert_eq!(page_of("embedtrajectory=true"), "example=poem&v=3");
    assert_eq!(page_of("embedheatmap=false&embedtrajectory=true"), "example=poem&view=path&v=3");
    assert_eq!(page_of("embedheatmap=false&embedfeatures=true"), "example=poem&view=features&v=3");
    assert_eq!(page_of("embedheatmap=false"), "example=poem&v=3");
    assert_eq!(page_of("view=sources"), "example=poem&view=sources&v=3");
    assert_eq!(page_of("view=export"), "example=poem&v=3");
}

#[test]
fn a_frame_has_the_text_or_a_word_alone() {
    let of = |query: &str| {
        let opened = ViewState::read(query);
        assert!(opened.dropped.is_empty(), "{:?}", opened.dropped);
        let it = opened.view.embed;
        [it.has_tokens, it.has_heatmap, it.has_word]
    };
    assert_eq!(of("embed=true&view=text"), [true, false, false]);
    assert_eq!(of("view=word&embed=true"), [false, false, true]);
    assert_eq!(of("embed=true&view=path&view=word"), [false, false, true]);
    assert_eq!(of("embed=true&view=text&embedword=true"), [true, false, true]);
    // The whole page has both anyway.
    assert_eq!(ViewState::read("view=text").view, ViewState::default());
    let url = |purpose| code("https://a.example/", "v=3&example=poem", purpose);
    for (purpose, alone) in
        [(Purpose::Figure, ""), (Purpose::Text, "&amp;view=text"), (Purpose::Word, "&amp;view=word")]
    {
        assert!(url(purpose).contains(&format!("?v=3&amp;example=poem&amp;embed=true{alone}\"")), "{}", url(purpose));
    }
}

#[test]
fn a_saved_result_becomes_a_link_wherever_a_page_may_read_it() {
    let view =
        ViewState::read("text=one+two&model=https://a.example/pack/&inf_k=5&with=three&words=true&pin=1&view=path")
            .view;
    let of = |address: &str| view.of_saved(address).map(|saved| saved.query());
    assert_eq!(
        of(" https://a.example/story.json\n").unwrap(),
        "result=https://a.example/story.json&view=path&pin=1&v=3"
    );
    assert_eq!(of("results/my story.json").unwrap(), "result=results/my%20story.json&view=path&pin=1&v=3");
    assert_eq!(of("results/my%20story.json").unwrap(), "result=results/my%2520story.json&view=path&pin=1&v=3");
    for refused in ["", "  ", "javascript:alert(1)", "file:///home/a.json", "data:text/plain,a"] {
        assert_eq!(of(refused), None, "{refused}");
    }
}

/// What programs that find links in plain text leave out of one where it stands at its end, or take for markup: the rules of
/// linkify-it 5, of GitHub's autolinks, of marked 18 and of mail programs, together.
#[test]
fn a_link_pasted_into_a_chat_is_the_whole_link() {
    let ends = ".,:;!?'\"()[]{}<>*_~`|\\/-–—…’”»。、！？）」&=+%#@^$";
    let page = ViewState::default();
    let mut links: Vec<ViewState> = Vec::new();
    for end in ends.chars() {
        for text in [
            format!("The tide turned{end}"),
            format!("{end}{end} a {end}b{end} {end}{end}{end}"),
            "The tide turned. ".repeat(60) + &end.to_string(),
        ] {
            let second = Second { text: text.clone(), ..Second::default() };
            links.push(ViewState { subject: Some(Subject::Text(text.clone())), ..page.clone() });
            links.push(ViewState { second: Some(second), ..page.clone() });
            if is_fetchable(&text) {
                links.push(ViewState { subject: Some(Subject::Result(text)), ..page.clone() });
            }
        }
    }
    links.push(ViewState {
        spans: Selection::of(vec![1..2, 4..6]),
        pin: Some(Cell { row: 3, column: 1 }),
        ..page.clone()
    });
    links.push(ViewState { model: Some("https://host.example/packs/gemma/".to_owned()), ..page.clone() });
    links.push(ViewState {
        second: Some(Second { text: "a".to_owned(), inf_k: None, spans: Some([one(1..2), Selection::default()]) }),
        ..page.clone()
    });
    for link in &links {
        let query = link.query();
        assert_eq!(&back(link), link, "{query}");
        assert!(query.ends_with(|c: char| c.is_ascii_alphanumeric()), "{query}");
        // Nothing inside it that ends a link, or that is markup where it stands between letters and marks.
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "&=+%/:.-_".contains(c);
        assert!(query.chars().all(is_plain) && !query.contains("..") && !query.contains("--"), "{query}");
        let value = |name: &str| query.split('&').find_map(|part| part.strip_prefix(name)).unwrap_or_default();
        for name in ["text=", "z=", "with=", "withz=", "result="] {
            assert!(!value(name).contains('_'), "{query}");
        }
    }
}

#[test]
fn the_text_that_a_link_carries_is_the_text_that_stays() {
    let of = |query: &str| ViewState::read(query).view;
    let text = |query: &str| match of(query).subject {
        Some(Subject::Text(text)) => text,
        other => panic!("{other:?}"),
    };
    for name in ["text", "simMatrix"] {
        assert_eq!(text(&format!("?{name}=the+tide%0D%0Ais+in%0Dnow%0A")), "the tide\nis in\nnow\n");
    }
    assert_eq!(of("?with=the+tide%0D%0Ais+in").second.unwrap().text, "the tide\nis in");
    // Packed, too.
    let packed =
        ViewState { subject: Some(Subject::Text("the tide\r\nis in. ".repeat(60))), ..ViewState::default() }.query();
    assert!(packed.starts_with("z="), "{packed}");
    assert_eq!(text(&packed), "the tide\nis in. ".repeat(60));
    let packed = packed.replace("z=", "with=a&withz=").replace("with=a&", "");
    assert_eq!(of(&packed).second.unwrap().text, "the tide\nis in. ".repeat(60));
}

#[test]
fn what_others_hang_onto_a_link_is_passed_over() {
    for query in [
        "?fbclid=x&__theme=dark&utm_source=y",
        "utm_term=caf%e9&example=poem",
        "gclid&si=%&_gl=1*a*b&%ff=1&example=poem",
    ] {
        assert_eq!(ViewState::read(query).dropped, Vec::<String>::new(), "{query}");
    }
    assert_eq!(
        ViewState::read("?exmaple=poem&Text=x").dropped,
        ["“exmaple” is not known; did you mean “example”?", "“Text” is not known; did you mean “text”?"]
    );
}
