//! The page's address follows what it shows; the page around it is answered.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use common::{OPENING, Page, example_text, result_json, span, start};
use lens_protocol::Request;
use lens_session::embed::EmbedCommand;
use lens_session::{Effect, Fetch, Msg, Phase, Start, Theme, Timer};
use lens_view::focus::{Cell, Focus};

fn pinned(cell: Option<Cell>) -> Focus {
    Focus { hovered: None, pinned: cell }
}

#[test]
fn every_choice_is_an_entry() {
    let mut page = Page::new();
    page.choose(|view| view.is_ordered = true);
    page.choose(|view| view.has_events = false);
    let urls = page.take_urls();
    assert_eq!(
        urls,
        [
            ("?example=three-scenes&order=tree&v=3".to_owned(), true),
            ("?example=three-scenes&events=no&order=tree&v=3".to_owned(), true)
        ]
    );
}

#[test]
fn a_choice_that_changes_nothing_is_none() {
    let mut page = Page::new();
    page.choose(|view| view.has_events = true);
    assert!(page.take_urls().is_empty());
}

#[test]
fn hovering_is_not_in_the_address_and_a_pin_replaces_the_entry() {
    let mut page = Page::new();
    page.tell(Msg::Focused(Focus { hovered: Some(Cell::token(3)), pinned: None }));
    assert!(page.take_urls().is_empty());
    page.tell(Msg::Focused(pinned(Some(Cell::token(3)))));
    assert_eq!(page.take_urls(), [("?example=three-scenes&pin=3&v=3".to_owned(), false)]);
    assert_eq!(page.model.view.pin, Some(Cell::token(3)));
    // Others that follow at once are written together.
    page.tell(Msg::Focused(pinned(Some(Cell::token(4)))));
    page.tell(Msg::Escape);
    page.tell(Msg::Focused(pinned(Some(Cell::token(5)))));
    assert!(page.take_urls().is_empty());
    let timers = page.take_timers();
    assert_eq!(timers.len(), 1);
    page.tell(Msg::Timer(timers[0].0));
    assert_eq!(page.take_urls(), [("?example=three-scenes&pin=5&v=3".to_owned(), false)]);
}

#[test]
fn escape_steps_back_one_level_at_a_time() {
    let mut page = Page::new();
    let pin = pinned(Some(Cell::token(3)));
    page.choose(|view| {
        view.spans.stretch(1, 4);
        view.feature = Some(7);
    });
    page.tell(Msg::Focused(pin));
    page.tell(Msg::Escape);
    assert_eq!((page.model.view.feature, page.model.view.spans.spans().len(), page.model.focus), (None, 1, pin));
    page.tell(Msg::Escape);
    assert_eq!((page.model.view.spans.spans().len(), page.model.focus), (0, pin));
    page.tell(Msg::Escape);
    assert_eq!((page.model.focus, page.model.view.pin), (Focus::default(), None));
}

#[test]
fn a_drag_is_one_entry_that_is_replaced() {
    let mut page = Page::new();
    let start = page.model.view.camera;
    for step in 1..=30 {
        page.choose(|view| view.camera = start.orbited(10.0 * f64::from(step), 0.0));
    }
    let urls = page.take_urls();
    assert_eq!(urls.len(), 1);
    assert!(urls[0].1);
    let timers = page.take_timers();
    assert_eq!(timers.len(), 1, "one replacement is waited for");
    page.tell(Msg::Timer(timers[0].0));
    let replaced = page.take_urls();
    assert_eq!(replaced.len(), 1);
    assert!(!replaced[0].1 && replaced[0].0 != urls[0].0);
    assert_eq!(replaced[0].0, page.model.address.link());
}

#[test]
fn a_pause_begins_another_drag() {
    let mut page = Page::new();
    let camera = page.model.view.camera;
    page.choose(|view| view.camera = camera.orbited(10.0, 0.0));
    page.now += 5000.0;
    page.choose(|view| view.camera = camera.orbited(20.0, 0.0));
    assert_eq!(page.take_urls().iter().filter(|(_, is_entry)| *is_entry).count(), 2);
}

#[test]
fn the_entry_of_a_drag_is_not_replaced_once_another_is_open() {
    let mut page = Page::new();
    let camera = page.model.view.camera;
    page.choose(|view| view.camera = camera.orbited(10.0, 0.0));
    page.choose(|view| view.camera = camera.orbited(20.0, 0.0));
    let (timer, _) = page.take_timers()[0];
    assert!(matches!(timer, Timer::Replace(_)));
    page.visit("example=poem");
    page.take_urls();
    page.tell(Msg::Timer(timer));
    page.serve();
    page.tell(Msg::Timer(timer));
    assert!(page.take_urls().is_empty());
}

#[test]
fn zooming_the_matrix_is_a_drag_too() {
    let mut page = Page::new();
    for step in 0..5 {
        page.choose(|view| view.zoom = Some([f64::from(step), 0.0, 3.0]));
    }
    assert_eq!(page.take_urls().len(), 1);
}

#[test]
fn an_analysis_is_an_entry_with_its_text() {
    let mut page = Page::new();
    page.tell(Msg::InfKTyped("5".to_owned()));
    page.analyze("one two");
    assert_eq!(page.take_urls(), [("#text=one+two&inf_k=5&v=3".to_owned(), true)]);
}

#[test]
fn pins_of_the_text_before_are_not_in_the_next_ones_address() {
    let mut page = Page::analyzed("one two three");
    page.tell(Msg::Focused(pinned(Some(Cell::token(2)))));
    page.choose(|view| {
        view.zoom = Some([0.0, 0.0, 2.0]);
        view.spans = span(1, 2);
    });
    page.analyze("four five");
    assert_eq!(page.query(), "text=four+five&v=3");
}

#[test]
fn the_word_that_is_looked_at_stays_when_the_same_text_is_analyzed_again() {
    let mut page = Page::analyzed("one two three");
    page.tell(Msg::Focused(pinned(Some(Cell::token(2)))));
    page.choose(|view| view.spans = span(1, 2));
    // With words, or with another number of codes.
    page.tell(Msg::InfKTyped("5".to_owned()));
    page.analyze("one two three");
    assert_eq!((page.model.focus.pinned, page.model.view.spans.clone()), (Some(Cell::token(2)), span(1, 2)));
    assert_eq!(page.model.view.pin, Some(Cell::token(2)));
}

#[test]
fn the_theme_is_in_the_address_where_it_is_not_the_visitors_own() {
    let mut page = Page::closed(Start { theme: Theme::Dark, ..start() });
    page.visit("");
    page.serve();
    assert_eq!((page.model.theme, page.query().as_str()), (Theme::Dark, ""));
    page.tell(Msg::SwitchTheme);
    assert_eq!(page.model.theme, Theme::System);
    page.tell(Msg::SwitchTheme);
    assert!(page.asked.contains(&Effect::RememberTheme(Theme::Light)));
    assert_eq!(page.query(), "example=three-scenes&theme=light&v=3");
}

#[test]
fn words_are_in_the_address_of_a_text_that_is_made_here() {
    let mut page = Page::new();
    page.tell(Msg::Words(true));
    assert_eq!(page.query(), "", "an example has its words already");
    page.analyze("one two");
    assert_eq!(page.query(), "text=one+two&words=true&v=3");
}

#[test]
fn an_open_card_is_in_the_address_and_its_index_is_fetched_once_asked_for() {
    let mut page = Page::new();
    page.asked.clear();
    page.choose(|view| view.feature = Some(7));
    assert_eq!(page.take_fetch().map(|(what, _)| what), Some(Fetch::DashboardIndex));
    assert_eq!(page.query(), "example=three-scenes&feature=7&v=3");
    page.choose(|view| view.feature = Some(8));
    assert!(page.take_fetch().is_none());
}

/// A page inside another one.
fn embedded(query: &str) -> Page {
    let mut page = Page::closed(Start { is_embedded: true, ..start() });
    page.visit(query);
    page.serve();
    page
}

#[test]
fn a_frame_leaves_the_history_alone_and_knows_its_link() {
    let mut page = embedded("embed=true&example=poem");
    page.choose(|view| view.has_events = false);
    page.tell(Msg::Focused(pinned(Some(Cell::token(1)))));
    assert!(page.take_urls().is_empty());
    assert_eq!(page.query(), "example=poem&events=no&pin=1&v=3", "the whole page's");
}

#[test]
fn a_frame_leads_to_its_link_while_it_is_being_opened() {
    let mut page = Page::closed(Start { is_embedded: true, ..start() });
    page.visit("embed=true&example=poem&pin=4");
    assert_eq!(page.query(), "example=poem&pin=4&v=3");
    page.serve();
    assert_eq!(page.query(), "example=poem&pin=4&v=3");
}

fn set_text(text: &str) -> Msg {
    Msg::Message(EmbedCommand::SetText { text: text.to_owned() })
}

#[test]
fn a_text_of_the_page_around_waits_for_a_click() {
    let mut page = embedded("embed=true");
    page.tell(set_text("from around"));
    page.serve();
    assert_eq!((page.shown(), page.model.text.as_str()), (None, "from around"));
    assert!(page.take_sent().is_empty());
}

#[test]
fn a_text_of_the_page_around_is_analyzed_where_the_model_is_loaded() {
    let mut page = embedded("embed=true&embedinput=true");
    page.analyze("one two");
    page.tell(set_text("from around"));
    page.serve();
    let request = page.sent();
    assert!(matches!(&request, Request::Analyze { text, .. } if text == "from around"));
    page.answer_analysis(&request);
    assert_eq!(page.shown(), Some("from around"));
}

#[test]
fn a_text_of_the_page_around_that_is_an_example_is_shown() {
    let mut page = embedded("embed=true");
    let text = example_text("poem");
    page.tell(set_text(&text));
    page.serve();
    assert_eq!(page.shown(), Some(text.as_str()));
}

#[test]
fn a_text_of_the_page_around_that_comes_before_the_first_example_wins() {
    let mut page = Page::closed(Start { is_embedded: true, ..start() });
    page.visit("embed=true");
    page.tell(set_text("from around"));
    page.serve();
    assert_eq!((page.shown(), page.model.text.as_str()), (None, "from around"));
    assert!(!page.model.is_example_pending);
}

#[test]
fn what_the_page_around_may_not_ask_is_refused() {
    let mut page = embedded("embed=true");
    page.asked.clear();
    page.tell(set_text(""));
    page.tell(Msg::Message(EmbedCommand::SetTheme { theme: "pink".to_owned() }));
    page.tell(Msg::Message(EmbedCommand::SetResult { result: serde_json::json!([1]) }));
    let refused: Vec<&String> = page
        .asked
        .iter()
        .filter_map(|effect| match effect {
            Effect::Refuse(why) => Some(why),
            _ => None,
        })
        .collect();
    assert_eq!(refused[0], "There is no text in the message.");
    assert_eq!(refused[1], "There is no such theme: it is light, dark or system.");
    assert!(refused[2].starts_with("The result was not opened: "));
    assert_eq!(page.shown(), Some(OPENING));
    page.tell(Msg::Submit);
    page.asked.clear();
    page.tell(Msg::Message(EmbedCommand::SetResult { result: serde_json::Value::String(result_json("x y")) }));
    assert!(page.asked.contains(&Effect::Refuse("An analysis is under way.".to_owned())));
}

#[test]
fn a_result_of_the_page_around_is_shown() {
    let mut page = embedded("embed=true");
    let document: serde_json::Value = serde_json::from_str(&result_json("from around")).unwrap();
    page.tell(Msg::Message(EmbedCommand::SetResult { result: document }));
    assert_eq!((page.shown(), page.model.phase), (Some("from around"), Phase::Done));
    page.tell(Msg::Message(EmbedCommand::SetTheme { theme: "dark".to_owned() }));
    assert_eq!(page.model.theme, Theme::Dark);
    page.tell(Msg::Message(EmbedCommand::Hello));
}

#[test]
fn a_first_visitor_agreed_to_nothing_and_what_he_agrees_to_is_remembered() {
    let mut page = Page::new();
    assert!(!page.model.has_agreed);
    page.tell(Msg::Agreed(true));
    assert!(page.asked.contains(&Effect::RememberAgreement(true)));
}
