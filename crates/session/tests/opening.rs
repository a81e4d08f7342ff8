//! Links, examples and files are opened: in every order of what comes.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use common::{OPENING, OTHER, Page, comparison_json, example_text, result_json, site, span, start};
use lens_analysis::similarity::Mode;
use lens_protocol::{FailureKind, Request, Response};
use lens_session::figure::Figure;
use lens_session::outside::result_text;
use lens_session::{Carried, Effect, FIRST_EXAMPLE, Fetch, Msg, Origin, OutsideError, Phase, Start, Subject, Theme};
use lens_view::focus::Cell;
use lens_view::heatmap::Scale;
use lens_view::trajectory::Method;

/// A page whose address was read, and nothing was fetched yet.
fn opening(query: &str) -> Page {
    let mut page = Page::closed(start());
    page.visit(query);
    page
}

#[test]
fn the_page_opens_with_its_first_example() {
    let mut page = opening("");
    assert!(page.model.is_example_pending);
    let (what, turn) = page.take_fetch().unwrap();
    assert_eq!(what, Fetch::Example(FIRST_EXAMPLE.to_owned()));
    page.answer(what, turn);
    assert_eq!((page.shown(), page.model.phase), (Some(OPENING), Phase::Idle));
    assert!(!page.model.is_example_pending);
    let (what, turn) = page.take_fetch().unwrap();
    assert_eq!(what, Fetch::Gallery);
    page.answer(what, turn);
    assert!(page.model.gallery.examples.len() >= 8);
    assert!(page.take_fetch().is_none() && page.take_urls().is_empty());
    assert_eq!(page.query(), "");
}

#[test]
fn a_single_file_opens_what_it_carries_and_asks_for_nothing_else() {
    let carried = Some(Carried { has_comparison: true });
    for query in ["", "?pin=1.1", "?example=poem", "?text=other+words", "?result=https%3A%2F%2Fa.example%2Fb.json"] {
        let mut page = Page::closed(Start { carried, pack: None, ..start() });
        page.visit(query);
        page.serve();
        assert_eq!(page.fetched, [Fetch::Carried, Fetch::CarriedComparison], "{query}");
        assert_eq!((page.shown(), page.model.phase), (Some("one two three"), Phase::Idle), "{query}");
        assert_eq!(page.model.compared.as_ref().unwrap().comparison.second.text, "one two four");
        assert_eq!(page.model.focus.pinned.is_some(), query == "?pin=1.1");
        assert!(!page.model.has_box() && page.model.problem.is_none());
        // Back, to where the address says nothing of a second text.
        page.visit("");
        page.serve();
        assert_eq!(page.fetched.len(), 2);
        assert!(page.model.compared.is_some() && page.shown().is_some());
    }
    let mut broken = Page::closed(Start { carried, pack: None, ..start() });
    broken.visit("");
    let (what, turn) = broken.take_fetch().unwrap();
    broken.tell(Msg::Fetched(what, turn, Ok("{".to_owned())));
    assert!(broken.model.problem.as_ref().unwrap().starts_with("This file’s analysis cannot be shown"));
    assert!(!broken.model.has_box());
}

#[test]
fn without_its_first_example_the_page_is_whole() {
    let mut page = opening("");
    let (what, turn) = page.take_fetch().unwrap();
    page.tell(Msg::Fetched(what, turn, Err(OutsideError::FetchFailed)));
    assert!(page.asked.iter().any(|effect| matches!(effect, Effect::Warn(_))));
    page.serve();
    assert!(page.model.problem.is_none() && page.model.shown.is_none() && !page.model.is_example_pending);
    page.analyze("one two");
    assert_eq!(page.shown(), Some("one two"));
}

#[test]
fn without_a_list_of_examples_the_page_is_whole() {
    for answer in [Err(OutsideError::FetchFailed), Ok("[]".to_owned())] {
        let mut page = opening("?text=one+two");
        let (what, turn) = page.take_fetch().unwrap();
        assert_eq!(what, Fetch::Gallery);
        page.tell(Msg::Fetched(what, turn, answer));
        assert!(page.take_fetch().is_none());
        assert_eq!((page.model.text.as_str(), page.model.problem.as_deref()), ("one two", None));
        page.choose(|view| view.has_events = false);
        assert_eq!(page.take_urls(), [("#text=one+two&events=no&v=3".to_owned(), true)]);
    }
}

#[test]
fn a_link_with_every_key_opens() {
    let query = "example=poem&view=numbers&of=residual&mode=notebook&scale=unit&shade=novel-l0&events=no&order=tree\
                 &zoom=1_2_3&tof=novel&tby=pca&tin=2d&ttokens=notebook&tcolour=novel-energy&metric=cosine&neighbours=9\
                 &mindist=0.25&seed=7&camera=1_0.5_2&attention=0.1&pin=3.4&feature=12&span=1-2.4-5&theme=dark&v=3";
    let page = Page::at(query);
    let view = &page.model.view;
    assert_eq!(page.shown(), Some(example_text("poem").as_str()));
    assert_eq!((view.figure, view.mode), (Figure::Numbers, Mode::Notebook));
    assert_eq!((view.scale, view.trajectory.method, view.has_events), (Scale::Unit, Method::Pca, false));
    assert_eq!(
        (view.pin, page.model.focus.pinned),
        (Some(Cell { row: 3, column: 4 }), Some(Cell { row: 3, column: 4 }))
    );
    assert_eq!(view.spans.spans(), [1..3, 4..6]);
    assert_eq!((view.zoom, view.feature, page.model.theme), (Some([1.0, 2.0, 3.0]), Some(12), Theme::Dark));
    assert!(page.fetched.contains(&Fetch::DashboardIndex));
    assert_eq!(page.query(), query, "the address stays as it is");
    assert!(!page.asked.iter().any(|effect| matches!(effect, Effect::WriteUrl { .. })));
}

#[test]
fn a_link_of_nothing_undoes_everything() {
    let mut page = Page::at("example=poem&of=novel&pin=2&span=1-2&theme=dark&feature=3&order=tree&zoom=0_0_4");
    page.visit("");
    page.serve();
    assert_eq!(page.query(), "");
    assert_eq!(page.shown(), Some(OPENING));
    assert_eq!((page.model.theme, page.model.focus.pinned), (Theme::System, None));
}

#[test]
fn damaged_parts_are_named_and_the_rest_opens() {
    let mut page = Page::at("example=poem&of=everything&pin=2");
    assert_eq!(page.model.dropped, ["“of=everything” is not one of the choices"]);
    assert_eq!(page.model.focus.pinned, Some(Cell::token(2)));
    page.tell(Msg::DismissDropped);
    assert!(page.model.dropped.is_empty());
}

#[test]
fn what_lies_past_the_text_is_named() {
    let page = Page::at("example=poem&pin=99999&span=1-2.50000-50001");
    assert_eq!(page.model.focus.pinned, None);
    assert_eq!(page.model.view.spans.spans(), span(1, 3).spans());
    assert!(page.model.dropped[0].starts_with("what it pins or selects lies past the text’s"));
}

#[test]
fn for_an_example_that_is_not_there_the_first_one_is_shown_with_a_note() {
    let mut page = Page::at("example=no-such-thing&pin=2");
    assert_eq!((page.shown(), page.model.phase), (Some(OPENING), Phase::Idle));
    assert_eq!(page.model.dropped, ["the example “no-such-thing” could not be opened, another one is shown"]);
    // What the link says of its own text is not said of another, and the address stays: a reload tries it again.
    assert_eq!(page.model.focus.pinned, None);
    assert!(page.take_urls().is_empty());
    assert!(page.model.problem.is_none() && page.model.gallery.examples.len() >= 8);
    page.tell(Msg::Example("poem".to_owned()));
    page.serve();
    assert_eq!(page.shown(), Some(example_text("poem").as_str()));

    // Offline there is neither; the page is whole.
    let mut page = opening("example=poem");
    for id in ["poem", FIRST_EXAMPLE] {
        let (what, turn) = page.take_fetch().unwrap();
        assert_eq!(what, Fetch::Example(id.to_owned()));
        page.tell(Msg::Fetched(what, turn, Err(OutsideError::FetchFailed)));
    }
    page.serve();
    assert!(page.model.shown.is_none() && !page.model.is_example_pending && page.model.has_box());
    page.analyze("one two");
    assert_eq!(page.shown(), Some("one two"));

    // What was asked for meanwhile is not replaced.
    let mut page = opening("example=no-such-thing");
    let (what, turn) = page.take_fetch().unwrap();
    page.tell(Msg::Typed("mine".to_owned()));
    page.tell(Msg::Fetched(what, turn, Err(OutsideError::FetchFailed)));
    page.serve();
    assert_eq!(page.model.problem.as_deref(), Some("The example “no-such-thing” could not be fetched; try again."));
    assert_eq!((page.shown(), page.model.text.as_str()), (None, "mine"));
}

/// Later than at the start: what is shown stays.
#[test]
fn a_missing_example_is_reported_and_the_page_goes_on() {
    let mut page = Page::new();
    page.tell(Msg::Example("no-such-thing".to_owned()));
    page.serve();
    assert_eq!(page.model.problem.as_deref(), Some("The example “no-such-thing” could not be fetched; try again."));
    assert_eq!((page.shown(), page.model.phase), (Some(OPENING), Phase::Error));
    page.tell(Msg::Example("poem".to_owned()));
    page.serve();
    assert_eq!(page.shown(), Some(example_text("poem").as_str()));
    assert!(page.model.problem.is_none());
}

#[test]
fn an_unreadable_example_is_reported() {
    let mut page = opening("example=poem");
    let (what, turn) = page.take_fetch().unwrap();
    page.tell(Msg::Fetched(what, turn, Ok("<!doctype html>".to_owned())));
    assert!(page.model.problem.as_deref().unwrap().starts_with("The example “poem” cannot be read"));
}

#[test]
fn an_example_is_awaited_until_it_came_or_something_else_is_asked_for() {
    let mut page = Page::new();
    assert_eq!(page.model.awaited_example.as_deref(), None);
    page.tell(Msg::Example("counting".to_owned()));
    let late = page.take_fetch().unwrap();
    assert_eq!(page.model.awaited_example.as_deref(), Some("counting"));
    page.tell(Msg::Example("poem".to_owned()));
    assert_eq!(page.model.awaited_example.as_deref(), Some("poem"));
    page.answer(late.0, late.1);
    assert_eq!(page.model.awaited_example.as_deref(), Some("poem"));
    page.serve();
    assert_eq!(page.model.awaited_example.as_deref(), None);
    page.tell(Msg::Example("news".to_owned()));
    let (what, turn) = page.take_fetch().unwrap();
    page.tell(Msg::Fetched(what, turn, Err(OutsideError::FetchFailed)));
    assert_eq!(page.model.awaited_example.as_deref(), None);
    page.tell(Msg::Example("news".to_owned()));
    page.visit("?text=other+words");
    assert_eq!(page.model.awaited_example.as_deref(), None);
}

#[test]
fn a_comparison_is_awaited_until_it_came_or_something_else_is_asked_for() {
    let mut page = Page::new();
    page.tell(Msg::Example("garden-path".to_owned()));
    page.serve();
    assert_eq!(page.model.awaited_pair.as_deref(), None);
    page.tell(Msg::Pair("garden-path".to_owned()));
    assert_eq!(page.model.awaited_pair.as_deref(), Some("garden-path"));
    page.serve();
    assert_eq!(page.model.awaited_pair.as_deref(), None);
    page.tell(Msg::Pair("garden-path".to_owned()));
    let (what, turn) = page.take_fetch().unwrap();
    page.tell(Msg::Fetched(what, turn, Err(OutsideError::FetchFailed)));
    assert_eq!(page.model.awaited_pair.as_deref(), None);
    page.tell(Msg::Pair("garden-path".to_owned()));
    page.visit("?text=other+words");
    assert_eq!(page.model.awaited_pair.as_deref(), None);
}

#[test]
fn an_example_that_comes_late_does_not_replace_the_one_asked_for_after_it() {
    let mut page = Page::new();
    page.tell(Msg::Example("counting".to_owned()));
    let late = page.take_fetch().unwrap();
    page.tell(Msg::Example("poem".to_owned()));
    page.serve();
    page.answer(late.0, late.1);
    assert_eq!(page.shown(), Some(example_text("poem").as_str()));
    assert!(page.query().contains("example=poem"));
}

#[test]
fn an_example_gives_way_to_a_text_that_was_typed_since() {
    let mut page = opening("");
    let (what, turn) = page.take_fetch().unwrap();
    page.tell(Msg::Typed("mine".to_owned()));
    page.answer(what, turn);
    assert_eq!((page.shown(), page.model.text.as_str()), (None, "mine"));
    page.serve();
    assert!(!page.model.is_example_pending);
}

#[test]
fn a_box_that_was_opened_before_an_example_came_stays_with_its_text() {
    for is_typed in [false, true] {
        let mut page = opening("");
        let (what, turn) = page.take_fetch().unwrap();
        // The one that the box begins with: typed, it is the visitor's.
        let text = page.model.text.clone();
        page.tell(if is_typed { Msg::Typed(text.clone()) } else { Msg::Edit(true) });
        page.answer(what, turn);
        assert_eq!((page.shown(), page.model.phase), (Some(OPENING), Phase::Idle));
        assert!(page.model.has_box() && page.model.is_stale());
        assert_eq!(page.model.text, text);
        page.serve();
        assert!(page.model.has_box() && !page.model.is_example_pending);
        // An example that is chosen while the box stands there closes it.
        page.tell(Msg::Example("poem".to_owned()));
        page.serve();
        assert_eq!(page.model.text, example_text("poem"));
        assert!(!page.model.has_box());
    }
    // The first example comes instead of a link's that is not there.
    let mut page = opening("?example=no-such");
    page.tell(Msg::Edit(true));
    page.serve();
    assert!(page.model.has_box() && page.shown() == Some(OPENING));
    // Opened and closed again.
    let mut page = opening("");
    let (what, turn) = page.take_fetch().unwrap();
    page.tell(Msg::Edit(true));
    page.tell(Msg::Edit(false));
    page.answer(what, turn);
    assert!(!page.model.has_box() && page.model.text == OPENING);
}

#[test]
fn an_example_gives_way_to_a_request_under_way() {
    let mut page = opening("");
    let (what, turn) = page.take_fetch().unwrap();
    page.tell(Msg::Submit);
    let request = page.sent();
    page.answer(what, turn);
    assert_eq!((page.shown(), page.model.phase), (None, Phase::Loading));
    page.serve();
    page.answer_analysis(&request);
    assert_eq!(page.model.phase, Phase::Done);
}

#[test]
fn a_text_analyzed_meanwhile_stays_when_a_slow_result_comes() {
    let mut page = opening("result=packs/good.json&pin=3");
    let late = page.take_fetch().unwrap();
    page.tell(Msg::Typed("mine".to_owned()));
    page.tell(Msg::Submit);
    let request = page.sent();
    page.answer(late.0, late.1);
    assert_eq!((page.model.text.as_str(), page.model.phase), ("mine", Phase::Loading));
    page.serve();
    page.answer_analysis(&request);
    assert_eq!((page.shown(), page.model.focus.pinned), (Some("mine"), None));
    assert!(page.model.gallery.examples.len() >= 8, "the examples are listed all the same");
}

#[test]
fn a_file_opened_meanwhile_stays_when_a_links_text_could_be_shown() {
    let mut page = opening("text=one+two");
    let gallery = page.take_fetch().unwrap();
    page.tell(Msg::FileOpened("mine.json".to_owned(), Ok(result_json("of a file"))));
    page.answer(gallery.0, gallery.1);
    assert_eq!((page.shown(), page.model.text.as_str()), (Some("of a file"), "of a file"));
}

#[test]
fn a_result_of_the_page_around_stays_when_the_first_example_comes() {
    let mut page = opening("embed=true");
    let example = page.take_fetch().unwrap();
    let result = serde_json::Value::String(result_json("of the page around"));
    page.tell(Msg::Message(lens_session::embed::EmbedCommand::SetResult { result }));
    page.answer(example.0, example.1);
    page.serve();
    assert_eq!((page.shown(), page.model.phase), (Some("of the page around"), Phase::Done));
}

#[test]
fn what_cannot_be_fetched_does_not_end_a_request() {
    for (asked, what) in
        [(Msg::Example("nowhere".to_owned()), "example"), (Msg::Pair("nowhere".to_owned()), "comparison")]
    {
        let mut page = Page::analyzed("first");
        page.asked.clear();
        page.tell(Msg::Typed("second".to_owned()));
        page.tell(Msg::Submit);
        let request = page.sent();
        page.tell(asked);
        let (fetch, turn) = page.take_fetch().unwrap();
        page.answer(fetch, turn);
        assert!(page.model.note.as_deref().is_some_and(|note| note.contains(what)), "{:?}", page.model.note);
        page.answer_analysis(&request);
        assert_eq!((page.shown(), page.model.phase), (Some("second"), Phase::Done));
    }
}

#[test]
fn typing_asks_for_no_model_that_back_led_to() {
    let mut page = Page::analyzed("first");
    page.visit("model=https://elsewhere.example/pack/&text=first&v=3");
    assert!(!page.model.is_loaded);
    page.asked.clear();
    page.tell(Msg::Typed("first and more".to_owned()));
    assert!(!page.asked.iter().any(|effect| matches!(effect, Effect::SetTimer(..) | Effect::Send(_))));
}

#[test]
fn a_text_waits_in_the_box() {
    let page = Page::at("text=A+cat+%26+a+dog&inf_k=5&pin=2");
    assert_eq!((page.model.text.as_str(), page.model.inf_k.as_str()), ("A cat & a dog", "5"));
    assert_eq!((page.shown(), page.model.phase), (None, Phase::Idle));
    assert!(!page.asked.iter().any(|effect| matches!(effect, Effect::Send(_))));
}

#[test]
fn its_pins_wait_until_it_is_analyzed() {
    let mut page = Page::at("text=one+two+three&pin=2&span=1-2&zoom=0_0_2");
    assert_eq!(page.model.focus.pinned, None);
    page.tell(Msg::Submit);
    let request = page.sent();
    page.answer_analysis(&request);
    assert_eq!(page.model.focus.pinned, Some(Cell::token(2)));
    assert_eq!(page.model.view.spans.spans().len(), 1);
    assert_eq!(page.model.view.zoom, Some([0.0, 0.0, 2.0]));
    // Once: the next text has pins of its own.
    page.analyze("four five six");
    assert_eq!((page.model.focus.pinned, page.model.view.zoom), (None, None));
}

#[test]
fn pins_of_a_link_land_on_no_other_text() {
    // Another text is analyzed.
    let mut page = Page::at("text=one+two+three&pin=2&span=1-2&zoom=0_0_2");
    page.analyze("four five six");
    assert_eq!((page.model.focus.pinned, page.model.view.zoom), (None, None));
    assert!(page.model.view.spans.spans().is_empty());
    // One that was under way when the link was opened.
    let mut page = Page::new();
    page.tell(Msg::Submit);
    let request = page.sent();
    page.visit("text=one+two+three&pin=2");
    page.serve();
    page.answer_analysis(&request);
    assert_eq!((page.shown(), page.model.focus.pinned), (Some(OPENING), None));
    // The link's example is not there, another one is.
    let mut page = Page::at("example=nowhere&pin=2");
    page.tell(Msg::Example("counting".to_owned()));
    page.serve();
    assert_eq!((page.shown(), page.model.focus.pinned), (Some(example_text("counting").as_str()), None));
}

#[test]
fn a_text_of_the_gallery_is_shown_at_once() {
    let text = example_text("counting");
    let page =
        Page::at(&lens_session::ViewState { subject: Some(Subject::Text(text.clone())), ..Default::default() }.query());
    assert_eq!(page.shown(), Some(text.as_str()));
    assert_eq!(page.model.shown.as_ref().unwrap().origin, Origin::Precomputed);
}

#[test]
fn a_text_of_the_gallery_with_other_codes_waits() {
    let text = example_text("counting");
    let view = lens_session::ViewState { subject: Some(Subject::Text(text)), inf_k: Some(3), ..Default::default() };
    let page = Page::at(&view.query());
    assert_eq!((page.shown(), page.model.inf_k.as_str()), (None, "3"));
}

#[test]
fn neuronpedias_demo_shows_the_nearest_example() {
    let page = Page::at("simMatrixDemo=garden-path");
    assert_eq!(page.shown(), Some(example_text("garden-path").as_str()));
    assert_eq!(page.model.view.neuronpedia_demo.as_deref(), Some("garden-path"));
    let page = Page::at("simMatrixDemo=nothing-like-it");
    assert_eq!(page.shown(), Some(OPENING));
}

#[test]
fn a_saved_result_opens_without_a_model() {
    let page = Page::at("result=packs/good.json&pin=3");
    assert_eq!(page.model.phase, Phase::Done);
    assert_eq!(page.model.text, "a saved result of five words");
    assert_eq!(page.model.focus.pinned, Some(Cell::token(3)));
    assert_eq!(page.query(), "result=packs/good.json&pin=3&v=3");
    assert!(!page.asked.iter().any(|effect| matches!(effect, Effect::Send(_))));
}

#[test]
fn a_link_to_a_broken_result_is_refused_with_a_sentence() {
    let cases = [("result=a/broken.json", "cut short"), ("result=a/absent.json", "its host answers 404")];
    for (query, expected) in cases {
        let page = Page::at(query);
        let problem = page.model.problem.as_deref().unwrap();
        assert!(problem.starts_with("The result at a/") && problem.contains(expected), "{problem}");
        assert!(page.shown().is_none());
        assert!(page.model.gallery.examples.len() >= 8, "the examples are listed all the same");
    }
}

#[test]
fn a_result_that_comes_late_gives_way() {
    let mut page = Page::new();
    page.visit("result=good.json");
    let late = page.take_fetch().unwrap();
    page.tell(Msg::Example("poem".to_owned()));
    page.serve();
    page.answer(late.0, late.1);
    assert_eq!(page.shown(), Some(example_text("poem").as_str()));
}

#[test]
fn back_during_a_download_gives_it_up() {
    let mut page = Page::analyzed("first");
    page.analyze("second");
    page.tell(Msg::Typed("third".to_owned()));
    page.tell(Msg::Submit);
    let request = page.sent();
    page.asked.clear();
    page.visit("text=first&v=3");
    assert!(page.asked.contains(&Effect::SendIfPossible(Request::Cancel { id: request.id() })));
    assert_eq!((page.shown(), page.model.text.as_str(), page.model.phase), (Some("first"), "first", Phase::Done));
    assert!(page.model.progress.is_none());
    page.answer_analysis(&request);
    assert_eq!(page.shown(), Some("first"), "its answer is not waited for");
    page.analyze("second");
    assert_eq!(page.shown(), Some("second"));
}

#[test]
fn back_to_a_text_that_was_not_analyzed_leaves_the_request_alone() {
    let mut page = Page::analyzed("first");
    page.tell(Msg::Typed("second".to_owned()));
    page.tell(Msg::Submit);
    let request = page.sent();
    page.visit("text=unknown&v=3");
    page.serve();
    assert_eq!((page.model.phase, page.model.text.as_str()), (Phase::Loading, "unknown"));
    page.answer_analysis(&request);
    assert_eq!(page.shown(), Some("second"));
}

#[test]
fn a_crash_while_a_shared_link_opens_leaves_the_link_whole() {
    let mut page = Page::analyzed("one two");
    page.tell(Msg::Submit);
    page.take_sent();
    page.visit("example=poem&pin=2&of=novel");
    page.tell(Msg::Crashed(Some("out of memory".to_owned())));
    let again = page.sent();
    // The example gives way to the request that is under way again.
    page.serve();
    page.answer_analysis(&again);
    assert_eq!(page.model.phase, Phase::Done);
    assert_eq!(page.model.view.source.to_owned(), lens_analysis::Source::Novel);
    assert!(page.model.problem.is_none());
    // With nothing under way the link alone counts.
    let mut page = Page::analyzed("one two");
    page.visit("example=poem&pin=2&of=novel");
    page.tell(Msg::Crashed(Some("out of memory".to_owned())));
    page.serve();
    assert_eq!(page.shown(), Some(example_text("poem").as_str()));
    assert_eq!(page.model.focus.pinned, Some(Cell::token(2)));
    assert_eq!(page.query(), "example=poem&of=novel&pin=2&v=3");
}

#[test]
fn two_links_one_after_the_other_the_last_one_counts() {
    let mut page = Page::closed(start());
    page.visit("example=poem&pin=2");
    let first = page.take_fetch().unwrap();
    page.visit("example=code&pin=3");
    let second = page.take_fetch().unwrap();
    page.answer(second.0, second.1);
    page.answer(first.0, first.1);
    page.serve();
    assert_eq!(page.shown(), Some(example_text("code").as_str()));
    assert_eq!(page.query(), "example=code&pin=3&v=3");
}

#[test]
fn back_and_forward_faster_than_what_they_show() {
    let mut page = Page::at("example=poem");
    for query in ["", "example=poem", "", "example=poem", ""] {
        page.visit(query);
    }
    page.serve();
    assert_eq!((page.shown(), page.query().as_str()), (Some(OPENING), ""));
    assert!(page.take_urls().is_empty());
}

#[test]
fn what_is_chosen_while_a_link_opens_stays() {
    let mut page = opening("example=poem");
    page.choose(|view| view.is_ordered = true);
    assert!(page.take_urls().is_empty());
    page.serve();
    assert!(page.model.view.is_ordered);
    assert_eq!(page.query(), "example=poem&order=tree&v=3");
}

#[test]
fn an_example_stops_a_link_that_is_being_opened() {
    let mut page = Page::new();
    page.visit("result=good.json&of=novel");
    page.tell(Msg::Example("poem".to_owned()));
    page.serve();
    assert_eq!(page.shown(), Some(example_text("poem").as_str()));
    assert_eq!(page.take_urls().last().unwrap(), &("?example=poem&of=novel&v=3".to_owned(), true));
}

#[test]
fn another_pack_is_used_while_its_link_is_open() {
    let mut page = Page::at(&format!("model={OTHER}&text=one"));
    assert_eq!(page.model.pack.as_ref().unwrap().url, OTHER);
    assert_eq!(page.query(), format!("model={OTHER}&text=one&v=3"));
    page.visit("text=one");
    page.serve();
    assert_eq!(page.model.pack, start().pack);
}

#[test]
fn words_of_a_link_are_not_remembered() {
    let mut page = Page::at("text=one+two&words=true");
    assert!(page.model.words);
    assert!(!page.asked.contains(&Effect::RememberWords(true)));
    page.visit("text=one+two");
    page.serve();
    assert!(!page.model.words);
    let mut page = Page::closed(Start { wants_words: true, ..start() });
    page.visit("text=one+two");
    page.serve();
    assert!(page.model.words, "they were wanted on an earlier visit");
}

#[test]
fn a_precomputed_comparison_is_shown() {
    let mut page = Page::at("example=garden-path");
    page.tell(Msg::Pair("garden-path".to_owned()));
    page.serve();
    let compared = page.model.compared.as_ref().unwrap();
    assert!(compared.is_precomputed);
    assert_eq!(page.model.second_text.as_deref(), Some(compared.comparison.second.text.as_str()));
    assert!(page.query().contains("&with="), "{}", page.query());
    assert!(!page.query().contains("withspan"), "the usual spans need no word");
}

#[test]
fn a_missing_comparison_is_reported() {
    let mut page = Page::at("example=garden-path");
    page.tell(Msg::Pair("garden-path".to_owned()));
    let (what, turn) = page.take_fetch().unwrap();
    page.tell(Msg::Fetched(what, turn, Err(OutsideError::FetchFailed)));
    let expected = "The comparison of “garden-path” cannot be shown: it could not be fetched; try again.";
    assert_eq!(page.model.problem.as_deref(), Some(expected));
}

#[test]
fn a_link_to_a_comparison_shows_it_with_its_spans() {
    let mut page = Page::at("example=garden-path");
    page.tell(Msg::Pair("garden-path".to_owned()));
    page.serve();
    page.tell(Msg::ComparedSpans(1, span(1, 3)));
    let query = page.query();
    assert!(query.contains("withspan="), "{query}");
    let mut other = Page::at(&query);
    other.serve();
    assert_eq!(other.model.compared_spans, page.model.compared_spans);
    assert_eq!(other.query(), query);
    // Back to the example alone.
    other.visit("example=garden-path");
    other.serve();
    assert!(other.model.compared.is_none());
    // And forward: it is here already.
    other.visit(&query);
    while let Some((what, turn)) = other.take_fetch() {
        assert!(!matches!(what, Fetch::Pair(_)));
        other.answer(what, turn);
    }
    assert_eq!(other.model.compared_spans, page.model.compared_spans);
}

#[test]
fn a_second_text_stays_in_the_address_where_the_first_one_is_an_examples() {
    let second = Some(lens_session::Second { text: "something else".to_owned(), ..Default::default() });
    let text = Some(Subject::Text(example_text("counting")));
    let link = lens_session::ViewState { subject: text, second, ..Default::default() };
    let mut page = Page::at(&link.query());
    let address = "example=counting&with=something+else&view=scenes&v=3";
    assert_eq!(page.query(), address);
    // Shown already.
    page.visit(&link.query());
    page.serve();
    assert_eq!(page.query(), address);
    // Shown before.
    page.visit("example=poem");
    page.serve();
    page.visit(&link.query());
    page.serve();
    assert_eq!(page.query(), address);
}

#[test]
fn spans_past_the_compared_texts_are_named() {
    let mut page = Page::at("example=garden-path");
    page.tell(Msg::Pair("garden-path".to_owned()));
    page.serve();
    let query = format!("{}&withspan=1-900_", page.query());
    let page = Page::at(&query);
    assert_eq!(page.model.dropped, ["what it selects in the compared texts lies past their ends"]);
    assert!(page.model.compared.is_some());
}

#[test]
fn a_second_text_that_was_not_compared_waits_in_its_box_and_in_the_address() {
    let mut page = Page::at("example=poem&with=another+text&withk=7");
    assert_eq!((page.model.second_text.as_deref(), page.model.second_inf_k.as_str()), (Some("another text"), "7"));
    page.choose(|view| view.has_events = false);
    assert_eq!(page.query(), "example=poem&with=another+text&withk=7&events=no&v=3");
    // It belongs to that first text only.
    page.tell(Msg::Example("code".to_owned()));
    page.serve();
    assert_eq!(page.query(), "example=code&view=compare&events=no&v=3");
}

#[test]
fn a_file_opens_without_a_model() {
    let mut page = Page::new();
    page.tell(Msg::FileOpened("mine.json".to_owned(), Ok(result_json("from a file"))));
    assert_eq!(
        (page.shown(), page.model.phase, page.model.text.as_str()),
        (Some("from a file"), Phase::Done, "from a file")
    );
    assert_eq!(page.query(), "text=from+a+file&v=3");
}

#[test]
fn a_file_that_is_not_a_result_is_refused_and_the_page_stays() {
    let mut page = Page::new();
    page.tell(Msg::FileOpened("mine.json".to_owned(), Ok("[1]".to_owned())));
    assert!(page.model.problem.as_deref().unwrap().starts_with("mine.json was not opened: "));
    page.tell(Msg::FileOpened("mine.bin".to_owned(), result_text(b"abc\xff")));
    let expected = "mine.bin was not opened: it is not UTF-8 text (byte 3); save it as UTF-8.";
    assert_eq!(page.model.problem.as_deref(), Some(expected));
    page.tell(Msg::FileOpened("mine.bin".to_owned(), Err(OutsideError::Unreadable)));
    assert_eq!(page.model.problem.as_deref(), Some("mine.bin was not opened: it could not be read."));
    assert_eq!(page.shown(), Some(OPENING));
}

#[test]
fn no_file_opens_over_a_request() {
    let mut page = Page::new();
    page.tell(Msg::Submit);
    let request = page.sent();
    page.tell(Msg::FileOpened("mine.json".to_owned(), Ok(result_json("from a file"))));
    assert_eq!(page.shown(), Some(OPENING));
    assert_eq!(page.model.note.as_deref(), Some("mine.json was not opened: an analysis is under way."));
    page.answer_analysis(&request);
    assert_eq!(page.model.phase, Phase::Done);
}

#[test]
fn the_eight_latest_analyses_are_kept_for_back() {
    let mut page = Page::new();
    let texts: Vec<String> = (0..10).map(|i| format!("text {i}")).collect();
    texts.iter().for_each(|text| page.analyze(text));
    page.visit("text=text+2");
    page.serve();
    assert_eq!(page.shown(), Some("text 2"));
    page.visit("text=text+0");
    page.serve();
    assert_eq!((page.shown(), page.model.text.as_str()), (None, "text 0"), "it is one too old");
}

#[test]
fn a_failed_request_does_not_keep_a_link_from_opening() {
    let mut page = Page::new();
    page.tell(Msg::Submit);
    let request = page.sent();
    page.fail(request.id(), FailureKind::Network, "offline");
    page.visit("text=something+else");
    page.serve();
    assert_eq!((page.model.phase, page.model.problem.as_deref()), (Phase::Idle, None));
}

#[test]
fn a_stop_that_comes_while_a_link_opens_is_no_matter() {
    let mut page = Page::analyzed("one");
    page.tell(Msg::Submit);
    let request = page.sent();
    page.tell(Msg::Cancel);
    page.visit("example=poem");
    page.worker(Response::Canceled { id: request.id() });
    page.serve();
    assert_eq!(page.shown(), Some(example_text("poem").as_str()));
    assert_eq!(page.model.phase, Phase::Idle);
}

#[test]
fn what_the_site_serves_is_what_these_tests_expect() {
    assert!(site(&Fetch::Gallery).unwrap().contains(FIRST_EXAMPLE));
    assert!(comparison_json("a b", "a c").contains("temporal-lens-comparison"));
}
