//! Requests: asked, answered, canceled, overtaken, lost with their worker.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use common::{OPENING, OTHER, OWN, Page, analysis_of, other_pack, result_json, start};
use lens_protocol::buffers::Buffer;
use lens_protocol::{DeviceInfo, DeviceWish, FailureKind, Request, RequestStage, Response, RowSource};
use lens_session::figure::Figure;
use lens_session::requests::{device_label, parse_inf_k};
use lens_session::{Effect, Msg, Origin, Phase, Start, Timer, WorkerError};

fn id_of(request: &Request) -> u32 {
    request.id()
}

/// A page on which `text` is being analyzed, and the request.
fn under_way(text: &str) -> (Page, Request) {
    let mut page = Page::new();
    page.tell(Msg::Typed(text.to_owned()));
    page.tell(Msg::Submit);
    let request = page.sent();
    (page, request)
}

#[test]
fn analyze_sends_the_text_and_shows_its_answer() {
    let (mut page, request) = under_way("one two three");
    let Request::Analyze { pack_url, text, inf_k, rows, words, .. } = &request else { panic!("{request:?}") };
    assert_eq!(
        (pack_url.as_str(), text.as_str(), *inf_k, *rows, *words),
        (OWN, "one two three", None, RowSource::Host, false)
    );
    assert_eq!(page.model.phase, Phase::Loading);
    assert!(page.model.progress.is_some());
    page.answer_analysis(&request);
    assert_eq!((page.model.phase, page.shown()), (Phase::Done, Some("one two three")));
    assert!(page.model.progress.is_none() && page.model.is_loaded);
}

#[test]
fn the_answer_is_remembered_and_storage_counted() {
    let (mut page, request) = under_way("one two");
    page.asked.clear();
    page.answer_analysis(&request);
    assert!(page.asked.contains(&Effect::RememberLoaded(OWN.to_owned(), true)));
    assert!(page.asked.contains(&Effect::CountStorage));
}

#[test]
fn a_live_result_says_what_it_ran_on() {
    let (mut page, request) = under_way("one two");
    page.ready();
    page.answer_analysis(&request);
    match &page.model.shown.as_ref().unwrap().origin {
        Origin::Live(run) => assert_eq!(run.device, "WebGPU: test"),
        origin => panic!("{origin:?}"),
    }
}

#[test]
fn an_empty_text_asks_for_nothing() {
    let mut page = Page::new();
    page.tell(Msg::Typed(String::new()));
    page.tell(Msg::Submit);
    assert!(page.take_sent().is_empty());
    assert_eq!(page.model.problem.as_deref(), Some("There is no text yet: type something to analyze."));
    assert_eq!(page.model.phase, Phase::Error);
}

#[test]
fn inf_k_goes_along_or_is_refused() {
    let mut page = Page::new();
    page.tell(Msg::InfKTyped(" 5 ".to_owned()));
    page.tell(Msg::Submit);
    assert!(matches!(page.sent(), Request::Analyze { inf_k: Some(5), .. }));
    let mut page = Page::new();
    page.tell(Msg::InfKTyped("0".to_owned()));
    page.tell(Msg::Submit);
    assert!(page.take_sent().is_empty());
    assert!(page.model.problem.as_deref().unwrap().contains("“0” is not"));
}

#[test]
fn numbers_of_codes_are_read_from_text() {
    assert_eq!(parse_inf_k(""), Ok(None));
    assert_eq!(parse_inf_k("  "), Ok(None));
    assert_eq!(parse_inf_k("12"), Ok(Some(12)));
    for text in ["0", "-1", "1.5", "x", "99999999999999999999999"] {
        assert!(parse_inf_k(text).unwrap_err().to_string().contains("at least 1"), "{text}");
    }
}

#[test]
fn a_page_without_a_pack_says_so() {
    let mut page = Page::closed(Start { pack: None, ..start() });
    page.visit("");
    page.serve();
    page.tell(Msg::Submit);
    assert!(page.take_sent().is_empty());
    assert!(page.model.problem.as_deref().unwrap().contains("temporal-lens-pack"));
    // Nothing else asks, either.
    page.tell(Msg::AskAttention);
    page.tell(Msg::StoreEmbedding);
    assert!(page.take_sent().is_empty());
}

#[test]
fn pressing_twice_asks_once() {
    let (mut page, _) = under_way("one two");
    page.tell(Msg::Submit);
    page.tell(Msg::Submit);
    assert!(page.take_sent().is_empty());
}

#[test]
fn every_request_has_a_number_of_its_own() {
    let mut page = Page::new();
    let mut last = 0;
    for text in ["a", "b", "c"] {
        page.tell(Msg::Typed(text.to_owned()));
        page.tell(Msg::Submit);
        let request = page.sent();
        assert!(id_of(&request) > last);
        last = id_of(&request);
        page.answer_analysis(&request);
    }
}

#[test]
fn progress_is_of_the_request_under_way_alone() {
    let (mut page, request) = under_way("one two");
    let id = id_of(&request);
    page.progress(id, RequestStage::Weights, 45_000_000, 90_000_000);
    let fraction = page.model.progress.as_ref().unwrap().fraction();
    assert!(fraction > 0.3, "{fraction}");
    page.progress(id + 1, RequestStage::Analysis, 1, 1);
    assert_eq!(page.model.progress.as_ref().unwrap().fraction(), fraction);
    page.answer_analysis(&request);
    page.progress(id, RequestStage::Weights, 1, 2);
    assert!(page.model.progress.is_none(), "late progress shows no bar");
}

#[test]
fn the_bar_names_what_is_to_be_loaded_until_it_is() {
    let (mut page, request) = under_way("one two");
    assert!(page.model.progress.as_ref().unwrap().sentence().contains("90.0 MB to load"));
    page.answer_analysis(&request);
    page.tell(Msg::Typed("three".to_owned()));
    page.tell(Msg::Submit);
    assert!(!page.model.progress.as_ref().unwrap().sentence().contains("to load"));
}

#[test]
fn cancel_stops_and_what_was_shown_stays() {
    let (mut page, request) = under_way("one two");
    page.tell(Msg::Cancel);
    assert_eq!(page.sent(), Request::Cancel { id: id_of(&request) });
    assert!(page.model.is_stopping);
    page.worker(Response::Canceled { id: id_of(&request) });
    assert_eq!((page.model.phase, page.shown()), (Phase::Idle, Some(OPENING)));
    assert!(!page.model.is_stopping && page.model.progress.is_none() && page.model.problem.is_none());
    assert_eq!(page.model.text, "one two", "the text is kept");
}

#[test]
fn cancel_without_a_request_does_nothing() {
    let mut page = Page::new();
    page.tell(Msg::Cancel);
    assert!(page.take_sent().is_empty());
    assert_eq!(page.model.phase, Phase::Idle);
}

#[test]
fn cancel_twice_is_sent_once() {
    let (mut page, _) = under_way("one two");
    page.tell(Msg::Cancel);
    page.tell(Msg::Cancel);
    assert_eq!(page.take_sent().len(), 1);
}

#[test]
fn a_result_that_comes_after_cancel_but_before_it_arrived_is_shown() {
    let (mut page, request) = under_way("one two");
    page.tell(Msg::Cancel);
    page.answer_analysis(&request);
    assert_eq!((page.model.phase, page.shown()), (Phase::Done, Some("one two")));
    assert!(!page.model.is_stopping);
    // The worker had nothing to stop any more.
    page.worker(Response::Canceled { id: id_of(&request) });
    assert_eq!(page.model.phase, Phase::Done);
}

#[test]
fn a_result_that_comes_after_the_stop_is_not_shown() {
    let (mut page, request) = under_way("one two");
    page.tell(Msg::Cancel);
    page.worker(Response::Canceled { id: id_of(&request) });
    page.answer_analysis(&request);
    assert_eq!((page.model.phase, page.shown()), (Phase::Idle, Some(OPENING)));
}

#[test]
fn a_worker_that_does_not_stop_is_ended() {
    let (mut page, request) = under_way("one two");
    page.asked.clear();
    page.tell(Msg::Cancel);
    let timers = page.take_timers();
    assert_eq!(timers, [(Timer::Patience(id_of(&request)), 4000)]);
    page.tell(Msg::Timer(timers[0].0));
    assert!(page.asked.contains(&Effect::EndWorker));
    assert_eq!(page.model.phase, Phase::Idle);
    assert!(!page.model.has_worker && !page.model.is_loaded);
    // The next one starts it again.
    page.tell(Msg::Submit);
    assert!(matches!(page.sent(), Request::Analyze { .. }));
}

#[test]
fn patience_with_a_request_that_is_over_ends_no_worker() {
    let (mut page, request) = under_way("one two");
    page.tell(Msg::Cancel);
    page.worker(Response::Canceled { id: id_of(&request) });
    page.tell(Msg::Submit);
    let next = page.sent();
    page.asked.clear();
    page.tell(Msg::Timer(Timer::Patience(id_of(&request))));
    assert!(page.asked.is_empty());
    page.tell(Msg::Cancel);
    page.asked.clear();
    page.tell(Msg::Timer(Timer::Patience(id_of(&request))));
    assert!(!page.asked.contains(&Effect::EndWorker), "another request is being canceled");
    page.tell(Msg::Timer(Timer::Patience(id_of(&next))));
    assert!(page.asked.contains(&Effect::EndWorker));
}

#[test]
fn two_requests_crossing_the_later_one_is_shown() {
    let (mut page, first) = under_way("first text");
    page.tell(Msg::Cancel);
    page.worker(Response::Canceled { id: id_of(&first) });
    page.tell(Msg::Typed("second text".to_owned()));
    page.tell(Msg::Submit);
    let second = page.sent();
    page.answer_analysis(&first);
    assert_eq!((page.model.phase, page.shown()), (Phase::Loading, Some(OPENING)));
    page.answer_analysis(&second);
    assert_eq!(page.shown(), Some("second text"));
    page.answer_analysis(&first);
    assert_eq!(page.shown(), Some("second text"));
}

#[test]
fn a_failure_is_reported_and_all_else_stays() {
    let (mut page, request) = under_way("one two");
    page.fail(id_of(&request), FailureKind::Network, "The host does not answer.");
    assert_eq!(page.model.problem.as_deref(), Some("The host does not answer."));
    assert_eq!((page.model.phase, page.shown(), page.model.text.as_str()), (Phase::Error, Some(OPENING), "one two"));
    // "Try again".
    page.tell(Msg::Submit);
    assert!(page.model.problem.is_none());
    let request = page.sent();
    page.answer_analysis(&request);
    assert_eq!(page.shown(), Some("one two"));
}

#[test]
fn a_late_failure_is_not_reported() {
    let (mut page, request) = under_way("one two");
    page.answer_analysis(&request);
    page.fail(id_of(&request), FailureKind::Network, "late");
    assert_eq!((page.model.phase, page.model.problem.as_deref()), (Phase::Done, None));
}

#[test]
fn a_failure_without_a_request_is_reported() {
    let mut page = Page::new();
    page.fail(0, FailureKind::Pack, "No request was under way.");
    assert_eq!(page.model.problem.as_deref(), Some("No request was under way."));
}

#[test]
fn where_memory_ran_out_the_next_try_has_a_fresh_worker() {
    let (mut page, request) = under_way("one two");
    page.asked.clear();
    page.fail(id_of(&request), FailureKind::Capacity, "too large");
    assert!(page.asked.contains(&Effect::EndWorker));
    assert!(!page.model.has_worker);
    assert_eq!(page.model.phase, Phase::Error);
}

/// Lets time pass until the timer of the worker's silence ends, as often as it is set; answers how many milliseconds.
fn listen(page: &mut Page) -> f64 {
    let start = page.now;
    while let Some((timer, ms)) = page.take_timers().into_iter().find(|(timer, _)| *timer == Timer::Silence) {
        page.now += f64::from(ms);
        page.tell(Msg::Timer(timer));
    }
    page.now - start
}

#[test]
fn a_silent_worker_is_reported_and_started_again() {
    let (mut page, first) = under_way("one two");
    page.progress(id_of(&first), RequestStage::Model, 1, 13);
    assert!((30_000.0..30_100.0).contains(&listen(&mut page)));
    assert_eq!((page.model.is_silent, page.model.phase), (true, Phase::Loading));
    page.asked.clear();
    page.tell(Msg::Restart);
    assert_eq!(page.asked.front(), Some(&Effect::EndWorker));
    let second = page.sent();
    assert!(matches!(&second, Request::Analyze { text, .. } if text == "one two"));
    assert!(!page.model.is_silent && id_of(&second) != id_of(&first));
    assert!(page.model.note.as_ref().unwrap().contains("Starting again"));
    // A second silence, and the visitor gives up.
    listen(&mut page);
    assert!(page.model.is_silent);
    page.tell(Msg::Restart);
    assert_eq!(page.model.phase, Phase::Error);
    assert!(!page.model.is_silent && page.model.problem.as_ref().unwrap().contains("The text is kept"));
}

#[test]
fn a_worker_that_goes_on_is_not_taken_for_ended() {
    let (mut page, request) = under_way("one two");
    for layer in 1..=13 {
        page.now += 20_000.0;
        page.progress(id_of(&request), RequestStage::Model, layer, 13);
        for (timer, _) in page.take_timers() {
            page.tell(Msg::Timer(timer));
        }
        assert!(!page.model.is_silent, "layer {layer}");
    }
    listen(&mut page);
    assert!(page.model.is_silent);
    // It was busy.
    page.progress(id_of(&request), RequestStage::Sae, 0, 1);
    assert!(!page.model.is_silent);
    listen(&mut page);
    assert!(page.model.is_silent, "it is listened to again");
    page.answer_analysis(&request);
    assert_eq!((page.model.is_silent, page.model.phase), (false, Phase::Done));
    // Nothing is under way: nothing to wait for.
    page.asked.clear();
    page.tell(Msg::Timer(Timer::Silence));
    page.tell(Msg::Restart);
    assert!(page.asked.is_empty() && !page.model.is_silent);
}

#[test]
fn the_progress_of_a_request_never_stands_still_for_two_seconds() {
    let (mut page, request) = under_way("one two");
    let shown = |page: &Page| page.model.progress.as_ref().map(|it| (it.sentence(), it.pace()));
    let (start, mut since, mut last) = (page.now, page.now, shown(&page));
    // Reports come now and then, for ten seconds.
    let mut reports = [300.0, 1250.0, 1300.0, 4700.0, 4720.0].into_iter().peekable();
    let (mut timers, mut done) = (page.take_timers(), 0);
    while page.now < start + 10_000.0 {
        page.now += 10.0;
        if reports.next_if(|at| start + at <= page.now).is_some() {
            done += 1;
            page.progress(id_of(&request), RequestStage::Model, done, 26);
        }
        let (due, later): (Vec<_>, Vec<_>) =
            timers.into_iter().map(|(it, ms)| (it, ms.saturating_sub(10))).partition(|(_, ms)| *ms == 0);
        timers = later;
        for (timer, _) in due {
            page.tell(Msg::Timer(timer));
        }
        timers.extend(page.take_timers());
        let now = shown(&page);
        if now != last {
            (since, last) = (page.now, now);
        }
        assert!(page.now - since < 2000.0, "{last:?} stood still for {} ms", page.now - since);
    }
    // Its clock ends with it.
    page.answer_analysis(&request);
    page.take_timers();
    page.tell(Msg::Timer(Timer::Wait(id_of(&request))));
    assert!(page.take_timers().is_empty());
}

#[test]
fn a_worker_says_how_far_it_is_with_its_device_before_it_knows_a_request() {
    let (mut page, _) = under_way("one two");
    page.progress(0, RequestStage::Device, 3, 9);
    let sentence = page.model.progress.as_ref().unwrap().sentence();
    assert_eq!(sentence, "Opening the device and checking the kernels · 3 of 9");
    page.progress(0, RequestStage::Model, 3, 9);
    assert_eq!(page.model.progress.as_ref().unwrap().sentence(), sentence);
}

#[test]
fn silence_ends_with_its_request() {
    let ends: [fn(&mut Page, &Request); 3] = [
        |page, request| page.worker(Response::Canceled { id: request.id() }),
        |page, request| page.fail(request.id(), FailureKind::Network, "no"),
        // Back.
        |page, _| page.visit("text=first&v=3"),
    ];
    for end in ends {
        let mut page = Page::new();
        page.analyze("first");
        page.analyze("second");
        page.tell(Msg::Typed("third".to_owned()));
        page.tell(Msg::Submit);
        let request = page.sent();
        listen(&mut page);
        assert!(page.model.is_silent);
        end(&mut page, &request);
        assert!(!page.model.is_silent && page.model.phase != Phase::Loading);
    }
}

#[test]
fn a_crash_under_way_is_tried_again_once() {
    let (mut page, first) = under_way("one two");
    page.asked.clear();
    page.tell(Msg::Crashed(Some("out of memory".to_owned())));
    let asked: Vec<&Effect> = page.asked.iter().collect();
    assert_eq!(asked[0], &Effect::EndWorker);
    let second = page.sent();
    assert!(id_of(&second) > id_of(&first));
    assert!(matches!(&second, Request::Analyze { text, .. } if text == "one two"));
    assert_eq!(page.model.phase, Phase::Loading);
    assert!(page.model.note.as_deref().unwrap().starts_with("The worker stopped: out of memory. Starting again"));
    page.tell(Msg::Crashed(Some("out of memory".to_owned())));
    assert!(page.take_sent().is_empty());
    assert_eq!(page.model.problem.as_deref(), Some("The worker stopped: out of memory. The text is kept."));
    assert_eq!(page.model.phase, Phase::Error);
}

#[test]
fn a_crash_while_canceling_is_not_tried_again() {
    let (mut page, _) = under_way("one two");
    page.tell(Msg::Cancel);
    page.asked.clear();
    page.tell(Msg::Crashed(Some("gone".to_owned())));
    assert!(page.take_sent().is_empty());
    assert_eq!(page.model.phase, Phase::Error);
}

#[test]
fn a_crash_between_requests_is_noted_only() {
    let mut page = Page::analyzed("one two");
    page.tell(Msg::Crashed(Some("gone".to_owned())));
    assert!(page.take_sent().is_empty());
    assert_eq!((page.model.phase, page.shown()), (Phase::Done, Some("one two")));
    assert!(page.model.problem.is_none());
    assert!(page.model.note.as_deref().unwrap().contains("The next analysis starts it again"));
    page.tell(Msg::Submit);
    assert!(page.model.note.is_none());
    assert!(page.model.progress.as_ref().unwrap().sentence().contains("to load"));
}

#[test]
fn a_worker_whose_files_are_gone_is_reported() {
    let (mut page, _) = under_way("one two");
    page.tell(Msg::Crashed(None));
    page.tell(Msg::Crashed(None));
    assert!(page.model.problem.as_deref().unwrap().contains("its files could not be loaded"));
}

#[test]
fn a_lost_device_is_a_crash_whatever_request_it_names() {
    let mut page = Page::analyzed("one two");
    page.tell(Msg::Submit);
    let first = page.sent();
    page.fail(0, FailureKind::Device, "The GPU was reset");
    let second = page.sent();
    assert!(id_of(&second) > id_of(&first));
    page.answer_analysis(&second);
    assert_eq!(page.model.phase, Phase::Done);
}

#[test]
fn a_lost_device_of_an_earlier_request_is_none_of_this_one() {
    let mut page = Page::analyzed("one two");
    page.tell(Msg::Submit);
    let request = page.sent();
    page.fail(id_of(&request) - 1, FailureKind::Device, "late");
    assert!(page.take_sent().is_empty());
    page.answer_analysis(&request);
    assert_eq!(page.model.phase, Phase::Done);
}

#[test]
fn a_browser_without_module_workers_is_reported() {
    let (mut page, _) = under_way("one two");
    page.tell(Msg::NoWorker(WorkerError::Unsupported));
    assert_eq!(page.model.problem.as_deref(), Some("This browser does not start module workers."));
    assert_eq!(page.model.phase, Phase::Error);
    assert!(!page.model.has_worker && page.model.progress.is_none());
}

#[test]
fn what_waited_for_a_worker_that_never_came_is_not_asked_again() {
    let mut page = Page::analyzed("one");
    page.tell(Msg::Typed("one two".to_owned()));
    let (timer, _) = page.take_timers().pop().unwrap();
    page.tell(Msg::Timer(timer));
    page.tell(Msg::Submit);
    page.tell(Msg::NoWorker(WorkerError::Unsupported));
    page.take_sent();
    page.tell(Msg::Submit);
    let request = page.sent();
    page.answer_analysis(&request);
    assert_eq!(page.model.phase, Phase::Done);
    assert!(page.take_sent().is_empty());
}

#[test]
fn a_request_that_cannot_be_sent_is_tried_with_a_fresh_worker() {
    let (mut page, _) = under_way("one two");
    page.asked.clear();
    page.tell(Msg::NotSent("the worker takes no messages".to_owned()));
    assert!(page.asked.contains(&Effect::EndWorker));
    assert!(matches!(page.sent(), Request::Analyze { .. }));
    page.tell(Msg::NotSent("the worker takes no messages".to_owned()));
    assert_eq!(
        page.model.problem.as_deref(),
        Some("The request could not be sent: the worker takes no messages. The text is kept.")
    );
}

#[test]
fn an_answer_whose_matrices_do_not_fit_is_refused() {
    let (mut page, request) = under_way("one two");
    let Msg::Worker(response, mut buffers) = analysis_of(id_of(&request), "one two", None) else { panic!() };
    buffers[1] = Buffer::F32(vec![0.0; 2]);
    page.tell(Msg::Worker(response, buffers));
    assert!(page.model.problem.as_deref().unwrap().starts_with("The worker's answer cannot be read"));
    assert_eq!((page.model.phase, page.shown()), (Phase::Error, Some(OPENING)));
}

#[test]
fn notes_and_devices_come_whenever_they_like() {
    let mut page = Page::new();
    let device =
        DeviceInfo { webgpu: false, name: "CPU".to_owned(), note: Some("no WebGPU".to_owned()), was_preferred: false };
    page.worker(Response::Ready { device: device.clone(), storage_note: Some("private window".to_owned()) });
    page.worker(Response::Note { text: "The connection broke.".to_owned() });
    assert_eq!(page.model.device.as_ref(), Some(&device));
    assert_eq!(device_label(&device), "CPU, in WebAssembly");
    assert_eq!(page.model.storage_note.as_deref(), Some("private window"));
    assert_eq!(page.model.note.as_deref(), Some("The connection broke."));
}

#[test]
fn a_download_is_stored_and_remembered() {
    let mut page = Page::new();
    page.tell(Msg::DownloadPack(OTHER.to_owned()));
    assert!(page.asked.contains(&Effect::PersistStorage(OTHER.to_owned())));
    page.tell(Msg::Persisted(OTHER.to_owned()));
    let request = page.sent();
    assert_eq!(request, Request::Download { id: id_of(&request), pack_url: OTHER.to_owned(), words: false });
    page.asked.clear();
    page.worker(Response::Downloaded { id: id_of(&request), bytes: 1_000_000 });
    assert!(page.asked.contains(&Effect::RememberLoaded(OTHER.to_owned(), true)));
    assert!(page.model.library.downloading.is_none());
    assert!(page.model.note.as_deref().unwrap().contains("1.00 MB"));
    assert_eq!(page.model.phase, Phase::Idle);
}

#[test]
fn a_download_goes_on_after_a_crash_with_its_own_bar() {
    let mut page = Page::new();
    page.tell(Msg::PacksListed(vec![("Other".to_owned(), other_pack())]));
    page.tell(Msg::LookAtPack(OTHER.to_owned()));
    page.serve();
    page.tell(Msg::DownloadPack(OTHER.to_owned()));
    page.tell(Msg::Persisted(OTHER.to_owned()));
    page.asked.clear();
    page.tell(Msg::Crashed(Some("gone".to_owned())));
    assert!(matches!(page.sent(), Request::Download { .. }));
    assert!(page.model.progress.as_ref().unwrap().sentence().contains("10 kB to load"));
}

#[test]
fn the_whole_embedding_is_stored() {
    let mut page = Page::analyzed("one two");
    page.tell(Msg::StoreEmbedding);
    let request = page.sent();
    assert!(page.model.progress.as_ref().unwrap().sentence().contains("170 MB"));
    page.worker(Response::EmbeddingStored { id: id_of(&request), bytes: 170_000_000 });
    assert!(page.model.note.as_deref().unwrap().starts_with("The whole embedding (170 MB)"));
    assert_eq!(page.model.phase, Phase::Done, "a live result is shown");
}

#[test]
fn attention_is_of_the_shown_text() {
    let mut page = Page::analyzed("one two");
    page.tell(Msg::Typed("another text in the box".to_owned()));
    page.tell(Msg::AskAttention);
    let request = page.sent();
    assert!(matches!(&request, Request::Attention { text, .. } if text == "one two"));
    page.answer_attention(&request);
    assert!(page.model.attention.is_some());
    assert_eq!(page.model.phase, Phase::Done);
}

#[test]
fn the_next_analysis_has_no_attention_yet() {
    let mut page = Page::analyzed("one two");
    page.tell(Msg::AskAttention);
    let request = page.sent();
    page.answer_attention(&request);
    page.analyze("three four");
    assert!(page.model.attention.is_none());
}

#[test]
fn other_orders_are_of_the_shown_text_and_of_no_other() {
    let mut page = Page::analyzed("one two");
    page.tell(Msg::Typed("another text in the box".to_owned()));
    page.tell(Msg::AskShuffled);
    let request = page.sent();
    assert!(matches!(&request, Request::Shuffled { text, orders: 3, .. } if text == "one two"));
    page.answer_shuffled(&request);
    assert_eq!(page.model.shuffled.as_ref().map(|it| it.orders), Some(3));
    assert_eq!(page.model.phase, Phase::Done);
    page.analyze("three four");
    assert!(page.model.shuffled.is_none());
    // Canceled, they are as if they were not asked for.
    page.tell(Msg::AskShuffled);
    let request = page.sent();
    page.tell(Msg::Cancel);
    page.worker(Response::Canceled { id: request.id() });
    assert!(page.model.shuffled.is_none());
    page.answer_shuffled(&request);
    assert!(page.model.shuffled.is_none(), "a late answer");
}

#[test]
fn nothing_is_asked_while_a_request_is_under_way() {
    let (mut page, _) = under_way("one two");
    for msg in [
        Msg::AskAttention,
        Msg::AskShuffled,
        Msg::StoreEmbedding,
        Msg::DownloadPack(OTHER.to_owned()),
        Msg::Persisted(OTHER.to_owned()),
        Msg::Compare,
    ] {
        page.tell(msg);
    }
    page.tell(Msg::PackChosen(other_pack()));
    assert!(page.take_sent().is_empty());
    assert_eq!(page.model.pack.as_ref().unwrap().url, OWN);
}

#[test]
fn another_pack_is_used_from_the_next_request_on() {
    let mut page = Page::analyzed("one two");
    page.tell(Msg::PackChosen(other_pack()));
    assert!(!page.model.is_loaded);
    page.tell(Msg::Submit);
    assert!(matches!(page.sent(), Request::Analyze { pack_url, .. } if pack_url == OTHER));
    assert!(page.query().contains("model=https://other.example/pack/"));
}

#[test]
fn words_are_asked_for_at_once_where_the_model_is_loaded() {
    let mut page = Page::new();
    page.tell(Msg::Words(true));
    assert!(page.take_sent().is_empty(), "nothing is fetched before an analysis is asked for");
    assert!(page.asked.contains(&Effect::RememberWords(true)));
    page.tell(Msg::Submit);
    let request = page.sent();
    assert!(matches!(request, Request::Analyze { words: true, .. }));
    page.answer_analysis(&request);
    page.tell(Msg::Words(false));
    assert!(page.take_sent().is_empty());
    page.tell(Msg::Words(true));
    assert!(matches!(page.sent(), Request::Analyze { words: true, .. }));
}

#[test]
fn diagnostics_are_copied_and_asked_of_a_worker_that_runs() {
    let mut page = Page::new();
    page.asked.clear();
    page.tell(Msg::Diagnose);
    assert_eq!(page.asked, [Effect::CopyDiagnostics(None)]);
    page.analyze("one two");
    page.asked.clear();
    page.tell(Msg::Diagnose);
    let request = page.sent();
    assert!(matches!(request, Request::Diagnostics { .. }));
    let facts = serde_json::json!({ "heap_bytes": 1 });
    page.worker(Response::Diagnostics { id: id_of(&request), facts: facts.clone() });
    assert!(page.asked.contains(&Effect::CopyDiagnostics(Some(facts))));
    assert_eq!(page.model.phase, Phase::Done, "it is not a job");
}

#[test]
fn a_second_text_is_compared_with_the_shown_one() {
    let mut page = Page::analyzed("one two three");
    page.tell(Msg::SecondTyped("one two four".to_owned()));
    page.tell(Msg::SecondInfKTyped("3".to_owned()));
    page.tell(Msg::Compare);
    let request = page.sent();
    let Request::Compare { texts, .. } = &request else { panic!("{request:?}") };
    assert_eq!(texts, &[("one two three".to_owned(), None), ("one two four".to_owned(), Some(3))]);
    page.answer_comparison(&request);
    assert!(page.model.compared.is_some());
    assert_eq!((page.model.phase, page.shown()), (Phase::Done, Some("one two three")));
}

#[test]
fn the_second_text_begins_as_the_shown_one() {
    let mut page = Page::analyzed("one two three");
    page.tell(Msg::Compare);
    assert!(matches!(page.sent(), Request::Compare { texts: [_, (second, None)], .. } if second == "one two three"));
}

#[test]
fn an_empty_second_text_and_a_wrong_number_are_refused() {
    let mut page = Page::analyzed("one two three");
    page.tell(Msg::SecondTyped(String::new()));
    page.tell(Msg::Compare);
    assert!(page.model.problem.as_deref().unwrap().contains("There is no second text yet"));
    page.tell(Msg::SecondTyped("x".to_owned()));
    page.tell(Msg::SecondInfKTyped("many".to_owned()));
    page.tell(Msg::Compare);
    assert!(page.model.problem.as_deref().unwrap().contains("“many”"));
    assert!(page.take_sent().is_empty());
}

#[test]
fn a_problem_can_be_dismissed() {
    let mut page = Page::new();
    page.tell(Msg::Problem("This browser refused the download.".to_owned()));
    assert!(page.model.problem.is_some());
    assert_eq!(page.model.phase, Phase::Idle);
    page.tell(Msg::DismissProblem);
    assert!(page.model.problem.is_none());
}

#[test]
fn a_text_that_is_certainly_too_long_is_refused_before_anything_is_fetched() {
    let mut page = Page::new();
    page.tell(Msg::Typed("word ".repeat(2049)));
    page.tell(Msg::Submit);
    assert!(page.take_sent().is_empty());
    let problem = page.model.problem.clone().unwrap();
    assert!(problem.contains("at least 2,049 tokens, and 2,048 can be analyzed"), "{problem}");
    page.tell(Msg::Typed("word ".repeat(2048)));
    page.tell(Msg::Submit);
    assert!(matches!(page.sent(), Request::Analyze { .. }));
}

#[test]
fn typing_asks_for_nothing_that_is_too_long() {
    let mut page = Page::analyzed("one two");
    page.tell(Msg::Typed("word ".repeat(3000)));
    for (timer, _) in page.take_timers() {
        page.tell(Msg::Timer(timer));
    }
    assert!(page.take_sent().is_empty());
}

#[test]
fn only_what_may_go_well_another_time_is_offered_again() {
    let mut page = Page::analyzed("one two");
    page.tell(Msg::FileOpened("mine.json".to_owned(), Ok("{}".to_owned())));
    assert!(page.model.problem.is_some() && !page.model.can_retry, "the box's text has nothing to do with a file");
    page.tell(Msg::Submit);
    let request = page.sent();
    page.fail(request.id(), FailureKind::Network, "The network is gone.");
    assert!(page.model.problem.is_some() && page.model.can_retry);
    page.tell(Msg::Problem("This browser refused the download.".to_owned()));
    assert!(!page.model.can_retry);
}

#[test]
fn looking_at_the_sources_asks_for_attention_once_a_text() {
    let mut page = Page::analyzed("one two");
    assert!(page.take_sent().is_empty(), "it is not shown yet");
    page.choose(|view| view.figure = Figure::Sources);
    let request = page.sent();
    assert!(matches!(&request, Request::Attention { text, .. } if text == "one two"));
    page.fail(request.id(), FailureKind::Capacity, "The attention does not fit.");
    page.choose(|view| view.is_ordered = true);
    assert!(page.take_sent().is_empty(), "what failed is asked for on a press");
    // Nobody has pressed anything: no alarm.
    assert_eq!((page.model.problem.as_deref(), page.model.phase), (None, Phase::Done));
    assert_eq!(page.model.note.as_deref(), Some("The attention does not fit."));
    page.tell(Msg::AskAttention);
    let request = page.sent();
    page.answer_attention(&request);
    assert!(page.model.attention.is_some());
    // The next text's comes with it; typing pushes it aside.
    page.analyze("one two three");
    let request = page.sent();
    assert!(matches!(&request, Request::Attention { text, .. } if text == "one two three"));
    page.tell(Msg::Typed("four".to_owned()));
    for (timer, _) in page.take_timers() {
        page.tell(Msg::Timer(timer));
    }
    assert!(matches!(page.sent(), Request::Cancel { id } if id == request.id()));
}

#[test]
fn examples_and_files_ask_for_no_attention() {
    let mut page = Page::new();
    page.choose(|view| view.figure = Figure::Sources);
    page.tell(Msg::FileOpened("mine.json".to_owned(), Ok(result_json("one two"))));
    assert!(page.take_sent().is_empty());
}

#[test]
fn an_example_that_is_chosen_wins_over_what_a_figure_asks_for() {
    let mut page = Page::analyzed("one two");
    page.choose(|view| view.figure = Figure::Sources);
    assert!(matches!(page.sent(), Request::Attention { .. }));
    page.tell(Msg::Example("three-scenes".to_owned()));
    page.serve();
    assert_eq!(page.shown(), Some(OPENING));
}

#[test]
fn try_again_asks_for_what_failed_and_leaves_a_draft_alone() {
    let mut page = Page::analyzed("one two");
    page.tell(Msg::Live(false));
    page.tell(Msg::Edit(true));
    page.tell(Msg::Typed("a draft".to_owned()));
    page.tell(Msg::Edit(false));
    page.tell(Msg::AskAttention);
    let request = page.sent();
    page.fail(request.id(), FailureKind::Network, "The network is gone.");
    page.tell(Msg::Retry);
    assert!(matches!(page.sent(), Request::Attention { text, .. } if text == "one two"));
}

#[test]
fn try_again_analyzes_the_text_as_it_is_now() {
    let (mut page, request) = under_way("one two");
    page.fail(request.id(), FailureKind::Network, "The network is gone.");
    page.tell(Msg::Typed("one two three".to_owned()));
    page.tell(Msg::Retry);
    assert!(matches!(page.sent(), Request::Analyze { text, .. } if text == "one two three"));
}

#[test]
fn a_download_has_the_words_where_they_are_wanted() {
    let mut page = Page::new();
    page.tell(Msg::Words(true));
    page.tell(Msg::DownloadPack(OTHER.to_owned()));
    page.tell(Msg::Persisted(OTHER.to_owned()));
    assert!(matches!(page.sent(), Request::Download { words: true, .. }));
}

fn cpu_that_was_preferred() -> DeviceInfo {
    DeviceInfo { webgpu: false, name: "CPU".to_owned(), note: Some("It is faster".to_owned()), was_preferred: true }
}

#[test]
fn another_device_is_a_fresh_worker_that_goes_on_with_what_was_asked_for() {
    let (mut page, request) = under_way("one two");
    page.worker(Response::Ready { device: cpu_that_was_preferred(), storage_note: None });
    page.asked.clear();
    page.choose(|view| view.device = Some(DeviceWish::Webgpu));
    let order: Vec<bool> = page
        .asked
        .iter()
        .filter_map(|effect| match effect {
            Effect::EndWorker => Some(true),
            Effect::Send(_) => Some(false),
            _ => None,
        })
        .collect();
    assert_eq!(order, [true, false], "the worker ends before its request goes to another one");
    let again = page.sent();
    let Request::Analyze { text, .. } = &again else { panic!("{again:?}") };
    assert_eq!((text.as_str(), page.model.device.as_ref()), ("one two", None));
    // The answer of the one that ended is late.
    page.answer_analysis(&request);
    assert_eq!(page.model.phase, Phase::Loading);
    page.answer_analysis(&again);
    assert_eq!((page.model.phase, page.shown()), (Phase::Done, Some("one two")));
    assert!(page.query().contains("device=webgpu"), "{}", page.query());
    assert!(!page.model.address.to_share().query().contains("device"), "others have another one");
}

#[test]
fn another_device_without_a_request_waits_for_the_next_one() {
    let mut page = Page::new();
    page.choose(|view| view.device = Some(DeviceWish::Cpu));
    assert!(page.take_sent().is_empty() && page.model.note.is_none(), "no worker runs");
    page.analyze("one two");
    page.asked.clear();
    page.choose(|view| view.device = None);
    assert!(page.asked.iter().any(|effect| matches!(effect, Effect::EndWorker)));
    assert!(page.take_sent().is_empty());
    assert_eq!((page.model.phase, page.shown()), (Phase::Done, Some("one two")));
    assert!(page.model.note.as_deref().is_some_and(|note| note.contains("on the faster device")));
    page.analyze("three");
    assert_eq!(page.shown(), Some("three"));
}

#[test]
fn a_link_without_a_device_leaves_the_worker_alone() {
    let mut page = Page::at("device=webgpu&v=3");
    page.analyze("one two");
    page.asked.clear();
    page.visit("example=poem&v=3");
    assert_eq!(page.model.view.device, Some(DeviceWish::Webgpu));
    assert!(!page.asked.iter().any(|effect| matches!(effect, Effect::EndWorker)));
    page.visit("example=poem&device=cpu&v=3");
    assert!(page.asked.iter().any(|effect| matches!(effect, Effect::EndWorker)));
}
