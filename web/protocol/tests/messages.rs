//! Messages survive the trip: headers as text, matrices as buffers; what does not fit is refused in a sentence.
#![allow(missing_docs, clippy::unwrap_used)]

use lens_analysis::comparison::Comparison;
use lens_analysis::similarity::{Mode, Source, similarity};
use lens_analysis::{Analysis, Attention, Grams};
use lens_protocol::buffers::{self, Buffer, BufferError};
use lens_protocol::testing::{NamedTensor, TestRequest, TestResponse};
use lens_protocol::{DeviceInfo, FailureKind, Request, RequestStage, Response, RowSource, StageTimes, decode, encode};

fn example(name: &str) -> String {
    std::fs::read_to_string(format!("{}/../../demo/examples/{name}.json", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn analysis() -> Analysis {
    Analysis::from_json(&example("seed-prompt")).unwrap()
}

/// The analysis with a number in place of the surprise that is not defined: NaN equals nothing.
fn comparable(mut it: Analysis) -> Analysis {
    let shuffled = it.shuffled.iter_mut().flat_map(|it| &mut it.statistics).flat_map(|it| {
        let (text, events) = (&mut it.text, &mut it.events);
        [&mut it.own, &mut text.mean, &mut text.min, &mut text.max, &mut events.mean, &mut events.min, &mut events.max]
    });
    let all = it.surprise.iter_mut().flatten().chain(shuffled);
    all.filter(|value| value.is_nan()).for_each(|value| *value = -1.0);
    it
}

/// Gram matrices as the worker sends them.
fn buffers_of(grams: &Grams) -> Vec<Buffer> {
    Source::ALL.map(|source| Buffer::F32(grams.of(source).upper().to_vec())).to_vec()
}

/// An analysis as its header and buffers bring it over. Attention has a message of its own.
fn brought_over(it: &Analysis) -> Analysis {
    let response = Response::Analysis {
        id: 7,
        analysis: Box::new(it.clone()),
        fetched_bytes: 1 << 40,
        elapsed_ms: 2.5,
        compute_ms: 1.25,
        stages: StageTimes { gemma_ms: 0.5, ..StageTimes::default() },
        reused_tokens: 3,
    };
    let header = encode(&response);
    assert!(!header.contains("\"grams\"") && !header.contains("\"similarity\"") && !header.contains("\"attention\""));
    let Response::Analysis { id: 7, analysis, fetched_bytes, reused_tokens: 3, .. } = decode(&header).unwrap() else {
        panic!("another message came out")
    };
    assert_eq!((fetched_bytes, &analysis.grams), (1 << 40, &None));
    buffers::analysis(*analysis, buffers_of(it.grams.as_ref().unwrap())).unwrap()
}

#[test]
fn an_analysis_survives_the_trip() {
    let it = Analysis { attention: None, ..analysis() };
    let found = brought_over(&it);
    assert!(it.words.is_some() && it.events.is_some() && it.surprise.as_ref().unwrap()[0].is_nan());
    assert_eq!(comparable(found.clone()), comparable(it.clone()));
    for source in Source::ALL {
        let [found, expected] = [&found, &it].map(|it| similarity(it, source, Mode::Notebook).unwrap());
        assert_eq!(found, expected);
    }
}

#[test]
fn numbers_that_are_not_finite_survive_the_trip() {
    let mut it = Analysis { attention: None, variance_explained: f32::NAN, ..analysis() };
    let n = it.tokens.len();
    let grams = it.grams.as_mut().unwrap();
    let mut upper = grams.novel.clone().into_upper();
    upper[1] = f32::NAN;
    upper[2] = f32::INFINITY;
    grams.novel = lens_analysis::SymmetricMatrix::new(n, upper).unwrap();
    let found = brought_over(&it);
    let novel = found.grams.unwrap().novel;
    assert!(found.variance_explained.is_nan() && novel.upper()[1].is_nan());
    assert_eq!(novel.upper()[2], f32::INFINITY);
}

#[test]
fn a_comparison_survives_the_trip() {
    let it = Comparison::from_json(&example("garden-path-compared")).unwrap();
    let response = Response::Comparison {
        id: 1,
        first: Box::new(it.first.clone()),
        second: Box::new(it.second.clone()),
        compute_ms: 1.0,
    };
    let Response::Comparison { first, second, .. } = decode(&encode(&response)).unwrap() else {
        panic!("another message came out")
    };
    let all: Vec<Buffer> = [it.first.grams.as_ref().unwrap(), it.second.grams.as_ref().unwrap(), &it.grams]
        .into_iter()
        .flat_map(buffers_of)
        .collect();
    let few = buffers::comparison(*first.clone(), *second.clone(), all[..9].to_vec()).unwrap_err();
    assert_eq!(few, BufferError::Few { found: 9 });
    let found = buffers::comparison(*first, *second, all).unwrap();
    assert_eq!(found.grams, it.grams);
    for (found, expected) in [(found.first, it.first), (found.second, it.second)] {
        assert_eq!(comparable(found), comparable(expected));
    }
}

#[test]
fn attention_survives_the_trip() {
    let it = analysis().attention.unwrap();
    let header = Response::Attention { id: 2, layers: it.layers(), heads: it.heads(), tokens: it.tokens() };
    let Response::Attention { id: 2, layers, heads, tokens } = decode(&encode(&header)).unwrap() else {
        panic!("another message came out")
    };
    let all: Vec<Buffer> = it.levels().iter().cloned().map(Buffer::U16).collect();
    let found: Attention = buffers::attention(layers, heads, tokens, all.clone()).unwrap();
    assert_eq!(found, it);
    for (layers, tokens, all) in [
        (layers, tokens + 1, all.clone()),
        (layers + 1, tokens, all.clone()),
        (usize::MAX, tokens, all.clone()),
        (layers, tokens, vec![Buffer::F32(Vec::new()); all.len()]),
        (layers, tokens, Vec::new()),
    ] {
        let problem = buffers::attention(layers, heads, tokens, all).unwrap_err().to_string();
        assert!(problem.contains("buffer"), "{problem}");
    }
}

#[test]
fn buffers_that_do_not_fit_are_refused_in_a_sentence() {
    let it = analysis();
    let right = buffers_of(it.grams.as_ref().unwrap());
    let refused = |change: &dyn Fn(&mut Vec<Buffer>)| {
        let mut buffers = right.clone();
        change(&mut buffers);
        buffers::analysis(it.clone(), buffers).unwrap_err()
    };
    assert_eq!(refused(&|it| it.truncate(3)), BufferError::Few { found: 3 });
    assert_eq!(refused(&|it| it.push(Buffer::U16(Vec::new()))), BufferError::Many { found: 5, expected: 4 });
    assert_eq!(refused(&|it| it[2] = Buffer::U16(vec![0; 9])), BufferError::Type { index: 2 });
    let shorter = refused(&|it| it[1] = Buffer::F32(vec![0.0; 9]));
    assert!(matches!(shorter, BufferError::Size { index: 1, .. }));
    assert!(shorter.to_string().contains("9 entries"), "{shorter}");
    let lacking = Analysis { tokens: Vec::new(), ..it.clone() };
    assert!(buffers::analysis(lacking, right).is_err());
}

#[test]
fn every_request_survives_the_trip() {
    let (id, pack_url) = (3, "http://x/p/".to_owned());
    let text = "a\u{0}\n".to_owned();
    for request in [
        Request::Analyze {
            id,
            pack_url: pack_url.clone(),
            text: text.clone(),
            inf_k: Some(5),
            rows: RowSource::StoredOnly,
            words: true,
        },
        Request::Attention { id, pack_url: pack_url.clone(), text: text.clone(), inf_k: None },
        Request::Shuffled { id, pack_url: pack_url.clone(), text: text.clone(), inf_k: None, words: true, orders: 3 },
        Request::Compare { id, pack_url: pack_url.clone(), texts: [(text, None), (String::new(), Some(1))] },
        Request::Download { id, pack_url: pack_url.clone(), words: true },
        Request::StoreEmbedding { id, pack_url: pack_url.clone() },
        Request::Diagnostics { id },
        Request::Cancel { id },
    ] {
        assert_eq!(request.id(), id);
        assert_eq!(decode::<Request>(&encode(&request)).unwrap(), request);
    }
    let in_stages = TestRequest::AnalyzeInStages { id, pack_url: pack_url.clone(), text: "a".to_owned() };
    assert_eq!((in_stages.id(), decode::<TestRequest>(&encode(&in_stages)).unwrap()), (id, in_stages));
    let test = TestRequest::Tokenize { id, pack_url, texts: vec!["a".to_owned()] };
    let text = encode(&test);
    assert!(text.starts_with("{\"tokenize\":{"), "{text}");
    assert_eq!((test.id(), decode::<TestRequest>(&text).unwrap()), (id, test));
    assert!(decode::<Request>(&text).is_err(), "the page has no such request");
}

#[test]
fn what_else_the_worker_says_survives_the_trip() {
    let id = 4;
    let device = DeviceInfo { webgpu: true, name: "a \"name\"".to_owned(), note: None, was_preferred: false };
    for response in [
        Response::Ready { device, storage_note: Some("none".to_owned()) },
        Response::Progress { id, stage: RequestStage::Embedding, done: 1, total: 1 << 40 },
        Response::Canceled { id },
        Response::Failed { id, failure: FailureKind::RowsMissing, message: "a sentence".to_owned() },
    ] {
        assert_eq!(decode::<Response>(&encode(&response)).unwrap(), response);
    }
    let tensors = vec![NamedTensor { name: "residual".to_owned(), shape: vec![2, 3] }];
    let fixture = TestResponse::Fixture { id, tensors };
    assert_eq!(decode::<TestResponse>(&encode(&fixture)).unwrap(), fixture);
    assert!(decode::<Response>("{\"no such\":{}}").is_err());
}
