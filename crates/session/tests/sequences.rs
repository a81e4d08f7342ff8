//! Whatever happens in whatever order, the page can be drawn, and Analyze works.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use common::random::Random;
use common::{Page, analysis_of, other_pack, own_pack, result_json, site, span, start};
use lens_analysis::similarity::similarity;
use lens_protocol::{FailureKind, Request, RequestStage, Response};
use lens_session::embed::EmbedCommand;
use lens_session::{Effect, Fetch, FilmMsg, Msg, OutsideError, Phase, Start, Timer, ViewState, WorkerError};
use lens_view::focus::{Cell, Focus};
use lens_view::heatmap::Heatmap;
use lens_view::strip::Shading;
use lens_view::{comparison, selection};

impl Random {
    fn of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }
}

const TEXTS: [&str; 6] = ["", "one two", "one two three four", "  ", "日本 🦀", "The fox saw the hen."];
const QUERIES: [&str; 13] = [
    "",
    "example=poem",
    "example=garden-path&pin=3&span=1-2",
    "example=no-such",
    "text=one+two&pin=2",
    "text=never+seen&inf_k=3&zoom=0_0_1",
    "result=good.json&pin=99",
    "result=broken.json",
    "simMatrixDemo=garden-path",
    "model=https://other.example/pack/&text=x",
    "example=garden-path&t=3&view=path",
    "example=garden-path&with=another&withk=2&withspan=1-2_1-2",
    "of=residual&order=tree&theme=dark&feature=9&camera=1_1_2&words=true&nonsense",
];

/// Anything that can happen now: answers are of requests that were made, or late, or of none.
fn anything(page: &mut Page, random: &mut Random, seen: &mut Vec<Request>) {
    seen.extend(page.take_sent());
    let request = if seen.is_empty() { None } else { Some(seen[random.below(seen.len())].clone()) };
    let id = request.as_ref().map_or(0, Request::id);
    let tokens = page.model.shown.as_ref().map_or(4, |shown| shown.analysis.tokens.len());
    let cell = Cell { row: random.below(tokens), column: random.below(tokens) };
    let failure = [
        FailureKind::Input,
        FailureKind::Network,
        FailureKind::Pack,
        FailureKind::Device,
        FailureKind::Capacity,
        FailureKind::RowsMissing,
    ][random.below(6)];
    match random.below(30) {
        0 | 1 => page.tell(Msg::Typed(random.of(&TEXTS).to_owned())),
        2 => page.tell(Msg::InfKTyped(random.of(&["", "3", "0", "x"]).to_owned())),
        3 | 4 => page.tell(Msg::Submit),
        5 => page.tell(Msg::Cancel),
        6..=9 => match request {
            Some(request @ Request::Analyze { .. }) => page.answer_analysis(&request),
            Some(request @ Request::Compare { .. }) => page.answer_comparison(&request),
            Some(request @ Request::Attention { .. }) => page.answer_attention(&request),
            Some(request @ Request::Shuffled { .. }) => page.answer_shuffled(&request),
            Some(Request::Cancel { id }) => page.worker(Response::Canceled { id }),
            Some(Request::Download { id, .. }) => page.worker(Response::Downloaded { id, bytes: 1 }),
            Some(Request::StoreEmbedding { id, .. }) => page.worker(Response::EmbeddingStored { id, bytes: 1 }),
            Some(Request::Diagnostics { id }) => {
                page.worker(Response::Diagnostics { id, facts: serde_json::Value::Null });
            }
            None => page.ready(),
        },
        10 => page.fail([id, 0][random.below(2)], failure, "It failed."),
        11 => page.tell(Msg::Crashed((random.below(2) == 0).then(|| "gone.".to_owned()))),
        12 => page.progress(id, RequestStage::Weights, random.below(10) as u64, 5),
        13..=15 => page.visit(random.of(&QUERIES)),
        16..=18 => {
            if let Some((what, turn)) = page.take_fetch() {
                let found = if random.below(5) == 0 { Err(OutsideError::FetchFailed) } else { site(&what) };
                page.tell(Msg::Fetched(what, turn, found));
            }
        }
        19 => {
            let timers = page.take_timers();
            if !timers.is_empty() {
                page.tell(Msg::Timer(timers[random.below(timers.len())].0));
            }
        }
        20 => page.tell(Msg::Focused(Focus { hovered: Some(cell), pinned: (random.below(2) == 0).then_some(cell) })),
        21 => page.choose(|view| {
            view.spans.stretch(cell.row, cell.column);
            view.is_ordered = !view.is_ordered;
        }),
        22 => page.choose(|view| view.zoom = Some([0.0, 0.0, 1.0 + cell.row as f64])),
        23 => page.tell(Msg::Example(random.of(&["poem", "code", "no-such"]).to_owned())),
        24 => page.tell(Msg::Pair(random.of(&["garden-path", "poem"]).to_owned())),
        25 => {
            page.tell(Msg::SecondTyped(random.of(&TEXTS).to_owned()));
            page.tell(Msg::Compare);
        }
        26 => page.tell(Msg::FileOpened("a.json".to_owned(), Ok(result_json("of a file")))),
        27 => {
            let msgs = [
                Msg::Escape,
                Msg::Restart,
                Msg::Words(random.below(2) == 0),
                Msg::Live(random.below(2) == 0),
                Msg::SwitchTheme,
                Msg::AskAttention,
                Msg::AskShuffled,
                Msg::StoreEmbedding,
                Msg::DownloadPack("https://other.example/pack/".to_owned()),
                Msg::Persisted("https://other.example/pack/".to_owned()),
                Msg::DiscardDownload,
                Msg::LibraryOpened,
                Msg::PacksListed(vec![("Other".to_owned(), other_pack())]),
                Msg::LookAtPack("https://other.example/pack/".to_owned()),
                Msg::DeletePack("https://other.example/pack/".to_owned()),
                Msg::VerifyPack("https://other.example/pack/".to_owned()),
                Msg::DeleteStored,
                Msg::Diagnose,
                Msg::PackChosen(other_pack()),
                Msg::PackChosen(own_pack()),
                Msg::NotSent("no".to_owned()),
                Msg::NoWorker(WorkerError::Unsupported),
                Msg::DismissProblem,
                Msg::ComparedSpans(random.below(3), span(0, 1)),
                Msg::Film(FilmMsg::Toggle),
                Msg::Film(FilmMsg::Frame),
                Msg::Film(FilmMsg::Step(random.below(5) as isize - 2)),
                Msg::Film(FilmMsg::Seek(random.below(9))),
                Msg::Film(FilmMsg::ReduceMotion(random.below(2) == 0)),
            ];
            page.tell(msgs[random.below(msgs.len())].clone());
        }
        28 => page.tell(Msg::Message(EmbedCommand::SetText { text: random.of(&TEXTS).to_owned() })),
        _ => page.tell(analysis_of(random.below(50) as u32, "of some request", None)),
    }
}

/// What every view needs of the model is there.
fn assert_it_draws(page: &Page, story: &str) {
    let model = &page.model;
    assert_eq!(model.view.pin, model.focus.pinned, "{story}");
    assert_eq!(model.progress.is_some(), model.phase == Phase::Loading && !model.is_quiet, "{story}");
    assert!(!(model.is_stopping || model.is_silent) || model.phase == Phase::Loading, "{story}");
    assert_eq!(model.film.tokens(), model.shown.as_ref().map_or(0, |it| it.analysis.tokens.len()), "{story}");
    assert!(model.view.read_to.is_none_or(|t| t == model.film.position() && t < model.film.tokens()), "{story}");
    assert!(!model.film.is_playing() || model.view.read_to.is_some(), "{story}");
    // The address says what is shown, and can be read.
    let opened = ViewState::read(&model.address.query());
    assert_eq!(opened.dropped, Vec::<String>::new(), "{story}");
    let view = &model.view;
    if let Some(shown) = &model.shown {
        let it = &shown.analysis;
        let n = it.tokens.len();
        for cell in [model.focus.pinned, model.focus.hovered].into_iter().flatten() {
            assert!(cell.row < n && cell.column < n, "{cell:?} of {n} tokens: {story}");
        }
        assert!(view.spans.spans().iter().all(|span| span.end <= n), "{story}");
        let matrix = similarity(it, view.source, view.mode).unwrap();
        selection::rows(it, &view.spans, &matrix, view.source);
        let heatmap = Heatmap::new(it, matrix, (view.source, view.mode), view.scale, None);
        if let Some(cell) = model.focus.focused() {
            heatmap.readout(cell);
        }
        if let Some(quantity) = view.quantity {
            let _ = Shading::of(it, quantity);
        }
        if let Some(attention) = &model.attention {
            assert_eq!(attention.tokens(), n, "{story}");
        }
        if let Some(compared) = model.compared.as_ref().filter(|compared| compared.is_of(it)) {
            comparison::heatmaps(&compared.comparison, view.source, view.mode, view.scale).unwrap();
            let [a, b] = &model.compared_spans;
            comparison::cosines(&compared.comparison, [a, b]);
        }
    }
}

/// Ends whatever is under way, as a worker does sooner or later.
fn come_to_rest(page: &mut Page) {
    for _ in 0..8 {
        page.serve();
        if page.model.phase != Phase::Loading {
            return;
        }
        let sent = page.take_sent();
        match sent.last() {
            Some(Request::Cancel { id }) => page.worker(Response::Canceled { id: *id }),
            Some(request) => page.fail(request.id(), FailureKind::Input, "enough"),
            // The request was looked at before: its worker breaks.
            None => page.tell(Msg::Crashed(Some("enough".to_owned()))),
        }
    }
    panic!("something stays under way");
}

fn assert_analyze_works(page: &mut Page, story: &str) {
    come_to_rest(page);
    page.asked.clear();
    if page.model.pack.is_none() {
        page.tell(Msg::PackChosen(own_pack()));
    }
    page.tell(Msg::InfKTyped(String::new()));
    page.tell(Msg::Typed("a text at the end".to_owned()));
    page.tell(Msg::Submit);
    let request = page.take_sent().pop().unwrap_or_else(|| panic!("nothing was sent: {story}"));
    assert!(matches!(&request, Request::Analyze { text, .. } if text == "a text at the end"), "{story}");
    page.answer_analysis(&request);
    assert_eq!((page.model.phase, page.shown()), (Phase::Done, Some("a text at the end")), "{story}");
    assert!(page.query().contains("text=a+text+at+the+end"), "{story}");
}

#[test]
fn any_sequence_leaves_a_page_that_draws_and_analyzes() {
    for seed in 1..=600_u64 {
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let mut page = Page::closed(Start { is_embedded: seed % 7 == 0, ..start() });
        let mut seen = Vec::new();
        page.visit(QUERIES[random.below(QUERIES.len())]);
        let mut story = format!("seed {seed}");
        for step in 0..60 {
            let before = page.asked.len();
            anything(&mut page, &mut random, &mut seen);
            story = format!("seed {seed}, step {step}");
            assert!(page.asked.len() < before + 12, "one message asks for {} things", page.asked.len() - before);
            assert_it_draws(&page, &story);
        }
        assert_analyze_works(&mut page, &story);
        assert_it_draws(&page, &story);
    }
}

#[test]
fn a_message_is_answered_alike_by_equal_pages() {
    for seed in 1..=40_u64 {
        let (mut one, mut two) = (Page::closed(start()), Page::closed(start()));
        let (mut a, mut b) = (Random(seed), Random(seed));
        let (mut seen_a, mut seen_b) = (Vec::new(), Vec::new());
        for _ in 0..60 {
            anything(&mut one, &mut a, &mut seen_a);
            anything(&mut two, &mut b, &mut seen_b);
        }
        assert_eq!(one.model, two.model);
        assert_eq!(one.asked, two.asked);
    }
}

#[test]
fn no_request_is_sent_unasked() {
    for query in QUERIES {
        let mut page = Page::at(query);
        let unasked = |effect: &Effect| matches!(effect, Effect::Send(_) | Effect::SendIfPossible(_));
        assert!(!page.asked.iter().any(unasked), "{query}");
        for _ in 0..3 {
            page.tell(Msg::Timer(Timer::Typing(0)));
        }
        page.serve();
        assert_eq!(page.take_fetch(), None::<(Fetch, u32)>, "{query}");
    }
}
