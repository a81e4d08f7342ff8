//! The page follows while one types.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use common::{Page, other_pack, result_json};
use lens_protocol::{FailureKind, Request, Response, RowSource};
use lens_session::{Effect, Msg, Phase, Timer};

fn type_text(page: &mut Page, text: &str) -> Option<Timer> {
    page.tell(Msg::Typed(text.to_owned()));
    page.take_timers().pop().map(|(timer, ms)| {
        assert_eq!(ms, 250);
        timer
    })
}

/// Types and pauses.
fn pause_after(page: &mut Page, text: &str) -> Vec<Request> {
    let timer = type_text(page, text).unwrap();
    page.tell(Msg::Timer(timer));
    page.take_sent()
}

#[test]
fn nothing_is_asked_before_the_model_is_loaded() {
    let mut page = Page::new();
    assert_eq!(type_text(&mut page, "one two"), None);
    assert!(page.take_sent().is_empty());
}

#[test]
fn a_pause_asks_quietly() {
    let mut page = Page::analyzed("one");
    let sent = pause_after(&mut page, "one two");
    assert!(matches!(&sent[..], [Request::Analyze { text, rows: RowSource::Host, .. }] if text == "one two"));
    assert!(page.model.is_quiet && page.model.progress.is_none());
    page.answer_analysis(&sent[0]);
    assert_eq!((page.model.phase, page.shown()), (Phase::Done, Some("one two")));
}

#[test]
fn only_the_last_pause_asks() {
    let mut page = Page::analyzed("one");
    let first = type_text(&mut page, "one t").unwrap();
    let second = type_text(&mut page, "one tw").unwrap();
    page.tell(Msg::Timer(first));
    assert!(page.take_sent().is_empty());
    page.tell(Msg::Timer(second));
    assert_eq!(page.take_sent().len(), 1);
}

#[test]
fn analyze_ends_a_pause() {
    let mut page = Page::analyzed("one");
    let timer = type_text(&mut page, "one two").unwrap();
    page.tell(Msg::Submit);
    let sent = page.take_sent();
    page.answer_analysis(&sent[0]);
    page.tell(Msg::Timer(timer));
    assert!(page.take_sent().is_empty());
}

#[test]
fn typing_during_a_run_of_typing_pushes_it_aside() {
    let mut page = Page::analyzed("one");
    let first = pause_after(&mut page, "one two");
    let cancel = pause_after(&mut page, "one two three");
    assert_eq!(cancel, [Request::Cancel { id: first[0].id() }]);
    assert!(page.take_timers().is_empty(), "the worker is not ended: the next text waits for it");
    page.worker(Response::Canceled { id: first[0].id() });
    let next = page.take_sent();
    assert!(matches!(&next[..], [Request::Analyze { text, .. }] if text == "one two three"));
    page.answer_analysis(&next[0]);
    assert_eq!(page.shown(), Some("one two three"));
}

#[test]
fn typing_during_a_run_that_was_asked_for_waits_for_it() {
    let mut page = Page::analyzed("one");
    page.tell(Msg::Typed("asked".to_owned()));
    page.tell(Msg::Submit);
    let asked = page.sent();
    page.asked.clear();
    assert!(pause_after(&mut page, "typed meanwhile").is_empty(), "it is not canceled");
    page.answer_analysis(&asked);
    assert_eq!(page.shown(), Some("asked"));
    let next = page.take_sent();
    assert!(matches!(&next[..], [Request::Analyze { text, .. }] if text == "typed meanwhile"));
    assert!(page.model.is_quiet);
    page.answer_analysis(&next[0]);
    assert_eq!(page.shown(), Some("typed meanwhile"));
}

#[test]
fn analyze_during_a_run_of_typing_comes_after_it() {
    let mut page = Page::analyzed("one");
    let quiet = pause_after(&mut page, "one two");
    page.tell(Msg::Submit);
    assert_eq!(page.take_sent(), [Request::Cancel { id: quiet[0].id() }]);
    page.worker(Response::Canceled { id: quiet[0].id() });
    let loud = page.sent();
    assert!(matches!(&loud, Request::Analyze { text, .. } if text == "one two"));
    assert!(!page.model.is_quiet && page.model.progress.is_some());
}

#[test]
fn analyze_does_not_wait_for_a_run_of_typing_that_hangs() {
    for is_pushed_aside in [false, true] {
        let mut page = Page::analyzed("one");
        let quiet = pause_after(&mut page, "one two");
        if is_pushed_aside {
            pause_after(&mut page, "one two three");
        }
        page.tell(Msg::Submit);
        page.tell(Msg::Submit);
        let mut timers = page.take_timers();
        timers.retain(|(timer, _)| *timer != Timer::Silence);
        assert_eq!(timers.len(), 1, "{timers:?}");
        assert_eq!(timers[0].0, Timer::Patience(quiet[0].id()));
        page.take_sent();
        page.tell(Msg::Timer(timers[0].0));
        assert!(page.asked.contains(&Effect::EndWorker));
        assert!(matches!(page.sent(), Request::Analyze { .. }));
    }
}

#[test]
fn a_file_opens_over_a_run_of_typing() {
    let mut page = Page::analyzed("one");
    let quiet = pause_after(&mut page, "one two");
    page.tell(Msg::FileOpened("wrong.json".to_owned(), Ok("[1]".to_owned())));
    assert_eq!(page.model.phase, Phase::Loading);
    assert!(page.model.note.as_deref().unwrap().starts_with("wrong.json was not opened: "));
    page.tell(Msg::FileOpened("mine.json".to_owned(), Ok(result_json("from a file"))));
    assert_eq!((page.shown(), page.model.phase), (Some("from a file"), Phase::Done));
    assert_eq!(page.sent(), Request::Cancel { id: quiet[0].id() });
    page.answer_analysis(&quiet[0]);
    assert_eq!((page.shown(), page.model.text.as_str()), (Some("from a file"), "from a file"));
}

#[test]
fn what_was_pressed_while_a_worker_broke_is_asked_of_the_next_one() {
    let mut page = Page::analyzed("one");
    pause_after(&mut page, "one two");
    page.tell(Msg::Submit);
    page.take_sent();
    page.tell(Msg::Crashed(Some("broken by the test".to_owned())));
    let next = page.sent();
    assert!(matches!(&next, Request::Analyze { text, .. } if text == "one two"));
    page.answer_analysis(&next);
    assert_eq!((page.model.phase, page.shown()), (Phase::Done, Some("one two")));
}

#[test]
fn going_back_to_the_shown_text_asks_for_nothing() {
    let mut page = Page::analyzed("one two");
    assert!(pause_after(&mut page, "one two").is_empty());
}

#[test]
fn going_back_to_the_text_under_way_leaves_it_alone() {
    let mut page = Page::analyzed("one");
    let sent = pause_after(&mut page, "one two");
    type_text(&mut page, "one tw");
    assert!(pause_after(&mut page, "one two").is_empty());
    page.answer_analysis(&sent[0]);
    assert_eq!(page.shown(), Some("one two"));
}

#[test]
fn a_text_that_failed_is_not_asked_again_by_itself() {
    let mut page = Page::analyzed("one");
    let sent = pause_after(&mut page, "too long");
    page.fail(sent[0].id(), FailureKind::Input, "The text is too long.");
    assert_eq!(page.model.phase, Phase::Error);
    assert!(pause_after(&mut page, "too long").is_empty());
    assert_eq!(pause_after(&mut page, "shorter").len(), 1);
    assert!(page.model.problem.is_none());
}

#[test]
fn an_empty_box_and_a_wrong_number_ask_for_nothing() {
    let mut page = Page::analyzed("one");
    assert!(pause_after(&mut page, "").is_empty());
    page.tell(Msg::InfKTyped("x".to_owned()));
    assert!(pause_after(&mut page, "one two").is_empty());
    assert!(page.model.problem.is_none(), "typing reports no problem");
}

#[test]
fn switched_off_it_does_not_follow_and_switched_on_it_does() {
    let mut page = Page::analyzed("one");
    page.tell(Msg::Live(false));
    assert_eq!(type_text(&mut page, "one two"), None);
    page.tell(Msg::Live(true));
    let (timer, _) = page.take_timers().pop().unwrap();
    page.tell(Msg::Timer(timer));
    assert_eq!(page.take_sent().len(), 1);
}

#[test]
fn a_foreign_host_hears_of_what_is_typed_only_where_that_was_agreed() {
    let mut page = Page::new();
    page.tell(Msg::PackChosen(other_pack()));
    page.analyze("one");
    page.asked.clear();
    let sent = pause_after(&mut page, "one two");
    assert!(matches!(sent[0], Request::Analyze { rows: RowSource::StoredOnly, .. }));
    page.answer_analysis(&sent[0]);
    page.tell(Msg::Agreed(true));
    let sent = pause_after(&mut page, "one two three");
    assert!(matches!(sent[0], Request::Analyze { rows: RowSource::Host, .. }));
}

#[test]
fn rows_that_are_missing_while_typing_are_a_note() {
    let mut page = Page::new();
    page.tell(Msg::PackChosen(other_pack()));
    page.analyze("one");
    page.asked.clear();
    let sent = pause_after(&mut page, "zebras");
    page.fail(sent[0].id(), FailureKind::RowsMissing, "Rows of 1 token are not stored here.");
    assert!(page.model.problem.is_none());
    assert_eq!(page.model.note.as_deref(), Some("Rows of 1 token are not stored here. Press Analyze to ask for them."));
    assert_eq!((page.model.phase, page.shown()), (Phase::Done, Some("one")));
}

#[test]
fn missing_rows_after_analyze_are_a_problem() {
    let mut page = Page::analyzed("one");
    page.tell(Msg::Submit);
    let request = page.sent();
    page.fail(request.id(), FailureKind::RowsMissing, "Rows are missing.");
    assert_eq!(page.model.problem.as_deref(), Some("Rows are missing."));
}

/// Types, and answers after the pause; what is written to the address.
fn typed(page: &mut Page, text: &str) -> Vec<(String, bool)> {
    let sent = pause_after(page, text);
    page.answer_analysis(&sent[0]);
    page.take_urls()
}

#[test]
fn pauses_share_an_entry_of_the_history_and_leave_the_one_before() {
    let mut page = Page::analyzed("one");
    assert_eq!(typed(&mut page, "one two"), [("#text=one+two&v=3".to_owned(), true)]);
    assert_eq!(typed(&mut page, "one two three"), [("#text=one+two+three&v=3".to_owned(), false)]);
    page.choose(|view| view.is_ordered = true);
    page.take_urls();
    assert_eq!(typed(&mut page, "one"), [("#text=one&order=tree&v=3".to_owned(), true)]);
    // After Back, too.
    page.visit("text=one&v=3");
    page.serve();
    assert_eq!(typed(&mut page, "one two"), [("#text=one+two&v=3".to_owned(), true)]);
}

#[test]
fn the_box_stays_open_while_one_types_and_closes_on_what_was_asked_for() {
    let mut page = Page::analyzed("one");
    assert!(!page.model.is_editing);
    page.tell(Msg::Edit(true));
    page.tell(Msg::Typed("one two".to_owned()));
    page.tell(Msg::Submit);
    let pressed = page.sent();
    page.tell(Msg::Typed("one two three".to_owned()));
    page.answer_analysis(&pressed);
    assert!(page.model.is_editing && page.model.is_stale());
    page.tell(Msg::Submit);
    let pressed = page.sent();
    page.answer_analysis(&pressed);
    assert!(!page.model.is_editing && !page.model.is_stale());
}

#[test]
fn the_box_stays_when_the_first_pause_in_typing_is_answered() {
    let mut page = Page::analyzed("one");
    // A link to a text that no analysis is here of: there is nothing but the box.
    page.visit("text=other");
    page.serve();
    page.tell(Msg::Edit(false));
    assert!(page.shown().is_none() && page.model.has_box());
    let sent = pause_after(&mut page, "other text");
    page.answer_analysis(&sent[0]);
    assert_eq!((page.shown(), page.model.has_box()), (Some("other text"), true));
    // Back to what was shown before closes it.
    page.visit("text=one");
    page.serve();
    assert_eq!((page.shown(), page.model.has_box()), (Some("one"), false));
}

#[test]
fn words_are_asked_for_the_text_that_is_seen() {
    let mut page = Page::analyzed("one");
    page.tell(Msg::Live(false));
    page.tell(Msg::Edit(true));
    page.tell(Msg::Typed("a draft".to_owned()));
    page.tell(Msg::Edit(false));
    page.tell(Msg::Words(true));
    let request = page.sent();
    assert!(matches!(&request, Request::Analyze { text, words: true, .. } if text == "one"));
    page.answer_analysis(&request);
    // The draft is kept, and is what words are asked for once it is seen.
    assert_eq!((page.shown(), page.model.text.as_str()), (Some("one"), "a draft"));
    page.tell(Msg::Edit(true));
    page.tell(Msg::Words(true));
    assert!(matches!(page.sent(), Request::Analyze { text, .. } if text == "a draft"));
}

#[test]
fn typing_on_while_analyze_runs_leaves_both_entries() {
    let mut page = Page::analyzed("one");
    page.tell(Msg::Typed("one two".to_owned()));
    page.tell(Msg::Submit);
    let pressed = page.sent();
    let timer = type_text(&mut page, "one two three").unwrap();
    page.tell(Msg::Timer(timer));
    page.answer_analysis(&pressed);
    assert_eq!(page.take_urls(), [("#text=one+two&v=3".to_owned(), true)]);
    let quiet = page.sent();
    page.answer_analysis(&quiet);
    assert_eq!(page.take_urls(), [("#text=one+two+three&v=3".to_owned(), true)]);
}

#[test]
fn after_back_typing_the_text_that_was_analyzed_last_shows_it_again() {
    let mut page = Page::analyzed("first");
    page.analyze("second");
    page.visit("text=first&v=3");
    page.serve();
    assert_eq!((page.shown(), page.model.text.as_str()), (Some("first"), "first"));
    let sent = pause_after(&mut page, "second");
    assert_eq!(sent.len(), 1);
    page.answer_analysis(&sent[0]);
    assert_eq!(page.shown(), Some("second"));
}

#[test]
fn while_an_input_method_composes_nothing_runs_and_nothing_is_written() {
    let mut page = Page::analyzed("one");
    page.take_urls();
    // A pause that began before the composition asks nothing.
    let timer = type_text(&mut page, "one t").unwrap();
    page.tell(Msg::Composing(true));
    page.tell(Msg::Timer(timer));
    // A browser may tell of half words, too.
    for half in ["one tに", "one tにほ", "one tにほん"] {
        assert_eq!(type_text(&mut page, half), None);
    }
    page.choose(|view| view.is_ordered = true);
    assert_eq!((page.take_sent(), page.take_urls()), (Vec::new(), Vec::new()));
    page.tell(Msg::Composing(false));
    assert_eq!(page.take_urls(), [("#text=one&order=tree&v=3".to_owned(), true)]);
    let sent = pause_after(&mut page, "one t日本");
    assert!(matches!(&sent[..], [Request::Analyze { text, .. }] if text == "one t日本"));
    page.answer_analysis(&sent[0]);
    assert_eq!(page.shown(), Some("one t日本"));
}

#[test]
fn a_composition_that_is_dropped_leaves_what_was_typed_before_it() {
    let mut page = Page::analyzed("one");
    let early = type_text(&mut page, "one two").unwrap();
    page.tell(Msg::Composing(true));
    page.tell(Msg::Timer(early));
    assert!(page.take_sent().is_empty());
    page.tell(Msg::Composing(false));
    let (timer, _) = page.take_timers().pop().unwrap();
    page.tell(Msg::Timer(timer));
    assert!(matches!(&page.take_sent()[..], [Request::Analyze { text, .. }] if text == "one two"));
    // What was under way as a composition began is shown as it comes, and what follows waits for the end.
    let mut page = Page::analyzed("one");
    let sent = pause_after(&mut page, "one two");
    page.tell(Msg::Composing(true));
    page.answer_analysis(&sent[0]);
    assert_eq!(page.take_urls(), []);
    assert_eq!(page.shown(), Some("one two"));
    page.tell(Msg::Composing(false));
    assert_eq!(page.take_urls(), [("#text=one+two&v=3".to_owned(), true)]);
}
