//! The reading as a film: it plays, stops, is in the address, and ends with its text.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use common::Page;
use lens_session::figure::Figure;
use lens_session::{FilmMsg, Msg, Timer, ViewState};
use lens_view::film::Speed;
use lens_view::focus::{Cell, Focus};

const TEXT: &str = "one two three four five six seven eight";
/// Tokens of it, BOS included.
const TOKENS: usize = 9;

fn film(page: &mut Page, msg: FilmMsg) {
    page.tell(Msg::Film(msg));
}

/// Frames of 1/60 s until the film stops, at most so many milliseconds of it.
fn run(page: &mut Page, limit_ms: f64) -> Vec<Option<usize>> {
    let mut seen = vec![page.model.view.read_to];
    let end = page.now + limit_ms;
    while page.model.film.is_playing() && page.now < end {
        page.now += 1000.0 / 60.0 - 1.0;
        film(page, FilmMsg::Frame);
        if seen.last() != Some(&page.model.view.read_to) {
            seen.push(page.model.view.read_to);
        }
    }
    seen
}

#[test]
fn it_plays_from_the_first_word_to_the_end_and_stops() {
    let mut page = Page::analyzed(TEXT);
    assert_eq!(page.model.view.read_to, None);
    film(&mut page, FilmMsg::Toggle);
    assert!(page.model.film.is_playing());
    let begun = page.now;
    let mut expected: Vec<Option<usize>> = (1..TOKENS - 1).map(Some).collect();
    expected.push(None);
    assert_eq!(run(&mut page, 60_000.0), expected, "every word once, then all of the text");
    let seconds = (page.now - begun) / 1000.0;
    assert!((1.7..1.8).contains(&seconds), "7 steps of a quarter of a second took {seconds}");
    assert!(!page.model.film.is_playing());
    // From there it plays again.
    film(&mut page, FilmMsg::Toggle);
    assert_eq!((page.model.view.read_to, page.model.film.is_playing()), (Some(1), true));
}

#[test]
fn a_resting_pointer_has_no_say_once_the_film_is_moved() {
    for msg in [FilmMsg::Toggle, FilmMsg::Step(1), FilmMsg::Seek(3)] {
        let mut page = Page::analyzed(TEXT);
        let (pinned, hovered) = (Some(Cell::token(2)), Some(Cell::token(5)));
        page.tell(Msg::Focused(Focus { hovered, pinned }));
        film(&mut page, msg);
        assert_eq!(page.model.focus, Focus { hovered: None, pinned });
        // Pointing at a word while it plays shows that one.
        page.tell(Msg::Focused(Focus { hovered, pinned }));
        film(&mut page, FilmMsg::Frame);
        assert_eq!(page.model.focus.hovered, hovered);
    }
}

#[test]
fn a_pause_stays_where_it_is_and_frames_that_come_late_change_nothing() {
    let mut page = Page::analyzed(TEXT);
    film(&mut page, FilmMsg::Toggle);
    run(&mut page, 800.0);
    film(&mut page, FilmMsg::Toggle);
    let paused = page.model.view.read_to;
    assert_eq!(paused, Some(4));
    page.now += 5000.0;
    film(&mut page, FilmMsg::Frame);
    assert_eq!(page.model.view.read_to, paused);
    // Nor does the pause count once it goes on.
    film(&mut page, FilmMsg::Toggle);
    page.now += 10.0;
    film(&mut page, FilmMsg::Frame);
    assert_eq!(page.model.view.read_to, paused);
}

#[test]
fn it_runs_as_fast_as_was_chosen_and_the_next_text_too() {
    let mut page = Page::analyzed(TEXT);
    film(&mut page, FilmMsg::Speed(Speed::Quadruple));
    assert_eq!(page.model.view.read_to, None, "a speed opens nothing");
    film(&mut page, FilmMsg::Toggle);
    let begun = page.now;
    run(&mut page, 60_000.0);
    assert!(page.now - begun < 500.0);
    page.analyze("another text");
    assert_eq!(page.model.film.speed, Speed::Quadruple);
}

#[test]
fn steps_and_seeking_stay_inside_the_text() {
    let mut page = Page::analyzed(TEXT);
    film(&mut page, FilmMsg::Seek(99));
    assert_eq!(page.model.view.read_to, Some(TOKENS - 1), "the scrubber's end is open, not closed");
    film(&mut page, FilmMsg::Seek(0));
    assert_eq!(page.model.view.read_to, Some(1), "BOS is not read");
    film(&mut page, FilmMsg::Step(2));
    film(&mut page, FilmMsg::Step(-1));
    assert_eq!((page.model.view.read_to, page.model.film.is_playing()), (Some(2), false));
    film(&mut page, FilmMsg::Close);
    assert_eq!(page.model.view.read_to, None);
    film(&mut page, FilmMsg::Step(-1));
    assert_eq!(page.model.view.read_to, Some(TOKENS - 2), "back from the end");
}

#[test]
fn less_motion_steps_and_stops_a_film_that_runs() {
    let mut page = Page::analyzed(TEXT);
    film(&mut page, FilmMsg::Toggle);
    film(&mut page, FilmMsg::ReduceMotion(true));
    assert!(!page.model.film.is_playing());
    for expected in 2..TOKENS {
        film(&mut page, FilmMsg::Toggle);
        page.now += 900.0;
        film(&mut page, FilmMsg::Frame);
        assert_eq!((page.model.view.read_to, page.model.film.is_playing()), (Some(expected), false));
    }
    film(&mut page, FilmMsg::Toggle);
    assert_eq!(page.model.view.read_to, Some(1), "after the last word the first");
}

#[test]
fn another_text_ends_it() {
    let mut page = Page::analyzed(TEXT);
    film(&mut page, FilmMsg::Toggle);
    run(&mut page, 600.0);
    page.analyze("one two");
    assert_eq!((page.model.view.read_to, page.model.film.is_playing(), page.model.film.tokens()), (None, false, 3));
    assert_eq!(page.query(), "text=one+two&v=3");
}

#[test]
fn a_figure_that_cannot_show_it_ends_it() {
    let mut page = Page::analyzed(TEXT);
    film(&mut page, FilmMsg::Seek(3));
    page.choose(|view| view.figure = Figure::Path);
    assert_eq!(page.model.view.read_to, Some(3));
    page.choose(|view| view.figure = Figure::Numbers);
    assert_eq!(page.model.view.read_to, None);
    film(&mut page, FilmMsg::Toggle);
    assert_eq!((page.model.view.read_to, page.model.film.is_playing()), (None, false));
}

#[test]
fn escape_ends_it_before_the_pin() {
    let mut page = Page::at("pin=3&t=2&feature=7");
    page.tell(Msg::Escape);
    assert_eq!((page.model.view.feature, page.model.view.read_to), (None, Some(2)));
    page.tell(Msg::Escape);
    assert_eq!((page.model.view.read_to, page.model.view.pin.is_some()), (None, true));
    page.tell(Msg::Escape);
    assert_eq!(page.model.view.pin, None);
}

#[test]
fn the_address_follows_without_entries_and_not_at_every_frame() {
    let mut page = Page::analyzed(TEXT);
    film(&mut page, FilmMsg::Toggle);
    run(&mut page, 900.0);
    assert_eq!(page.take_urls(), [], "nothing is written before the timer ends");
    let timers = page.take_timers();
    assert!(matches!(timers[..], [(Timer::Replace(_), 1000)]), "{timers:?}");
    page.tell(Msg::Timer(timers[0].0));
    assert_eq!(page.take_urls(), [("#text=one+two+three+four+five+six+seven+eight&t=4&v=3".to_owned(), false)]);
    run(&mut page, 60_000.0);
    let timers = page.take_timers();
    assert_eq!(timers.len(), 1, "one timer at a time");
    page.tell(Msg::Timer(timers[0].0));
    let written = page.take_urls();
    assert_eq!(written, [("#text=one+two+three+four+five+six+seven+eight&v=3".to_owned(), false)], "the end has no t");
}

#[test]
fn a_link_opens_where_it_stands_and_back_shows_it_again() {
    let mut page = Page::at("example=poem&t=5&view=path");
    assert_eq!((page.model.view.read_to, page.model.film.is_playing()), (Some(5), false));
    assert_eq!(page.model.film.position(), 5);
    assert_eq!(page.query(), "example=poem&view=path&t=5&v=3");
    assert_eq!(page.model.dropped, Vec::<String>::new());
    // Back to the same text without it, and forward again.
    page.visit("example=poem&view=path");
    page.serve();
    assert_eq!(page.model.view.read_to, None);
    page.visit("example=poem&t=5&view=path");
    page.serve();
    assert_eq!(page.model.view.read_to, Some(5));
}

#[test]
fn a_link_stops_a_film_that_runs() {
    let mut page = Page::at("example=poem");
    film(&mut page, FilmMsg::Toggle);
    page.visit("example=code&t=2");
    assert!(!page.model.film.is_playing());
    page.serve();
    assert_eq!((page.model.view.read_to, page.model.film.is_playing()), (Some(2), false));
}

#[test]
fn what_lies_past_the_end_is_dropped_with_a_sentence() {
    let page = Page::at("example=poem&t=5000&pin=2");
    assert_eq!(page.model.view.read_to, None);
    let tokens = page.model.film.tokens();
    assert_eq!(page.model.dropped, [format!("“t=5000” lies past the text’s {tokens} tokens")]);
    assert!(page.model.view.pin.is_some(), "the rest of the link stands");
    let last = Page::at(&format!("example=poem&t={}", tokens - 1));
    assert_eq!((last.model.view.read_to, last.model.dropped.len()), (Some(tokens - 1), 0));
    for damaged in ["0", "-1", "x", "1.5", ""] {
        let opened = ViewState::read(&format!("t={damaged}"));
        assert_eq!((opened.view.read_to, opened.dropped.len()), (None, 1), "{damaged}");
    }
}

#[test]
fn a_link_to_a_figure_without_film_says_so() {
    let page = Page::at("example=poem&t=5&view=numbers");
    assert_eq!(page.model.view.read_to, None);
    assert_eq!(page.model.dropped, ["“t=5” needs the figure “scenes” or “path”"]);
}

#[test]
fn t_waits_for_the_text_of_its_link() {
    let mut page = Page::analyzed(TEXT);
    film(&mut page, FilmMsg::Seek(7));
    page.visit("text=one+two+three&t=2");
    page.serve();
    assert_eq!(page.model.shown, None);
    page.tell(Msg::Submit);
    let request = page.sent();
    page.answer_analysis(&request);
    assert_eq!(page.model.view.read_to, Some(2));
}

#[test]
fn without_a_text_nothing_plays() {
    let mut page = Page::closed(common::start());
    for msg in [FilmMsg::Toggle, FilmMsg::Step(1), FilmMsg::Seek(3), FilmMsg::Frame] {
        film(&mut page, msg);
        assert_eq!((page.model.view.read_to, page.model.film.is_playing()), (None, false), "{msg:?}");
    }
}

#[test]
fn a_word_that_is_pressed_while_the_film_stands_is_the_one_that_is_read() {
    let mut page = Page::new();
    page.tell(Msg::Film(FilmMsg::Seek(40)));
    page.tell(Msg::Focused(Focus { hovered: None, pinned: Some(Cell::token(62)) }));
    assert_eq!((page.model.view.read_to, page.model.view.pin), (Some(62), Some(Cell::token(62))));
    // Pointing at words, and unpinning, leave it where it stands.
    page.tell(Msg::Focused(Focus { hovered: Some(Cell::token(5)), pinned: Some(Cell::token(62)) }));
    page.tell(Msg::Focused(Focus::default()));
    assert_eq!(page.model.view.read_to, Some(62));
}
